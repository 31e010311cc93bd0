"""Wav2Lip's sound front end: log-mel windows, 80 steps a second, one window of 16 steps a video frame.

16 kHz mono -> pre-emphasis 0.97 -> magnitude spectrum (Hann, 800 samples, hop 200, centred) -> 80 Slaney mel bands from
55 to 7600 Hz -> dB -> clipped to [-4, 4]. The numbers of the original's librosa front end, in PyTorch alone.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

RATE = 16_000
N_FFT, HOP_SAMPLES = 800, 200
STEPS_PER_SECOND = RATE / HOP_SAMPLES
BANDS, LOWEST_HZ, HIGHEST_HZ = 80, 55.0, 7600.0
PRE_EMPHASIS = 0.97
MIN_LEVEL_DB, REFERENCE_DB, LIMIT = -100.0, 20.0, 4.0
WINDOW_STEPS = 16

INFERENCE_OFFSET, TRAINING_OFFSET = 0, -1
"""In training, frame ``f`` hears the window that starts at frame ``f - 1``; the released inference starts it at ``f``,
which plays the lips one frame early. ``frame_offset`` of ``window_starts`` chooses."""


def log_mel(sound: npt.NDArray[np.float32] | Tensor, padding: Literal["zeros", "reflect"] = "zeros") -> Tensor:
    """Mono sound at 16 kHz in [-1, 1], [samples] -> float32 [80, 1 + samples // 200] in [-4, 4].

    padding: of the first and last 400 samples, where the original depends on its librosa: "reflect" before 0.10,
    "zeros" since. Only the outermost two columns on each side differ. Reflection needs more than 400 samples.
    """
    x = torch.as_tensor(sound, dtype=torch.float64)
    if x.dim() != 1:
        raise ValueError(f"mono sound is one row of samples, not {tuple(x.shape)}")
    if not len(x):
        return torch.zeros(BANDS, 0)
    emphasised = torch.cat([x[:1], x[1:] - PRE_EMPHASIS * x[:-1]])
    mode = "reflect" if padding == "reflect" else "constant"
    spectrum = torch.stft(emphasised, N_FFT, HOP_SAMPLES, window=torch.hann_window(N_FFT, dtype=x.dtype,
                          device=x.device), center=True, pad_mode=mode, return_complex=True).abs()
    bands = torch.from_numpy(filterbank()).to(x.device) @ spectrum
    level_db = 20 * torch.log10(bands.clamp_min(10 ** (MIN_LEVEL_DB / 20))) - REFERENCE_DB
    scaled = 2 * LIMIT * (level_db - MIN_LEVEL_DB) / -MIN_LEVEL_DB - LIMIT
    return scaled.clamp(-LIMIT, LIMIT).float()


def window_starts(frame_count: int, frames_per_second: float, mel_steps: int,
                  frame_offset: int = INFERENCE_OFFSET) -> npt.NDArray[np.int64]:
    """The first mel step of each video frame's window, int64 [frame_count].

    Frame i starts at ``int((i + frame_offset) * 80 / fps)``; what would reach beyond either end of ``mel_steps`` takes
    the first or last whole window instead.
    """
    steps_per_frame = STEPS_PER_SECOND / frames_per_second
    wanted = ((np.arange(frame_count) + frame_offset) * steps_per_frame).astype(np.int64)
    return np.clip(wanted, 0, max(mel_steps - WINDOW_STEPS, 0))


def windows(mel: Tensor, starts: npt.NDArray[np.int64]) -> Tensor:
    """Cut windows: mel [80, steps] and starts [n] -> [n, 1, 80, 16]. Shorter sound is followed by silence (-4)."""
    if mel.shape[1] < WINDOW_STEPS:
        mel = torch.nn.functional.pad(mel, (0, WINDOW_STEPS - mel.shape[1]), value=-LIMIT)
    index = torch.as_tensor(starts, device=mel.device)[:, None] + torch.arange(WINDOW_STEPS, device=mel.device)
    return mel[:, index].permute(1, 0, 2).unsqueeze(1).contiguous()


@cache
def filterbank() -> npt.NDArray[np.float64]:
    """Triangles on the Slaney mel scale with equal areas (Slaney 1998, Auditory Toolbox), float64 [80, 401]."""
    edges = _hertz(np.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), BANDS + 2))
    bins = np.linspace(0, RATE / 2, N_FFT // 2 + 1)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    # librosa keeps its filters in float32; so do the windows that the public weights have seen.
    return (triangles * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32).astype(np.float64)


# Below 1 kHz the scale is linear with 3 mel per 200 Hz, above it a factor of 6.4 every 27 mel.
_LINEAR_HZ, _KNEE_HZ, _LOG_STEP = 200 / 3, 1000.0, np.log(6.4) / 27


def _mel(hertz: float) -> float:
    knee = _KNEE_HZ / _LINEAR_HZ
    return hertz / _LINEAR_HZ if hertz < _KNEE_HZ else knee + float(np.log(hertz / _KNEE_HZ) / _LOG_STEP)


def _hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    knee = _KNEE_HZ / _LINEAR_HZ
    return np.where(mel < knee, mel * _LINEAR_HZ, _KNEE_HZ * np.exp(_LOG_STEP * (mel - knee)))
