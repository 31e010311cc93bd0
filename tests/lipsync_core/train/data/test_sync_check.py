"""A planted offset is found, a swapped sound is refused; on the mouth and voice of a clip of our own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from lipsync_core.speech.sound import RATE, read_mono
from lipsync_core.train.data.sync_check import Mouth, Speech, least, mouth_of, moved
from lipsync_core.train.types import SAMPLES_PER_FRAME
from tests.lipsync_core.cartoon import talking

FIRST, COUNT = 12, 250


@pytest.fixture(scope="module")
def mouth(samples: Path) -> Mouth:
    """As the clip's lips were driven; what else moves goes with them."""
    entry = json.loads((samples / "es_solo.json").read_text())["frames"]
    (_, frames), = entry if isinstance(entry, list) else entry.items()
    opening = np.array(frames["mouth_opening"][FIRST: FIRST + COUNT])
    return Mouth(opening, gaussian_filter1d(np.abs(np.diff(opening, prepend=opening[:1])), 1.5))


@pytest.fixture(scope="module")
def sound(samples: Path) -> np.ndarray:
    return read_mono(samples / "es_solo.mp4")


@pytest.mark.parametrize("late", [-6, 0, 4])
def test_a_planted_offset_is_found(mouth: Mouth, sound: np.ndarray, late: int) -> None:
    shifted = moved(sound, -late, len(sound) // SAMPLES_PER_FRAME, 0)
    agreed = Speech(shifted).agreement(mouth, FIRST)
    assert (agreed.offset_frames, agreed.reason) == (late, "")
    assert agreed.value > 0.5
    assert (agreed.value == agreed.at_zero) == (late == 0)


def test_another_sound_is_refused(mouth: Mouth, samples: Path) -> None:
    other = Speech(read_mono(samples / "es_dialogue.mp4"))
    assert [other.agreement(mouth, first).reason for first in (0, 60, 120, 180)] == ["sound and picture disagree"] * 4


def test_an_offset_out_of_reach_is_refused(mouth: Mouth, sound: np.ndarray) -> None:
    speech = Speech(sound)
    assert speech.agreement(mouth, FIRST - 40, 10).reason == "sound and picture disagree"
    assert speech.agreement(mouth, FIRST - 7, 10, fixed=0).reason == "sound and picture disagree"
    assert speech.agreement(mouth, FIRST - 7, 10, fixed=7).reason == ""


def test_silence_and_a_resting_mouth_are_told_apart(mouth: Mouth, sound: np.ndarray) -> None:
    assert Speech(np.zeros(10 * RATE, np.float32)).agreement(mouth, 0).reason == "silent"
    still = Mouth(np.full(COUNT, 0.01), np.zeros(COUNT))
    assert Speech(sound).agreement(still, FIRST).reason == "the mouth rests"


def test_less_is_asked_of_longer_clips() -> None:
    assert least(38) > least(100) > least(250) > 0.2


def test_a_mouth_is_read_off_the_mesh() -> None:
    points = talking(40)
    seen = mouth_of(points)
    assert seen.opening.shape == seen.speed.shape == (40,)
    assert seen.opening.max() > 5 * seen.opening.min() + 0.05
    fast, slow = seen.speed[4:12].mean(), seen.speed[19]
    assert fast > 1.5 * slow, "the cartoon's mouth moves in its first 16 of 22 frames"


@given(st.integers(-2000, 4000), st.integers(0, 500), st.integers(-20, 20))
def test_moved_sound_has_its_length_and_its_samples(first: int, frames: int, offset: int) -> None:
    sound = np.arange(1, 700_000, dtype=np.float32)
    part = moved(sound, first, frames, offset)
    assert len(part) == frames * SAMPLES_PER_FRAME
    wanted = np.arange(len(part)) + (first + offset) * SAMPLES_PER_FRAME
    inside = (wanted >= 0) & (wanted < len(sound))
    assert (part[~inside] == 0).all()
    assert (part[inside] == sound[wanted[inside]]).all()
