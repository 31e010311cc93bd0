"""What every launcher and every compile check needs: argument checks and a description of one compiled kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

#: Largest element count that the kernels' 32-bit offsets reach.
_MOST_ELEMENTS = 2**31 - 1
_ALIGNMENT = 16

ACTIVATIONS = {"none": 0, "relu": 1, "leaky_relu": 2, "sigmoid": 3}


@dataclass(frozen=True, slots=True)
class CompileCase:
    """One kernel as it is launched in production, for the ahead-of-time check.

    types: argument name -> Triton type ("*fp16", "i32", ...), without the compile-time constants. has_matrix: its
    products must become matrix instructions; is_narrow: its tile has fewer than the 64 rows that Hopper's wgmma
    needs, so mma.sync is expected there too. Pointers count as 16-byte aligned, which the launchers assert.
    """

    name: str
    kernel: Any
    types: Mapping[str, str]
    constants: Mapping[str, Any]
    warps: int = 4
    stages: int = 3
    has_matrix: bool = False
    is_narrow: bool = False
    is_hot: bool = True
    divisible: tuple[str, ...] = field(default=())


def check(*tensors: Tensor | None, has_wide_offsets: bool = False) -> None:
    """Refuse what a kernel would read wrongly or, silently, slowly.

    A slice such as ``x[:, 1:]`` starts off the 16-byte grid; Triton then compiles another kernel for it, without
    asynchronous copies and with spills. has_wide_offsets: the kernel reaches beyond 32 bits.
    """
    for tensor in tensors:
        if tensor is None:
            continue
        if tensor.data_ptr() % _ALIGNMENT:
            raise ValueError(f"a tensor of shape {tuple(tensor.shape)} does not start on a {_ALIGNMENT}-byte boundary")
        if not tensor.is_contiguous():
            raise ValueError(f"a tensor of shape {tuple(tensor.shape)} is not contiguous")
        if tensor.numel() > _MOST_ELEMENTS and not has_wide_offsets:
            raise ValueError(f"a tensor of shape {tuple(tensor.shape)} is larger than 32-bit offsets reach")


def precision(tensor: Tensor) -> str:
    """How products are made: three tf32 products keep fp32's digits on matrix units; 16-bit types need no choice."""
    return "tf32x3" if tensor.element_size() == 4 else "ieee"
