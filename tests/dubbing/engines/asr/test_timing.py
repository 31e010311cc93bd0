"""Word times: gaps filled, pauses left out, order kept; and the pieces that Whisper is given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubbing.domain.speech import Word
from dubbing.engines.asr.fake import FakeRecognizer, loud_stretches
from dubbing.engines.asr.timing import TimedText, fill_gaps, glue, leave_pauses, loud_parts, sentences, to_words
from dubbing.engines.asr.whisperx import make_chunks

TONE = (np.sin(np.arange(16000) * 0.2) * 0.3).astype(np.float32)
SILENCE = np.zeros(16000, np.float32)


def test_a_number_without_times_gets_the_room_between_its_neighbours() -> None:
    words = [TimedText("In", 0.0, 0.2), TimedText("1984", None, None), TimedText("%", None, None),
             TimedText("rose", 1.0, 1.4)]
    fill_gaps(words, 0.0, 2.0)
    assert words[1].start == 0.2 and words[1].end == pytest.approx(0.84)
    assert words[2].end == pytest.approx(1.0)


def test_words_without_any_times_share_the_piece() -> None:
    words = [TimedText("12", None, None), TimedText("34", None, None)]
    fill_gaps(words, 3.0, 5.0)
    assert [(word.start, word.end) for word in words] == [(3.0, 4.0), (4.0, 5.0)]


def test_a_word_leaves_the_pause_before_it() -> None:
    words = [TimedText("Hello", 0.0, 2.0)]
    leave_pauses(words, [(0.0, 0.1), (1.5, 2.2)])
    assert (words[0].start, words[0].end) == (1.5, 2.0)


def test_pieces_of_one_word_are_glued() -> None:
    pieces = [TimedText(" 91", 0.0, 1.0, 1.0), TimedText(".290", 1.0, 2.0, 0.5), TimedText(" ok", 2.0, 3.0)]
    words = glue(pieces)
    assert [word.text for word in words] == [" 91.290", " ok"] and words[0].end == 2.0
    assert 0.5 < words[0].confidence < 1.0


def test_loudness_finds_where_speech_begins() -> None:
    noise = np.random.default_rng(0).normal(0, 1e-4, 16000).astype(np.float32)
    parts = loud_parts(np.concatenate([noise, TONE, noise]), [(0.0, 3.0)], 16000)
    assert len(parts) == 1 and parts[0] == pytest.approx((1.0, 2.0), abs=0.03)


def test_over_a_music_bed_loudness_says_nothing() -> None:
    assert loud_parts(TONE, [(0.1, 0.9)], 16000) == [pytest.approx((0.1, 0.9), abs=0.02)]


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 3)), max_size=40))
def test_words_come_out_in_order_and_inside(times: list[tuple[float, float]]) -> None:
    timed = [TimedText("w", start, start + length) for start, length in times]
    words = to_words(timed, 40.0)
    assert len(words) == len(timed)
    floor = 0
    for word in words:
        assert floor <= word.start_ms <= word.end_ms <= 40_000
        floor = word.end_ms


def test_sentences_end_at_full_stops_but_not_at_titles() -> None:
    texts = ["Ask", "Dr.", "Smith.", "Now!"]
    words = [Word(text, index * 300, index * 300 + 280) for index, text in enumerate(texts)]
    assert [segment.text for segment in sentences(words, " ")] == ["Ask Dr. Smith.", "Now!"]


def test_chunks_are_short_enough_and_lose_no_voice() -> None:
    step, scores = 0.02, np.zeros(5000, np.float32)
    scores[100:4000] = 0.9   # 78 s without a pause
    scores[2000] = 0.6       # where voice is weakest
    scores[4600:4700] = 0.9
    chunks = make_chunks(scores, step, 100.0)
    assert all(chunk.end - chunk.start <= 28.5 for chunk in chunks)
    assert chunks[0].start == pytest.approx(1.85) and chunks[-1].start == pytest.approx(91.85)
    covered = sum(end - start for chunk in chunks for start, end in chunk.voiced)
    assert covered == pytest.approx(78 + 2 + 0.6, abs=0.1)
    assert make_chunks(np.zeros(100, np.float32), step, 2.0) == []


def test_the_fake_hears_loudness_only() -> None:
    sound = np.concatenate([SILENCE, TONE, SILENCE, TONE])
    assert loud_stretches(sound) == [(1000, 2000), (3000, 4000)]
    transcript = FakeRecognizer().transcribe(sound, language=None)
    assert FakeRecognizer.is_fake and [word.text for word in transcript.words] == ["word1", "word2.", "word3", "word4."]
    assert FakeRecognizer().transcribe(SILENCE, language="es").segments == ()
