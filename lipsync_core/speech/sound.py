"""The sound of a finished file, decoded for listening."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipsync_core.native_log import mute_ffmpeg

RATE = 16000


def read_mono(path: Path) -> npt.NDArray[np.float32]:
    """The first audio stream as mono float32 at 16 kHz, sample 0 at the container's start; empty without one."""
    import av

    mute_ffmpeg()
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return np.zeros(0, np.float32)
        zero = max((container.start_time or 0) / 1e6, 0.0)
        resampler = av.AudioResampler("fltp", "mono", RATE)
        parts: list[npt.NDArray[np.float32]] = []
        lead: float | None = None
        for frame in container.decode(audio=0):
            if lead is None:
                lead = float(frame.time or 0.0) - zero
            parts += [part.to_ndarray().reshape(-1) for part in resampler.resample(frame)]
        parts += [part.to_ndarray().reshape(-1) for part in resampler.resample(None)]
    sound = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    shift = int(round((lead or 0.0) * RATE))
    return np.concatenate([np.zeros(shift, np.float32), sound]) if shift > 0 else sound[-shift:]
