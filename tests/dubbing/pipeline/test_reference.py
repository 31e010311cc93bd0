"""The reference of a voice: clean seconds are found between overlapping, noisy, musical, clipped and odd ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dubbing.engines.base import Sound, SpeakerSpan
from dubbing.errors import MediaError
from dubbing.pipeline import reference
from dubbing.pipeline.artifact import Artifact, ArtifactStore
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stages import reference as stage
from dubbing.pipeline.stages.separate import MUSIC_AND_EFFECTS, SPEECH

RATE = 16_000


def voice(seconds: float, pitch_hz: float = 120.0, level: float = 0.1, seed: int = 1) -> Sound:
    """Something like speech: harmonics that fall off, whose pitch moves, in syllables of a fifth of a second."""
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    pitch = pitch_hz * 2 ** (np.sin(2 * np.pi * 0.7 * time) / 12)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, 20))
    sound = sound * (0.35 + 0.65 * np.abs(np.sin(np.pi * 2.5 * time))) + 0.02 * random.standard_normal(len(time))
    return (level * sound / np.sqrt(np.mean(np.square(sound)))).astype(np.float32)


class Scene:
    """Stems of 60 s that are quiet but for what is put into them."""

    def __init__(self) -> None:
        self.speech = (1e-4 * np.random.default_rng(2).standard_normal(60 * RATE)).astype(np.float32)
        self.rest = np.zeros(60 * RATE, np.float32)
        self.spans: list[SpeakerSpan] = []

    def say(self, start_s: float, sound: Sound, speaker: str = "A") -> None:
        first = int(start_s * RATE)
        self.speech[first: first + len(sound)] += sound
        self.spans.append(SpeakerSpan(speaker, int(start_s * 1000), int(start_s * 1000) + len(sound) * 1000 // RATE))

    def under(self, start_s: float, seconds: float, level: float) -> None:
        first = int(start_s * RATE)
        self.rest[first: first + int(seconds * RATE)] += (level * np.random.default_rng(3).standard_normal(
            int(seconds * RATE))).astype(np.float32)

    def stems(self, folder: Path) -> Artifact:
        folder.mkdir(parents=True, exist_ok=True)
        for name, sound in ((SPEECH, self.speech), (MUSIC_AND_EFFECTS, self.rest)):
            soundfile.write(folder / name, np.stack([sound, sound], 1), RATE, subtype="FLOAT")
        return Artifact("a" * 64, folder, {})


def run(scene: Scene, folder: Path, speaker: str = "A") -> Artifact:
    stems = scene.stems(folder / "stems")
    return Runner(ArtifactStore(folder / "artifacts")).run(stage.step(stems, scene.spans, speaker))


def test_the_clean_passages_are_taken(tmp_path: Path) -> None:
    scene = Scene()
    scene.say(1, voice(4))                                       # clean
    scene.say(6, voice(4) + 0.05 * np.random.default_rng(5).standard_normal(4 * RATE).astype(np.float32))  # noisy
    scene.say(11, voice(4))
    scene.under(11, 4, 0.05)                                     # music beneath
    scene.say(16, np.clip(voice(4, level=0.9), -1, 1))           # shouted into the limiter
    scene.say(21, voice(4, pitch_hz=260.0))                      # a voice put on, or somebody else
    scene.say(26, voice(4, seed=7))                              # clean
    scene.say(31, voice(4, seed=8))
    scene.say(32, voice(2, pitch_hz=210.0), "B")                 # talked over
    scene.say(40, voice(4, seed=9))                              # clean
    made = run(scene, tmp_path)
    sound, rate = soundfile.read(made.path(stage.REFERENCE), dtype="float32")
    clean = [(1000, 5000), (26_000, 30_000), (40_000, 44_000)]
    taken = [(row["start_ms"], row["end_ms"]) for row in made.facts["passages"]]
    assert len(taken) == 3
    assert all(abs(a - c) < 120 and abs(b - d) < 120 for (a, b), (c, d) in zip(taken, clean, strict=True))
    assert rate == 24_000 and sound.ndim == 1
    assert len(sound) / rate == pytest.approx(made.facts["seconds"], abs=0.5)
    assert made.facts["is_enough"] and 6 <= made.facts["seconds"] <= 15
    assert made.facts["overlapped_seconds"] == pytest.approx(2.3, abs=0.01)
    assert {"noise", "music", "pitch"} <= set(made.facts["left_out"])
    assert np.abs(sound).max() < 0.9 and "passages" in made.facts["why"]


def test_little_speech_is_taken_as_it_is_and_too_little_is_told(tmp_path: Path) -> None:
    scene = Scene()
    scene.say(1, voice(2.5))
    scene.say(10, voice(0.8, pitch_hz=200.0), "B")
    made = run(scene, tmp_path)
    assert not made.facts["is_enough"] and made.facts["seconds"] == pytest.approx(2.5, abs=0.2)
    with pytest.raises(MediaError, match="too little"):
        run(scene, tmp_path, "B")


def test_a_long_speech_is_cut_to_what_is_wanted(tmp_path: Path) -> None:
    scene = Scene()
    scene.say(1, voice(40))
    made = run(scene, tmp_path)
    assert reference.SHORTEST_MS <= made.facts["seconds"] * 1000 <= reference.LONGEST_MS


def test_alone_leaves_out_what_others_talk_over() -> None:
    spans = [SpeakerSpan("A", 0, 5000), SpeakerSpan("B", 2000, 3000), SpeakerSpan("A", 4000, 8000)]
    assert reference.alone(spans, "A") == [(0, 1850), (3150, 5000), (5000, 8000)]
    assert reference.alone(spans, "B") == []


def test_lines_of_others_far_away_do_not_change_the_key(tmp_path: Path) -> None:
    scene = Scene()
    scene.say(1, voice(3))
    stems = scene.stems(tmp_path)
    far, near = SpeakerSpan("B", 20_000, 22_000), SpeakerSpan("B", 3000, 5000)
    key = stage.step(stems, scene.spans, "A").key
    assert stage.step(stems, [*scene.spans, far], "A").key == key
    assert stage.step(stems, [*scene.spans, near], "A").key != key
