"""Cutting lines: words and text stay together, nothing is lost, times are in order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubbing.domain.cutting import SHORTEST_MS, boundaries, cut_line, cut_text, join_texts
from dubbing.domain.speech import Word

_token = st.text(alphabet="ab.,é漢字か'", min_size=1, max_size=5)


def _timed(texts: list[str], gaps: list[int], start_ms: int) -> tuple[Word, ...]:
    words, now = [], start_ms
    for text, gap in zip(texts, gaps, strict=False):
        words.append(Word(text, now + gap, now + 2 * gap))
        now += 2 * gap
    return tuple(words)


@settings(max_examples=150, deadline=None)
@given(heard=st.lists(_token, max_size=8), written=st.lists(_token, max_size=8),
       gaps=st.lists(st.integers(0, 300), min_size=8, max_size=8), start=st.integers(0, 1000),
       length=st.integers(2, 5000), at=st.integers(-100, 6000), by_time=st.booleans())
def test_no_word_is_lost_whatever_was_edited(heard: list[str], written: list[str], gaps: list[int], start: int,
                                             length: int, at: int, by_time: bool) -> None:
    words, text = _timed(heard, gaps, start), " ".join(written)
    if not boundaries(text):
        with pytest.raises(ValueError):
            cut_line(text, words, start, start + length, at_char=3)
        return
    cut = cut_line(text, words, start, start + length, at_char=None if by_time else at // 100,
                   at_ms=at if by_time else None)
    assert cut.words + cut.rest_words == words
    assert "".join((cut.text + cut.rest).split()) == "".join(text.split())
    assert cut.text.strip() and cut.rest.strip() and 0 < cut.share < 1
    assert start < cut.first_end_ms <= cut.second_start_ms < start + length
    if length >= 2 * SHORTEST_MS:
        assert min(cut.first_end_ms - start, start + length - cut.second_start_ms) >= SHORTEST_MS


def test_a_cut_in_an_edited_text_finds_its_time_and_the_other_way_round() -> None:
    heard = ["Hello", "there", "my", "good", "old", "friend,", "how", "are", "you?"]
    words = tuple(Word(text, 300 * n, 300 * n + 200) for n, text in enumerate(heard))
    edited = "Hello there, my dear friend. How are you doing?"
    by_text = cut_line(edited, words, 0, 2700, at_char=edited.index("How") + 1)
    assert (by_text.text, by_text.rest) == ("Hello there, my dear friend.", "How are you doing?")
    assert (by_text.first_end_ms, by_text.second_start_ms, by_text.ends_clause) == (1700, 1800, True)
    assert cut_line(edited, words, 0, 2700, at_ms=1750) == by_text


def test_without_word_times_the_share_of_the_text_tells() -> None:
    cut = cut_line("One two three four.", (), 1000, 3000, at_char=8)
    assert (cut.text, cut.first_end_ms, cut.second_start_ms) == ("One two", 1750, 1750)
    assert cut_line("One two three four.", (), 1000, 3000, at_ms=1800).text == "One two"
    assert cut_line("One two three four.", (), 1000, 3000, at_ms=1800).first_end_ms == 1800


def test_scripts_without_blanks_are_cut_between_characters_but_not_before_a_mark() -> None:
    assert cut_text("今日は。明日も", 0.5) == ("今日は。", "明日も")
    assert 3 not in boundaries("今日は。明日も")
    assert join_texts("今日は。", "明日も") == "今日は。明日も" and join_texts("A b. ", " C") == "A b. C"


def test_translations_are_cut_at_a_mark_where_the_source_is() -> None:
    text = "Hola, mi viejo amigo del alma. ¿Qué tal?"
    assert cut_text(text, 0.6, ends_clause=True) == ("Hola, mi viejo amigo del alma.", "¿Qué tal?")
    assert cut_text(text, 0.6) == ("Hola, mi viejo amigo del", "alma. ¿Qué tal?")
    assert cut_text(text, 0.6, at_char=6) == ("Hola,", "mi viejo amigo del alma. ¿Qué tal?")
    assert cut_text("Vale.", 0.5) == ("Vale.", "")
