"""An ONNX file of a face network as a torch module through which gradients flow to the picture.

Only numbers and the order of operations are read; nothing that a file contains is run. What face networks of the
ArcFace family consist of is known (``OPERATIONS``), anything else is refused by name. Weights are frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync_core.models.checkpoint import CheckpointError

if TYPE_CHECKING:
    import onnx

_MOST_BYTES = 2 << 30
Attributes = Mapping[str, Any]
Inputs = Sequence[Tensor | None]


class OnnxGraph(nn.Module):
    """A graph with one input and one output, node by node in the order of the file.

    input_shape: sizes of its input, None where the file leaves one open. operations: the kinds of its nodes, in order.
    """

    def __init__(self, model: onnx.ModelProto, name: str) -> None:
        super().__init__()
        from onnx import helper, numpy_helper

        graph = model.graph
        self.name = name
        self.opset = max((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), default=1)
        self._places: dict[str, int] = {}
        for tensor in graph.initializer:
            if tensor.data_location == 1:
                raise CheckpointError(f"{name} keeps its weights in other files; save it as one file")
            self._keep(tensor.name, numpy_helper.to_array(tensor))
        self._nodes: list[tuple[str, list[str], list[str], dict[str, Any]]] = []
        for node in graph.node:
            attributes = {one.name: helper.get_attribute_value(one) for one in node.attribute}
            if node.op_type == "Constant":
                self._keep(node.output[0], _constant(attributes, name))
                continue
            if node.op_type not in OPERATIONS or node.domain not in ("", "ai.onnx"):
                raise CheckpointError(f"{name} contains the operation {node.op_type}, which is not known here; known "
                                      f"are {', '.join(sorted(OPERATIONS))}")
            self._nodes.append((node.op_type, list(node.input), list(node.output), attributes))
        inputs = [one for one in graph.input if one.name not in self._places]
        if len(inputs) != 1 or len(graph.output) != 1:
            raise CheckpointError(f"{name} has {len(inputs)} inputs and {len(graph.output)} outputs; a face network "
                                  "has one of each")
        self._input, self._output = inputs[0].name, graph.output[0].name
        sizes = inputs[0].type.tensor_type.shape.dim
        self.input_shape = tuple(one.dim_value if one.HasField("dim_value") and one.dim_value > 0 else None
                                 for one in sizes)
        self.operations = [kind for kind, *_ in self._nodes]
        self._last_use = {name: i for i, (_, used, _, _) in enumerate(self._nodes) for name in used}
        self.requires_grad_(False)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """The output for ``x``. Raises ``CheckpointError`` when a node cannot be computed with what it is given."""
        values: dict[str, Tensor] = {self._input: x}
        for i, (kind, inputs, outputs, attributes) in enumerate(self._nodes):
            given = [self._value(values, name) for name in inputs]
            try:
                values[outputs[0]] = OPERATIONS[kind](given, attributes)
            except CheckpointError:
                raise
            except (RuntimeError, TypeError, ValueError, IndexError, KeyError) as error:
                said = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise CheckpointError(f"{self.name}: the operation {kind} (number {i}) failed: {said}") from error
            for name in inputs:
                if self._last_use.get(name) == i and name != self._output:
                    values.pop(name, None)
        return values[self._output]

    def _keep(self, name: str, array: np.ndarray) -> None:
        self._places[name] = len(self._places)
        tensor = torch.from_numpy(np.array(array, copy=True))
        self.register_buffer(f"w{self._places[name]}", tensor.float() if tensor.is_floating_point() else tensor)

    def _value(self, values: Mapping[str, Tensor], name: str) -> Tensor | None:
        if not name:
            return None
        if name in values:
            return values[name]
        if name not in self._places:
            raise CheckpointError(f"{self.name} uses {name} before anything makes it")
        return self.get_buffer(f"w{self._places[name]}")


def load_graph(path: str | Path) -> OnnxGraph:
    """Read an ONNX file. Raises ``CheckpointError`` when it is missing, damaged, or has operations not known here."""
    import onnx
    from google.protobuf.message import DecodeError

    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file")
    if path.stat().st_size > _MOST_BYTES:
        raise CheckpointError(f"{path.name} is larger than any ONNX file can be")
    try:
        model = onnx.load(str(path), load_external_data=False)
    except (DecodeError, ValueError, OSError) as error:
        raise CheckpointError(f"{path.name} is damaged or no ONNX file") from error
    if not model.graph.node:
        raise CheckpointError(f"{path.name} is damaged or no ONNX file")
    return OnnxGraph(model, path.name)


def _constant(attributes: Attributes, name: str) -> np.ndarray:
    from onnx import numpy_helper

    if "value" in attributes:
        return numpy_helper.to_array(attributes["value"])
    for key, kind in (("value_float", np.float32), ("value_floats", np.float32), ("value_int", np.int64),
                      ("value_ints", np.int64)):
        if key in attributes:
            return np.asarray(attributes[key], kind)
    raise CheckpointError(f"{name} contains a constant of a kind that is not known here")


def _whole(tensor: Tensor | None) -> list[int]:
    return [] if tensor is None else [int(v) for v in tensor.flatten().tolist()]


def _axes(inputs: Inputs, attributes: Attributes) -> list[int]:
    """Older files have axes as an attribute, newer ones as the second input."""
    return list(attributes["axes"]) if "axes" in attributes else _whole(inputs[1] if len(inputs) > 1 else None)


def _padded(x: Tensor, attributes: Attributes, value: float) -> Tensor:
    if attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise CheckpointError("the file leaves padding to the reader (auto_pad), which is not known here")
    pads = list(attributes.get("pads", []))
    if not any(pads):
        return x
    half = len(pads) // 2
    return functional.pad(x, [p for i in reversed(range(half)) for p in (pads[i], pads[i + half])], value=value)


def _conv(inputs: Inputs, attributes: Attributes) -> Tensor:
    x, weight = inputs[0], inputs[1]
    if weight.dim() != 4:
        raise CheckpointError("only convolutions over pictures are known here")
    return functional.conv2d(_padded(x, attributes, 0.0), weight, inputs[2] if len(inputs) > 2 else None,
                             tuple(attributes.get("strides", (1, 1))), 0, tuple(attributes.get("dilations", (1, 1))),
                             attributes.get("group", 1))


def _pool(kind: str) -> Callable[[Inputs, Attributes], Tensor]:
    def pool(inputs: Inputs, attributes: Attributes) -> Tensor:
        kernel, strides = tuple(attributes["kernel_shape"]), tuple(attributes.get("strides", (1, 1)))
        rounded_up = bool(attributes.get("ceil_mode", 0))
        if kind == "max":
            return functional.max_pool2d(_padded(inputs[0], attributes, -torch.inf), kernel, strides,
                                         ceil_mode=rounded_up)
        if any(attributes.get("pads", ())) and not attributes.get("count_include_pad", 0):
            whole = functional.avg_pool2d(_padded(torch.ones_like(inputs[0]), attributes, 0.0), kernel, strides)
            return functional.avg_pool2d(_padded(inputs[0], attributes, 0.0), kernel, strides) / whole
        return functional.avg_pool2d(_padded(inputs[0], attributes, 0.0), kernel, strides, ceil_mode=rounded_up)

    return pool


def _norm(inputs: Inputs, attributes: Attributes) -> Tensor:
    x, gain, bias, mean, variance = inputs[:5]
    return functional.batch_norm(x, mean, variance, gain, bias, False, 0.0, attributes.get("epsilon", 1e-5))


def _prelu(inputs: Inputs, attributes: Attributes) -> Tensor:
    x, slope = inputs
    return torch.where(x >= 0, x, x * slope)


def _gemm(inputs: Inputs, attributes: Attributes) -> Tensor:
    a = inputs[0].T if attributes.get("transA", 0) else inputs[0]
    b = inputs[1].T if attributes.get("transB", 0) else inputs[1]
    out = attributes.get("alpha", 1.0) * (a @ b)
    return out + attributes.get("beta", 1.0) * inputs[2] if len(inputs) > 2 and inputs[2] is not None else out


def _flatten(inputs: Inputs, attributes: Attributes) -> Tensor:
    x, axis = inputs[0], attributes.get("axis", 1)
    axis = axis + x.dim() if axis < 0 else axis
    return x.reshape(int(np.prod(x.shape[:axis], dtype=np.int64)), -1)


def _reshape(inputs: Inputs, attributes: Attributes) -> Tensor:
    x = inputs[0]
    wanted = list(attributes["shape"]) if "shape" in attributes else _whole(inputs[1])
    sizes = [x.shape[i] if size == 0 else size for i, size in enumerate(wanted)]
    # Exported with a batch of one, meant for any: a first size of 1 gives way to the rest.
    if sizes and sizes[0] == 1 and -1 not in sizes and int(np.prod(sizes)) != x.numel():
        sizes[0] = -1
    return x.reshape(sizes)


def _transpose(inputs: Inputs, attributes: Attributes) -> Tensor:
    return inputs[0].permute(attributes.get("perm", list(reversed(range(inputs[0].dim())))))


def _squeeze(inputs: Inputs, attributes: Attributes) -> Tensor:
    axes = _axes(inputs, attributes)
    return inputs[0].squeeze(tuple(axes)) if axes else inputs[0].squeeze()


def _unsqueeze(inputs: Inputs, attributes: Attributes) -> Tensor:
    out = inputs[0]
    for axis in sorted(_axes(inputs, attributes)):
        out = out.unsqueeze(axis)
    return out


def _clip(inputs: Inputs, attributes: Attributes) -> Tensor:
    low = inputs[1] if len(inputs) > 1 else attributes.get("min")
    high = inputs[2] if len(inputs) > 2 else attributes.get("max")
    return inputs[0] if low is None and high is None else torch.clamp(inputs[0], low, high)


def _reduced(how: Callable[..., Tensor]) -> Callable[[Inputs, Attributes], Tensor]:
    def reduce(inputs: Inputs, attributes: Attributes) -> Tensor:
        axes = _axes(inputs, attributes) or list(range(inputs[0].dim()))
        return how(inputs[0], axes, bool(attributes.get("keepdims", 1)))

    return reduce


def _plain(function: Callable[..., Tensor]) -> Callable[[Inputs, Attributes], Tensor]:
    return lambda inputs, attributes: function(*inputs)


#: Every operation that is known, by ONNX's name: (inputs, attributes) -> the first output.
OPERATIONS: dict[str, Callable[[Inputs, Attributes], Tensor]] = {
    "Add": _plain(torch.add), "Sub": _plain(torch.sub), "Mul": _plain(torch.mul), "Div": _plain(torch.div),
    "Pow": _plain(torch.pow), "Sqrt": _plain(torch.sqrt), "MatMul": _plain(torch.matmul), "Relu": _plain(torch.relu),
    "Sigmoid": _plain(torch.sigmoid), "Tanh": _plain(torch.tanh),
    "Identity": lambda inputs, attributes: inputs[0], "Dropout": lambda inputs, attributes: inputs[0],
    "LeakyRelu": lambda inputs, attributes: functional.leaky_relu(inputs[0], attributes.get("alpha", 0.01)),
    "Softmax": lambda inputs, attributes: torch.softmax(inputs[0], attributes.get("axis", -1)),
    "Conv": _conv, "BatchNormalization": _norm, "PRelu": _prelu, "Gemm": _gemm, "Flatten": _flatten,
    "Reshape": _reshape, "Transpose": _transpose, "Squeeze": _squeeze, "Unsqueeze": _unsqueeze, "Clip": _clip,
    "MaxPool": _pool("max"), "AveragePool": _pool("average"),
    "GlobalAveragePool": lambda inputs, attributes: inputs[0].mean((2, 3), keepdim=True),
    "Concat": lambda inputs, attributes: torch.cat(list(inputs), attributes["axis"]),
    "Pad": lambda inputs, attributes: _padded(inputs[0], {"pads": attributes.get("pads") or _whole(inputs[1])},
                                              float(attributes.get("value", 0.0))),
    "ReduceMean": _reduced(lambda x, axes, keep: x.mean(axes, keepdim=keep)),
    "ReduceSum": _reduced(lambda x, axes, keep: x.sum(axes, keepdim=keep)),
    "ReduceL2": _reduced(lambda x, axes, keep: x.square().sum(axes, keepdim=keep).sqrt()),
    "LpNormalization": lambda inputs, attributes: functional.normalize(
        inputs[0], float(attributes.get("p", 2)), attributes.get("axis", -1)),
}
