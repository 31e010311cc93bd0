"""A corpus of speech with known phoneme times, and what a network is to learn from it."""

from __future__ import annotations

import json
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lipsync_core.speech.articulation import articulate
from lipsync_core.speech.features import HOP_MS, Float
from lipsync_core.speech.phones import classes_of
from lipsync_core.speech.timeline import TimedPhone


@dataclass(frozen=True, slots=True)
class Take:
    """One sound of a corpus at 16 kHz with its phones."""

    sound: Float
    phones: tuple[TimedPhone, ...]
    split: str
    language: str
    file: str


def read_corpus(folder: Path) -> list[Take]:
    """Every take listed in ``folder/takes.jsonl``."""
    takes = []
    for line in (folder / "takes.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        with wave.open(str(folder / row["file"]), "rb") as file:
            sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        phones = tuple(TimedPhone(str(s), float(a), float(b)) for s, a, b in row["phones"])
        takes.append(Take(sound, phones, row["split"], row["language"], row["file"]))
    return takes


def labels(phones: Sequence[TimedPhone], frames: int, scale: float = 1.0,
           shift_ms: float = 0.0) -> npt.NDArray[np.int64]:
    """Class of every frame; a symbol of several classes shares its time among them; outside every phone: silence."""
    out = np.zeros(frames, np.int64)
    for phone in phones:
        classes = classes_of(phone.symbol)
        if not classes:
            continue
        edges = np.linspace(phone.start_ms, phone.end_ms, len(classes) + 1) * scale + shift_ms
        for name, begin, end in zip(classes, edges[:-1], edges[1:], strict=True):
            out[max(round(begin / HOP_MS), 0): max(round(end / HOP_MS), 0)] = name
    return out


def lip_targets(phones: Sequence[TimedPhone], frames: int, scale: float, shift_ms: float) -> Float:
    """Opening and width of the articulation that the true phones ask for, ``[frames, 2]``."""
    moved = [TimedPhone(p.symbol, p.start_ms * scale + shift_ms, p.end_ms * scale + shift_ms) for p in phones]
    aim = articulate(moved, (np.arange(frames) + 0.5) * HOP_MS)
    return np.column_stack([aim.opening, aim.width]).astype(np.float32)
