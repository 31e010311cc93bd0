"""Vowels give way, closures do not; every curve of time rises and ends where it is to end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubbing.domain.elastic import PAUSE, STOP, VOWEL, along, curve, elasticity
from dubbing.domain.speech import Phoneme


def spoken(symbols: str, each_ms: float = 80.0) -> list[Phoneme]:
    return [Phoneme(symbol, i * each_ms, (i + 1) * each_ms) for i, symbol in enumerate(symbols)]


@pytest.mark.parametrize(("symbol", "expected"), [("p", STOP), ("tʰ", STOP), ("a", VOWEL), ("ãː", VOWEL), ("ˈo", VOWEL),
                                                  (" ", PAUSE), ("", PAUSE)])
def test_classes(symbol: str, expected: float) -> None:
    assert elasticity(symbol) == expected
    assert elasticity("a") > elasticity("m") > elasticity("s") > elasticity("p")


@pytest.mark.parametrize("tempo", [0.8, 1.3])
def test_a_vowel_changes_more_than_a_stop(tempo: float) -> None:
    phones = spoken("papata")
    knots = curve(phones, 480, 480 / tempo)
    lengths = [along(knots, p.end_ms) - along(knots, p.start_ms) for p in phones]
    stops, vowels = lengths[::2], lengths[1::2]
    assert all(abs(stop - 80) < 0.25 * abs(vowel - 80) for stop, vowel in zip(stops, vowels, strict=True))
    assert sum(lengths) == pytest.approx(480 / tempo)


@given(st.lists(st.sampled_from("paɡsmiʃ lé"), max_size=30), st.floats(1, 200), st.floats(0.1, 4.0),
       st.floats(0, 300))
def test_a_curve_rises_to_its_end(symbols: list[str], each_ms: float, tempo: float, silence_ms: float) -> None:
    total = len(symbols) * each_ms + silence_ms + 1
    knots = curve(spoken("".join(symbols), each_ms), total, total / tempo)
    assert knots[0] == (0, 0) and knots[-1] == (total, total / tempo)
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in zip(knots, knots[1:], strict=False))
    assert along(knots, -5) == 0 and along(knots, total + 5) == total / tempo


def test_nothing_changes_where_nothing_is_asked() -> None:
    knots = curve(spoken("pasta"), 500, 500)
    assert [along(knots, t) for t in (0, 120, 333, 500)] == pytest.approx([0, 120, 333, 500])


def test_a_take_without_length_is_refused() -> None:
    with pytest.raises(ValueError):
        curve([], 0, 100)
