"""Shards of drawn faces whose mouths follow their sound: made in a second, learnt in a minute."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from lipsync_core.models.mel import log_mel
from lipsync_core.train.data.shards import pack, write_index, write_shard
from lipsync_core.train.types import FPS, RATE, SAMPLES_PER_FRAME, Clip, ClipInfo

_SPLITS = ("train", "val", "test")


def make_tiny_shards(folder: Path, people: int = 6, clips: int = 2, frames: int = 60, sizes: Sequence[int] = (96,),
                     seed: int = 0) -> Path:
    """A folder as ``lipsync_core.train.data`` writes it. With three people or more the last is all of "test" and the
    one before all of "val"; the rest is "train", one shard a split."""
    folder.mkdir(parents=True, exist_ok=True)
    shards = []
    for number, split in enumerate(_SPLITS):
        owners = [p for p in range(people) if split_of(p, people) == split]
        made = [tiny_clip(p, k, split, frames, sizes, seed) for p in owners for k in range(clips)]
        if made:
            name = f"{number:05d}"
            write_shard(folder, name, [pack(clip) for clip in made])
            shards.append({"name": name, "split": split, "clips": len(made), "frames": frames * len(made)})
    write_index(folder, sizes, shards)
    return folder


def split_of(person: int, people: int) -> str:
    return "train" if people < 3 or person < people - 2 else _SPLITS[person - people + 3]


def tiny_clip(person: int, number: int, split: str, frames: int, sizes: Sequence[int],
              seed: int = 0) -> dict[int, Clip]:
    """One clip at every size. The mouth's opening is the loudness of the sound, and its pitch the person's."""
    random = np.random.default_rng([seed, person, number])
    syllables = gaussian_filter1d(random.normal(0, 1, frames), 1.2)
    opening = np.clip(0.12 + 0.2 * syllables / syllables.std(), 0, 0.45).astype(np.float32)
    sway = gaussian_filter1d(random.normal(0, 1, (frames, 3)), 8, axis=0) * 30
    sound = _sound(opening, 110 + 20 * person, random)
    lips = np.stack([_lips(o, turn) for o, turn in zip(opening, sway[:, 0], strict=True)])
    source = f"tiny/person_{person:02d}/{number:02d}"
    info = ClipInfo(f"{source}#0.0", f"person_{person:02d}", f"{source}.mp4", split, frames, 0, 0.9, 200.0)
    made = {}
    for size in sizes:
        pictures = np.stack([_draw(size, person, lips[i], sway[i, 0], random) for i in range(frames)])
        made[size] = Clip(info, pictures, sound, log_mel(sound).numpy(), lips, opening, sway.astype(np.float32),
                          np.ones(frames, bool))
    return made


def _sound(opening: np.ndarray, pitch_hz: float, random: np.random.Generator) -> np.ndarray:
    count = len(opening) * SAMPLES_PER_FRAME
    times = np.arange(count) / RATE
    level = np.interp(times * FPS - 0.5, np.arange(len(opening)), opening)
    voice = sum(np.sin(2 * np.pi * pitch_hz * k * times) / k for k in range(1, 20))
    return (0.5 * level * voice + random.normal(0, 1e-3, count)).astype(np.float32).clip(-1, 1)


def _lips(opening: float, turn: float) -> np.ndarray:
    """[40, 2] in the unit square; ``opening`` in eye distances, which are 0.62 of the face's width here."""
    x = -np.cos(np.linspace(0, np.pi, 11))
    bow = np.sqrt(np.maximum(1 - x**2, 0))
    rows = []
    for half, lip in ((0.17, 0.04), (0.145, 0.0)):
        upper = np.column_stack([half * x, -(0.12 * opening + lip) * bow])
        lower = np.column_stack([half * x[::-1], (0.5 * opening + lip) * bow])
        rows += [upper, lower[1:-1]]
    return (np.concatenate(rows) + (0.5 + turn / 400, 0.72)).astype(np.float32)


def _draw(size: int, person: int, lips: np.ndarray, turn: float, random: np.random.Generator) -> np.ndarray:
    own = np.random.default_rng(person)
    skin, lip, eye, back = (own.integers(low, high, 3).tolist() for low, high in (
        ((90, 120, 160), (170, 190, 240)), ((60, 50, 140), (100, 90, 210)), ((20, 20, 20), (120, 90, 60)),
        ((30, 30, 30), (150, 150, 150))))
    wide = 0.44 + 0.03 * own.random()
    picture = np.full((size, size, 3), back, np.uint8)
    dx = turn / 400

    def ellipse(x: float, y: float, a: float, b: float, colour: Sequence[int]) -> None:
        cv2.ellipse(picture, (round((x + dx) * size * 16), round(y * size * 16)),
                    (round(a * size * 16), round(b * size * 16)), 0, 0, 360, colour, -1, cv2.LINE_AA, 4)

    ellipse(0.5, 0.5, wide, 0.5, skin)
    for x in (0.3, 0.7):
        ellipse(x, 0.37, 0.07, 0.035, (240, 240, 240))
        ellipse(x, 0.37, 0.03, 0.033, eye)
    for points, colour in ((lips[:20], lip), (lips[20:], (25, 20, 40))):
        cv2.fillPoly(picture, [np.round((points * size - 0.5) * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)
    gap = lips[20:, 1].max() - lips[20:, 1].min()
    if gap > 0.05:
        ellipse(0.5, float(lips[20:, 1].min()) + 0.015, 0.08, 0.012, (225, 235, 235))
    noise = random.integers(-4, 5, picture.shape, np.int16)
    return np.clip(picture.astype(np.int16) + noise, 0, 255).astype(np.uint8)
