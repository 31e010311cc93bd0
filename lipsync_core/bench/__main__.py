"""``python -m lipsync_core.bench``: how fast the library is on this machine.

    python -m lipsync_core.bench                        both parts
    python -m lipsync_core.bench --part cpu             the stages and the whole default lip-sync
    python -m lipsync_core.bench --part gpu             every kernel and the whole generator
    python -m lipsync_core.bench --part gpu --card-day  on a card, in one command of at most ten minutes: compare every
                                                        kernel with its reference, tune, write the tuning table, bench
    python -m lipsync_core.bench --part gpu --compiled  with torch.compile max-autotune, which alone takes minutes

It prints a table and appends a JSON object to ``bench/lipsync_core.jsonl``, with the device's name (``--history`` and
``--tables`` put it and the tuning table elsewhere). The GPU part needs torch, Triton and NumPy only. Without a card it
says so, and that no figure exists.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from lipsync_core.bench import report
from lipsync_core.ops.tuning import FOLDER_VARIABLE

NO_CARD = ("No GPU figure exists: there is no CUDA device here. On a machine with one, run "
           "`python -m lipsync_core.bench --part gpu --card-day`.")


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 only where a part that was asked for broke."""
    options = parser().parse_args(arguments)
    if options.card_day:
        options.check = options.tune = True
    faults = 0
    if options.part in ("cpu", "all"):
        faults += _cpu(options)
    if options.part in ("gpu", "all"):
        faults += _gpu(options)
    return 1 if faults else 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m lipsync_core.bench", description="How fast the library is here.")
    made.add_argument("--part", choices=("cpu", "gpu", "all"), default="all")
    made.add_argument("--history", type=Path, default=report.HISTORY)
    gpu = made.add_argument_group("GPU part")
    gpu.add_argument("--batch", type=int, nargs="+", default=[1, 16, 128])
    gpu.add_argument("--check", action="store_true", help="first compare every kernel with its reference")
    gpu.add_argument("--tune", action="store_true", help="first measure every tile and write the tuning table")
    gpu.add_argument("--card-day", action="store_true", help="--check and --tune")
    gpu.add_argument("--compiled", action="store_true", help="also torch.compile max-autotune")
    gpu.add_argument("--tables", type=Path, help="folder of the tuning table (default: the package's own)")
    gpu.add_argument("--seconds", type=float, default=570, help="time for the GPU part")
    cpu = made.add_argument_group("CPU part")
    cpu.add_argument("--models", type=Path, help="folder of the face models")
    cpu.add_argument("--clip", type=Path, nargs="+", help="videos of talking people")
    return made


def _cpu(options: argparse.Namespace) -> int:
    try:
        cpu = import_module("lipsync_core.bench.cpu")
    except ModuleNotFoundError as error:
        if error.name != "lipsync_core.bench.cpu":
            raise
        print("The CPU part is not in this installation.")
        return 0
    rows: list[report.Row] = cpu.run(options)
    print(report.table(rows))
    if rows:
        report.keep(report.record("cpu", report.processor(), rows), options.history)
    return 0


def _gpu(options: argparse.Namespace) -> int:
    if find_spec("triton") is None:
        print("No GPU figure exists: Triton is not installed.")
        return 0
    from lipsync_core.bench import gpu

    device = gpu.device_name()
    if device is None:
        print(NO_CARD)
        return 0
    if options.tables:
        os.environ[FOLDER_VARIABLE] = str(options.tables)
    rows: list[report.Row] = []
    fault = ""
    try:
        for row in gpu.run(options, lambda line: print(line, flush=True)):
            rows.append(row)
    except Exception as error:  # noqa: BLE001
        # What was measured before is worth keeping.
        fault = f"{type(error).__name__}: {error}"
    print(report.table(rows))
    if rows:
        report.keep(report.record("gpu", device, rows, **gpu.details(), **({"fault": fault} if fault else {})),
                    options.history)
    if fault:
        print(f"stopped by {fault}", file=sys.stderr)
    return 1 if fault or any(row.get("faults") for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
