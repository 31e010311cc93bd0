"""Face tracks: the one form in which faces travel from the tracker to everything else.

Coordinates are pixels of the upright picture (rotation metadata applied), x to the right, y down;
frame numbers count decoded frames from 0 in presentation order.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

MESH_POINTS = 468


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """One face within one shot, frame by frame.

    frames: int32 [T], increasing; a frame in which the face was lost is absent.
    points: float32 [T, 468, 3], smoothed, pixels (z in the same scale).
    presence: float32 [T] in [0, 1], how sure the mesh is that a face is there.
    pose: float32 [T, 3], yaw, pitch and roll in degrees (yaw > 0: turned to the picture's right).
    mouth_visibility: float32 [T] in [0, 1]; 0 hidden (hand, profile, out of frame), 1 free.
    sharpness: float32 [T], Laplacian variance of the mouth region at a fixed crop size.
    """

    id: int
    shot: int
    frames: npt.NDArray[np.int32]
    points: npt.NDArray[np.float32]
    presence: npt.NDArray[np.float32]
    pose: npt.NDArray[np.float32]
    mouth_visibility: npt.NDArray[np.float32]
    sharpness: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FaceAnalysis:
    """Every face track of a video.

    times_ms: float64 [N], presentation time of every frame.
    shots: int32 [S, 2], first frame and one past the last frame of each shot.
    """

    height: int
    width: int
    times_ms: npt.NDArray[np.float64]
    shots: npt.NDArray[np.int32]
    tracks: tuple[FaceTrack, ...]

    @property
    def frame_count(self) -> int:
        return len(self.times_ms)

    def save(self, path: Path) -> None:
        """Write one .npz (no pickles); the caller moves it into place."""
        arrays: dict[str, Any] = {
            "size": np.array([self.height, self.width], np.int32),
            "times_ms": self.times_ms,
            "shots": self.shots,
            "ids": np.array([(t.id, t.shot) for t in self.tracks], np.int32).reshape(-1, 2),
        }
        for i, track in enumerate(self.tracks):
            for name in ("frames", "points", "presence", "pose", "mouth_visibility", "sharpness"):
                arrays[f"{name}_{i}"] = getattr(track, name)
        with open(path, "wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> FaceAnalysis:
        with np.load(path, allow_pickle=False) as data:
            tracks = tuple(
                FaceTrack(int(id_), int(shot), data[f"frames_{i}"], data[f"points_{i}"], data[f"presence_{i}"],
                          data[f"pose_{i}"], data[f"mouth_visibility_{i}"], data[f"sharpness_{i}"])
                for i, (id_, shot) in enumerate(data["ids"])
            )
            return cls(int(data["size"][0]), int(data["size"][1]), data["times_ms"], data["shots"], tracks)
