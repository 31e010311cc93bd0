"""Wav2Lip's log-mel front end on any device."""

from __future__ import annotations

from torch import Tensor

from lipsync_core.ops.dispatch import backend_for
from lipsync_core.ops.log_mel import reference

__all__ = ["log_mel"]


def log_mel(sound: Tensor, padding: str = "zeros") -> Tensor:
    """fp32 [samples] at 16 kHz -> fp32 [80, 1 + samples // 200]; see `reference.log_mel`. The kernel runs on CUDA."""
    if backend_for(sound) == "triton":
        from lipsync_core.ops.log_mel import kernel

        return kernel.log_mel(sound, padding)
    return reference.log_mel(sound, padding)
