from __future__ import annotations

import pytest

from dubbing.pipeline.word_errors import error_rate, normalized


@pytest.mark.parametrize(("meant", "heard", "language", "expected"), [
    ("Hello, world!", "hello world", "en", 0.0),
    ("I have 3 dogs.", "I have three dogs", "en", 0.0),
    ("It costs 1,200 euros", "it costs 1200 euros", "en", 0.0),
    ("one two three four", "one two tree four", "en", 0.25),
    ("¿Qué tal?", "que tal", "es", 0.5),
    ("東京へ行く。", "東京へ行く", "ja", 0.0),
    ("don't stop", "don’t stop", "en", 0.0),
])
def test_error_rate(meant: str, heard: str, language: str, expected: float) -> None:
    assert error_rate([meant], [heard], language) == expected


def test_a_language_without_number_rules_keeps_its_digits() -> None:
    assert normalized("7 x", "xx") == "7 x"
