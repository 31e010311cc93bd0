"""Compare every kernel with its reference.

    TRITON_INTERPRET=1 python -m lipsync_core.ops.check          small cases in Triton's interpreter, no GPU needed
    python -m lipsync_core.ops.check --device cuda               all cases on a card, bf16 too

The interpreter's switch is read when a kernel's module is imported, so it must be set before Python starts.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
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


def cases(operations: tuple[str, ...] = OPERATIONS, with_large: bool = False) -> Iterator[tuple[str, Case]]:
    """(operation, case) of all small cases, or of all."""
    for op in operations:
        for case in import_module(f"lipsync_core.ops.{op}.cases").CASES:
            if case.is_small or with_large:
                yield op, case


def run(op: str, case: Case, device: str) -> Outcome:
    """Call both twins on the same inputs; a kernel that raises is a fault, not an end."""
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
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.device == "cpu" and os.environ.get("TRITON_INTERPRET") != "1":
        parser.error("set TRITON_INTERPRET=1 to run kernels without a GPU")
    outcomes = []
    for op, case in cases(tuple(options.op), with_large=options.device == "cuda"):
        if options.match in case.name:
            outcomes.append(run(op, case, options.device))
            if not options.json:
                o = outcomes[-1]
                print(f"{'ok  ' if o.is_good else 'FAIL'} {o.op:17} {o.case:46} error {o.error:.2e} "
                      f"(<= {o.tolerance:.0e}) {o.seconds:6.2f} s {o.fault}".rstrip(), flush=True)
    if options.json:
        print(json.dumps([asdict(o) for o in outcomes]))
    bad = [o for o in outcomes if not o.is_good]
    if not options.json:
        print(f"{len(outcomes) - len(bad)} of {len(outcomes)} kernels' cases agree with their reference")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
