"""Inventions are dropped, speech is kept: the same words, told apart by the evidence."""

from __future__ import annotations

import pytest

from dubbing.domain.speech import Word
from dubbing.engines.asr.guards import Evidence, compression_ratio, is_invented, without_loops

CLEAR = Evidence(voice=0.98, no_speech=0.02, language=0.99, word_confidence=0.9, logprob=-0.2, seconds=2.0)
WEAK = Evidence(voice=0.6, no_speech=0.5, language=0.6, word_confidence=0.4, logprob=-0.7, seconds=2.0)
HOPELESS = Evidence(voice=0.5, no_speech=0.7, language=0.3, word_confidence=0.2, logprob=-1.5, seconds=2.0)


@pytest.mark.parametrize(("language", "text"), [("en", "Thank you."), ("es", "¡Gracias!"), ("ru", "Спасибо."),
                                                ("de", "Tschüss."), ("ja", "ありがとうございました。")])
def test_thanks_are_kept_when_they_are_heard(language: str, text: str) -> None:
    assert not is_invented(text, language, CLEAR)
    assert is_invented(text, language, WEAK)


@pytest.mark.parametrize("text", ["Subtítulos realizados por la comunidad de Amara.org",
                                  "Untertitel im Auftrag des ZDF, 2020", "Субтитры создавал DimaTorzok", "[Music]",
                                  "♪ ♪", "...", ""])
def test_credits_and_marks_are_never_speech(text: str) -> None:
    assert is_invented(text, "es", CLEAR)


def test_ordinary_speech_survives_weak_evidence_but_not_none() -> None:
    assert not is_invented("We walked along the river.", "en", WEAK)
    assert is_invented("We walked along the river.", "en", HOPELESS)


def test_two_words_in_twenty_seconds_are_not_believed() -> None:
    assert is_invented("my heart", "en", Evidence(0.6, 0.5, 0.4, 0.4, -0.7, 20.0))


def test_loops_are_cut_to_one_round_and_emphasis_is_kept() -> None:
    loop = [Word(text, index * 100, index * 100 + 90) for index, text in enumerate(["so", "we", "go"] * 6 + ["home"])]
    assert [word.text for word in without_loops(loop)] == ["so", "we", "go", "home"]
    no = [Word("no,", index * 300, index * 300 + 200) for index in range(3)]
    assert without_loops(no) == no
    assert compression_ratio("la la la " * 40) > 2.4 > compression_ratio("We walked along the river to the old mill.")
