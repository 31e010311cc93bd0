"""Numbers, denials and questions that a translation must keep."""

from __future__ import annotations

from collections import Counter

import pytest

from dubbing.domain.fidelity import NEGATION, NUMBERS, QUESTION, denies, numbers, slips


@pytest.mark.parametrize(("language", "text", "expected"), [
    ("en", "Twenty-five boats and two men", {"25": 1, "2": 1}),
    ("en", "one man, 1,200 boats at 3.5 metres", {"1200": 1, "3.5": 1}),
    ("es", "veintidós, treinta y cinco y dieciséis", {"22": 1, "35": 1, "16": 1}),
    ("es", "son 1.200 barcos", {"1200": 1}),
    ("it", "ventotto e trentatré", {"28": 1, "33": 1}),
    ("pt", "vinte e um", {"21": 1}),
    ("fr", "soixante-dix-huit, quatre-vingt-onze et soixante et onze", {"78": 1, "91": 1, "71": 1}),
    ("de", "einundzwanzig von dreißig", {"21": 1, "30": 1}),
    ("ja", "3 と 4", {"3": 1, "4": 1}),
    ("en", "someone often attends", {}),
])
def test_numbers_in_words_and_digits_are_the_same(language: str, text: str, expected: dict[str, int]) -> None:
    assert numbers(text, language) == Counter(expected)


@pytest.mark.parametrize(("language", "text", "expected"), [
    ("en", "I don't know.", True), ("en", "I know a notion.", False), ("es", "No sé.", True),
    ("es", "Nosotros sabemos.", False), ("fr", "Je n’y vais pas.", True), ("de", "Ich habe keine Zeit.", True),
    ("it", "Non lo so.", True), ("pt", "Eu não sei.", True), ("pt", "Eu sei.", False),
])
def test_denials_are_words(language: str, text: str, expected: bool) -> None:
    assert denies(text, language) is expected


def test_what_is_kept_is_no_slip() -> None:
    assert slips("¿No tienes veinte?", "Don't you have 20?", "es", "en") == ()
    assert slips("Tengo un barco.", "I have one boat.", "es", "en") == ()


def test_what_is_lost_or_added_is_named() -> None:
    assert slips("No tengo veinte.", "I have thirty.", "es", "en") == (NUMBERS, NEGATION)
    assert slips("¿Vienes?", "You come.", "es", "en") == (QUESTION,)
    assert slips("Sí.", "Not two.", "es", "en") == (NUMBERS, NEGATION)


def test_a_language_that_is_not_known_is_not_accused() -> None:
    assert slips("Nem tudom.", "I don't know.", "hu", "en") == ()
