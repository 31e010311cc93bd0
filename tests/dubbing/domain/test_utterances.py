"""Utterances: no word lost, one speaker each, in order, inside their words' times, of a length that can be dubbed."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from dubbing.domain.speech import SpeakerTurn, Word
from dubbing.domain.utterances import LONGEST_MS, ONLY_SPEAKER, build_utterances, join_words

_TEXTS = st.sampled_from(["yes", "no,", "well.", "Dr.", "really?", "wonderful", "a", "1,500", "—", "今日は", "你好。"])


@st.composite
def spoken(draw: st.DrawFn) -> list[Word]:
    words, now = [], draw(st.integers(0, 3000))
    for _ in range(draw(st.integers(0, 60))):
        length = draw(st.integers(0, 1500))
        words.append(Word(draw(_TEXTS), now, now + length, draw(st.floats(0, 1))))
        now += length + draw(st.sampled_from([0, 0, 0, 20, 120, 300, 800, 4000]))
    return words


@st.composite
def turned(draw: st.DrawFn) -> list[SpeakerTurn]:
    turns = []
    for _ in range(draw(st.integers(0, 15))):
        start = draw(st.integers(0, 60_000))
        speaker = draw(st.sampled_from(["S1", "S2", "S3"]))
        turns.append(SpeakerTurn(speaker, start, start + draw(st.integers(1, 12_000))))
    return turns


@given(spoken(), turned())
@settings(max_examples=150, deadline=None)
def test_every_word_is_kept_once_and_in_order(words: list[Word], turns: list[SpeakerTurn]) -> None:
    lines = build_utterances(words, turns)
    kept = [word for line in lines for word in line.words]
    assert [(word.text, word.start_ms, word.confidence) for word in kept] \
        == [(word.text, word.start_ms, word.confidence) for word in words]


@given(spoken(), turned())
@settings(max_examples=150, deadline=None)
def test_lines_do_not_overlap_and_hold_their_words(words: list[Word], turns: list[SpeakerTurn]) -> None:
    lines = build_utterances(words, turns)
    for line in lines:
        assert line.words and line.text == join_words([word.text for word in line.words])
        assert line.start_ms <= min(word.start_ms for word in line.words)
        assert line.end_ms >= max(word.end_ms for word in line.words)
        assert line.start_ms >= words[0].start_ms and line.end_ms <= words[-1].end_ms
        assert line.speaker in {turn.speaker for turn in turns} | ({ONLY_SPEAKER} if not turns else set())
    assert all(before.end_ms <= after.start_ms for before, after in pairwise(lines))


@given(spoken(), turned())
@settings(max_examples=150, deadline=None)
def test_only_a_single_word_is_longer_than_the_limit(words: list[Word], turns: list[SpeakerTurn]) -> None:
    for line in build_utterances(words, turns):
        assert line.end_ms - line.start_ms <= LONGEST_MS or len(line.words) == 1


def say(text: str, start_ms: int = 0, word_ms: int = 300, gap_ms: int = 50) -> list[Word]:
    words = []
    for item in text.split():
        words.append(Word(item, start_ms, start_ms + word_ms))
        start_ms += word_ms + gap_ms
    return words


def test_sentences_become_lines() -> None:
    lines = build_utterances(say("Good morning everyone. How are you today?"), [])
    assert [line.text for line in lines] == ["Good morning everyone.", "How are you today?"]


def test_an_abbreviation_does_not_end_a_sentence() -> None:
    lines = build_utterances(say("Ask Dr. Smith about it."), [])
    assert [line.text for line in lines] == ["Ask Dr. Smith about it."]


def test_a_change_of_speaker_cuts_a_sentence() -> None:
    words = say("So what do you think I think it works")
    lines = build_utterances(words, [SpeakerTurn("S1", 0, words[4].end_ms), SpeakerTurn("S2", words[5].start_ms, 9999)])
    assert [(line.speaker, line.text) for line in lines] == [("S1", "So what do you think"), ("S2", "I think it works")]


def test_a_flicker_of_one_word_is_smoothed_but_an_interjection_is_not() -> None:
    words = say("we went to the house and slept", word_ms=250, gap_ms=20)
    middle = words[3]
    around = [SpeakerTurn("S1", 0, words[2].end_ms), SpeakerTurn("S1", words[4].start_ms, 9999)]
    flicker = build_utterances(words, [*around, SpeakerTurn("S2", middle.start_ms - 500, middle.end_ms)])
    assert {line.speaker for line in flicker} == {"S1"}
    real = build_utterances(words, [*around, SpeakerTurn("S2", middle.start_ms, middle.end_ms)])
    assert [line.speaker for line in real] == ["S1", "S2", "S1"]


def test_a_word_outside_every_turn_goes_to_the_nearest() -> None:
    words = [Word("hello", 5000, 5400), Word("there.", 5450, 5800)]
    assert build_utterances(words, [SpeakerTurn("S2", 6000, 9000), SpeakerTurn("S1", 0, 1000)])[0].speaker == "S2"


def test_overlapping_turns_keep_the_one_who_is_speaking() -> None:
    words = say("this is my long explanation of everything")
    turns = [SpeakerTurn("S1", 0, 5000), SpeakerTurn("S2", 700, 5000)]
    assert {line.speaker for line in build_utterances(words, turns)} == {"S1"}


def test_a_long_sentence_is_cut_at_a_clause() -> None:
    words = say("when the rain had stopped and the road was dry again after a while, we walked down to the old harbour "
                "and looked at the ships", word_ms=300, gap_ms=40)
    lines = build_utterances(words, [])
    assert [line.text.split()[-1] for line in lines] == ["while,", "ships"]


def test_a_fragment_joins_its_neighbour_but_not_across_a_pause() -> None:
    near = [*say("Oh.", 0), *say("That is a surprise to me.", 400)]
    assert len(build_utterances(near, [])) == 1
    far = [*say("Oh.", 0), *say("That is a surprise to me.", 3000)]
    assert len(build_utterances(far, [])) == 2


def test_japanese_and_chinese_are_joined_without_blanks() -> None:
    assert join_words(["今日", "は", "良い", "天気。"]) == "今日は良い天気。"
    assert join_words(["안녕하세요", "여러분"]) == "안녕하세요 여러분"
    assert join_words(["iPhone", "を", "買う"]) == "iPhone を買う"
    assert join_words(["Good", "day"]) == "Good day"


def test_no_words_give_no_lines() -> None:
    assert build_utterances([], [SpeakerTurn("S1", 0, 100)]) == []
