"""sound: the video's first audio track as 16 kHz mono, the form in which models listen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from dubbing.engines.base import Report, Sound
from dubbing.media import audio
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.stage import Step

VERSION = "1"
MONO = "mono16k.wav"
RATE = 16000


def step(source: Path, source_sha256: str) -> Step:
    """Decode ``source``; its content's hash stands for it in the key, so it may be moved or renamed."""

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        sound = audio.read_mono_16k(source)
        soundfile.write(folder / MONO, sound, RATE, subtype="PCM_16")
        facts["duration_ms"] = len(sound) * 1000 // RATE
        facts["peak"] = round(float(np.abs(sound).max(initial=0.0)), 5)
        report(1, 1, "")

    return Step("sound", VERSION, build, {}, {"source": source_sha256}, unit="s")


def load_mono_16k(sound: Artifact, start_ms: int = 0, end_ms: int | None = None) -> Sound:
    """The sound from ``start_ms`` to ``end_ms`` (both clipped to what there is), float32 [samples]."""
    start = max(0, start_ms) * RATE // 1000
    stop = None if end_ms is None else max(0, end_ms) * RATE // 1000
    with soundfile.SoundFile(sound.path(MONO)) as file:
        total = len(file)
        start = min(start, total)
        file.seek(start)
        data: Sound = file.read((total if stop is None else min(stop, total)) - start, dtype="float32")
        return data
