"""A mix brought to a preset: loudness met, peaks below the ceiling as they are encoded, the stems of a piece."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, resample_poly, sosfilt

from dubbing.domain.loudness import PRESETS, Loudness
from dubbing.engines.base import Sound
from dubbing.media.audio import write_wav
from dubbing.media.loudness_file import speech_powers
from dubbing.media.loudness_meter import measure
from dubbing.pipeline.artifact import ArtifactStore
from dubbing.pipeline.loudness import PeakLimiter, levelled
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages import loudness
from dubbing.pipeline.stages.mix import MIX, SPEECH, write_background

RATE = 16_000


def speechlike(seconds: float, level: float, seed: int) -> Sound:
    """Band-limited noise in syllables of changing strength, with pauses: the crest and the gaps of talk."""
    random = np.random.default_rng(seed)
    count = int(seconds * RATE)
    noise = sosfilt(butter(2, [150, 4000], "band", fs=RATE, output="sos"), random.standard_normal(count))
    syllables = np.interp(np.arange(count), np.arange(0, count + 4000, 1600),
                          np.resize(random.uniform(0, 1, 40) ** 2, len(np.arange(0, count + 4000, 1600))))
    return (level * noise / noise.std() * syllables).astype(np.float32)


def pieces(sound: Sound, size: int) -> Iterator[tuple[Sound, Sound]]:
    for start in range(0, sound.shape[1], size):
        yield sound[:, start : start + size], 0.5 * sound[:, start : start + size]


@pytest.mark.parametrize("size", [7, 480, 100_000])
def test_no_peak_passes_the_ceiling_and_calm_parts_are_only_louder(size: int) -> None:
    sound = np.tile(0.05 * speechlike(0.5, 1.0, 0), (2, 1))
    sound[0, 4000], sound[1, 6000:6010] = 0.9, 0.8
    limiter = PeakLimiter(RATE, -3.0)
    parts = list(levelled(pieces(sound, size), 6.0, limiter))
    out, stem = (np.concatenate(side, axis=1) for side in zip(*parts, strict=True))
    assert out.shape == sound.shape
    np.testing.assert_allclose(stem, 0.5 * out, atol=1e-7)
    assert np.abs(resample_poly(out, 8, 1, axis=1)).max() <= 10 ** (-3 / 20) * 1.01
    assert np.abs(out[0, 4000]) == pytest.approx(10 ** (-3 / 20), rel=0.02)
    np.testing.assert_allclose(out[:, :3900], sound[:, :3900] * 10 ** (6 / 20), rtol=1e-5)
    assert limiter.deepest_db == pytest.approx(-3 - 6 - 20 * np.log10(0.9), abs=0.3)


def test_the_gain_is_the_same_whatever_the_blocks_and_has_no_corner() -> None:
    sound = np.tile(speechlike(0.5, 0.5, 1), (1, 1))
    runs = [np.concatenate([mix for mix, _ in levelled(pieces(sound, size), 9.0, PeakLimiter(RATE, -1.0))], axis=1)
            for size in (333, 8000)]
    np.testing.assert_allclose(runs[0], runs[1], atol=1e-6)
    loud = np.abs(sound[0]) > 0.01
    gain = 20 * np.log10(np.abs(runs[0][0][loud] / sound[0][loud]))
    assert np.abs(np.diff(gain)[np.diff(np.flatnonzero(loud)) == 1]).max() < 1.0


def mixed(tmp_path: Path, mix: Sound, speech: Sound) -> Step:
    def build(folder: Path, facts: dict[str, object], _report: object) -> None:
        write_wav(folder / MIX, [mix], RATE)
        write_wav(folder / SPEECH, [speech], RATE)
        powers = speech_powers(folder / SPEECH)
        found = measure([mix], RATE, powers)
        facts["loudness"] = {"source": found.to_json(), "mix": found.to_json()}

    return Step("mix", "1", build)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if preset.target is not None])
def test_every_preset_is_met_as_the_file_is_encoded(name: str, tmp_path: Path) -> None:
    speech = np.zeros((1, 6 * RATE), np.float32)
    speech[0, RATE : 4 * RATE] = speechlike(3, 0.06, 2)
    mix = speech + speechlike(6, 0.01, 3)
    runner, preset = Runner(ArtifactStore(tmp_path)), PRESETS[name]
    before = runner.run(mixed(tmp_path, mix, speech))
    made = runner.run(loudness.step(before, preset, language="es"))
    encoded = Loudness.from_json(made.facts["loudness"]["encoded"])
    assert encoded.of(preset) == pytest.approx(preset.target, abs=0.25)
    assert encoded.true_peak is not None and encoded.true_peak <= preset.ceiling
    if preset.is_dialogue_gated:
        assert encoded.integrated is not None and encoded.dialogue is not None
        assert encoded.dialogue > encoded.integrated
    now, _ = soundfile.read(made.path(MIX), dtype="float32")
    stem, _ = soundfile.read(made.path(SPEECH), dtype="float32")
    # The stem is as much louder as the mix: what is between them is the M&E, as much louder, too.
    quiet = slice(5 * RATE, 6 * RATE)
    np.testing.assert_allclose(stem[quiet], 0, atol=1e-6)
    assert len(now) == len(stem) == 6 * RATE
    rest, _ = soundfile.read(write_background(made, tmp_path / "me.wav"), dtype="float32")
    np.testing.assert_allclose(rest + stem, now, atol=1e-6)


def test_silence_is_left_alone(tmp_path: Path) -> None:
    quiet = np.zeros((1, RATE), np.float32)
    runner = Runner(ArtifactStore(tmp_path))
    made = runner.run(loudness.step(runner.run(mixed(tmp_path, quiet, quiet)), PRESETS["web-16"], language="es"))
    assert made.facts["gain_db"] == 0.0 and made.facts["loudness"]["mix"]["integrated"] is None
