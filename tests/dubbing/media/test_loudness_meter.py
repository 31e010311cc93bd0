"""Loudness and true peak against EBU Tech 3341 and 3342, against pyloudnorm, and in blocks of any size."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dubbing.engines.base import Sound
from dubbing.media.audio import write_wav
from dubbing.media.loudness_file import measure_file, speech_powers
from dubbing.media.loudness_meter import PeakMeter, channel_weights, measure

RATE = 48_000
#: Figures do not depend on the rate; long tones are quicker at this one.
LOW_RATE = 12_000


def tone(levels: list[tuple[float, float]], channels: int = 2, rate: int = RATE, hz: float = 1000.0) -> Sound:
    """A sine whose level is (dBFS, seconds) in turn, the same in every channel."""
    parts = [np.full(round(seconds * rate), 10 ** (level / 20)) for level, seconds in levels]
    envelope = np.concatenate(parts)
    wave = envelope * np.sin(2 * np.pi * hz * np.arange(len(envelope)) / rate)
    return np.tile(wave.astype(np.float32), (channels, 1))


def cut(sound: Sound, size: int) -> Iterator[Sound]:
    for start in range(0, sound.shape[1], size):
        yield sound[:, start : start + size]


@pytest.mark.parametrize(("levels", "expected"), [
    ([(-23, 20)], -23.0),
    ([(-33, 20)], -33.0),
    ([(-36, 10), (-23, 60), (-36, 10)], -23.0),
    ([(-72, 10), (-36, 10), (-23, 60), (-36, 10), (-72, 10)], -23.0),
    ([(-26, 20), (-20, 20.1), (-26, 20)], -23.0)])
def test_integrated_loudness_of_ebu_tech_3341(levels: list[tuple[float, float]], expected: float) -> None:
    assert measure(cut(tone(levels, rate=LOW_RATE), 7000), LOW_RATE).integrated == pytest.approx(expected, abs=0.1)


def test_surround_of_ebu_tech_3341_case_6() -> None:
    wave = tone([(0, 20)], 1, LOW_RATE)[0]
    gains = 10 ** (np.array([-28.0, -28.0, -24.0, -200.0, -30.0, -30.0]) / 20)
    sound = (gains[:, None] * wave).astype(np.float32)
    assert measure([sound], LOW_RATE).integrated == pytest.approx(-23.0, abs=0.1)
    assert list(channel_weights(6)) == [1, 1, 1, 0, 1.41, 1.41]


@pytest.mark.parametrize(("levels", "expected"), [
    ([(-20, 20), (-30, 20)], 10.0), ([(-20, 20), (-15, 20)], 5.0), ([(-40, 20), (-20, 20)], 20.0),
    ([(-50, 20), (-35, 20), (-20, 20), (-35, 20), (-50, 20)], 15.0)])
def test_range_of_ebu_tech_3342(levels: list[tuple[float, float]], expected: float) -> None:
    assert measure([tone(levels, rate=LOW_RATE)], LOW_RATE).range == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 2), (44_100, 1), (16_000, 5)])
def test_the_same_as_pyloudnorm(rate: int, channels: int) -> None:
    pyloudnorm = pytest.importorskip("pyloudnorm")
    random = np.random.default_rng(3)
    envelope = np.repeat(random.uniform(0.001, 0.2, 24), rate // 2)
    noise = np.cumsum(random.standard_normal((channels, len(envelope))), axis=1)
    sound = (envelope * (noise - noise.mean()) / np.abs(noise).max()).astype(np.float32)
    expected = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(sound.T.astype(np.float64))
    assert measure(cut(sound, 7777), rate).integrated == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("size", [97, 9000])
def test_the_size_of_blocks_makes_no_difference(size: int) -> None:
    random = np.random.default_rng(0)
    sound = (0.1 * random.standard_normal((2, 9600))).astype(np.float32)
    whole, parts = measure([sound], RATE), measure(cut(sound, size), RATE)
    assert parts.integrated == pytest.approx(whole.integrated, abs=1e-6)
    assert parts.true_peak == pytest.approx(whole.true_peak, abs=1e-6)


@pytest.mark.parametrize("phase", [0.0, 45.0, 60.0, 67.5])
def test_true_peak_lies_between_samples(phase: float) -> None:
    """Tech 3341, cases 15 to 19: a sine of a quarter or a sixth of the sample rate, +0.2/-0.4 dB."""
    hz = RATE / (6 if phase == 60.0 else 4)
    at = np.arange(RATE) / RATE
    sound = (0.5 * np.sin(2 * np.pi * hz * at + np.deg2rad(phase))).astype(np.float32)
    fade = np.minimum(1, np.minimum(np.arange(RATE), np.arange(RATE)[::-1]) / 2000).astype(np.float32)
    meter = PeakMeter()
    for block in cut((sound * fade)[None], 1000):
        meter.push(block)
    assert -0.4 <= 20 * np.log10(meter.finish() / 0.5) <= 0.2


def test_a_peak_at_the_very_end_is_seen() -> None:
    sound = np.zeros((1, 5000), np.float32)
    sound[0, -1] = 0.9
    assert measure([sound], RATE).true_peak == pytest.approx(20 * np.log10(0.9), abs=0.05)


def test_dialogue_is_measured_where_the_stem_speaks(tmp_path: Path) -> None:
    music, speech = tone([(-20, 20)]), tone([(-120, 10), (-26, 5), (-120, 5)], hz=500)
    mix = music.copy()
    mix[:, 10 * RATE : 15 * RATE] *= 0.05
    mix += speech
    stem, file = tmp_path / "stem.wav", tmp_path / "mix.wav"
    write_wav(stem, [speech], RATE)
    write_wav(file, [mix], RATE)
    found = measure_file(file, speech=stem)
    spoken = measure([mix[:, round(10.2 * RATE) : round(14.8 * RATE)]], RATE).integrated
    assert found.dialogue == pytest.approx(spoken, abs=1.0)
    assert found.integrated is not None and found.dialogue is not None and found.integrated > found.dialogue + 3
    assert len(speech_powers(stem)) == 200
    assert measure_file(file).dialogue is None


def test_silence_and_the_very_short_have_an_answer() -> None:
    silent = measure([np.zeros((2, RATE), np.float32)], RATE)
    assert (silent.integrated, silent.true_peak, silent.range) == (None, None, 0.0)
    assert measure([], RATE).integrated is None
    assert measure([tone([(-20, 0.15)])], RATE).integrated == pytest.approx(-20, abs=1)


def test_memory_does_not_grow_with_length() -> None:
    def run(seconds: int) -> int:
        block = (0.1 * np.random.default_rng(0).standard_normal((2, RATE))).astype(np.float32)
        tracemalloc.start()
        measure((block for _ in range(seconds)), RATE)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    run(1)
    assert run(16) < 1.1 * run(4) + 16 * 10 * 8 * 4
