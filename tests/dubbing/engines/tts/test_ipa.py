"""Pronunciations written into a text: read as they say, whatever the spelling would give."""

from __future__ import annotations

import pytest

from dubbing.engines.tts.ipa import as_espeak, taken_out, with_possessive
from dubbing.engines.tts.script import Speller

_KNOWN = frozenset("$;:,.!?—… ɑɐæabβcɕçdðʤəɚɛɜfɡhiɪjklmnŋɲoɔpqrɹɾsʃtʧuʊvwxyzʒʔˈˌːθAIOQWYᵊᵻTʣʦ")


@pytest.mark.parametrize(("ipa", "language", "expected"), [
    ("təˈmɑː.təʊ", "en", "təmˈɑːtə͡ʊ"), ("/ŋwiən/", "en", "ŋwˈiən"), ("xwaˈkin", "es", "xwakˈin"),
    ("maɾtinez", "es", "maɾtˈinez"), ("bɔ̃ʒuʁ", "fr", "bɔ̃ʒˈuʁ"), ("tʃaɪ ti", "en", "t͡ʃˈa͡ɪ tˈi"), ("pst", "en", "pst"),
])
def test_people_write_ipa_otherwise_than_espeak(ipa: str, language: str, expected: str) -> None:
    assert as_espeak(ipa, language) == expected


def test_words_are_taken_out_in_order() -> None:
    assert taken_out("A {b|x} and {c d|y z}.") == ("A ꙮ and ꙮ.", [("b", "x"), ("c d", "y z")])
    assert taken_out("{not} {one|} |x|") == ("{not} {one|} |x|", [])


@pytest.mark.parametrize(("ipa", "expected"), [("mˈaks", "mˈaksᵻz"), ("pˈæt", "pˈæts"), ("ŋwˈiən", "ŋwˈiənz")])
def test_what_belongs_to_whom(ipa: str, expected: str) -> None:
    assert with_possessive(ipa) == expected


def test_a_sentence_is_said_as_its_pronunciations_say() -> None:
    speller = Speller()
    plain = speller.sentences("I like the tomato, really.", "en", _KNOWN)
    told = speller.sentences("I like the {tomato|təˈmɑtə}, really.", "en", _KNOWN)
    assert "təmˈɑtə," in told[0] and "təmˈɑtə" not in plain[0]
    assert told[0].split(",")[1] == plain[0].split(",")[1]
    assert speller.sentences("{Nguyen|ŋwiən}'s!", "en", _KNOWN) == ["ŋwˈiənz!"]
    # What is no IPA is read as it is spelled; marks are not read.
    assert speller.sentences("{tomato|???}", "en", _KNOWN) == speller.sentences("tomato", "en", _KNOWN)
    marked = speller.sentences("Well [pause] *yes* (laughs).", "en", _KNOWN)
    assert marked == speller.sentences("Well yes.", "en", _KNOWN)
