"""Closures that spelling tells of, and how those of a translation fall on the original's."""

from __future__ import annotations

import pytest

from dubbing.domain.closures import NEAR_MS, Closure, agreement, of_text, of_words
from dubbing.domain.estimate import pace_of
from dubbing.domain.speech import Word


@pytest.mark.parametrize(("language", "text", "expected"), [
    ("en", "papa", [1.0, 1.0]),
    ("en", "phone", [0.5]),
    ("en", "a lamb", [1.0]),                   # its b is silent
    ("en", "debt and psalm", [1.0]),           # so are b and p here; the m is heard
    ("en", "seven", [0.5]),
    ("es", "vivo", [1.0, 1.0]),                # v is a b
    ("es", "café", [0.5]),
    ("it", "vivo", [0.5, 0.5]),
    ("pt", "bem", [1.0]),                      # the final m is a nasal vowel
    ("fr", "beaucoup", [1.0]),                 # the final p is silent
    ("fr", "temps", []),
    ("de", "Vater und Wein", [0.5, 0.5]),
    ("ja", "まぶた", [1.0, 1.0]),
    ("en", "no", []),
    ("en", "", []),
])
def test_letters_close_lips_as_the_language_says_them(language: str, text: str, expected: list[float]) -> None:
    assert [one.weight for one in of_text(text, pace_of(language), 1000)] == expected


def test_closures_lie_where_their_syllables_do() -> None:
    found = of_text("la la la ma", pace_of("es"), 1000)
    assert [one.at_ms for one in found] == [750]


def test_words_with_times_place_their_own_closures() -> None:
    words = (Word("la", 5000, 5200), Word("mano", 6000, 6400))
    assert of_words(words, 5000, pace_of("es")) == (Closure(1000.0, 1.0),)


def test_agreement_is_the_share_of_the_originals_closures_that_are_met() -> None:
    original = (Closure(100, 1.0), Closure(500, 1.0), Closure(900, 0.5))
    assert agreement(original, ()) == 0
    assert agreement(original, original) == 1
    assert agreement(original, (Closure(100 + NEAR_MS, 1.0),)) == pytest.approx(1 / 2.5)
    assert agreement(original, (Closure(101 + NEAR_MS, 1.0),)) == 0
    assert agreement(original, (Closure(510, 0.5),)) == pytest.approx(0.5 / 2.5)
    assert agreement((), original) == 1


def test_one_closure_serves_one_of_the_original() -> None:
    assert agreement((Closure(100, 1.0), Closure(150, 1.0)), (Closure(120, 1.0),)) == 0.5
