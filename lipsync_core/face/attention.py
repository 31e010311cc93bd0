"""The attention mesh: like the face mesh, with lips that a second network refines (arXiv:2006.10962).

The published file holds one graph with three operations that only MediaPipe's own runtime knows. They merely cut
the lips' features out of an early layer. Here the graph is split at those operations into the part before (mesh,
presence, features) and the lips' head, and the cut between them is done with OpenCV, so any LiteRT can run it.
The heads for eyes and irises are left out.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.face.models import ModelError
from lipsync_core.native_log import muted_stderr

Float = npt.NDArray[np.float32]

SIDE = 192
_MESH_OUTPUT, _PRESENCE_OUTPUT, _LIPS_OUTPUT = "output_mesh", "conv_faceflag", "conv_lips"
# The lips' crop: features of 48 pixels a side, a crop of 16, half as large again as the lips' own box.
_FEATURES, _CROP, _MARGIN = 48, 16, 1.5
_LEFT_CORNER, _RIGHT_CORNER = 61, 291
# The order of the head's 80 points: four rings from the outer to the inner rim, lower half before upper.
LIP_POINTS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409,
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415,
    76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408,
    62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407,
)


class AttentionMesh:
    """Same interface as a face mesh network: one picture in, points and presence out."""

    height = width = SIDE

    def __init__(self, path: Path, threads: int) -> None:
        content = path.read_bytes()
        if content[4:8] != b"TFL3":
            raise ModelError(f"{path.name} is not a TensorFlow Lite file")
        try:
            base, head, order = _split(content)
            self._base, self._head = (_interpreter(content, threads) for content in (base, head))
        except (ValueError, RuntimeError, IndexError, StopIteration, TypeError, struct.error) as error:
            raise ModelError(f"{path.name} is not the attention mesh that is expected: {error}") from error
        self._outputs = dict(zip(order, (d["index"] for d in self._base.get_output_details()), strict=True))
        self._lips_in = self._head.get_input_details()[0]["index"]
        self._lips_out = self._head.get_output_details()[0]["index"]

    def __call__(self, picture: Float) -> list[Float]:
        """picture: float32 [192, 192, 3] in [0, 1]; returns points [468, 3] in its pixels and the presence logit."""
        self._base.set_tensor(0, np.ascontiguousarray(picture[None], np.float32))
        self._base.invoke()
        points = self._base.get_tensor(self._outputs["mesh"]).reshape(468, 3)
        features = self._base.get_tensor(self._outputs["features"])[0]
        to_features = lips_map(points[:, :2])
        # In the graph pixel edges are whole numbers, in OpenCV pixel centres are.
        centred = to_features.copy()
        centred[:, 2] += 0.5 * centred[:, :2].sum(1) - 0.5
        crop = np.concatenate([
            cv2.warpAffine(part, centred, (_CROP, _CROP), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                           borderMode=cv2.BORDER_CONSTANT)
            for part in np.split(features, features.shape[2] // 4, axis=2)
        ], axis=2)
        self._head.set_tensor(self._lips_in, crop[None])
        self._head.invoke()
        # The head counts in quarters of a crop pixel.
        lips = self._head.get_tensor(self._lips_out).reshape(len(LIP_POINTS), 2) / (SIDE / _FEATURES)
        refined = points.copy()
        refined[list(LIP_POINTS), :2] = (lips @ to_features[:, :2].T + to_features[:, 2]) * (SIDE / _FEATURES)
        return [refined, self._base.get_tensor(self._outputs["presence"])]


def lips_map(points: Float) -> npt.NDArray[np.float64]:
    """[2, 3] map from the lips' crop to the features, for points [468, 2] in pixels of the network's picture."""
    points = points.astype(np.float64) * (_FEATURES / SIDE)
    across = points[_RIGHT_CORNER] - points[_LEFT_CORNER]
    angle = np.arctan2(across[1], across[0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    level = points[list(LIP_POINTS)] @ turn
    low, high = level.min(0), level.max(0)
    linear = turn * (_MARGIN * (high - low) / _CROP)
    return np.column_stack([linear, turn @ ((low + high) / 2) - linear @ np.full(2, _CROP / 2)])


def _interpreter(content: bytes, threads: int) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    with muted_stderr():
        interpreter = Interpreter(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
    return interpreter


def _split(content: bytes) -> tuple[bytes, bytes, tuple[str, ...]]:
    """The base and the head as files of their own, and the names of the base's outputs in order."""
    from ai_edge_litert import schema_py_generated as schema

    def load() -> Any:
        return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))

    model = load()
    graph = model.subgraphs[0]
    names = [tensor.name.decode() for tensor in graph.tensors]
    made_by = {out: op for op in graph.operators for out in op.outputs}
    crop = made_by[next(i for i in _ancestors(graph, made_by, names.index(_LIPS_OUTPUT))
                        if b"TransformTensorBilinear" in _custom_code(model, made_by.get(i)))]
    mesh, presence = names.index(_MESH_OUTPUT), names.index(_PRESENCE_OUTPUT)
    base = _part(load(), list(graph.inputs), [mesh, presence, int(crop.inputs[0])])
    head = _part(load(), [int(crop.outputs[0])], [names.index(_LIPS_OUTPUT)])
    return base, head, ("mesh", "presence", "features")


def _custom_code(model: Any, operator: Any) -> bytes:
    return (model.operatorCodes[operator.opcodeIndex].customCode or b"") if operator is not None else b""


def _ancestors(graph: Any, made_by: dict[int, Any], tensor: int) -> list[int]:
    """Every tensor that ``tensor`` is computed from, itself first."""
    found, waiting = [], [tensor]
    while waiting:
        current = waiting.pop()
        if current in found or current < 0:
            continue
        found.append(current)
        if current in made_by:
            waiting += [int(i) for i in made_by[current].inputs]
    return found


def _part(model: Any, inputs: list[int], outputs: list[int]) -> bytes:
    """The operations between ``inputs`` and ``outputs`` (tensor numbers) as a model file."""
    import flatbuffers

    graph = model.subgraphs[0]
    made_by = {int(out): op for op in graph.operators for out in op.outputs if int(out) not in inputs}
    needed = {i for out in outputs for i in _ancestors(graph, made_by, out)}
    graph.operators = [op for op in graph.operators if any(int(o) in needed and int(o) in made_by for o in op.outputs)]
    graph.inputs, graph.outputs = inputs, outputs
    kept = {graph.tensors[i].buffer for i in needed}
    for number, buffer in enumerate(model.buffers):
        if number not in kept:
            buffer.data = None
    model.signatureDefs, model.metadata = [], []
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
