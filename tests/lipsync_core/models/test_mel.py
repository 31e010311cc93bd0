"""The log-mel front end against librosa, and which window a video frame hears."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
import torch

from lipsync_core.models import mel

librosa = pytest.importorskip("librosa")


def sound(samples: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Noise bursts and a gliding tone: loud and silent stretches in all bands."""
    t = np.arange(samples) / mel.RATE
    noise = np.random.default_rng(seed).normal(size=samples) * np.clip(np.sin(2 * np.pi * 1.3 * t), 0, 1)
    return (0.1 * noise + 0.3 * np.sin(2 * np.pi * (200 + 900 * t) * t)).astype(np.float32)


@pytest.mark.parametrize(("padding", "pad_mode"), [("zeros", "constant"), ("reflect", "reflect")])
@pytest.mark.parametrize("samples", [32_000, 16_123, 900])
def test_equals_the_librosa_recipe(padding: Literal["zeros", "reflect"], pad_mode: str, samples: int) -> None:
    x = sound(samples)
    emphasised = np.append(x[:1], x[1:].astype(np.float64) - 0.97 * x[:-1].astype(np.float64))
    spectrum = librosa.stft(y=emphasised, n_fft=800, hop_length=200, win_length=800, pad_mode=pad_mode)
    bands = librosa.filters.mel(sr=16_000, n_fft=800, n_mels=80, fmin=55, fmax=7600) @ np.abs(spectrum)
    level = 20 * np.log10(np.maximum(np.exp(-100 / 20 * np.log(10)), bands)) - 20
    wanted = np.clip(8 * ((level + 100) / 100) - 4, -4, 4)
    made = mel.log_mel(x, padding)
    assert made.shape == (80, 1 + samples // 200) and made.dtype == torch.float32
    assert np.abs(made.numpy() - wanted).max() < 1e-4


def test_padding_matters_at_the_ends_only() -> None:
    x = sound(16_000)
    zeros, reflect = mel.log_mel(x, "zeros"), mel.log_mel(x, "reflect")
    assert torch.equal(zeros[:, 2:-2], reflect[:, 2:-2]) and not torch.equal(zeros[:, :2], reflect[:, :2])


def test_silence_is_the_lower_limit_and_never_nan() -> None:
    assert torch.equal(mel.log_mel(np.zeros(4000, np.float32)), torch.full((80, 21), -4.0))
    assert mel.log_mel(np.zeros(0, np.float32)).shape == (80, 0)
    with pytest.raises(ValueError, match="mono"):
        mel.log_mel(np.zeros((2, 100), np.float32))


@pytest.mark.parametrize("rate", [23.976, 24.0, 25.0, 29.97, 30.0, 59.94])
def test_windows_start_where_the_original_puts_them(rate: float) -> None:
    steps, frames = 400, 90
    wanted = []
    for i in range(frames):
        start = int(i * (80.0 / rate))
        wanted.append(start if start + 16 <= steps else steps - 16)
    assert mel.window_starts(frames, rate, steps).tolist() == wanted


def test_training_hears_one_frame_earlier_than_inference() -> None:
    inference = mel.window_starts(50, 25.0, 1000)
    training = mel.window_starts(50, 25.0, 1000, mel.TRAINING_OFFSET)
    assert training[1:].tolist() == inference[:-1].tolist() and training[0] == 0
    assert inference[11] - training[11] == 3 and inference[10] - training[10] == 4, "40 ms are 3.2 steps"


def test_windows_hold_the_columns_of_their_start() -> None:
    columns = torch.arange(40.0).expand(80, 40)
    cut = mel.windows(columns, np.array([0, 5, 24]))
    assert cut.shape == (3, 1, 80, 16)
    assert cut[1, 0, 7].tolist() == list(range(5, 21))
    short = mel.windows(columns[:, :4], mel.window_starts(2, 25.0, 4))
    assert short.shape == (2, 1, 80, 16) and short[1, 0, 0].tolist() == [0, 1, 2, 3] + [-4] * 12
