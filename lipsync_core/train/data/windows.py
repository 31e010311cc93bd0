"""From shards to batches, each a pure function of (seed, step, rank).

Nothing is remembered from one batch to the next but decoded pictures: batch 1000 is the same whether 999 others came
before it or a run was killed and taken up there. The ranks of one world share a draw: rank r has the rows from
r * batch to (r + 1) * batch of what one process with world * batch rows would have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lipsync_core.train.data import references
from lipsync_core.train.data.masks import Hole, hole_mask, mouth_masks
from lipsync_core.train.data.shards import Arrays, ShardError, Shards
from lipsync_core.train.types import CONTEXT_STEPS, FPS, WINDOW, WINDOW_STEPS, Clip, ClipInfo, FaceBatch, SyncBatch

if TYPE_CHECKING:
    from torch import Tensor

Floats = npt.NDArray[np.float32]

_STEPS_PER_FRAME = 80 / FPS
_SILENT = -4.0
#: A window's sound with its context begins this many frames before it and ends this many after its first.
_FRAMES_BEFORE, _FRAMES_AFTER = 3, 8
#: Hard negatives: the farthest of the near ones (frames), and the share that may come from anywhere in the clip.
_NEAR, _FAR_SHARE = 15, 0.25
_TRIES = 8
_CANDIDATES = 24
#: In a clip of so many frames every window has another that shares no frame with it.
LEAST_FRAMES = 3 * WINDOW - 1


class _Windows:
    """What both kinds have in common: who and when. ``clips`` are those long enough to be used."""

    tag = 0

    def __init__(self, shards: Shards, batch: int, seed: int, rank: int, world: int, shortest: int) -> None:
        if not 0 <= rank < world:
            raise ValueError(f"rank {rank} of {world}")
        self.shards, self.size, self.seed, self.rank, self.world = shards, batch, seed, rank, world
        usable = [info for info in shards.infos if info.frames >= shortest]
        if not usable:
            raise ShardError(f"{shards.folder} has no clip of {shortest} frames in the split {shards.split}")
        self.people = shards.people
        self._numbers = {person: i for i, person in enumerate(self.people)}
        self._rows = {info.id: i for i, info in enumerate(shards.infos)}
        self._of: dict[str, list[ClipInfo]] = {}
        for info in usable:
            self._of.setdefault(info.person, []).append(info)
        self._usable = sorted(self._of)

    def _chance(self, step: int, row: int) -> np.random.Generator:
        """For what else is random in a row of this rank."""
        return np.random.default_rng([self.tag, self.seed, step, 1 + self.rank * self.size + row])

    def _draw(self, step: int, per_person: int) -> list[tuple[ClipInfo, int]]:
        """(clip, first frame) of this rank's rows: people in turn, ``per_person`` moments of each, none overlapping, in
        whatever rank."""
        random = np.random.default_rng([self.tag, self.seed, step])
        groups = -(-self.size * self.world // per_person)
        order: list[int] = []
        while len(order) < groups:
            order += random.permutation(len(self._usable)).tolist()
        drawn: list[tuple[ClipInfo, int]] = []
        for person in order[:groups]:
            clips = self._of[self._usable[person]]
            for _ in range(per_person):
                drawn.append(self._moment(random, clips, drawn))
        return drawn[self.rank * self.size: (self.rank + 1) * self.size]

    def _moment(self, random: np.random.Generator, clips: list[ClipInfo],
                taken: list[tuple[ClipInfo, int]]) -> tuple[ClipInfo, int]:
        """A moment with a free mouth and apart from those taken, if a few of the clips have one."""
        for _ in range(_TRIES):
            info = clips[int(random.integers(len(clips)))]
            low, high = first_frames(info.frames)
            starts = np.arange(low, high + 1)
            for other, start in taken:
                if other.id == info.id:
                    starts = starts[np.abs(starts - start) >= WINDOW]
            seen = starts[free_windows(self.shards.common(info.id)["free"])[starts]]
            if len(seen):
                return info, int(seen[random.integers(len(seen))])
        return info, int(random.integers(low, high + 1))


class SyncWindows(_Windows):
    """Windows for an expert; ``batch(step)`` is a ``SyncBatch`` of ``batch`` rows.

    shifts: hard negatives a row, other moments of the same clip: most within 15 frames, none nearer than ``nearest``.
    per_person: rows of one person, from different clips or moments.
    """

    tag = 1

    def __init__(self, shards: Shards, batch: int, seed: int = 0, shifts: int = 4, rank: int = 0, world: int = 1, *,
                 per_person: int = 2, nearest: int = 2) -> None:
        super().__init__(shards, batch, seed, rank, world, WINDOW + _FRAMES_BEFORE + nearest + 1)
        self.shifts, self.per_person, self.nearest = shifts, min(per_person, batch), nearest

    def batch(self, step: int) -> SyncBatch:
        rows = self._draw(step, self.per_person)
        sounds, shifted, faces = [], [], []
        for row, (info, start) in enumerate(rows):
            mel = self.shards.common(info.id)["mel"]
            sounds.append(sound_at(mel, start))
            moments = self._others(self._chance(step, row), info.frames, start)
            shifted.append(np.stack([sound_at(mel, s) for s in moments]) if moments else
                           np.zeros((0, 1, 80, WINDOW_STEPS + 2 * CONTEXT_STEPS), np.float32))
            faces.append(self.shards.pictures(info.id, range(start, start + WINDOW)))
        return SyncBatch(_tensor(sounds), _video(np.stack(faces)), _tensor(shifted),
                         _whole([self._numbers[i.person] for i, _ in rows]),
                         _whole([self._rows[i.id] for i, _ in rows]))

    def lineup(self, clip: Clip, offsets: Sequence[int], stride: int = 1) -> Lineup:
        """See the function of this name."""
        return lineup(clip, offsets, stride)

    def _others(self, random: np.random.Generator, frames: int, start: int) -> list[int]:
        low, high = first_frames(frames)
        every = np.arange(low, high + 1)
        far = every[np.abs(every - start) >= self.nearest]
        if not len(far):
            far = np.array([low if start - low > high - start else high])
        near = far[np.abs(far - start) <= _NEAR]
        found = []
        for _ in range(self.shifts):
            pool = far if not len(near) or random.random() < _FAR_SHARE else near
            found.append(int(pool[random.integers(len(pool))]))
        return found


class FaceWindows(_Windows):
    """Windows for a generator; ``batch(step)`` is a ``FaceBatch`` of ``batch`` rows.

    size: pixels, which must be the shards'. mask_margin: least and most by which the hole's upper edge is off the
    rule's, up or down by chance, as a share of the crop. hole: see ``hole_mask``. still: the reference is one frame,
    five times, instead of five neighbouring ones.
    """

    tag = 2

    def __init__(self, shards: Shards, batch: int, seed: int = 0, size: int = 96,
                 mask_margin: tuple[float, float] = (0.0, 0.12), rank: int = 0, world: int = 1, *,
                 hole: Hole = "half", still: bool = False, per_person: int = 1) -> None:
        super().__init__(shards, batch, seed, rank, world, LEAST_FRAMES)
        if size != shards.size:
            raise ShardError(f"these shards were opened at {shards.size} pixels, not at {size}")
        self.mask_margin, self.hole, self.still, self.per_person = mask_margin, hole, still, min(per_person, batch)

    def batch(self, step: int) -> FaceBatch:
        rows = self._draw(step, self.per_person)
        chances = [self._chance(step, row) for row in range(len(rows))]
        shows = [self.reference(chance, info, start) for chance, (info, start) in zip(chances, rows, strict=True)]
        holes = [hole_mask(self.shards.size, self.hole, self._margin(chance)) for chance in chances]
        common = [self.shards.common(info.id) for info, _ in rows]
        spans = [slice(start, start + WINDOW) for _, start in rows]
        target = np.stack([self.shards.pictures(i.id, range(s, s + WINDOW)) for i, s in rows])
        reference = np.stack([self.shards.pictures(i.id, frames) for i, frames in shows])
        lips = np.stack([c["lips"][span] for c, span in zip(common, spans, strict=True)])
        return _faces(
            np.stack([heard(c["mel"], range(s, s + WINDOW)) for c, (_, s) in zip(common, rows, strict=True)]),
            np.stack([sound_at(c["mel"], s) for c, (_, s) in zip(common, rows, strict=True)]),
            target, reference, np.repeat(np.stack(holes)[:, None], WINDOW, 1), lips,
            np.stack([c["opening"][span] for c, span in zip(common, spans, strict=True)]),
            [self._numbers[i.person] for i, _ in rows])

    def reference(self, random: np.random.Generator, info: ClipInfo, start: int) -> tuple[ClipInfo, list[int]]:
        """Clip and five frames of it to show beside the window at ``start`` of ``info``."""
        mine = self.shards.common(info.id)
        clips = self._of[info.person]
        found: list[tuple[ClipInfo, int]] = []
        for _ in range(_CANDIDATES):
            other = clips[int(random.integers(len(clips)))]
            starts = (references.elsewhere(other.frames, start) if other.id == info.id
                      else np.arange(other.frames - WINDOW + 1))
            found.append((other, int(starts[random.integers(len(starts))])))
        tracks = [self.shards.common(other.id) for other, _ in found]
        free = [bool(c["free"][s: s + WINDOW].all()) for c, (_, s) in zip(tracks, found, strict=True)]
        if any(free):
            found = [f for f, is_free in zip(found, free, strict=True) if is_free]
            tracks = [c for c, is_free in zip(tracks, free, strict=True) if is_free]
        judged = references.scores(_mean(mine, "pose", start), float(_mean(mine, "opening", start)),
                                   np.stack([_mean(c, "pose", s) for c, (_, s) in zip(tracks, found, strict=True)]),
                                   np.array([_mean(c, "opening", s) for c, (_, s) in zip(tracks, found, strict=True)]))
        other, first = found[references.choose(random, judged)]
        return other, [first + WINDOW // 2] * WINDOW if self.still else list(range(first, first + WINDOW))

    def _margin(self, random: np.random.Generator) -> float:
        return float(random.uniform(*self.mask_margin) * random.choice((-1, 1)))


@dataclass(frozen=True)
class Lineup:
    """One clip's mouths beside its sounds at several offsets.

    faces: [N, 3, 5, S, S]. sounds: [N, len(offsets), 1, 80, 32], column k heard ``offsets[k]`` frames later than the
    window itself. starts: [N], first frame of each window. N is 0 where the clip is too short for its offsets.
    """

    faces: Tensor
    sounds: Tensor
    offsets: tuple[int, ...]
    starts: tuple[int, ...]


def lineup(clip: Clip, offsets: Sequence[int], stride: int = 1) -> Lineup:
    """Every ``stride``-th window of ``clip`` all of whose offset sounds lie within it."""
    low, high = first_frames(clip.info.frames, padded=False)
    starts = [s for s in range(low, high + 1, stride) if low <= s + min(offsets) and s + max(offsets) <= high]
    size = clip.pictures.shape[1]
    faces = np.stack([clip.pictures[s: s + WINDOW] for s in starts]) if starts else np.zeros(
        (0, WINDOW, size, size, 3), np.uint8)
    sounds = [np.stack([sound_at(clip.mel, s + o) for o in offsets]) for s in starts]
    steps = WINDOW_STEPS + 2 * CONTEXT_STEPS
    return Lineup(_video(faces), _tensor(sounds or np.zeros((0, len(offsets), 1, 80, steps), np.float32)),
                  tuple(offsets), tuple(starts))


def sequence(clip: Clip, size: int, *, hole: Hole = "half", margin: float = 0.0, reference: Clip | None = None,
             person: int = 0) -> FaceBatch:
    """A whole clip as one row of T frames in place of five, for validation.

    mels [1, T, 1, 80, 16], pictures and masks [1, C, T, S, S], opening [1, T]; sound: [T - 4, 1, 80, 32], of every
    window of five frames. The reference is another clip of the person, repeated to fit, or this one moved in time to
    where the head is turned alike and the mouth is not (``references.shift_for``).
    """
    if clip.pictures.shape[1] != size:
        raise ShardError(f"clip {clip.info.id} was read at {clip.pictures.shape[1]} pixels, not at {size}")
    count = len(clip.pictures)
    if reference is None:
        shown = np.roll(clip.pictures, -references.shift_for(clip.pose, clip.opening), axis=0)
    else:
        shown = reference.pictures[np.arange(count) % len(reference.pictures)]
    holes = np.repeat(hole_mask(size, hole, margin)[None, None], count, 1)
    sounds = [sound_at(clip.mel, s) for s in range(max(count - WINDOW + 1, 1))]
    return _faces(heard(clip.mel, range(count))[None], np.stack(sounds), clip.pictures[None], shown[None], holes,
                  clip.lips[None], clip.opening[None], [person])


def first_frames(frames: int, padded: bool = True) -> tuple[int, int]:
    """First and last frame at which a window of a clip may begin so that its sound, with its context, lies within the
    clip; a short clip gives all its windows (``padded``) or none."""
    low, high = _FRAMES_BEFORE, frames - _FRAMES_AFTER
    if high - low >= 2 * WINDOW or not padded:
        return low, high
    return 0, max(frames - WINDOW, 0)


def free_windows(free: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """[T] of a clip's frames: nothing hides the mouth in the window that begins there."""
    hidden = np.concatenate([[0], np.cumsum(~free)])
    found = np.zeros(len(free), bool)
    found[: len(free) - WINDOW + 1] = hidden[WINDOW:] == hidden[:-WINDOW]
    return found


def sound_at(mel: Floats, start: int) -> Floats:
    """[1, 80, 32]: what five frames from ``start`` hear, with its context; silence beyond the clip."""
    first = int(start * _STEPS_PER_FRAME) - CONTEXT_STEPS
    return _cut(mel, first, WINDOW_STEPS + 2 * CONTEXT_STEPS)[None]


def heard(mel: Floats, frames: Sequence[int]) -> Floats:
    """[n, 1, 80, 16]: what each frame hears, the window that starts a frame before it (``mel.TRAINING_OFFSET``); at
    either end of the clip its first or last whole window."""
    last = max(mel.shape[1] - WINDOW_STEPS, 0)
    # As mel.window_starts, whose cut is towards zero as well.
    starts = [min(max(int((f - 1) * _STEPS_PER_FRAME), 0), last) for f in frames]
    return np.stack([_cut(mel, s, WINDOW_STEPS) for s in starts])[:, None]


def _faces(mels: Floats, sound: Floats, target: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8], hole: Floats,
           lips: Floats, opening: Floats, people: list[int]) -> FaceBatch:
    mouth, inner = mouth_masks(lips, target.shape[2])
    real, hidden = _video(target), _tensor(hole[:, None])
    return FaceBatch(_tensor(mels), _tensor(sound), real, real * (1 - hidden), hidden, _video(reference),
                     _tensor(mouth[:, None]), _tensor(inner[:, None]), _tensor(opening), _whole(people))


def _mean(common: Arrays, name: str, start: int) -> Floats:
    return common[name][start: start + WINDOW].mean(0)


def _cut(mel: Floats, first: int, steps: int) -> Floats:
    """``steps`` columns from ``first``, which may be negative; silence beyond either end."""
    out = np.full((mel.shape[0], steps), _SILENT, np.float32)
    low, high = max(first, 0), min(first + steps, mel.shape[1])
    if high > low:
        out[:, low - first: high - first] = mel[:, low:high]
    return out


def _video(pictures: npt.NDArray[np.uint8]) -> Tensor:
    """uint8 [B, T, S, S, 3] -> float32 [B, 3, T, S, S] in [0, 1]."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 4, 1, 2, 3))).float() / 255


def _tensor(values: Any) -> Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(np.asarray(values, np.float32)))


def _whole(values: list[int]) -> Tensor:
    import torch

    return torch.tensor(values, dtype=torch.int64)
