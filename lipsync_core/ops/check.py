"""Compare every kernel with its reference.

    TRITON_INTERPRET=1 python -m lipsync_core.ops.check          small cases in Triton's interpreter, no GPU needed
    python -m lipsync_core.ops.check --device cuda               all cases on a card, bf16 too

On a card several processes compile at once; they share it.

The interpreter's switch is read when a kernel's module is imported, so it must be set before Python starts.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from importlib import import_module
from multiprocessing import get_context
from typing import Any

import torch

from lipsync_core.ops import OPERATIONS
from lipsync_core.ops.case import Case


@dataclass(frozen=True, slots=True)
class Outcome:
    """error: largest difference, relative to the largest magnitude (or to 1)."""

    op: str
    case: str
    error: float
    tolerance: float
    seconds: float
    fault: str = ""

    @property
    def is_good(self) -> bool:
        return not self.fault and self.error <= self.tolerance

    def line(self) -> str:
        """One line for a person."""
        return (f"{'ok  ' if self.is_good else 'FAIL'} {self.op:17} {self.case:46} error {self.error:.2e} "
                f"(<= {self.tolerance:.0e}) {self.seconds:6.2f} s {self.fault}").rstrip()


def cases(operations: tuple[str, ...] = OPERATIONS, with_large: bool = False) -> Iterator[tuple[str, Case]]:
    """(operation, case) of all small cases, or of all."""
    for op in operations:
        for case in import_module(f"lipsync_core.ops.{op}.cases").CASES:
            if case.is_small or with_large:
                yield op, case


def run(op: str, case: Case, device: str) -> Outcome:
    """Call both twins on the same inputs; a kernel that raises is a fault, not an end."""
    # The reference is to be fp32, not the shortened products that cuDNN takes by default.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    expected_inputs, inputs = case.inputs(device), case.inputs(device)
    reference = getattr(import_module(f"lipsync_core.ops.{op}.reference"), case.function)
    expected = reference(**expected_inputs)
    started = time.monotonic()
    try:
        kernel = getattr(import_module(f"lipsync_core.ops.{op}.kernel"), case.function)
        got = kernel(**inputs, **case.kernel_only)
        error = difference(got, expected)
    except Exception as error_:  # noqa: BLE001
        return Outcome(op, case.name, float("inf"), case.tolerance, 0.0, f"{type(error_).__name__}: {error_}")
    return Outcome(op, case.name, error, case.tolerance, time.monotonic() - started)


def run_all(device: str, operations: tuple[str, ...] = OPERATIONS, match: str = "",
            processes: int = 1) -> Iterator[Outcome]:
    """Run the small cases (on CUDA all of them), in their order."""
    chosen = [(op, case.name) for op, case in cases(operations, device == "cuda") if match in case.name]
    if processes <= 1:
        yield from (_run_named(op, name, device) for op, name in chosen)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_run_named, *zip(*chosen, strict=True), [device] * len(chosen))


def worker_count() -> int:
    """Processes that compile at once: a core each, and some 6 GB of the card's memory."""
    memory = torch.cuda.get_device_properties(0).total_memory if torch.cuda.is_available() else 0
    return max(1, min(12, os.cpu_count() or 1, memory // (6 << 30)))


def _run_named(op: str, name: str, device: str) -> Outcome:
    return run(op, next(case for o, case in cases((op,), with_large=True) if case.name == name), device)


def difference(got: Any, expected: Any) -> float:
    """Largest difference of two tensors (or tuples of tensors) over the largest magnitude of the second (or 1)."""
    if isinstance(expected, tuple):
        return max(difference(g, e) for g, e in zip(got, expected, strict=True) if e is not None)
    if got.shape != expected.shape or got.dtype != expected.dtype:
        raise ValueError(f"{got.dtype} {tuple(got.shape)} instead of {expected.dtype} {tuple(expected.shape)}")
    a, b = got.double(), expected.double()
    if not bool(torch.isfinite(a).all()):
        return float("inf")
    if not b.numel():
        return 0.0
    # Bytes and indices are compared as they are; a tolerance of 1 is one grey level.
    scale = 1.0 if not expected.is_floating_point() else max(float(b.abs().max()), 1.0)
    return float((a - b).abs().max()) / scale


def main(arguments: list[str] | None = None) -> int:
    """Run the cases and print them; 1 where a kernel differs from its reference."""
    parser = argparse.ArgumentParser(prog="check", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--op", nargs="+", default=list(OPERATIONS), choices=OPERATIONS)
    parser.add_argument("--match", default="", help="only cases whose name contains this")
    parser.add_argument("--processes", type=int, help="default: what a card's machine can bear; 1 without a card")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.device == "cpu" and os.environ.get("TRITON_INTERPRET") != "1":
        parser.error("set TRITON_INTERPRET=1 to run kernels without a GPU")
    processes = options.processes or (worker_count() if options.device == "cuda" else 1)
    outcomes = []
    for o in run_all(options.device, tuple(options.op), options.match, processes):
        outcomes.append(o)
        if not options.json:
            print(o.line(), flush=True)
    if options.json:
        print(json.dumps([asdict(o) for o in outcomes]))
    bad = [o for o in outcomes if not o.is_good]
    if not options.json:
        print(f"{len(outcomes) - len(bad)} of {len(outcomes)} kernels' cases agree with their reference")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
