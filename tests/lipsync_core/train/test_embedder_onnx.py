"""A user's ArcFace in ONNX form: the same numbers as onnxruntime, gradients to the picture, clear refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from lipsync_core.models.checkpoint import CheckpointError
from lipsync_core.train.embedder import load_embedder
from lipsync_core.train.networks.arcface import IN_CROP, TEMPLATE, affine
from lipsync_core.train.networks.onnx_graph import OPERATIONS, load_graph


class Maker:
    """Writes graphs with random weights, one node after the other."""

    def __init__(self, seed: int = 0) -> None:
        self.random, self.nodes, self.weights = np.random.default_rng(seed), [], []

    def weight(self, *shape: int, low: float | None = None) -> str:
        value = self.random.normal(0, 0.4 / np.sqrt(max(np.prod(shape[1:]), 1)), shape).astype(np.float32)
        return self.constant(value if low is None else (low + self.random.random(shape)).astype(np.float32))

    def constant(self, value: np.ndarray) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, kind: str, *inputs: str, **attributes: object) -> str:
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def norm(self, x: str, channels: int) -> str:
        return self.add("BatchNormalization", x, self.weight(channels, low=0.5), self.weight(channels),
                        self.weight(channels), self.weight(channels, low=0.5), epsilon=2e-5)

    def block(self, x: str, channels_in: int, channels_out: int) -> str:
        """An IResNet block with stride 2."""
        y = self.add("Conv", self.norm(x, channels_in), self.weight(channels_out, channels_in, 3, 3),
                     kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1], dilations=[1, 1], group=1)
        y = self.add("PRelu", self.norm(y, channels_out), self.weight(channels_out, 1, 1))
        y = self.add("Conv", y, self.weight(channels_out, channels_out, 3, 3), kernel_shape=[3, 3],
                     pads=[1, 1, 1, 1], strides=[2, 2])
        short = self.add("Conv", x, self.weight(channels_out, channels_in, 1, 1), kernel_shape=[1, 1], strides=[2, 2])
        return self.add("Add", self.norm(y, channels_out), self.norm(short, channels_out))

    def save(self, path: Path, output: str, size: int | str = 112, batch: int | str = "n", opset: int = 13) -> Path:
        graph = helper.make_graph(
            self.nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, size, size])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)], self.weights)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
        return path


def iresnet(path: Path, with_scaling: bool = False) -> Path:
    """As insightface exports them, small; with_scaling: the older kind that takes bytes."""
    make = Maker()
    x = "x"
    if with_scaling:
        x = make.add("Mul", make.add("Sub", x, make.constant(np.float32(127.5))), make.constant(np.float32(1 / 128)))
    y = make.add("Conv", x, make.weight(8, 3, 3, 3), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    y = make.add("PRelu", make.norm(y, 8), make.weight(8, 1, 1))
    for channels_in, channels_out in ((8, 8), (8, 12), (12, 16)):
        y = make.block(y, channels_in, channels_out)
    y = make.add("Flatten", make.norm(y, 16))
    y = make.add("Gemm", y, make.weight(32, 16 * 14 * 14), make.weight(32), transB=1, alpha=1.0, beta=1.0)
    y = make.add("BatchNormalization", y, make.weight(32, low=0.5), make.weight(32), make.weight(32),
                 make.weight(32, low=0.5))
    return make.save(path, y)


def odds_and_ends(path: Path) -> Path:
    """Operations of other face networks: pooling, depthwise convolution, shapes by reshape and transpose."""
    make = Maker(1)
    y = make.add("Div", make.add("Sub", "x", make.constant(np.float32(0.4))), make.constant(np.float32(0.3)))
    y = make.add("Clip", y, make.constant(np.float32(-2)), make.constant(np.float32(2)))
    y = make.add("Relu", make.add("Conv", y, make.weight(6, 3, 3, 3), make.weight(6), pads=[0, 1, 1, 0],
                                  strides=[2, 2], kernel_shape=[3, 3]))
    y = make.add("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    y = make.add("Conv", y, make.weight(6, 1, 3, 3), group=6, kernel_shape=[3, 3], dilations=[2, 2])
    y = make.add("LeakyRelu", make.add("AveragePool", y, kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 1, 1]),
                 alpha=0.1)
    gate = make.add("Sigmoid", make.add("GlobalAveragePool", y))
    y = make.add("Transpose", make.add("Mul", y, gate), perm=[0, 2, 3, 1])
    y = make.add("ReduceMean", y, axes=[1], keepdims=0)
    y = make.add("Reshape", y, make.constant(np.array([0, -1], np.int64)))
    y = make.add("MatMul", make.add("Dropout", y), make.weight(5 * 6, 10))
    square = make.add("Pow", y, make.constant(np.float32(2)))
    length = make.add("Sqrt", make.add("ReduceSum", square, make.constant(np.array([1], np.int64)), keepdims=1))
    y = make.add("Concat", make.add("Div", y, length), make.add("Tanh", y), axis=1)
    y = make.add("Squeeze", make.add("Unsqueeze", y, make.constant(np.array([1], np.int64))),
                 make.constant(np.array([1], np.int64)))
    return make.save(path, make.add("Identity", y), size=50)


def _both(path: Path, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        ours = load_graph(path)(torch.from_numpy(x)).numpy()
    return ours, session.run(None, {"x": x})[0]


@pytest.mark.parametrize("make", [iresnet, odds_and_ends])
def test_the_graph_gives_the_numbers_of_onnxruntime(tmp_path: Path, make: object) -> None:
    path = make(tmp_path / "net.onnx")
    side = 112 if make is iresnet else 50
    x = np.random.default_rng(0).normal(0, 1, (3, 3, side, side)).astype(np.float32)
    ours, theirs = _both(path, x)
    assert ours.shape == theirs.shape and np.abs(theirs).max() > 0.1
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_an_arcface_embeds_our_crops_and_gives_gradients(tmp_path: Path) -> None:
    embedder = load_embedder(iresnet(tmp_path / "r.onnx"))
    faces = torch.rand(2, 3, 96, 96, requires_grad=True)
    vectors = embedder.embed(faces)
    assert vectors.shape == (2, 32)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))
    (1 - (vectors * vectors.detach().roll(1, 0)).sum(1)).sum().backward()
    assert float(faces.grad.abs().max()) > 0
    assert all(not p.requires_grad for p in embedder.parameters())
    session = onnxruntime.InferenceSession(str(tmp_path / "r.onnx"), providers=["CPUExecutionProvider"])
    seen = ((embedder.aligned(faces).flip(1) * 255 - 127.5) / 127.5).detach().numpy()
    theirs = session.run(None, {"x": seen})[0]
    np.testing.assert_allclose(vectors.detach().numpy(), theirs / np.linalg.norm(theirs, axis=1, keepdims=True),
                               atol=1e-4)


def test_older_files_get_bytes(tmp_path: Path) -> None:
    old, new = (load_embedder(iresnet(tmp_path / f"{flag}.onnx", flag)) for flag in (True, False))
    assert old.takes_bytes and not new.takes_bytes
    faces = torch.rand(1, 3, 112, 112)
    # 127.5 and 128 differ by four thousandths.
    assert float((old.embed(faces) * new.embed(faces)).sum()) > 0.999


def test_five_points_are_put_where_the_template_has_them(tmp_path: Path) -> None:
    embedder = load_embedder(iresnet(tmp_path / "r.onnx"))
    points = torch.tensor(IN_CROP) * torch.tensor([0.9, 1.1]) + torch.tensor([0.04, -0.06])
    faces = torch.zeros(1, 3, 96, 96)
    y, x = torch.meshgrid(*((torch.arange(96) + 0.5) / 96,) * 2, indexing="ij")
    for channel, point in enumerate(points[:3]):
        faces[0, channel] = torch.exp(-((x - point[0]) ** 2 + (y - point[1]) ** 2) / (2 * 0.02**2))
    upright = embedder.aligned(faces, points[None])[0]
    for channel in range(3):
        row, column = divmod(int(upright[channel].argmax()), 112)
        assert abs(column - TEMPLATE[channel][0]) < 2.5 and abs(row - TEMPLATE[channel][1]) < 2.5
    exact = torch.tensor(TEMPLATE) / 120 + 0.02
    matrix = affine(torch.tensor(TEMPLATE), exact[None])[0]
    torch.testing.assert_close(torch.tensor(TEMPLATE) @ matrix[:, :2].T + matrix[:, 2], exact, atol=1e-4, rtol=0)


def test_what_is_not_known_is_refused_by_name(tmp_path: Path) -> None:
    make = Maker()
    path = make.save(tmp_path / "odd.onnx", make.add("Einsum", "x", equation="ncij->nc"))
    assert "Einsum" not in OPERATIONS
    with pytest.raises(CheckpointError, match="odd.onnx contains the operation Einsum"):
        load_embedder(path)
    make = Maker()
    path = make.save(tmp_path / "map.onnx", make.add("Relu", "x"))
    with pytest.raises(CheckpointError, match="one vector a face"):
        load_embedder(path)
    make = Maker()
    path = make.save(tmp_path / "bad.onnx", make.add("Reshape", "x", make.constant(np.array([7, 11], np.int64))))
    with pytest.raises(CheckpointError, match="Reshape"):
        load_embedder(path)
    (tmp_path / "cut.onnx").write_bytes(iresnet(tmp_path / "whole.onnx").read_bytes()[:900])
    with pytest.raises(CheckpointError, match="cut.onnx is damaged"):
        load_embedder(tmp_path / "cut.onnx")
    model = onnx.load(str(tmp_path / "whole.onnx"))
    onnx.save(model, str(tmp_path / "split.onnx"), save_as_external_data=True, location="split.bin", size_threshold=0)
    with pytest.raises(CheckpointError, match="other files"):
        load_embedder(tmp_path / "split.onnx")
