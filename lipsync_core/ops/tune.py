"""Measure every tile of every Wav2Lip layer on the card at hand and keep the best: a tuning table.

    python -m lipsync_core.ops.tune [--batch 1 16 128] [--seconds 400] [--out FOLDER]

For each layer and batch: cuDNN (or cuBLAS) in the same type, then every candidate tile, each compared with the
reference before it may win. Several processes compile first, one measures. Writes ``tuning/<gpu>.json`` with time,
TFLOPS and torch's time; stops in time and keeps what it has.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import TimeoutError as PoolTimeout
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from lipsync_core.ops.case import Case
from lipsync_core.ops.check import difference, worker_count
from lipsync_core.ops.dispatch import Call, recording
from lipsync_core.ops.tuning import Config, Shape, candidates, entry, write_table

BATCHES = (128, 16, 1)


@dataclass(frozen=True)
class Layer:
    """One layer at one batch, as arguments of its operation's case (which another process can make again)."""

    op: str
    shape: Shape
    arguments: dict[str, Any]

    def case(self) -> Case:
        """The layer with random inputs."""
        module = import_module(f"lipsync_core.ops.{self.op}.cases")
        make: Callable[..., Case] = module.conv_case if self.op == "conv2d" else module.transposed_case
        return make(self.shape.key, is_small=False, **self.arguments)

    def tiles(self, capability: tuple[int, int]) -> list[Config]:
        """What to measure. A tail needs all output channels in one tile."""
        least = self.shape.out_channels if self.arguments.get("tail") else 0
        return [c for c in candidates(self.shape, capability) if c.columns >= least]


def layers(batches: tuple[int, ...], dtype: torch.dtype = torch.float16) -> list[Layer]:
    """Every different layer of the fused generator, from a run of it without a card."""
    from lipsync_core.models.fused import FusedWav2Lip
    from lipsync_core.models.wav2lip import Wav2Lip

    fused = FusedWav2Lip(Wav2Lip().eval(), "cpu", dtype)
    faces = (torch.zeros(1, 96, 96, 3, dtype=torch.uint8), torch.zeros(1, 96, 96, 8, dtype=dtype))
    with recording() as calls:
        for face in faces:
            fused.run(torch.zeros(1, 80, 16, 1, dtype=dtype), face)
    made: dict[tuple[str, int], Layer] = {}
    for batch in batches:
        for call in calls:
            made.setdefault((call.shape.key, batch), _layer(call, batch, dtype))
    return list(made.values())


def tune(batches: tuple[int, ...] = BATCHES, seconds: float = 400, folder: Path | None = None,
         say: Callable[[str], None] = print) -> Path:
    """Measure and write the table; returns its file."""
    started = time.monotonic()
    torch.backends.cudnn.benchmark = True
    name, capability = torch.cuda.get_device_name(), torch.cuda.get_device_capability()
    work = layers(batches)
    _compile(work, capability, seconds * 0.6, say)
    entries: dict[str, list[dict[str, Any]]] = {}
    for done, layer in enumerate(work):
        if time.monotonic() - started > seconds:
            say(f"out of time after {done} of {len(work)} layers")
            break
        row = _measure(layer, capability)
        entries.setdefault(layer.shape.key, []).append(row)
        say(f"{layer.shape.key:52} rows {layer.shape.rows:8} {row['backend']:6} kernel {row['kernel_ms'] or 0:8.4f} ms "
            f"torch {row['torch_ms']:8.4f} ms {row['tflops']:6.1f} TFLOPS")
    import triton

    table = {"device": name, "capability": list(capability), "torch": torch.__version__, "triton": triton.__version__,
             "entries": entries}
    return write_table(table, folder)


def _measure(layer: Layer, capability: tuple[int, int]) -> dict[str, Any]:
    from lipsync_core.bench.timing import graph_ms

    case = layer.case()
    inputs = case.inputs("cuda")
    kernel = getattr(import_module(f"lipsync_core.ops.{layer.op}.kernel"), layer.op)
    reference = import_module(f"lipsync_core.ops.{layer.op}.reference")
    expected = getattr(reference, layer.op)(**inputs)
    torch_ms = graph_ms(lambda: getattr(reference, f"{layer.op}_native")(**inputs))
    best: tuple[float, Config] | None = None
    for config in layer.tiles(capability):
        try:
            if difference(kernel(**inputs, config=config), expected) > case.tolerance:
                continue
            limit = 2 * best[0] if best else float("inf")
            took = graph_ms(lambda config=config: kernel(**inputs, config=config), limit)  # type: ignore[misc]
        except Exception:  # noqa: BLE001, S112 - a tile that this card cannot launch is no candidate
            continue
        if best is None or took < best[0]:
            best = (took, config)
    wins = best is not None and best[0] <= torch_ms
    ms = best[0] if best and wins else torch_ms
    return entry(layer.shape, "triton" if wins else "torch", best[1] if best else None, ms=round(ms, 5),
                 kernel_ms=round(best[0], 5) if best else None, torch_ms=round(torch_ms, 5),
                 tflops=round(case.flops / ms / 1e9, 2))


def _compile(work: list[Layer], capability: tuple[int, int], seconds: float, say: Callable[[str], None]) -> None:
    """Fill Triton's cache from several processes. One compiled kernel serves every batch, so one batch is enough."""
    smallest: dict[str, Layer] = {}
    tiles: dict[str, dict[Config, None]] = {}
    for layer in sorted(work, key=lambda layer: -layer.shape.rows):
        smallest[layer.shape.key] = layer
        tiles.setdefault(layer.shape.key, {}).update(dict.fromkeys(layer.tiles(capability)))
    jobs = [(smallest[key], config) for key, configs in tiles.items() for config in configs]
    say(f"compiling {len(jobs)} kernels in {worker_count()} processes")
    started = time.monotonic()
    pool = ProcessPoolExecutor(worker_count(), mp_context=get_context("spawn"))
    try:
        for _ in pool.map(_compile_one, jobs, timeout=seconds, chunksize=4):
            pass
    except (PoolTimeout, BrokenProcessPool):
        say("not all kernels were compiled in time; the rest compile as they are measured")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    say(f"compiled in {time.monotonic() - started:.0f} s")


def _compile_one(job: tuple[Layer, Config]) -> None:
    layer, config = job
    kernel = getattr(import_module(f"lipsync_core.ops.{layer.op}.kernel"), layer.op)
    try:
        kernel(**layer.case().inputs("cuda"), config=config)
        torch.cuda.synchronize()
    except Exception:  # noqa: BLE001, S110 - it fails again, and is left out, when it is measured
        pass


def _layer(call: Call, batch: int, dtype: torch.dtype) -> Layer:
    shape, weights, options = call.shape, call.weights, call.options
    arguments: dict[str, Any] = {"size": shape.side, "channels": weights.channels, "outputs": shape.out_channels,
                                 "batch": batch, "has_residual": options["residual"] is not None, "dtype": dtype}
    if call.op == "conv2d":
        arguments |= {"taps": weights.kernel_size, "stride": weights.stride, "padding": weights.padding,
                      "tail": options["tail"].outputs if options["tail"] else 0,
                      "is_faces": call.x.dtype == torch.uint8}
    rows = shape.rows // call.x.shape[0] * batch
    return Layer(call.op, replace(shape, rows=rows), arguments)


def main(arguments: list[str] | None = None) -> int:
    """Tune on the card at hand."""
    parser = argparse.ArgumentParser(prog="tune", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch", type=int, nargs="+", default=list(BATCHES))
    parser.add_argument("--seconds", type=float, default=400)
    parser.add_argument("--out", type=Path, help="folder of the table (default: the package's own)")
    options = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        print("no CUDA device: nothing can be tuned here", file=sys.stderr)
        return 1
    print(tune(tuple(options.batch), options.seconds, options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
