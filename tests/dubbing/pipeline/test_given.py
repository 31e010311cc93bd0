"""M&E that came with a project: brought onto the original's sound, and used in the mix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dubbing.engines.separate.fake import FakeSeparator
from dubbing.media.audio import write_wav
from dubbing.media.probe import probe
from dubbing.pipeline.artifact import Artifact, ArtifactStore
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stages import mix, separate

RATE, SECONDS = 48_000, 8
TIME = np.arange(SECONDS * RATE) / RATE


def _music() -> np.ndarray:
    noise = np.random.default_rng(4).normal(0, 0.06, len(TIME))
    return np.convolve(noise, np.hanning(17) / 8, "same") * (1 + 0.5 * np.sin(2 * np.pi * 0.4 * TIME))


def _speech() -> np.ndarray:
    return sum(np.sin(2 * np.pi * 130 * k * TIME) / k for k in range(1, 9)) * 0.2 * ((TIME > 2) & (TIME < 4))


def _wav(path: Path, sound: np.ndarray, rate: int = RATE, channels: int = 2) -> Path:
    write_wav(path, [np.tile(sound.astype(np.float32), (channels, 1))], rate)
    return path


def _run(folder: Path, given: Path) -> tuple[Artifact, Path]:
    source = _wav(folder / "original.wav", _music() + _speech())
    info = probe(source, needs_video=False).audio[0]
    runner = Runner(ArtifactStore(folder / "artifacts"))
    return runner.run(separate.given_step(FakeSeparator(), source, "a" * 64, info, given, "b" * 64)), source


@pytest.mark.parametrize(("shift_ms", "channels"), [(-300, 2), (0, 2), (250, 1)])
def test_it_is_moved_levelled_and_as_long_as_the_original(tmp_path: Path, shift_ms: int, channels: int) -> None:
    shifted = np.roll(_music(), -shift_ms * RATE // 1000) / 2
    longer = np.concatenate([shifted, np.zeros(RATE // 2)])
    made, _ = _run(tmp_path, _wav(tmp_path / "given.wav", longer, channels=channels))
    back, rate = soundfile.read(made.path(separate.MUSIC_AND_EFFECTS))
    assert rate == RATE and back.shape == (len(TIME), 2)
    assert made.facts["given"] and made.facts["is_aligned"] and abs(made.facts["shift_ms"] - shift_ms) < 0.1
    inner = slice(RATE, 7 * RATE)
    left = back[inner, 0] - _music()[inner]
    assert np.sqrt(np.mean(left**2)) < 0.06 * np.sqrt(np.mean(_music()[inner] ** 2))
    # FFmpeg takes 3 dB off a mono track that becomes stereo.
    assert f"{6 if channels == 2 else 9}.0 dB too quiet" in made.facts["notes"][-1]
    assert [f"{abs(shift_ms)} ms too" in note for note in made.facts["notes"][:-1]] == [True] * (shift_ms != 0)


def test_what_does_not_belong_is_used_as_it_is(tmp_path: Path) -> None:
    other = np.random.default_rng(8).normal(0, 0.05, 6 * RATE)
    made, _ = _run(tmp_path, _wav(tmp_path / "given.wav", other))
    back, _ = soundfile.read(made.path(separate.MUSIC_AND_EFFECTS))
    assert not made.facts["is_aligned"] and made.facts["gain"] == 1.0 and made.facts["notes"] == []
    assert np.abs(back[: len(other), 0] - other).max() < 1e-5 and not back[len(other):].any()


def test_the_mix_is_levelled_by_the_speech_alone(tmp_path: Path) -> None:
    """A line under an M&E that differs from the original's gets the level of its speech, not of the difference."""
    louder = np.random.default_rng(8).normal(0, 0.4, len(TIME))
    made, source = _run(tmp_path, _wav(tmp_path / "given.wav", louder))
    store = ArtifactStore(tmp_path / "artifacts")
    voice = 0.1 * np.sin(2 * np.pi * 200 * np.arange(2 * 24_000) / 24_000)
    with store.build("c" * 64, {}) as (folder, facts):
        soundfile.write(folder / "take.wav", voice, 24_000)
        (folder / "phonemes.json").write_text("[]")
        facts["duration_ms"] = 2000
    take = store.find("c" * 64)
    assert take is not None
    info = probe(source, needs_video=False).audio[0]
    mixed = Runner(store).run(mix.step(source, "a" * 64, made, [mix.DubbedLine(take, 2000, 4000)], info,
                                       language="es"))
    stem, _ = soundfile.read(made.path(separate.SPEECH))
    spoken = np.sqrt(np.mean(stem[2 * RATE: 4 * RATE] ** 2))
    assert mixed.facts["gains"][0] == pytest.approx(spoken / np.sqrt(np.mean(voice**2)), rel=0.25)
