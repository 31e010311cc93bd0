"""Where an operation runs: its Triton kernel, torch's own operation, or the reference in plain PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from torch import Tensor

from lipsync_core.ops.packing import PackedConv
from lipsync_core.ops.tuning import Choice, Shape, choose, heuristic

#: "triton": the kernel · "torch": torch's own (cuDNN, cuBLAS) in the tensors' type · "reference": PyTorch in fp32.
BACKENDS = ("triton", "torch", "reference")
_INTERPRETED = (8, 0)

@dataclass(frozen=True, slots=True)
class Call:
    """One convolution that a program made."""

    op: str
    shape: Shape
    x: Tensor
    weights: PackedConv
    options: dict[str, Any]


_forced: ContextVar[str | None] = ContextVar("lipsync_ops_backend", default=None)
_recorded: ContextVar[list[Call] | None] = ContextVar("lipsync_ops_calls", default=None)


@contextmanager
def using(backend: str) -> Iterator[None]:
    """Run every operation of a block on one backend (for tests and benches)."""
    if backend not in BACKENDS:
        raise ValueError(f"{backend!r} is no backend; choose from {', '.join(BACKENDS)}")
    token = _forced.set(backend)
    try:
        yield
    finally:
        _forced.reset(token)


@contextmanager
def recording() -> Iterator[list[Call]]:
    """Collect the convolutions of a block: what there is to tune."""
    calls: list[Call] = []
    token = _recorded.set(calls)
    try:
        yield calls
    finally:
        _recorded.reset(token)


def backend_for(tensor: Tensor) -> str:
    """For operations whose kernel has no rival: the kernel on CUDA where Triton can be imported."""
    forced = _forced.get()
    if forced is not None:
        return forced
    return "triton" if tensor.is_cuda and has_triton() else "reference"


def convolution_choice(op: str, shape: Shape, tensor: Tensor, weights: PackedConv, options: dict[str, Any]) -> Choice:
    """For convolutions: what the table says on CUDA, the reference elsewhere."""
    calls = _recorded.get()
    if calls is not None:
        calls.append(Call(op, shape, tensor, weights, options))
    backend = backend_for(tensor)
    if backend != "triton":
        return Choice(backend, heuristic(shape, _INTERPRETED), "forced" if _forced.get() else "not CUDA")
    if not tensor.is_cuda:
        return Choice("triton", heuristic(shape, _INTERPRETED), "heuristic, not measured")
    name, capability = _device(tensor.device.index or 0)
    choice = choose(shape, name, capability)
    return choice if _forced.get() is None else Choice("triton", choice.config, choice.source)


@lru_cache(maxsize=1)
def has_triton() -> bool:
    """Whether Triton is installed. It is imported only when a kernel is first needed, since it reads
    TRITON_INTERPRET at that moment."""
    from importlib.util import find_spec

    return find_spec("triton") is not None


@lru_cache(maxsize=16)
def _device(index: int) -> tuple[str, tuple[int, int]]:
    import torch

    return torch.cuda.get_device_name(index), torch.cuda.get_device_capability(index)
