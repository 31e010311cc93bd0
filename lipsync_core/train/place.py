"""Where a process computes: its device, its precision, and its rank among the processes of one run (torchrun)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lipsync_core.train.config import ConfigError

if TYPE_CHECKING:
    import torch

#: How long others wait while the first process validates.
_PATIENCE = timedelta(hours=6)


@dataclass(frozen=True)
class Place:
    """A process of a run. rank: its number, from 0; world: how many there are. precision: "fp32", "bf16" or "fp16"."""

    device: torch.device
    precision: str = "fp32"
    rank: int = 0
    world: int = 1
    # Decisions travel over the CPU: no kernel waits for them.
    _control: Any = field(default=None, repr=False)

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def autocast(self) -> AbstractContextManager[Any]:
        """The context in which losses are computed."""
        import torch

        kind = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.precision, torch.float32)
        return torch.autocast(self.device.type, kind, enabled=self.precision != "fp32", cache_enabled=True)

    def peak_mb(self) -> float:
        """The most memory that this process has held: of its CUDA device, else of the machine."""
        if self.device.type == "cuda":
            import torch

            return torch.cuda.max_memory_allocated(self.device) / 1e6
        try:
            import resource
        except ImportError:  # Windows keeps no such record
            return float("nan")
        # Kilobytes, but bytes on macOS.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process; all must ask."""
        if self.world == 1:
            return flag
        import torch
        import torch.distributed as dist

        told = torch.tensor([int(flag)])
        dist.all_reduce(told, dist.ReduceOp.MAX, group=self._control)
        return bool(told.item())

    def from_first(self, value: Any) -> Any:
        """The first process's plain value in every process; all must ask."""
        if self.world == 1:
            return value
        import torch.distributed as dist

        box = [value]
        dist.broadcast_object_list(box, src=0, group=self._control)
        return box[0]

    def mean(self, values: list[float]) -> list[float]:
        """The mean over all processes; all must ask."""
        if self.world == 1:
            return values
        import torch
        import torch.distributed as dist

        told = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(told, dist.ReduceOp.SUM, group=self._control)
        return (told / self.world).tolist()


def find(device: str = "auto", precision: str = "auto") -> Place:
    """The place of a process that runs alone. Raises ``ConfigError`` for a device that is not there."""
    import torch

    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    try:
        found = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"loop.device is {device!r}; it can be auto, cpu, cuda or cuda:1") from error
    if found.type == "cuda":
        if not torch.cuda.is_available() or (found.index or 0) >= torch.cuda.device_count():
            raise ConfigError(f"loop.device is {device}, which this machine does not have")
        # The index is spelt out: a bare "cuda" is another device for PyTorch's comparisons.
        found = torch.device("cuda", torch.cuda.current_device() if found.index is None else found.index)
    return Place(found, _precision(precision, found))


@contextmanager
def joined(device: str = "auto", precision: str = "auto") -> Iterator[Place]:
    """The place of a process that torchrun started, together with the others; alone without torchrun."""
    import torch
    import torch.distributed as dist

    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield find(device, precision)
        return
    local = int(os.environ.get("LOCAL_RANK", "0"))
    on_cuda = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    place = find(f"cuda:{local}" if on_cuda else "cpu", precision)
    if on_cuda:
        torch.cuda.set_device(place.device)
    dist.init_process_group("nccl" if on_cuda else "gloo")
    try:
        control = dist.new_group(backend="gloo", timeout=_PATIENCE)
        yield Place(place.device, place.precision, dist.get_rank(), world, control)
    finally:
        dist.destroy_process_group()


def _precision(asked: str, device: torch.device) -> str:
    if asked != "auto":
        return asked
    import torch

    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    return "bf16" if device.type == "cpu" and _cpu_multiplies_bf16() else "fp32"


def _cpu_multiplies_bf16() -> bool:
    import torch

    return any(bool(check()) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
               if (check := getattr(torch.cpu, name, None)) is not None)
