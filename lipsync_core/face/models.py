"""The face, hand and person networks (MediaPipe's TensorFlow Lite files) under LiteRT.

Anchors and decoding follow MediaPipe's published graphs (BlazeFace, arXiv:1907.05047; full-range variant;
BlazePalm and hand landmarks, arXiv:2006.10214; face mesh, arXiv:1907.06724, with attention, arXiv:2006.10962).
"""

from __future__ import annotations

import os
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lipsync_core.native_log import muted_stderr

if TYPE_CHECKING:
    from lipsync_core.face.attention import AttentionMesh

Float = npt.NDArray[np.float32]

# File name, and the folder it has in MediaPipe's own layout.
_FILES = {
    "face_detection_full_range_sparse": "face_detection",
    "face_detection_short_range": "face_detection",
    "face_landmark": "face_landmark",
    "face_landmark_with_attention": "face_landmark",
    "palm_detection_full": "palm_detection",
    "palm_detection_lite": "palm_detection",
    "hand_landmark_full": "hand_landmark",
    "hand_landmark_lite": "hand_landmark",
    "selfie_segmentation": "selfie_segmentation",
}


class ModelError(ValueError):
    """A model file is missing or unreadable."""


def default_folder() -> Path | None:
    """Where the networks lie on this machine: LIPSYNC_MODELS, an installed mediapipe with models inside, or what the
    dubbing workspace fetched into the user's cache; None when nowhere."""
    if named := os.environ.get("LIPSYNC_MODELS"):
        return Path(named)
    package = find_spec("mediapipe")
    if package is not None and package.origin is not None:
        modules = Path(package.origin).parent / "modules"
        if (modules / "face_landmark" / "face_landmark.tflite").exists():
            return modules
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return next(iter(sorted((caches / "dubbing" / "models").glob("mediapipe-face-*"))), None)


class Network:
    """One TensorFlow Lite network with one picture as input. Not safe to call from two threads at once."""

    def __init__(self, path: Path, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            with muted_stderr():
                self._interpreter: Any = Interpreter(str(path), num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{path.name} is not a usable TensorFlow Lite file: {error}") from error
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [d["index"] for d in self._interpreter.get_output_details()]
        self.height, self.width = (int(n) for n in self._interpreter.get_input_details()[0]["shape"][1:3])

    def __call__(self, picture: Float) -> list[Float]:
        """picture: float32 [height, width, 3], already scaled; returns the outputs in the file's order."""
        self._interpreter.set_tensor(self._input, np.ascontiguousarray(picture[None], np.float32))
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(i) for i in self._outputs]


class FaceModels:
    """The networks in ``folder``, loaded when first used.

    ``folder`` is either flat (all .tflite files side by side) or laid out like MediaPipe's ``modules``.
    Raises ModelError when a file that tracking cannot do without is missing. One instance serves one thread.
    """

    def __init__(self, folder: Path, threads: int = 2) -> None:
        self.folder, self.threads = Path(folder), threads
        self._path("face_detection_full_range_sparse")
        if not self.has("face_landmark_with_attention"):
            self._path("face_landmark")

    def has(self, name: str) -> bool:
        """Whether the folder holds the file ``name``.tflite."""
        return self._find(name) is not None

    @cached_property
    def full_range(self) -> Network:
        return self._load("face_detection_full_range_sparse")

    @cached_property
    def short_range(self) -> Network:
        return self._load("face_detection_short_range")

    @cached_property
    def mesh(self) -> Network | AttentionMesh:
        """The mesh with refined lips where its file is there, else the plain one."""
        from lipsync_core.face.attention import AttentionMesh

        attention = self._find("face_landmark_with_attention")
        return self._load("face_landmark") if attention is None else AttentionMesh(attention, self.threads)

    @cached_property
    def palm(self) -> Network:
        return self._load("palm_detection_full" if self.has("palm_detection_full") else "palm_detection_lite")

    @cached_property
    def hand(self) -> Network:
        return self._load("hand_landmark_full" if self.has("hand_landmark_full") else "hand_landmark_lite")

    @cached_property
    def has_hands(self) -> bool:
        """Whether both hand networks are there; without them hands never hide a mouth."""
        return any(self.has(f"palm_detection_{kind}") for kind in ("full", "lite")) and any(
            self.has(f"hand_landmark_{kind}") for kind in ("full", "lite"))

    @cached_property
    def person(self) -> Network:
        return self._load("selfie_segmentation")

    def _find(self, name: str) -> Path | None:
        candidates = (self.folder / f"{name}.tflite", self.folder / _FILES[name] / f"{name}.tflite")
        return next((path for path in candidates if path.is_file()), None)

    def _path(self, name: str) -> Path:
        path = self._find(name)
        if path is None:
            raise ModelError(f"{name}.tflite is not in {self.folder}")
        return path

    def _load(self, name: str) -> Network:
        return Network(self._path(name), self.threads)


def anchor_grid(side: int, layers: tuple[tuple[int, int], ...]) -> Float:
    """Anchor centres in [0, 1] as (x, y), in the networks' order: ``layers`` holds (stride, anchors per cell)."""
    centres = []
    for stride, per_cell in layers:
        cells = (np.arange(side // stride, dtype=np.float32) + 0.5) / (side // stride)
        x, y = np.meshgrid(cells, cells)
        centres.append(np.repeat(np.stack([x.ravel(), y.ravel()], 1), per_cell, axis=0))
    return np.concatenate(centres)


def sigmoid(value: npt.ArrayLike) -> npt.NDArray[np.float32]:
    return (1 / (1 + np.exp(-np.clip(np.asarray(value, np.float32), -60, 60)))).astype(np.float32)
