"""Tempo without pitch."""

from __future__ import annotations

import numpy as np
import pytest

from dubbing.engines.tts.fake import FakeSynthesizer
from dubbing.errors import UsageError
from dubbing.media.stretch import stretch


@pytest.mark.parametrize("tempo", [0.8, 0.93, 1.07, 1.3])
@pytest.mark.parametrize("rate", [24_000, 48_000])
def test_length_pitch_and_smoothness(tempo: float, rate: int) -> None:
    tone = (0.3 * np.sin(2 * np.pi * 200 * np.arange(2 * rate) / rate)).astype(np.float32)
    out = stretch(tone, rate, tempo)
    assert len(out) == round(len(tone) / tempo)
    middle = out[rate // 4: -rate // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * rate / len(middle) == pytest.approx(200, abs=3)
    assert np.abs(np.diff(out)).max() < 2.5 * np.abs(np.diff(tone)).max()


def test_natural_tempo_is_the_input_itself() -> None:
    sound = np.ones(100, np.float32)
    assert stretch(sound, 24_000, 1.0) is sound


@pytest.mark.parametrize("tempo", [0.85, 1.2])
def test_times_scale_with_the_tempo(tempo: float) -> None:
    speech = FakeSynthesizer().synthesize("Papa, mama. Tata.", "es", "fake_low")
    out = stretch(speech.sound, speech.sample_rate, tempo)

    def envelope(sound: np.ndarray) -> np.ndarray:
        step = speech.sample_rate // 200
        return np.sqrt(np.square(sound[: len(sound) // step * step].reshape(-1, step)).mean(1))

    before, after = envelope(speech.sound), envelope(out)
    expected = np.interp(np.arange(len(after)) * tempo, np.arange(len(before)), before)
    scores = [np.corrcoef(np.roll(after, shift)[10:-10], expected[10:-10])[0, 1] for shift in range(-8, 9)]
    assert abs(int(np.argmax(scores)) - 8) <= 2
    assert max(scores) > 0.9


def test_an_absurd_tempo_is_refused() -> None:
    with pytest.raises(UsageError):
        stretch(np.zeros(1000, np.float32), 24_000, 5.0)
