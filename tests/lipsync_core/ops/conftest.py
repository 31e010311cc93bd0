"""Kernels run in the interpreter in a process of their own.

Triton reads TRITON_INTERPRET when it is imported and when a kernel is decorated, and another test may have imported it
already; compiling ahead of time needs it unset. So both have a process each.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def python() -> Run:
    """Run Python with arguments in the repository, on one thread; keywords are environment variables."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
        environment |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"} | variables
        return subprocess.run([sys.executable, *arguments], cwd=REPOSITORY, env=environment, capture_output=True,
                              text=True, timeout=300)

    return run


@pytest.fixture(scope="session")
def interpreted(python: Run) -> dict[tuple[str, str], dict[str, Any]]:
    """The outcome of every small case in the interpreter, by operation and name."""
    pytest.importorskip("triton")
    done = python("-m", "lipsync_core.ops.check", "--json", TRITON_INTERPRET="1")
    assert done.stdout, done.stderr
    return {(o["op"], o["case"]): o for o in json.loads(done.stdout)}
