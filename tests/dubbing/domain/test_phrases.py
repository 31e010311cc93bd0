"""Pauses of the original find their place in the translation, or none; no word is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubbing.domain.phrases import LEAST_PAUSE_MS, Phrase, phrases_of, source_pauses
from dubbing.domain.speech import Word


def said(line: str, start_ms: int = 1000) -> list[Word]:
    """Words with times: a number is a pause of so many ms."""
    found, at = [], start_ms
    for token in line.split():
        if token.isdigit():
            at += int(token)
            continue
        length = 80 * max(2, len(token))
        found.append(Word(token, at, at + length))
        at += length + 20
    return found


def cut(line: str, text: str, language: str = "en") -> list[Phrase]:
    words = said(line)
    return list(phrases_of(text, language, words, words[0].start_ms, words[-1].end_ms))


@pytest.mark.parametrize(("line", "text", "language", "expected"), [
    ("Buenos días, Marcos. 500 ¿Qué tal el viaje?", "Good morning, Marcos. How was the trip?", "en",
     ["Good morning, Marcos.", "How was the trip?"]),
    ("Yo creo 600 que no vamos a llegar", "I think that we are not going to arrive", "en",
     ["I think,", "that we are not going to arrive"]),
    # No pause after an article, however long it was in the original.
    ("Solo un bocadillo y una 700 botella", "Only a sandwich and a bottle", "en", ["Only a sandwich,", "and a bottle"]),
    ("Perfecto. 450 Yo puedo comprar pan, 320 queso y tomates.", "Perfect. I can buy bread, cheese and tomatoes.", "en",
     ["Perfect.", "I can buy bread,", "cheese and tomatoes."]),
    ("Perfect. 450 I can buy bread.", "完璧。パンを買えます。", "ja", ["完璧。", "パンを買えます。"]),
    ("I said 270 that it was late", "Dije que era tarde", "es", ["Dije que era tarde"]),
    ("Well 400 fine", "Bien", "es", ["Bien"]),
])
def test_pauses_go_where_they_can_be_heard(line: str, text: str, language: str, expected: list[str]) -> None:
    assert [phrase.text for phrase in cut(line, text, language)] == expected


def test_a_phrase_has_the_times_of_the_originals() -> None:
    words = said("Buenos días, Marcos. 500 ¿Qué tal el viaje?")
    first, second = cut("Buenos días, Marcos. 500 ¿Qué tal el viaje?", "Good morning, Marcos. How was the trip?")
    assert (first.start_ms, first.end_ms) == (0, words[2].end_ms - 1000)
    assert (second.start_ms, second.end_ms) == (words[3].start_ms - 1000, words[-1].end_ms - 1000)


def test_marks_ask_for_pauses_and_emphasis() -> None:
    first, second = cut("I never saw that to be honest", "Nunca *vi* eso [pause 700] la verdad", "es")
    assert (first.text, first.emphasised, second.text, second.gap_ms) == ("Nunca vi eso,", ((6, 8),), "la verdad", 700)
    assert second.start_ms - first.end_ms == 700
    (only,) = cut("Hello you", "[pause 300] Hola *tú*", "es")
    assert (only.gap_ms, only.text, only.text[slice(*only.emphasised[0])]) == (300, "Hola tú", "tú")


def test_a_pause_asked_for_takes_the_place_of_the_originals() -> None:
    first, second = cut("Never saw that 500 to be honest", "Nunca vi eso [pause 700] la verdad", "es")
    assert second.gap_ms == 700 and second.start_ms - first.end_ms == pytest.approx(520, abs=1)


def test_a_sound_leaves_its_silence_and_a_pronunciation_is_one_word() -> None:
    first, second = cut("That is so funny Jorge", "Eso [risas] qué gracioso, {Jorge|ˈxoɾxe mio}", "es")
    assert second.gap_ms == 400 and second.text.endswith("{Jorge|ˈxoɾxe mio}") and first.text == "Eso,"


def test_nothing_to_say_is_no_phrase() -> None:
    assert cut("hello", "[risas]") == [] and cut("hello", " … ") == []


def test_words_outside_the_line_are_not_heard() -> None:
    words = said("one 400 two 400 three")
    assert len(source_pauses(words, 1000, words[-1].end_ms)) == 2
    assert len(source_pauses(words, words[1].start_ms, words[-1].end_ms)) == 1
    assert source_pauses([], 0, 1000) == []


TOKENS = st.sampled_from(["no,", "well", "the", "bottle", "of", "water.", "and", "I", "think", "*so*", "[pause]"])


@given(st.lists(TOKENS, min_size=1, max_size=14), st.lists(st.integers(100, 900), max_size=4))
def test_no_word_is_lost_and_times_rise(tokens: list[str], pauses: list[int]) -> None:
    line = "una " + " ".join(f"{pause} palabra" for pause in pauses)
    text = " ".join(tokens)
    found = cut(line, text)
    expected = [token.strip("*").strip(",") for token in tokens if token != "[pause]"]
    assert [word.strip(",") for phrase in found for word in phrase.text.split()] == expected
    assert all(phrase.start_ms < phrase.end_ms for phrase in found)
    assert all(a.end_ms <= b.start_ms for a, b in zip(found, found[1:], strict=False))
    for phrase in found:
        assert all(0 <= start < end <= len(phrase.text) for start, end in phrase.emphasised)
    assert len(found) <= 1 + sum(pause >= LEAST_PAUSE_MS - 20 for pause in pauses) + tokens.count("[pause]")
