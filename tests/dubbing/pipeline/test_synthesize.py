"""Takes fit their slots, and their phonemes keep step with the sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubbing.domain.isochrony import Slot, plan_fit
from dubbing.domain.speech import Phoneme
from dubbing.engines.base import Speech
from dubbing.pipeline.artifact import ArtifactStore
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stages import synthesize

RATE = 24_000


class Metronome:
    """A synthesizer whose every letter lasts 100 ms at speed 1, after 200 ms of silence."""

    id, version, licence, is_fake = "metronome", "1", "none", True

    def load(self) -> None: ...
    def release(self) -> None: ...

    def why_unavailable(self) -> None: ...

    def synthesize(self, text: str, language: str, voice: str, *, speed: float = 1.0) -> Speech:
        step = 100 / speed
        phonemes = tuple(Phoneme(c, 200 + i * step, 200 + (i + 1) * step) for i, c in enumerate(text))
        sound = np.zeros(round((400 + len(text) * step) * RATE / 1000), np.float32)
        sound[round(0.2 * RATE) : -round(0.2 * RATE)] = 0.5
        return Speech(sound, RATE, phonemes)


def take(tmp_path: Path, text: str, slot: Slot):  # type: ignore[no-untyped-def]
    step = synthesize.step(Metronome(), text, "en", "any", slot)  # type: ignore[arg-type]
    return Runner(ArtifactStore(tmp_path)).run(step)


def test_a_take_of_the_right_length_is_left_alone(tmp_path: Path) -> None:
    made = take(tmp_path, "abcdefghij", Slot(0, 1060, 4000))
    assert made.facts["tempo"] == pytest.approx(1.0, abs=0.01) and made.facts["fit"] == "green"


def test_the_voice_speaks_faster_before_it_is_stretched(tmp_path: Path) -> None:
    made = take(tmp_path, "a" * 20, Slot(0, 1800, 1800))
    assert made.facts["speed"] > 1.1
    assert made.facts["duration_ms"] == pytest.approx(1800, abs=15)


def test_speech_starts_with_the_line_and_phonemes_stay_inside(tmp_path: Path) -> None:
    for slot in (Slot(0, 500, 500), Slot(0, 1000, 1400), Slot(0, 9000, 12_000)):
        made = take(tmp_path, "hello world", slot)
        sound, rate, phonemes = synthesize.load_take(made)
        assert len(sound) / rate * 1000 <= slot.room_ms + 1
        assert 0 <= phonemes[0].start_ms <= 40
        assert phonemes[-1].end_ms <= len(sound) / rate * 1000 + 1
        assert all(a.end_ms <= b.start_ms + 1e-6 for a, b in zip(phonemes, phonemes[1:], strict=False))


def test_the_place_in_the_video_is_no_part_of_the_take() -> None:
    keys = {synthesize.step(Metronome(), "hi", "en", "v", Slot(t, t + 900, t + 2000)).key  # type: ignore[arg-type]
            for t in (0, 5000)}
    assert len(keys) == 1


@settings(max_examples=20, deadline=None)
@given(st.integers(5, 40), st.integers(300, 5000), st.integers(0, 3000))
def test_no_take_is_longer_than_its_room(letters: int, length_ms: int, spare_ms: int) -> None:
    slot = Slot(0, length_ms, length_ms + spare_ms)
    natural = synthesize.trimmed(Metronome().synthesize("a" * letters, "en", "v"))
    plan = plan_fit(synthesize.duration_ms(natural), slot)
    made = synthesize.fitted(natural, plan, slot)
    assert synthesize.duration_ms(made) <= slot.room_ms + 0.1
