"""How good a generator is on whole clips that it has never seen, judged by what is seen, not by what trained it.

A fresh mesh is read off the made pictures, and in the same way off the true ones; mouths are compared in opening,
closures, place, sharpness and steadiness. Experts may be asked, too, but their figures stand under their own names: the
one that taught the generator is no witness. See ``FIGURES`` for what each figure means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.atlas.model import Range, measure_range
from lipsync_core.face.mesh import mouth_roi
from lipsync_core.face.video import warp_plane
from lipsync_core.metrics import picture, speech
from lipsync_core.metrics.baselines import mouth_crop, ssim
from lipsync_core.speech.articulation import Articulation
from lipsync_core.train.crop_mesh import CropMesh, canvases
from lipsync_core.train.types import FPS, WINDOW, Clip, Embedder, Expert, FaceBatch

if TYPE_CHECKING:
    from torch import Tensor

#: (mels [N, 1, 80, 16], face [N, 6, S, S]) -> [N, 3, S, S] in [0, 1]
Generate = Callable[["Tensor", "Tensor"], "Tensor"]
#: From the crops of a clip to their canvases' points, [T, 192, 192, 3] -> [T, 468, 3].
Mesh = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
Floats = npt.NDArray[np.float64]

#: What every figure means; an expert called NAME adds NAME_distance, and NAME_distance_true of the true pictures.
FIGURES = {
    "opening_r": "correlation of the lips' opening with the truth's at the same frame; 0 where nothing moves",
    "opening_r_best": "the same at the lag of up to 160 ms that fits best",
    "lag_ms": "that lag; above 0 the made mouth is late",
    "amplitude": "spread of the made opening over the true one's; below 1 it mumbles",
    "closure_hits": "share of the true closures at which the made lips touch within 40 ms",
    "false_closures": "share of the frames with a truly open mouth in which the made lips touch",
    "lip_distance": "mean distance of 40 lip points from the truth's, in outer eye corner distances",
    "sharpness": "the mouth's Laplacian variance over the truth's",
    "jitter": "RMS second difference of the lips over the truth's",
    "psnr_db": "PSNR of the mouth's surroundings",
    "ssim": "structural similarity there (Wang et al. 2004)",
    "csim": "cosine of the made face's embedding and the true one's, at the same frames",
}
_CHUNK = 25
_EXPERT_STRIDE = 2
#: A mouth that is open without doubt, as a share of the range.
_OPEN = 0.35


@dataclass(frozen=True, slots=True)
class Validation:
    """What came out. figures: means over all frames (see ``FIGURES``). clips: the same by clip. closures: how many
    true closures there were. frames: how many were made. sheet: uint8 [H, W, 3] BGR, rows of true and made faces."""

    figures: dict[str, float]
    clips: dict[str, dict[str, float]]
    closures: int
    frames: int
    sheet: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Mouths:
    """What is measured of one clip's pictures: points on the canvases, the same normalised, luma of the canvases."""

    points: npt.NDArray[np.float32]
    normalised: Floats
    luma: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Truth:
    mouths: _Mouths
    range: Range
    rest: Articulation
    embedded: Any


@dataclass
class Validator:
    """Judges generators on the same clips again and again; the truth is measured once.

    clips: held-out clips, all of one size. models: folder of the face networks, None for the machine's own; or the
    mesh itself (``mesh``). hole: what is masked, see ``data.windows.hole_mask``. frames: of each clip, 0 for all.
    experts: by the name that their figures get. Raises ``face.models.ModelError`` without networks.
    """

    clips: Iterable[Clip]
    models: Path | None = None
    embedder: Embedder | None = None
    experts: Mapping[str, Expert] = field(default_factory=dict)
    device: Any = "cpu"
    hole: Any = "half"
    frames: int = 0
    mesh: Mesh | None = None

    def __post_init__(self) -> None:
        self.clips = [first(clip, self.frames) for clip in self.clips]
        if not self.clips:
            raise ValueError("there are no clips to validate on")
        self._mesh = self.mesh or CropMesh(self.models)
        self._truths: dict[str, _Truth] = {}

    def __call__(self, generate: Generate, watch: Callable[[FaceBatch, Tensor], None] | None = None) -> Validation:
        """Make every clip and judge it. watch: told each clip's batch (``data.windows.sequence``) and made pictures
        [1, 3, T, S, S]. Call it without gradients wanted; the generator should be in evaluation mode."""
        import torch

        found, strips, hits = {}, [], []
        with torch.no_grad():
            for clip in self.clips:
                batch = self._batch(clip)
                made = make(generate, batch)
                if watch is not None:
                    watch(batch, made)
                figures, closures = self._judge(clip, batch, made)
                found[clip.info.id] = figures
                hits += [closure.is_hit for closure in closures]
                strips.append(strip(clip.pictures, to_pictures(made)))
        weights = np.array([len(clip.pictures) for clip in self.clips], np.float64)
        names = list(next(iter(found.values())))
        means = {name: _mean([figures[name] for figures in found.values()], weights) for name in names}
        if "closure_hits" in means:
            means["closure_hits"] = float(np.mean(hits)) if hits else float("nan")
        return Validation(means, found, len(hits), int(weights.sum()), sheet_of(strips))

    def _batch(self, clip: Clip) -> FaceBatch:
        from lipsync_core.train.data.windows import sequence

        return sequence(clip, clip.pictures.shape[1], hole=self.hole).to(self.device)

    def _judge(self, clip: Clip, batch: FaceBatch, made: Tensor) -> tuple[dict[str, float], list[speech.Closure]]:
        if clip.info.id not in self._truths:
            self._truths[clip.info.id] = self._measure_truth(clip, batch)
        truth = self._truths[clip.info.id]
        mouths = self._mouths(to_pictures(made))
        figures, closures = _speaking(truth, mouths)
        figures |= _looking(truth.mouths, mouths)
        if self.embedder is not None:
            figures["csim"] = float((self._embed(made) * truth.embedded).sum(1).mean())
        for name, expert in self.experts.items():
            figures[f"{name}_distance"] = distance(expert, batch.sound, made)
            figures[f"{name}_distance_true"] = distance(expert, batch.sound, batch.target)
        return figures, closures

    def _measure_truth(self, clip: Clip, batch: FaceBatch) -> _Truth:
        mouths = self._mouths(clip.pictures)
        rows = shape.features(mouths.normalised)
        reach = measure_range(rows)
        opening = _relative(rows[:, shape.OPENING], reach)
        nothing = np.zeros(len(opening))
        rest = Articulation(np.arange(len(opening)) * 1000 / FPS, opening, nothing,
                            (opening < speech.TOUCHING).astype(np.float64), nothing)
        embedded = None if self.embedder is None else self._embed(batch.target)
        return _Truth(mouths, reach, rest, embedded)

    def _mouths(self, crops: npt.NDArray[np.uint8]) -> _Mouths:
        seen = canvases(crops)
        points = self._mesh(seen)
        flat = points[..., :2].astype(np.float64)
        normalised = shape.transform(flat, *shape.similarity_to(shape.reference_shape(flat), flat))
        return _Mouths(points, normalised, np.stack([cv2.cvtColor(one, cv2.COLOR_BGR2GRAY) for one in seen]))

    def _embed(self, video: Tensor) -> Tensor:
        assert self.embedder is not None
        return self.embedder.embed(video[0].permute(1, 0, 2, 3).float())


def validate(generate: Generate, clips: Iterable[Clip], models_folder: Path | None, *,
             embedder: Embedder | None = None, experts: Mapping[str, Expert] | None = None, device: Any = "cpu",
             hole: Any = "half", frames: int = 0) -> Validation:
    """Judge a generator once; see ``Validator``, which is faster when several are judged on the same clips."""
    return Validator(clips, models_folder, embedder, experts or {}, device, hole, frames)(generate)


def make(generate: Generate, batch: FaceBatch) -> Tensor:
    """A whole clip by a generator, float32 [1, 3, T, S, S]; only the hole is taken from it, as where it is used."""
    import torch

    face = torch.cat([batch.masked, batch.reference], 1)[0].permute(1, 0, 2, 3)
    parts = [generate(batch.mels[0, at:at + _CHUNK], face[at:at + _CHUNK]).float()
             for at in range(0, len(face), _CHUNK)]
    made = torch.cat(parts).permute(1, 0, 2, 3)[None].clamp(0, 1)
    return batch.masked + batch.hole * made


def distance(expert: Expert, sound: Tensor, faces: Tensor) -> float:
    """1 - the expert's mean cosine of every second window of a clip; sound [N, 1, 80, 32], faces [1, 3, T, S, S]."""
    windows = faces[0].unfold(1, WINDOW, 1).permute(1, 0, 4, 2, 3)[::_EXPERT_STRIDE]
    heard = sound[: faces.shape[2] - WINDOW + 1: _EXPERT_STRIDE]
    told = [expert.similarity(heard[at:at + _CHUNK], windows[at:at + _CHUNK].contiguous())
            for at in range(0, len(windows), _CHUNK)]
    return 1 - float(sum(float(one.float().sum()) for one in told) / max(len(windows), 1))


def first(clip: Clip, frames: int) -> Clip:
    """The first frames of a clip, all when 0."""
    if not 0 < frames < len(clip.pictures):
        return clip
    samples = frames * len(clip.sound) // len(clip.pictures)
    return replace(clip, info=replace(clip.info, frames=frames), pictures=clip.pictures[:frames],
                   sound=clip.sound[:samples], mel=clip.mel[:, : 1 + samples // 200], lips=clip.lips[:frames],
                   opening=clip.opening[:frames], pose=clip.pose[:frames], free=clip.free[:frames])


def to_pictures(video: Tensor) -> npt.NDArray[np.uint8]:
    """[1, 3, T, S, S] in [0, 1] -> uint8 [T, S, S, 3]."""
    return (video[0].permute(1, 2, 3, 0) * 255).round().clamp(0, 255).byte().cpu().numpy()


def strip(true: npt.NDArray[np.uint8], made: npt.NDArray[np.uint8], count: int = 8) -> npt.NDArray[np.uint8]:
    """Faces spread over a clip, the true ones above the made ones: uint8 [2 S, count * S, 3]."""
    at = np.linspace(0, len(true) - 1, count).round().astype(int)
    return np.concatenate([np.concatenate(list(row[at]), 1) for row in (true, made)])


def sheet_of(strips: list[npt.NDArray[np.uint8]], most: int = 4) -> npt.NDArray[np.uint8]:
    """The first strips below each other."""
    return np.concatenate(strips[:most])


def _speaking(truth: _Truth, mouths: _Mouths) -> tuple[dict[str, float], list[speech.Closure]]:
    """Does the mouth do what the true one does?"""
    wanted = speech.wanted_from(truth.rest)
    times, true = truth.rest.times_ms, truth.rest.opening
    made = _relative(shape.features(mouths.normalised)[:, shape.OPENING], truth.range)
    best, lag = speech.correlation_and_lag([(wanted, times, made)])
    still = made.std() < 1e-6 or true.std() < 1e-6
    closures = speech.closures(wanted.closures_ms, times, made)
    is_open = true > _OPEN
    return {
        "opening_r": 0.0 if still else float(np.corrcoef(true, made)[0, 1]),
        "opening_r_best": 0.0 if still or not np.isfinite(best) else best,
        "lag_ms": lag,
        "amplitude": float(made.std() / max(true.std(), 1e-6)),
        "closure_hits": float(np.mean([c.is_hit for c in closures])) if closures else float("nan"),
        "false_closures": float((made[is_open] < speech.TOUCHING).mean()) if is_open.any() else float("nan"),
    }, closures


def _looking(true: _Mouths, made: _Mouths) -> dict[str, float]:
    """Does it look as the true one does?"""
    eyes = np.linalg.norm(true.points[:, shape.EYES[1], :2] - true.points[:, shape.EYES[0], :2], axis=1)
    lips = [*shape.OUTER_LIPS, *shape.INNER_LIPS]
    apart = np.linalg.norm(made.points[:, lips, :2] - true.points[:, lips, :2], axis=2).mean(1) / eyes
    frames = np.arange(len(eyes), dtype=np.int32)
    pairs = [(mouth_crop(a, p), mouth_crop(b, p)) for a, b, p in
             zip(made.luma, true.luma, true.points[..., :2].astype(np.float64), strict=True)]
    errors = [np.mean((a.astype(np.float64) - b) ** 2) for a, b in pairs]
    steadiness = picture.jitter(true.normalised, frames)
    return {
        "lip_distance": float(apart.mean()),
        "sharpness": _sharpness(made, true.points) / max(_sharpness(true, true.points), 1e-6),
        "jitter": picture.jitter(made.normalised, frames) / max(steadiness, 1e-6),
        "psnr_db": float(10 * np.log10(255.0**2 / max(float(np.mean(errors)), 1e-3))),
        "ssim": float(np.mean([ssim(a, b) for a, b in pairs[::2]])),
    }


def _sharpness(mouths: _Mouths, points: npt.NDArray[np.float32]) -> float:
    """Mean Laplacian variance of the mouths where the true ones are."""
    crops = (warp_plane(luma, *mouth_roi(p)) for luma, p in zip(mouths.luma, points, strict=True))
    return float(np.mean([cv2.Laplacian(crop, cv2.CV_32F).var() for crop in crops]))


def _relative(opening: Floats, reach: Range) -> Floats:
    return (opening - reach.closed) / (reach.wide - reach.closed)


def _mean(values: list[float], weights: Floats) -> float:
    told = np.isfinite(values)
    return float(np.average(np.array(values)[told], weights=weights[told])) if told.any() else float("nan")
