"""Which lip-sync is nearest to what really happened: held-out frames, driven by their own sound, judged by a new track.

The protocol is that of ``lipsync_core.metrics.reenact``: what was repainted is written as a finished file would be, the
faces in it are tracked afresh, and their lips and pixels are compared with the real ones. No network that took part in
training says anything here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.atlas.plan import Plates
from lipsync_core.face.analyse import analyse_video
from lipsync_core.face.models import FaceModels
from lipsync_core.face.types import FaceAnalysis, FaceTrack
from lipsync_core.face.video import Picture, VideoSource
from lipsync_core.metrics.baselines import mouth_crop, ssim
from lipsync_core.metrics.follow import Speaker, speaker_of
from lipsync_core.metrics.identity import Likeness
from lipsync_core.metrics.parts import moved, points_near, write_planes
from lipsync_core.patch import Patch

#: The least by which a figure must be better, so that noise decides nothing (lip distance: a share), and how much of
#: sharpness and identity may be lost. Who is told the same openings as the atlas has its correlation, up to noise: it
#: must not be worse.
MARGINS = {"lip_distance": 0.02, "opening_r": -0.02, "psnr_db": 0.05, "ssim": 0.001}
LOST = 0.10
#: The rule in words, as it is said with the figures.
RULE = ("kept only if lip distance, PSNR and SSIM are all nearer to the truth than those of the atlas and of the "
        "generator as it came, opening r is not lower by more than 0.02, and at most a tenth of sharpness and likeness "
        "is lost")
_QUIET_FRAMES, _LEAST_FRAMES = 3, 16
_LEAST_MOTION = 0.2

Tracker = Callable[[Path], FaceAnalysis]


@dataclass(frozen=True, slots=True)
class Row:
    """How one lip-sync did on the held-out frames.

    lip_distance: mean distance of the lips' points from the real ones, in eye distances, head motion taken out.
    opening_r: correlation of lip opening with the real one. psnr_db, ssim: of the mouth in luma. sharpness: of the
    mouth, as a share of the real one's. identity: likeness of its texture to the speaker's own at other moments, 1 as
    alike as those are to each other; NaN where there are too few to tell. frames: that were compared.
    """

    lip_distance: float
    opening_r: float
    psnr_db: float
    ssim: float
    sharpness: float
    identity: float
    frames: int

    def beats(self, other: Row) -> bool:
        """See ``RULE``."""
        nearer = (self.lip_distance < other.lip_distance * (1 - MARGINS["lip_distance"])
                  and all(getattr(self, name) >= getattr(other, name) + MARGINS[name]
                          for name in ("opening_r", "psnr_db", "ssim")))
        # More than the real sharpness is noise, and no gain.
        kept = all(_at_most_one(getattr(self, name)) >= (1 - LOST) * _at_most_one(getattr(other, name))
                   for name in ("sharpness", "identity")
                   if math.isfinite(getattr(self, name)) and math.isfinite(getattr(other, name)))
        return nearer and kept

    def as_dict(self) -> dict[str, Any]:
        """JSON values, NaN as None."""
        return {name: (round(value, 5) if math.isfinite(value) else None) if isinstance(value, float) else value
                for name, value in asdict(self).items()}


def beats_all(adapted: Row, others: Mapping[str, Row]) -> list[str]:
    """The names of the others that the adapted generator does not beat; it is kept when there are none."""
    return [name for name, row in others.items() if not adapted.beats(row)]


class Judge:
    """Compares patches of the held-out frames with what was really there.

    tracks: of the speaker. plates: the frames that were repainted. held: frames to judge, of these. learnt: the tracks
    that the speaker's habits are read from. models_folder: of the face networks.
    """

    def __init__(self, video: Path, plates: Plates, held: npt.NDArray[np.int64], tracks: Iterable[FaceTrack],
                 learnt: Iterable[FaceTrack], models_folder: Path, track: Tracker | None = None) -> None:
        self._video, self.plates = video, plates
        self._track = track or (lambda path: analyse_video(path, FaceModels(models_folder)))
        self._speaker: Speaker = speaker_of(list(learnt))
        full = plates.alpha >= 1
        # Eased frames show a part of the real mouth, which would flatter whoever is judged.
        full[:_QUIET_FRAMES] = False
        self.frames = np.intersect1d(plates.frames[full], held)
        self._row = {int(f): i for i, f in enumerate(plates.frames)}
        self.start, self._stop = int(plates.frames[0]), int(plates.frames[-1]) + 1
        self._sharpness = {int(f): float(s) for t in tracks for f, s in zip(t.frames, t.sharpness, strict=True)}

    @property
    def is_enough(self) -> bool:
        """Whether there are frames enough to compare."""
        return len(self.frames) >= _LEAST_FRAMES

    def compare(self, patches: Iterable[Patch], out: Path) -> Row:
        """Figures of a lip-sync; ``out``: the file to write the repainted frames to, which stays."""
        by_frame = {patch.frame: patch for patch in patches}
        write_planes(out, self._painted(by_frame), VideoSource(self._video).rate)
        fresh = moved(self._track(out), self.start)
        found = points_near(fresh, self.plates)
        both = [int(f) for f in self.frames if int(f) in found and int(f) in by_frame]
        if len(both) < _LEAST_FRAMES // 2:
            return Row(math.inf, -1.0, 0.0, 0.0, 0.0, 0.0, len(both))
        model = self._speaker.model
        plates = np.stack([self.plates.points[self._row[f]] for f in both])
        real, seen = model.normalise(plates)[0], model.normalise(np.stack([found[f] for f in both]))[0]
        distance = float(np.linalg.norm(seen[:, shape.LIPS] - real[:, shape.LIPS], axis=2).mean())
        a, b = shape.features(seen)[:, shape.OPENING], shape.features(real)[:, shape.OPENING]
        r = float(np.corrcoef(a, b)[0, 1]) if a.std() > _LEAST_MOTION * b.std() > 0 else 0.0
        psnr, alike, identity = self._pictures(out, set(both), found)
        return Row(distance, r, psnr, alike, self._sharper(fresh, set(both)), identity, len(both))

    def _painted(self, patches: Mapping[int, Patch]) -> Iterator[tuple[npt.NDArray[np.uint8], ...]]:
        for picture in VideoSource(self._video).frames(self.start, self._stop):
            planes = (picture.y.copy(), picture.u.copy(), picture.v.copy())
            if (patch := patches.get(picture.number)) is not None:
                for plane, new, half in zip(planes, (patch.y, patch.u, patch.v), (1, 2, 2), strict=True):
                    top, left = patch.top // half, patch.left // half
                    plane[top:top + new.shape[0], left:left + new.shape[1]] = new
            yield planes

    def _pictures(self, out: Path, wanted: set[int], found: Mapping[int, npt.NDArray[np.float64]]
                  ) -> tuple[float, float, float]:
        errors, alike = [], []
        likeness = Likeness(self._speaker)
        truth = VideoSource(self._video).frames(self.start, self._stop)
        for before, after in zip(truth, VideoSource(out).frames(), strict=False):
            if before.number not in wanted:
                continue
            points = self.plates.points[self._row[before.number]]
            x, y = mouth_crop(before.y, points), mouth_crop(after.y, points)
            errors.append(float(((x.astype(np.float64) - y) ** 2).mean()))
            alike.append(ssim(x, y))
            likeness.add(before, _numbered(after, before.number), points, found[before.number])
        psnr = float(10 * np.log10(255.0**2 / max(float(np.mean(errors)), 1e-6)))
        compared = likeness.compare()
        return psnr, float(np.mean(alike)), float("nan") if compared is None else compared.ratio

    def _sharper(self, fresh: FaceAnalysis, wanted: set[int]) -> float:
        now: dict[int, float] = {}
        for track in fresh.tracks:
            now.update({int(f): float(s) for f, s in zip(track.frames, track.sharpness, strict=True) if f in wanted})
        ratios = [now[f] / self._sharpness[f] for f in now if self._sharpness.get(f, 0) > 0]
        return float(np.median(ratios)) if ratios else float("nan")


def _numbered(picture: Picture, number: int) -> Picture:
    return Picture(number, picture.time_ms, picture.y, picture.u, picture.v, picture.matrix, picture.full_range)


def _at_most_one(value: float) -> float:
    return min(value, 1.0)


def line(name: str, row: Row) -> str:
    """One row's figures for people."""
    identity = f", likeness {row.identity:.2f}" if math.isfinite(row.identity) else ""
    return (f"{name} {100 * row.lip_distance:.2f} % / {row.opening_r:.2f} / {row.psnr_db:.1f} dB / {row.ssim:.3f}"
            f" (sharpness {row.sharpness:.2f}{identity})")
