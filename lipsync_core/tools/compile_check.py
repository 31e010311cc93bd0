"""Compile every kernel ahead of time and look at the machine code; no GPU is needed.

    python -m lipsync_core.tools.compile_check --arch 80 90 --fail-on-spill
    python -m lipsync_core.tools.compile_check --arch 90 --layers 1 128       every layer of Wav2Lip

For each kernel in its production form: no register spills, matrix instructions where products are (wgmma on sm_90,
mma.sync on sm_80), shared memory within the architecture's limit. Pointers carry the same 16-byte divisibility as in
a real launch; without that the compiler makes another kernel, and the check would lie.

Works with Triton 3.4 to 3.6: both take `ASTSource(fn, signature, constexprs, attrs)` with attributes
``{(argument index,): [["tt.divisibility", 16]]}``; TRITON_INTERPRET must not be set.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from lipsync_core.ops import OPERATIONS
from lipsync_core.ops.launch import CompileCase
from lipsync_core.ops.tuning import shared_limit

#: The instruction that each generation multiplies matrices with, as it stands in the PTX.
_MATRIX = {9: "wgmma.mma_async", 8: "mma.sync"}


@dataclass(frozen=True, slots=True)
class Compiled:
    """What one kernel became on one architecture. Sizes in bytes; ``matrix``: how many matrix instructions."""

    name: str
    arch: int
    registers: int
    spilled: int
    stack: int
    shared: int
    matrix: int
    copies: int
    seconds: float
    faults: tuple[str, ...]


def compile_case(case: CompileCase, arch: int) -> Compiled:
    """Compile one kernel for ``arch`` (80, 90, ...) and read the result."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = list(case.kernel.arg_names)
    signature = {n: case.types.get(n, "constexpr") for n in names}
    aligned = [n for n in names if signature[n].startswith("*") or n in case.divisible]
    attributes = {(names.index(n),): [["tt.divisibility", 16]] for n in aligned}
    source = ASTSource(fn=case.kernel, signature=signature, constexprs=dict(case.constants), attrs=attributes)
    started = time.monotonic()
    built = triton.compile(source, target=GPUTarget("cuda", arch, 32),
                           options={"num_warps": case.warps, "num_stages": case.stages})
    seconds = time.monotonic() - started
    ptx = built.asm["ptx"]
    registers, stack, spilled = _resources(built.asm["cubin"])
    instruction = _MATRIX.get(8 if case.is_narrow else arch // 10, "mma")
    matrix = ptx.count(instruction)
    shared = int(built.metadata.shared)
    limit = shared_limit((arch // 10, arch % 10))
    faults = []
    if stack or spilled:
        faults.append(f"spills {max(stack, spilled)} bytes")
    if case.has_matrix and not matrix:
        faults.append(f"no {instruction}")
    if shared > limit:
        faults.append(f"{shared} bytes of shared memory, the limit is {limit}")
    return Compiled(case.name, arch, registers, spilled, stack, shared, matrix, ptx.count("cp.async.c"), seconds,
                    tuple(faults))


def cases(only_hot: bool = False, operations: tuple[str, ...] = OPERATIONS) -> Iterator[CompileCase]:
    """Every kernel's production forms; ``only_hot``: those that take most of the time."""
    for name in operations:
        for case in import_module(f"lipsync_core.ops.{name}.kernel").compile_cases():
            if case.is_hot or not only_hot:
                yield case


def layer_cases(batches: tuple[int, ...], arch: int) -> Iterator[CompileCase]:
    """Every layer of Wav2Lip with the tile that the rules choose on ``arch`` where no table is."""
    from lipsync_core.ops.tune import layers
    from lipsync_core.ops.tuning import heuristic

    capability = (arch // 10, arch % 10)
    seen = set()
    for layer in layers(batches):
        config = heuristic(layer.shape, capability)
        if (layer.shape.key, config) in seen:
            continue
        seen.add((layer.shape.key, config))
        own = {k: v for k, v in layer.arguments.items() if k not in ("size", "batch", "dtype")}
        if layer.op == "conv_transpose2d":
            own.pop("has_residual")
        name = f"{layer.shape.key.removesuffix(' float16')} {config.rows}/{config.columns}/{config.depth}"
        yield import_module(f"lipsync_core.ops.{layer.op}.kernel").compile_case(name, config, **own)


def _resources(cubin: bytes) -> tuple[int, int, int]:
    """Registers, stack bytes and local (spilled) bytes of the one kernel in a cubin."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        report = subprocess.run([_cuobjdump(), "-res-usage", file.name], capture_output=True, text=True, check=True)
    text = report.stdout + report.stderr
    found = [re.search(rf"{word}:(\d+)", text) for word in ("REG", "STACK", "LOCAL")]
    if None in found:
        raise RuntimeError(f"cuobjdump's report is not understood: {text.strip()[:300]}")
    registers, stack, local = (int(m.group(1)) for m in found if m)
    return registers, stack, local


def _cuobjdump() -> str:
    import triton

    return str(Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump")


def _table(rows: list[Compiled]) -> str:
    wide = max(len(r.name) for r in rows)
    lines = [f"{'kernel':{wide}}  sm  regs stack    smem matrix cp.async     s"]
    for r in rows:
        lines.append(f"{r.name:{wide}} {r.arch:3} {r.registers:5} {max(r.stack, r.spilled):5} {r.shared:7} "
                     f"{r.matrix:6} {r.copies:8} {r.seconds:5.1f}  {'; '.join(r.faults)}".rstrip())
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Compile, print the table; 1 where a kernel has a fault."""
    parser = argparse.ArgumentParser(prog="compile_check", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--arch", type=int, nargs="+", default=[80, 90])
    parser.add_argument("--fail-on-spill", action="store_true", help="a spill is a fault, not only a remark")
    parser.add_argument("--hot", action="store_true", help="only the kernels that take most of the time")
    parser.add_argument("--layers", type=int, nargs="+", metavar="BATCH", help="every layer of Wav2Lip instead")
    parser.add_argument("--op", nargs="+", default=list(OPERATIONS), choices=OPERATIONS)
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    options = parser.parse_args(arguments)
    if os.environ.get("TRITON_INTERPRET", "0") not in ("", "0"):
        parser.error("TRITON_INTERPRET is set: interpreted kernels cannot be compiled")
    rows: list[Compiled] = []
    for arch in options.arch:
        chosen = layer_cases(tuple(options.layers), arch) if options.layers else cases(options.hot, tuple(options.op))
        rows += [compile_case(case, arch) for case in chosen]
    if options.json:
        print(json.dumps([asdict(r) for r in rows]))
    else:
        print(_table(rows))
    bad: list[Any] = [f"{r.name} sm_{r.arch}: {fault}" for r in rows for fault in r.faults
                      if options.fail_on_spill or not fault.startswith("spills")]
    for line in bad:
        print(line, file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
