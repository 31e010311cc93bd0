"""Speakers from prints, on prints that were made up: the number, the names, the times."""

from __future__ import annotations

import numpy as np
import pytest

from dubbing.domain.speech import SpeakerTurn
from dubbing.engines.diarize.fake import FakeDiarizer
from dubbing.engines.diarize.speakers import Prints, Stretch, find_speakers, follow, named

HOP_S, WINDOW_S, ALIKE = 0.2, 1.6, 0.72


def voice(number: int) -> Prints:
    """A voice's direction: two voices have a cosine of about 0.5, as Resemblyzer's have."""
    base = np.ones(64, np.float32)
    base[number * 16:(number + 1) * 16] = 5.0
    return base / np.linalg.norm(base)


def heard(numbers: list[int], each: int = 20, seed: int = 0) -> Stretch:
    """A stretch in which these voices follow each other, ``each`` windows a voice, with a little noise."""
    noise = np.random.default_rng(seed).normal(0, 0.03, (each * len(numbers), 64))
    prints = np.repeat([voice(number) for number in numbers], each, axis=0) + noise
    prints = (prints / np.linalg.norm(prints, axis=1, keepdims=True)).astype(np.float32)
    return Stretch(1.0, 1.0 + WINDOW_S + HOP_S * (len(prints) - 1), prints)


@pytest.mark.parametrize("numbers", [[0], [0, 1], [0, 1, 0, 1], [0, 1, 2], [2, 0, 1, 0]])
def test_the_number_of_speakers_is_found(numbers: list[int]) -> None:
    assert len(find_speakers([heard(numbers)], ALIKE, HOP_S, None)) == len(set(numbers))


def test_a_given_number_is_kept_to() -> None:
    assert len(find_speakers([heard([0, 1, 2])], ALIKE, HOP_S, 2)) == 2
    assert len(find_speakers([heard([0, 1, 2])], ALIKE, HOP_S, 1)) == 1


def test_turns_change_where_the_voice_does() -> None:
    stretch = heard([0, 1])
    speakers = find_speakers([stretch], ALIKE, HOP_S, None)
    turns = follow(stretch, speakers, HOP_S, WINDOW_S)
    assert len(turns) == 2 and turns[0][0] != turns[1][0]
    assert turns[0][1] == stretch.start and turns[-1][2] == stretch.end
    middle = stretch.start + WINDOW_S / 2 + HOP_S * 19.5
    assert abs(turns[0][2] - middle) < 0.25 and turns[0][2] == turns[1][1]


def test_one_odd_window_makes_no_turn() -> None:
    stretch = heard([0, 1])
    stretch.prints[8] = voice(1)
    speakers = np.stack([voice(0), voice(1)])
    assert len(follow(stretch, speakers, HOP_S, WINDOW_S)) == 2


def test_names_follow_the_order_of_appearance_and_turns_are_joined() -> None:
    prints = np.stack([voice(0), voice(1)])
    result = named([(1, 0.0, 1.0), (1, 1.2, 2.0), (0, 2.0, 3.0), (0, 3.0, 3.05)], prints, 10_000)
    assert result.turns == (SpeakerTurn("S1", 0, 2000), SpeakerTurn("S2", 2000, 3000))
    assert np.allclose(result.embeddings["S1"], voice(1))
    assert np.linalg.norm(result.embeddings["S2"]) == pytest.approx(1.0, abs=1e-5)


def test_the_fake_is_marked_and_takes_turns() -> None:
    tone = np.sin(np.arange(16000) * 0.2).astype(np.float32) * 0.3
    sound = np.concatenate([tone, np.zeros(16000, np.float32), tone])
    result = FakeDiarizer().diarize(sound, speakers=2)
    assert FakeDiarizer.is_fake and [turn.speaker for turn in result.turns] == ["S1", "S2"]
