"""Every kernel against its reference: small cases in the interpreter, all of them on a card."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from lipsync_core.ops import OPERATIONS
from lipsync_core.ops.case import Case
from lipsync_core.ops.check import cases, difference, run

SMALL = [(op, case.name) for op, case in cases()]
ALL = list(cases(with_large=True))
ON_CARD = ALL if torch.cuda.is_available() else []


@pytest.mark.parametrize(("op", "name"), SMALL, ids=[f"{op}: {name}" for op, name in SMALL])
def test_interpreted(interpreted: dict[tuple[str, str], dict[str, Any]], op: str, name: str) -> None:
    outcome = interpreted[op, name]
    assert not outcome["fault"]
    assert outcome["error"] <= outcome["tolerance"]


def test_every_operation_has_small_and_large_cases() -> None:
    assert {op for op, _ in SMALL} == set(OPERATIONS)
    assert {op for op, case in ALL if not case.is_small} == set(OPERATIONS)
    names = [(op, case.name) for op, case in ALL]
    assert len(names) == len(set(names)), "cases are found by their names"


def test_compiles_without_spills(python: Callable[..., Any]) -> None:
    """The kernels that take most of the time, for both generations of data-centre GPUs."""
    pytest.importorskip("triton")
    done = python("-m", "lipsync_core.tools.compile_check", "--arch", "80", "90", "--hot", "--fail-on-spill", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert {r["arch"] for r in rows} == {80, 90}
    products = [r for r in rows if r["name"].startswith("conv")]
    assert products and all(r["matrix"] > 0 and r["copies"] > 0 for r in products)


def test_differences_are_seen() -> None:
    """The comparison itself: a shift, a wrong type and a missing value are found."""
    a = torch.arange(6.0)
    assert difference(a, a) == 0 and difference(a + 0.5, a) == pytest.approx(0.1)
    assert difference((a, None, a), (a, None, a)) == 0
    assert difference(torch.full((2,), torch.nan), torch.zeros(2)) == float("inf")
    with pytest.raises(ValueError, match=r"float64 \(6,\) instead of torch.float32 \(6,\)"):
        difference(a.double(), a)


@pytest.mark.gpu
@pytest.mark.parametrize(("op", "case"), ON_CARD, ids=[f"{op}: {case.name}" for op, case in ON_CARD])
def test_on_a_card(op: str, case: Case) -> None:
    outcome = run(op, case, "cuda")
    assert not outcome.fault
    assert outcome.error <= outcome.tolerance
