"""Tempo without pitch: length, timing, smoothness, and fewer artefacts than FFmpeg's atempo leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubbing.domain.elastic import along, curve
from dubbing.engines.base import Sound
from dubbing.engines.tts.fake import FakeSynthesizer
from dubbing.media import audio
from dubbing.media.wsola import SEARCH_MS, artefacts, warp
from scripts.stretch_bench import atempo

RATE = 24_000
SAMPLE = Path(__file__).parents[3] / "samples" / "es_solo.mp4"


def even(sound: Sound, rate: int, tempo: float) -> list[tuple[float, float]]:
    total = len(sound) * 1000 / rate
    return [(0.0, 0.0), (total, round(len(sound) / tempo) * 1000 / rate)]


def tone(hertz: float, rate: int, seconds: float = 2.0) -> Sound:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.fixture(scope="module")
def speech() -> Sound:
    """Three seconds of the bundled speaker."""
    whole = np.concatenate([block.mean(0) for block in audio.blocks(SAMPLE)])
    rate = 48_000
    return audio.resample(whole[: 4 * rate].astype(np.float32), rate, RATE)[RATE // 2: RATE * 7 // 2]


@pytest.mark.parametrize("tempo", [0.6, 0.93, 1.07, 1.6])
@pytest.mark.parametrize("hertz", [85, 200, 380])
def test_length_pitch_and_smoothness(tempo: float, hertz: float) -> None:
    for rate in (16_000, 48_000):
        before = tone(hertz, rate)
        out = warp(before, rate, even(before, rate, tempo))
        assert len(out) == round(len(before) / tempo)
        middle = out[rate // 4: -rate // 4]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
        assert np.argmax(spectrum) * rate / len(middle) == pytest.approx(hertz, abs=1.5)
        assert np.abs(np.diff(out)).max() < 1.3 * np.abs(np.diff(before)).max()


def test_the_own_tempo_is_a_copy(speech: Sound) -> None:
    assert np.allclose(warp(speech, RATE, even(speech, RATE, 1.0)), speech, atol=1e-6)


def test_where_the_curve_is_straight_the_sound_is_copied(speech: Sound) -> None:
    """A burst in the middle keeps its samples while all around it is stretched."""
    total = len(speech) * 1000 / RATE
    knots = [(0.0, 0.0), (1000.0, 1300.0), (1100.0, 1400.0), (total, 1400 + (total - 1100) * 1.3)]
    out = warp(speech, RATE, knots)
    inside = speech[round(1.025 * RATE): round(1.085 * RATE)]
    where = np.correlate(out[round(1.3 * RATE): round(1.42 * RATE)], inside, "valid")
    found = out[round(1.3 * RATE):][int(np.argmax(where)):][: len(inside)]
    assert np.corrcoef(found, inside)[0, 1] > 0.999


@pytest.mark.parametrize("tempo", [0.85, 1.2])
def test_times_follow_the_curve(tempo: float) -> None:
    said = FakeSynthesizer().synthesize("Papa, mama. Tata.", "es", "fake_low")
    total = len(said.sound) * 1000 / said.sample_rate
    knots = curve(said.phonemes, total, round(total / tempo))
    out = warp(said.sound, said.sample_rate, knots)

    def envelope(sound: Sound) -> np.ndarray:
        step = said.sample_rate // 200
        return np.sqrt(np.square(sound[: len(sound) // step * step].reshape(-1, step)).mean(1))

    heard = envelope(out)
    for phoneme in said.phonemes:
        start, end = along(knots, phoneme.start_ms), along(knots, phoneme.end_ms)
        inside = heard[round((start + SEARCH_MS) / 5): round((end - SEARCH_MS) / 5)]
        if phoneme.symbol in "aeiou":
            assert inside.min() > 0.05
        elif phoneme.symbol in "pm" or (phoneme.symbol == " " and end - start > 4 * SEARCH_MS):
            assert inside.max() < 0.05


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 3000), st.floats(0.4, 2.5), st.sampled_from([8000, 24_000]))
def test_any_sound_gets_its_length(samples: int, tempo: float, rate: int) -> None:
    sound = np.random.default_rng(samples).normal(0, 0.1, samples).astype(np.float32)
    target = max(1, round(samples / tempo))
    out = warp(sound, rate, [(0, 0), (max(1, samples) * 1000 / rate, target * 1000 / rate)])
    assert len(out) == target and np.isfinite(out).all()
    assert not samples or np.abs(out).max() <= 1.01 * np.abs(sound).max()


def test_a_curve_that_does_not_rise_is_refused() -> None:
    with pytest.raises(ValueError):
        warp(np.zeros(100, np.float32), RATE, [(0, 0), (2, 3), (2, 4)])


@pytest.mark.parametrize("tempo", [0.85, 1.2])
def test_fewer_artefacts_than_atempo(speech: Sound, tempo: float) -> None:
    knots = even(speech, RATE, tempo)
    ours = artefacts(speech, warp(speech, RATE, knots), RATE, knots)
    theirs = artefacts(speech, atempo(speech, RATE, tempo), RATE, knots)
    assert ours.spectral_db < theirs.spectral_db < 3.0
    assert ours.pitch_cents < 6 and ours.broken < 0.1 and 0.85 < ours.flux < 1.3


def test_the_measure_sees_a_pitch_that_went_along(speech: Sound) -> None:
    """Resampling is what a stretch must not be: its pitch is off by the tempo."""
    knots = even(speech, RATE, 1.2)
    resampled = np.interp(np.arange(round(len(speech) / 1.2)) * 1.2, np.arange(len(speech)), speech)
    found = artefacts(speech, resampled.astype(np.float32), RATE, knots)
    assert found.pitch_cents == pytest.approx(1200 * np.log2(1.2), abs=25) and found.broken > 0.9
    same = artefacts(speech, speech, RATE, even(speech, RATE, 1.0))
    assert same.spectral_db < 0.01 and same.pitch_cents < 1 and same.flux == pytest.approx(1.0, abs=0.01)
