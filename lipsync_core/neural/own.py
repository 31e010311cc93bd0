"""Our own generator as a lip-sync engine: weights with a card, and references from other moments.

Our networks are trained with a reference that is never the frame itself (else they learn to copy the mouth that they
are to replace). So here, too, each frame is shown the speaker at another moment: of a dozen faces spread over the poses
of what the atlas has learnt, the one that is turned most like the frame. It is kept while it is nearly as good as the
best, so that it does not flicker.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.atlas.model import Atlas
from lipsync_core.atlas.plan import Plates, make_plan
from lipsync_core.engine import Line
from lipsync_core.face.mesh import lip_opening
from lipsync_core.face.types import FaceAnalysis
from lipsync_core.face.video import VideoSource
from lipsync_core.models.checkpoint import CheckpointError
from lipsync_core.neural.box import face_boxes
from lipsync_core.neural.composite import FACE, Image, colour_face, see
from lipsync_core.neural.wav2lip import Generator, Options, Reference, Wav2LipSync
from lipsync_core.neural.weights import EMBEDDED, KIND
from lipsync_core.speech.articulation import articulate

if TYPE_CHECKING:
    from torch import nn

#: References of a speaker, and by how much (in the atlas's units of yaw and pitch) another must be nearer to be taken.
_REFERENCES, _KEEP = 12, 0.04
_SPEAKERS_KEPT = 4
_BATCH, _CUDA_BATCH = 8, 32
#: What a face loses in a crop of 96 pixels: with it the real crops of two talkers, pasted back, have 0.9 to 1.0 of
#: their sharpness, without it 0.7 to 0.8.
_CRISP = 0.4

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weights:
    """A generator in evaluation mode, pixels a side of its faces, and the card of its file."""

    network: nn.Module
    size: int
    card: dict[str, Any]


def load(path: Path | None = None, device: str = "cpu") -> Weights:
    """The generator of a weights file, by default of the library's own.

    Raises ``lipsync_core.models.checkpoint.CheckpointError`` when there is no such file, it is damaged, or it holds no
    generator.
    """
    from lipsync_core.train.card import read_weights
    from lipsync_core.train.networks.generator import GeneratorError, build

    path = Path(path or EMBEDDED)
    state, card = read_weights(path)
    config = card.get("network")
    if card.get("kind") != KIND or not isinstance(config, dict):
        raise CheckpointError(f"{path.name} holds no generator of this library")
    try:
        network = build(config)
        missing, unknown = network.load_state_dict(state, strict=False)
    except (GeneratorError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path.name} does not fit the generator that its card describes") from error
    if unknown or any(not name.endswith("num_batches_tracked") for name in missing):
        raise CheckpointError(f"{path.name} does not fit the generator that its card describes")
    return Weights(network.eval().requires_grad_(False).to(device), int(config.get("size", FACE)), card)


class References:
    """Faces of one speaker for a generator to take its pixels from.

    faces: [K, 3, S, S] BGR in [0, 1]. poses: [K, 2], yaw and pitch in the atlas's units. frames: [K], of the video.
    """

    def __init__(self, faces: Image, poses: Floats, frames: npt.NDArray[np.int32]) -> None:
        self.faces, self.poses, self.frames = faces, poses, frames

    def choose(self, poses: Floats) -> npt.NDArray[np.int64]:
        """[N] which face each of the poses [N, 2], in order of time, is shown."""
        gaps = np.linalg.norm(poses[:, None] - self.poses[None], axis=2)
        chosen = np.empty(len(poses), np.int64)
        current = int(gaps[0].argmin()) if len(gaps) else 0
        for i, gap in enumerate(gaps):
            best = int(gap.argmin())
            if gap[best] < gap[current] - _KEEP:
                current = best
            chosen[i] = current
        return chosen


def gather(video: Path, analysis: FaceAnalysis, atlas: Atlas, size: int) -> References:
    """Sharp, unhidden faces among those that the atlas has learnt from, spread over its poses."""
    poses = _poses(atlas.features)
    good = np.flatnonzero(atlas.clear & (atlas.sharpness >= np.median(atlas.sharpness)))
    if not len(good):
        good = np.arange(len(atlas.frames))
    boxes = {t.id: face_boxes(t) for t in analysis.tracks if t.id in set(atlas.tracks[good].tolist())}
    source = VideoSource(video)
    faces, kept = [], []
    for row in np.sort(good[spread(poses[good], _REFERENCES)]):
        frame, box = int(atlas.frames[row]), boxes.get(int(atlas.tracks[row]))
        picture = next(source.frames(frame, frame + 1), None)
        if picture is None or box is None:
            continue
        matrix = box.crop_matrix(int(np.searchsorted(box.frames, frame)), size)
        seen = see(picture, matrix, atlas.points[row].astype(np.float64), 1.0, size)
        if seen is not None:
            faces.append(colour_face(seen))
            kept.append(int(row))
    return References(np.stack(faces), poses[kept], atlas.frames[kept])


def spread(points: Floats, count: int) -> npt.NDArray[np.int64]:
    """Indices of up to ``count`` of the points [N, D], each farthest from those before; the first is the most usual."""
    chosen = [int(np.linalg.norm(points - np.median(points, 0), axis=1).argmin())]
    far = np.linalg.norm(points - points[chosen[0]], axis=1)
    while len(chosen) < min(count, len(points)) and far.max() > _KEEP / 2:
        chosen.append(int(far.argmax()))
        far = np.minimum(far, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return np.array(chosen, np.int64)


def _poses(features: Floats) -> Floats:
    return features[:, [shape.YAW, shape.PITCH]]


class OwnLipSync(Wav2LipSync):
    """A generator of ours behind the interface of the atlas.

    network: as ``load`` gives it, or any callable of its signature for faces of ``options.size`` pixels.
    """

    def __init__(self, models_folder: Path, network: Generator, options: Options | None = None,
                 device: str = "cpu", dtype: Any = None) -> None:
        super().__init__(models_folder, network, options, device, dtype)
        self._references: OrderedDict[tuple[Path, Path], References] = OrderedDict()

    @classmethod
    def of(cls, models_folder: Path, weights: Weights, device: str = "cpu") -> OwnLipSync:
        """The engine of loaded weights, whose network is on ``device``."""
        batch = _CUDA_BATCH if device.startswith("cuda") else _BATCH
        options = Options(batch=batch, size=weights.size, crisp=_CRISP if weights.size < 192 else 0.0)
        return cls(models_folder, weights.network, options, device)

    def references(self, video: Path, analysis: FaceAnalysis, model: Path, plates: Plates) -> Reference:
        """The speaker at other moments, turned like each plate."""
        atlas = Atlas.load(model)
        key = (Path(video), Path(model))
        if key not in self._references:
            self._references[key] = gather(video, analysis, atlas, self.options.size)
            while len(self._references) > _SPEAKERS_KEPT:
                self._references.popitem(last=False)
        known = self._references[key]
        chosen = known.choose(_poses(shape.features(atlas.model.normalise(plates.points)[0])))
        return lambda index: known.faces[chosen[index]]

    def told(self, line: Line, analysis: FaceAnalysis, model: Path,
             plates: Plates) -> npt.NDArray[np.float32] | None:
        """How far the lips shall be apart in every frame, in eye distances, for networks that can be told.

        Who knows what is said knows that better than a network that hears it: the openings are those to which the
        atlas would bring its mouths for this line. Without phonemes the network listens by itself.
        """
        if not hasattr(self.generator, "heard_opening") or not len(line.phonemes):
            return None
        atlas = Atlas.load(model)
        wanted = articulate(line.phonemes, analysis.times_ms[plates.frames] - line.start_ms, sound=line.sound,
                            sample_rate=line.sample_rate)
        targets = {planned.frame: planned.target for planned in make_plan(atlas, plates, wanted)}
        points = np.stack([targets.get(int(frame), own) for frame, own in zip(plates.frames, plates.points,
                                                                             strict=True)])
        return lip_opening(points).astype(np.float32)
