"""Takes fit their slots, keep the original's pauses, and their phonemes keep step with the sound."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from dubbing.domain.isochrony import Slot
from dubbing.domain.phrases import Phrase
from dubbing.domain.speech import Phoneme
from dubbing.engines.base import CLONE, Speech
from dubbing.errors import DubbingError
from dubbing.pipeline.artifact import Artifact, ArtifactStore
from dubbing.pipeline.prosody import ProsodyTarget
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages import synthesize
from dubbing.pipeline.stages.reference import REFERENCE

RATE = 24_000


@dataclass
class Metronome:
    """A synthesizer whose every letter lasts 100 ms at speed 1, after 200 ms of silence.

    response: the power of the speed that durations follow; 0: none. calls: (text, speed) of each.
    """

    response: float = 1.0
    calls: list[tuple[str, float]] = field(default_factory=list)
    id, version, licence, is_fake = "metronome", "1", "none", True

    def load(self) -> None: ...
    def release(self) -> None: ...

    def why_unavailable(self) -> None: ...

    def synthesize(self, text: str, language: str, voice: str, *, speed: float = 1.0) -> Speech:
        self.calls.append((text, round(speed, 3)))
        step = 100 / speed**self.response
        phonemes = tuple(Phoneme(c, 200 + i * step, 200 + (i + 1) * step) for i, c in enumerate(text))
        time = np.arange(round((400 + len(text) * step) * RATE / 1000)) / RATE
        sound = (0.3 * np.sin(2 * np.pi * 150 * time)).astype(np.float32)
        sound[: round(0.2 * RATE)] = sound[-round(0.2 * RATE):] = 0
        return Speech(sound, RATE, phonemes)


class Steps(Metronome):
    """Whose letters last whole frames of 12.5 ms."""

    def synthesize(self, text: str, language: str, voice: str, *, speed: float = 1.0) -> Speech:
        frames = 8 if speed > 0.88 else 9 if speed > 0.82 else 10
        made = super().synthesize(text, language, voice, speed=8 / frames)
        self.calls[-1] = (text, round(speed, 3))
        return made


class Parrot(Metronome):
    """Imitates whom it is shown."""

    clones = True

    def imitate(self, text: str, language: str, reference: Path, *, speed: float = 1.0) -> Speech:
        assert soundfile.info(reference).samplerate == RATE
        return self.synthesize(text, language, "shown", speed=speed)


def take(tmp_path: Path, text: str, slot: Slot, engine: Metronome | None = None, voice: str = "any",
         **given: Any) -> Artifact:
    step = synthesize.step(engine or Metronome(), text, "en", voice, slot, **given)  # type: ignore[arg-type]
    return Runner(ArtifactStore(tmp_path)).run(step)


def test_a_take_of_the_right_length_is_left_alone(tmp_path: Path) -> None:
    engine = Metronome()
    made = take(tmp_path, "abcdefghij", Slot(0, 1045, 4000), engine)
    assert made.facts["tempo"] == pytest.approx(1.0, abs=0.01) and made.facts["fit"] == "green"
    assert engine.calls == [("abcdefghij", 1.0)] and "stretch" not in made.facts


def test_the_voice_speaks_faster_before_it_is_stretched(tmp_path: Path) -> None:
    made = take(tmp_path, "a" * 20, Slot(0, 1800, 1800))
    assert made.facts["speed"] > 1.1 and "stretch" not in made.facts
    assert made.facts["duration_ms"] == pytest.approx(1800, abs=35)


def test_a_voice_that_does_not_follow_is_asked_again(tmp_path: Path) -> None:
    engine = Metronome(response=0.5)
    made = take(tmp_path, "a" * 20, Slot(0, 1900, 1900), engine)
    assert len(engine.calls) == made.facts["calls"] == 3
    assert engine.calls[2][1] > engine.calls[1][1] > 1.0
    assert made.facts["duration_ms"] == pytest.approx(1900, abs=40) and "stretch" not in made.facts


def test_a_voice_of_whole_frames_is_found_between_what_it_did(tmp_path: Path) -> None:
    """Hardly slower at 0.9, much slower at 0.8: what is wanted lies between."""
    engine = Steps()
    made = take(tmp_path, "a" * 20, Slot(0, 2250, 2250), engine)
    assert [speed for _, speed in engine.calls] == pytest.approx([1.0, 0.91, 0.8, 0.86], abs=0.015)
    assert made.facts["calls"] == 4 and made.facts["duration_ms"] == pytest.approx(2250, abs=60)


def test_a_voice_that_does_not_answer_is_stretched_within_bounds(tmp_path: Path) -> None:
    made = take(tmp_path, "a" * 20, Slot(0, 1750, 1750), Metronome(response=0.0))
    assert made.facts["duration_ms"] == pytest.approx(1750, abs=12)
    assert 1.1 < made.facts["stretch"]["tempo"] < 1.25
    # A plain tone keeps its pitch and its spectrum.
    assert made.facts["stretch"]["pitch_cents"] < 5 and made.facts["stretch"]["spectral_db"] < 3


def test_a_voice_that_misses_the_window_by_little_is_brought_back(tmp_path: Path) -> None:
    """Said at 0.895 where 0.9 is comfortable: half a per cent decides the colour."""
    made = take(tmp_path, "a" * 20, Slot(0, 5000, 5000), Metronome(response=1.05))
    assert made.facts["fit"] == "green" and made.facts["tempo"] == pytest.approx(0.9, abs=0.001)


def test_speech_starts_with_the_line_and_phonemes_stay_inside(tmp_path: Path) -> None:
    for slot in (Slot(0, 500, 500), Slot(0, 1000, 1400), Slot(0, 9000, 12_000)):
        made = take(tmp_path, "hello world", slot)
        sound, rate, phonemes = synthesize.load_take(made)
        assert len(sound) / rate * 1000 <= slot.room_ms + 1
        assert 0 <= phonemes[0].start_ms <= 40 and made.facts["onset_ms"] <= 25
        assert phonemes[-1].end_ms <= len(sound) / rate * 1000 + 1
        assert all(a.end_ms <= b.start_ms + 1e-6 for a, b in zip(phonemes, phonemes[1:], strict=False))


def test_phrases_start_with_the_originals_and_silence_is_between(tmp_path: Path) -> None:
    phrases = (Phrase(0, 1000, "aaaaaaaaa,"), Phrase(1600, 2600, "ooooooooo"))
    made = take(tmp_path, "aaaaaaaaa ooooooooo", Slot(0, 2600, 3000), phrases=phrases)
    sound, rate, phonemes = synthesize.load_take(made)
    assert made.facts["pauses"] == [[pytest.approx(1000, abs=40), 1600]]
    assert np.abs(sound[round(1.05 * rate): round(1.59 * rate)]).max() == 0
    second = next(p for p in phonemes if p.symbol == "o")
    assert 1600 <= second.start_ms <= 1640
    (pause,) = [p for p in phonemes if p.symbol == " "]
    assert pause.end_ms - pause.start_ms > 500
    # The voice leaves 140 ms after a comma: that much belongs to the line said in one go.
    assert made.facts["natural_ms"] == pytest.approx(2 * 45 + 1900 + 140, abs=4)
    assert made.facts["tempo"] == pytest.approx((2 * 45 + 1900) / made.facts["speech_ms"], abs=0.01)


def test_a_pause_that_is_asked_for_is_there(tmp_path: Path) -> None:
    phrases = (Phrase(0, 1060, "aaaaaaaaaa"), Phrase(1500, 2560, "oooooooooo", gap_ms=700))
    made = take(tmp_path, "aaaaaaaaaa [pause 700] oooooooooo", Slot(0, 2560, 4000), phrases=phrases)
    ((start, end),) = made.facts["pauses"]
    assert end - start == pytest.approx(700, abs=2)


def test_marks_are_never_said(tmp_path: Path) -> None:
    engine = Metronome()
    take(tmp_path, "[risas] *hello*", Slot(0, 560, 900), engine)
    assert {text for text, _ in engine.calls} == {"hello"}


def test_prosody_and_emphasis_change_the_take_and_not_its_length(tmp_path: Path) -> None:
    slot = Slot(0, 1060, 2000)
    plain = take(tmp_path, "abcdefghij", slot)
    loud = take(tmp_path, "abcdefghij", slot, prosody=ProsodyTarget(level_db=6.0, duration_ms=1060))
    marked = take(tmp_path, "abcdefghij", slot, phrases=[Phrase(0, 1060, "abcdefghij", None, ((2, 5),))])
    assert len({plain.key, loud.key, marked.key}) == 3
    sounds = [synthesize.load_take(made)[0] for made in (plain, loud, marked)]
    assert len({len(sound) for sound in sounds}) == 1
    assert np.std(sounds[1]) > 1.4 * np.std(sounds[0])
    assert not np.allclose(sounds[2], sounds[0])


def test_a_cloner_is_shown_the_reference(tmp_path: Path) -> None:
    def build(folder: Path, facts: dict[str, Any], report: Any) -> None:
        soundfile.write(folder / REFERENCE, np.zeros(RATE, np.float32), RATE)

    reference = Runner(ArtifactStore(tmp_path)).run(Step("reference", "1", build))
    engine = Parrot()
    made = take(tmp_path, "hello", Slot(0, 560, 900), engine, CLONE, reference=reference)
    assert made.facts["fit"] == "green" and engine.calls
    with pytest.raises(DubbingError, match="nobody to imitate"):
        take(tmp_path, "hello", Slot(0, 560, 900), engine, CLONE)


def test_the_place_in_the_video_is_no_part_of_the_take() -> None:
    keys = {synthesize.step(Metronome(), "hi", "en", "v", Slot(t, t + 900, t + 2000)).key  # type: ignore[arg-type]
            for t in (0, 5000)}
    assert len(keys) == 1


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(2, 25), st.integers(200, 1500), st.integers(300, 800)), min_size=1, max_size=3),
       st.integers(0, 3000), st.sampled_from([0.0, 0.6, 1.0]))
def test_no_take_is_longer_than_its_room(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, int]],
                                         spare_ms: int, response: float) -> None:
    phrases, at = [], 0
    for letters, length, pause in rows:
        phrases.append(Phrase(at, at + length, "a" * letters))
        at += length + pause
    slot = Slot(0, phrases[-1].end_ms, phrases[-1].end_ms + spare_ms)
    made = take(tmp_path_factory.mktemp("take"), "a", slot, Metronome(response), phrases=phrases)
    sound, rate, phonemes = synthesize.load_take(made)
    assert len(sound) / rate * 1000 <= slot.room_ms + 0.1
    assert all(0 <= p.start_ms <= p.end_ms <= slot.room_ms + 0.1 for p in phonemes)
