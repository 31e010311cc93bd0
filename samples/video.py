"""Frames and sound → an MP4 that any player shows with the right colours."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

AUDIO_RATE = 48_000
# BT.709, limited range, from RGB in [0, 1]
_TO_YUV = np.array([[0.2126, 0.7152, 0.0722], [-0.114572, -0.385428, 0.5], [0.5, -0.454153, -0.045847]], np.float32)


def to_yuv420(rgb: npt.NDArray[np.float32], noise: npt.NDArray[np.float32] | None = None) -> npt.NDArray[np.uint8]:
    """Display RGB in [0, 1], [H, W, 3] → planar 4:2:0, uint8 [H · 3 / 2, W]; noise [H, W] is added to luma (codes)."""
    height, width = rgb.shape[:2]
    yuv = cv2.transform(rgb, _TO_YUV)
    luma = 16 + 219 * yuv[..., 0]
    if noise is not None:
        luma = luma + noise
    chroma = cv2.resize(np.ascontiguousarray(yuv[..., 1:]), (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    chroma = 128 + 224 * chroma
    planes = [luma.ravel(), chroma[..., 0].ravel(), chroma[..., 1].ravel()]
    return np.clip(np.rint(np.concatenate(planes)), 0, 255).astype(np.uint8).reshape(height * 3 // 2, width)


def grain_bank(seed: int, height: int, width: int, strength: float = 1.1, count: int = 6,
               ) -> list[npt.NDArray[np.float32]]:
    """Sensor noise: a few fields of softly correlated noise in luma codes, [H, W] each."""
    rng = np.random.default_rng((seed, 51))
    fields = []
    for _ in range(count):
        field = cv2.GaussianBlur(rng.standard_normal((height, width)).astype(np.float32), (0, 0), 0.7)
        fields.append(field / field.std() * strength)
    return fields


def write_mp4(path: Path, frames: Iterable[npt.NDArray[np.uint8]], fps: int, height: int, width: int,
              sound: npt.NDArray[np.float32], quality: int = 21) -> None:
    """H.264 (yuv420p, BT.709) and AAC. `frames` as from `to_yuv420`; `sound` float32 [2, samples] at 48 kHz.

    Written beside its place and moved in.
    """
    import av

    part = path.with_name(path.stem + ".part.mp4")
    with av.open(str(part), "w", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=fps)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.time_base = Fraction(1, fps)
        video.options = {"crf": str(quality), "preset": "medium", "threads": "2",
                         "x264-params": "colorprim=bt709:transfer=bt709:colormatrix=bt709:range=tv"}
        context = video.codec_context
        context.color_primaries = context.color_trc = context.colorspace = 1
        context.color_range = 1
        audio = container.add_stream("aac", rate=AUDIO_RATE, layout="stereo")
        audio.bit_rate = 128_000
        for number, planes in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for start in range(0, sound.shape[1], 1024):
            block = np.ascontiguousarray(sound[:, start : start + 1024])
            chunk = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            chunk.sample_rate, chunk.pts, chunk.time_base = AUDIO_RATE, start, Fraction(1, AUDIO_RATE)
            container.mux(audio.encode(chunk))
        container.mux(audio.encode(None))
    os.replace(part, path)
