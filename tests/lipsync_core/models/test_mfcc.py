"""MFCC against a slow, literal statement of python_speech_features' definition."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lipsync_core.models import mfcc


def literal(signal: np.ndarray) -> np.ndarray:
    """python_speech_features.mfcc with its defaults, one number at a time."""
    x = [float(signal[0])] + [float(signal[i]) - 0.97 * float(signal[i - 1]) for i in range(1, len(signal))]
    count = 1 if len(x) <= 400 else 1 + math.ceil((len(x) - 400) / 160)
    x += [0.0] * ((count - 1) * 160 + 400 - len(x))

    def mel(hertz: float) -> float:
        return 2595 * math.log10(1 + hertz / 700)

    points = [mel(0) + i * (mel(8000) - mel(0)) / 27 for i in range(28)]
    corner = [math.floor(513 * (700 * (10 ** (p / 2595) - 1)) / 16000) for p in points]
    rows = []
    for f in range(count):
        frame = np.array(x[f * 160: f * 160 + 400] + [0.0] * 112)
        power = np.abs(np.fft.fft(frame)[:257]) ** 2 / 512
        energy = float(power.sum()) or np.finfo(float).eps
        bands = []
        for j in range(26):
            total = 0.0
            for i in range(corner[j], corner[j + 1]):
                total += power[i] * (i - corner[j]) / (corner[j + 1] - corner[j])
            for i in range(corner[j + 1], corner[j + 2]):
                total += power[i] * (corner[j + 2] - i) / (corner[j + 2] - corner[j + 1])
            bands.append(math.log(total or np.finfo(float).eps))
        row = []
        for k in range(13):
            c = sum(b * math.cos(math.pi * k * (2 * n + 1) / 52) for n, b in enumerate(bands))
            c *= math.sqrt((1 if k == 0 else 2) / 26) * (1 + 11 * math.sin(math.pi * k / 22))
            row.append(c)
        row[0] = math.log(energy)
        rows.append(row)
    return np.array(rows).T


@pytest.mark.parametrize("samples", [100, 400, 401, 560, 3333])
def test_equals_the_definition(samples: int) -> None:
    random = np.random.default_rng(samples)
    signal = np.round(random.normal(size=samples) * 3000 * np.sin(np.arange(samples) / 500)).astype(np.int16)
    made = mfcc.mfcc(signal)
    wanted = literal(signal)
    assert made.shape == wanted.shape
    assert np.abs(made - wanted).max() < 1e-8


def test_floats_are_taken_to_sixteen_bits() -> None:
    whole = np.random.default_rng(1).integers(-32768, 32767, 2000).astype(np.int16)
    assert np.array_equal(mfcc.mfcc(whole), mfcc.mfcc((whole / 32768).astype(np.float32)))


def test_silence_is_finite() -> None:
    assert np.isfinite(mfcc.mfcc(np.zeros(1600, np.int16))).all()
    assert mfcc.mfcc(np.zeros(0, np.int16)).shape == (13, 0)


def test_windows_step_by_four_columns() -> None:
    columns = np.tile(np.arange(40.0), (13, 1))
    cut = mfcc.windows(columns, 6)
    assert cut.shape == (6, 1, 13, 20) and cut.dtype == np.float32
    assert cut[5, 0, 0].tolist() == list(range(20, 40))
    with pytest.raises(ValueError, match="do not reach"):
        mfcc.windows(columns, 7)
