"""What travels between data, networks, losses and the loop.

Pictures are BGR, as the public Wav2Lip weights are; in shards uint8, in batches float32 in [0, 1]. Clips have 25 frames
and 16,000 samples a second, whatever they were recorded with.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

FPS, RATE = 25, 16_000
SAMPLES_PER_FRAME = RATE // FPS
#: Frames that an expert looks at together, and mel steps of their sound (80 a second).
WINDOW, WINDOW_STEPS = 5, 16
#: Mel steps that a ``sound`` of a batch has before and after the window's own: context for those who want it.
CONTEXT_STEPS = 8
#: Points of the mesh whose places are kept with every clip; the order of ``Clip.lips``: 20 of the outer lip, then 20
#: of the inner, both from the picture's left corner clockwise over the upper lip.
LIP_POINTS = 40


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """One talking head, as a shard's index describes it.

    id: unique in its shards. person: whose face; splits never share one. source: the file it was cut from, relative.
    split: "train", "val" or "test". frames: how many. offset_frames: by how much the sound was moved to fit the
    picture (> 0: it came too late). sync: correlation of mouth and sound after that, NaN where it was not judged.
    """

    id: str
    person: str
    source: str
    split: str
    frames: int
    offset_frames: int
    sync: float
    height_px: float


@dataclass(frozen=True, slots=True)
class Clip:
    """The arrays of one clip at one size.

    pictures: uint8 [T, S, S, 3], BGR, the face's box turned upright (``lipsync_core.neural.box``).
    sound: float32 [T * 640], mono at 16 kHz. mel: float32 [80, 1 + T * 640 // 200] (``lipsync_core.models.mel``).
    lips: float32 [T, 40, 2], the lips' points in the crop, (0, 0) its upper left edge, (1, 1) its lower right.
    opening: float32 [T], gap of the inner lips over the distance of the outer eye corners. pose: float32 [T, 3],
    yaw, pitch, roll in degrees. free: bool [T], nothing hides the mouth.
    """

    info: ClipInfo
    pictures: npt.NDArray[np.uint8]
    sound: npt.NDArray[np.float32]
    mel: npt.NDArray[np.float32]
    lips: npt.NDArray[np.float32]
    opening: npt.NDArray[np.float32]
    pose: npt.NDArray[np.float32]
    free: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Batch:
    def to(self, device: Any) -> Any:
        """The same batch with every tensor on ``device``."""
        moved = {f.name: value.to(device) for f in fields(self) if hasattr(value := getattr(self, f.name), "to")}
        return replace(self, **moved)


@dataclass(frozen=True)
class SyncBatch(_Batch):
    """Sounds and mouths for an expert, row i of one belonging to row i of the other.

    sound: [B, 1, 80, 32]; the middle 16 steps are the window's own. faces: [B, 3, 5, S, S]. shifted: [B, K, 1, 80, 32],
    the same clip's sound at K other moments (hard negatives), or K = 0. people: [B], int64, equal where the person is
    the same: another clip's sound of the same person is a hard negative too. clips: [B], int64.
    """

    sound: Tensor
    faces: Tensor
    shifted: Tensor
    people: Tensor
    clips: Tensor


@dataclass(frozen=True)
class FaceBatch(_Batch):
    """Windows for a generator.

    mels: [B, 5, 1, 80, 16], what each frame hears: frame f the window that starts at frame f - 1.
    sound: [B, 1, 80, 32], as in ``SyncBatch``. target: [B, 3, 5, S, S]. masked: the target without its mouth (zero
    where ``hole`` is 1). hole: [B, 1, 5, S, S].
    reference: [B, 3, 5, S, S], another moment of the same person, never one of the same frames.
    mouth: [B, 1, 5, S, S], soft mask around the lips; inner: the same shape, 1 between the lips where teeth show.
    opening: [B, 5]. people: [B], int64.
    """

    mels: Tensor
    sound: Tensor
    target: Tensor
    masked: Tensor
    hole: Tensor
    reference: Tensor
    mouth: Tensor
    inner: Tensor
    opening: Tensor
    people: Tensor


class Expert(Protocol):
    """Whoever judges whether five frames belong to their sound; gradients flow to ``faces``."""

    def similarity(self, sound: Tensor, faces: Tensor) -> Tensor:
        """sound [B, 1, 80, 32], faces [B, 3, 5, S, S] in [0, 1] -> cosine [B] in [-1, 1], high when they fit."""
        ...

    def probability(self, sound: Tensor, faces: Tensor) -> Tensor:
        """The calibrated probability [B] that they belong together."""
        ...


class Embedder(Protocol):
    """Whose face is it? Gradients flow to ``faces``."""

    def embed(self, faces: Tensor) -> Tensor:
        """faces [N, 3, S, S], BGR in [0, 1], our crop -> unit vectors [N, D]."""
        ...
