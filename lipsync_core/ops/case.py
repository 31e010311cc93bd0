"""One input on which a kernel is compared with its reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

#: A seeded source of random tensors on one device.
Make = Callable[["Source"], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Source:
    """Random inputs, drawn on the device."""

    device: torch.device
    dtype: torch.dtype
    generator: torch.Generator

    def normal(self, *shape: int, scale: float = 1.0, dtype: torch.dtype | None = None) -> torch.Tensor:
        """Normal values in the case's type."""
        values = torch.randn(shape, generator=self.generator, device=self.device) * scale
        return values.to(dtype or self.dtype)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0,
                dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Uniform values, fp32 unless said otherwise."""
        values = torch.rand(shape, generator=self.generator, device=self.device)
        return (values * (high - low) + low).to(dtype)

    def bytes(self, *shape: int) -> torch.Tensor:
        """uint8 values."""
        return torch.randint(0, 256, shape, generator=self.generator, dtype=torch.uint8, device=self.device)


@dataclass(frozen=True, slots=True)
class Case:
    """``function`` of an operation called with what ``make`` returns; both twins take the same arguments.

    tolerance: largest difference over the largest magnitude (or over 1). is_small: quick enough for Triton's
    interpreter; large cases are production shapes for a card. kernel_only: further arguments of the kernel (a tile).
    flops, bytes: what one call computes and must move at least, for benches.
    """

    function: str
    name: str
    make: Make
    dtype: torch.dtype = torch.float32
    tolerance: float = 1e-4
    is_small: bool = True
    kernel_only: dict[str, Any] = field(default_factory=dict)
    flops: int = 0
    bytes: int = 0

    def inputs(self, device: torch.device | str, seed: int = 0) -> dict[str, Any]:
        """The arguments, on ``device``."""
        generator = torch.Generator(device).manual_seed(seed)
        return self.make(Source(torch.device(device), self.dtype, generator))
