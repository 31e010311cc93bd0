"""The GPU part: every kernel against its twin, the whole generator against what else one would run.

Bandwidth and matrix rate are measured on the card in the same run, and shares are of those.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from importlib import import_module
from typing import Any

import torch

from lipsync_core.bench.networks import FLOPS, eager, inputs, network, six_channels
from lipsync_core.bench.report import Row
from lipsync_core.bench.timing import Ceilings, ceilings, event_ms, graph_ms, replay_ms
from lipsync_core.ops.case import Case

BATCHES = (1, 16, 128)
Say = Callable[[str], None]


def device_name() -> str | None:
    """The card, or None where there is none."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def details() -> dict[str, Any]:
    """Versions that figures depend on."""
    import triton

    return {"torch": torch.__version__, "triton": triton.__version__, "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version()}


def run(options: Namespace, say: Say = print) -> Iterator[Row]:
    """Measure, a row at a time, so that whoever stops early keeps what was measured.

    options.seconds: time for all of it; options.batch: batch sizes; options.check, options.tune: compare kernels with
    their references and write a tuning table first; options.compiled: also torch.compile, last, as time allows.
    """
    stop = time.monotonic() + options.seconds
    torch.backends.cudnn.benchmark = True
    # PyTorch's own default, which a check in this process may have changed.
    torch.backends.cudnn.allow_tf32 = True
    if options.check:
        yield from _check(say)
    if options.tune:
        from lipsync_core.ops.tune import tune

        # A third of the time is the bench's own.
        say(f"table: {tune(tuple(options.batch), max(60.0, (stop - time.monotonic()) * 0.66), say=say)}")
    limits = ceilings()
    yield {"group": "ceilings", "name": "device copy, read + written", "GB/s": limits.bytes_per_s / 1e9}
    yield {"group": "ceilings", "name": "fp16 product 8192x8192x8192", "TFLOPS": limits.flops_per_s / 1e12}
    best: dict[int, float] = {}
    ours: dict[int, float] = {}
    for batch in options.batch:
        for row in generators(batch, limits):
            kind = ours if row["name"].startswith("ours") else best
            kind[batch] = min(kind.get(batch, float("inf")), row["ms"])
            yield row
    yield from kernels(limits, stop - (90 if options.compiled else 5), say)
    if options.compiled:
        for batch in sorted(options.batch, reverse=True):
            row = compiled(batch, limits, stop - time.monotonic() - 5, say)
            if row:
                best[batch] = min(best[batch], row["ms"])
                yield row
    for batch in options.batch:
        yield {"group": "against the best other", "name": f"batch {batch}", "times faster": best[batch] / ours[batch],
               "with torch.compile": bool(options.compiled)}


def generators(batch: int, limits: Ceilings) -> Iterator[Row]:
    """The whole generator at one batch size, everything but torch.compile."""
    from lipsync_core.models.fused import FusedWav2Lip
    from lipsync_core.models.graph import GraphedWav2Lip
    from lipsync_core.ops import using

    yield _generator("eager fp32", batch, event_ms(eager(batch, torch.float32)), limits)
    yield _generator("eager fp16, channels last", batch, event_ms(eager(batch, torch.float16)), limits)
    folded = replay_ms(eager(batch, torch.float16, is_folded=True))
    yield _generator("cuDNN, folded, fp16, channels last, CUDA graph", batch, folded, limits)
    audio, crops = inputs(batch)
    face = six_channels(crops)
    with torch.no_grad():
        expected = network().cuda()(audio, face)
    fused = FusedWav2Lip(network(), "cuda")
    for name, backend, from_bytes in (("fused program, cuDNN only", "torch", False),
                                      ("ours, kernels only", "triton", False), ("ours, as tuned", None, False),
                                      ("ours, as tuned, from uint8 crops", None, True)):
        with using(backend) if backend else nullcontext():
            graphed = GraphedWav2Lip(fused, batch, from_bytes)
        made = graphed(audio, crops if from_bytes else face).float()
        error = float((made - expected).abs().max())
        row = _generator(name, batch, event_ms(graphed.replay), limits)
        yield row | {"max difference": error}


def compiled(batch: int, limits: Ceilings, seconds: float, say: Say) -> Row | None:
    """torch.compile in a process of its own, stopped when time is up."""
    if seconds < 30:
        say(f"no time left for torch.compile at batch {batch}")
        return None
    command = [sys.executable, "-m", "lipsync_core.bench.networks", "--batch", str(batch)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        say(f"torch.compile at batch {batch} did not finish within {seconds:.0f} s")
        return None
    if done.returncode:
        say(f"torch.compile at batch {batch} failed: {done.stderr.strip().splitlines()[-1:]}")
        return None
    ms = float(json.loads(done.stdout.strip().splitlines()[-1])["ms"])
    return _generator("torch.compile max-autotune, folded, fp16", batch, ms, limits)


def kernels(limits: Ceilings, stop: float, say: Say) -> Iterator[Row]:
    """Every kernel on its production cases, against torch's own operation where there is one, else its reference."""
    from lipsync_core.ops.check import cases

    for op, case in cases(with_large=True):
        if case.is_small or case.dtype == torch.bfloat16:
            continue
        if time.monotonic() > stop:
            say("out of time: some kernels are not measured")
            return
        yield _kernel(op, case, limits)


def _kernel(op: str, case: Case, limits: Ceilings) -> Row:
    values = case.inputs("cuda")
    kernel = getattr(import_module(f"lipsync_core.ops.{op}.kernel"), case.function)
    reference = import_module(f"lipsync_core.ops.{op}.reference")
    twin = getattr(reference, f"{case.function}_native", None) or getattr(reference, case.function)
    own = dict(case.kernel_only)
    if "config" in own:
        own["config"] = _tuned(op, values, own["config"])
    # The path's many launches and its twin's loops are no graph.
    measure = event_ms if case.function in ("shortest_path", "mesh_table") else graph_ms
    ms = measure(lambda: kernel(**values, **own))
    twin_ms = _twin_ms(lambda: twin(**values), case)
    row: Row = {"group": op, "name": f"{case.function}: {case.name}", "ms": ms, "twin_ms": twin_ms,
                "times faster": twin_ms / ms, "GB/s": case.bytes / ms / 1e6,
                "share of copy": case.bytes / ms * 1e3 / limits.bytes_per_s}
    if case.flops:
        row |= {"TFLOPS": case.flops / ms / 1e9, "share of matrix": case.flops / ms * 1e3 / limits.flops_per_s}
    return row


def _tuned(op: str, values: dict[str, Any], fallback: Any) -> Any:
    """The tile that production would take."""
    from lipsync_core.ops.tuning import choose

    shape = import_module(f"lipsync_core.ops.{op}").shape_of(values["x"], values["weights"])
    choice = choose(shape, torch.cuda.get_device_name(), torch.cuda.get_device_capability())
    return choice.config if not values.get("tail") or choice.config.columns >= shape.out_channels else fallback


def _twin_ms(call: Callable[[], object], case: Case) -> float:
    if case.function.startswith("conv"):
        return graph_ms(call)
    # References of the other operations wait for the device, and some take seconds.
    return event_ms(call, 3)


def _generator(name: str, batch: int, ms: float, limits: Ceilings) -> Row:
    rate = FLOPS * batch / ms * 1e3
    return {"group": f"Wav2Lip, batch {batch}", "name": name, "ms": ms, "frames/s": batch / ms * 1e3,
            "TFLOPS": rate / 1e12, "share of matrix": rate / limits.flops_per_s}


def _check(say: Say) -> Iterator[Row]:
    from lipsync_core.ops.check import run_all, worker_count

    outcomes = []
    for outcome in run_all("cuda", processes=worker_count()):
        outcomes.append(outcome)
        if not outcome.is_good:
            say(outcome.line())
    good = sum(o.is_good for o in outcomes)
    say(f"{good} of {len(outcomes)} kernels' cases agree with their reference on this card")
    yield {"group": "correctness", "name": "cases that agree with their reference", "good": good,
           "of": len(outcomes), "faults": [f"{o.op}: {o.case}" for o in outcomes if not o.is_good]}
