"""An ONNX session that also tells an inner tensor of its graph."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

_PACKAGES = {"onnxruntime": "onnxruntime", "onnx": "onnx", "espeakng_loader": "espeakng-loader",
             "phonemizer": "phonemizer-fork"}


def missing_package() -> str | None:
    """Why a voice that is run by ONNX Runtime and spelt by espeak-ng cannot be loaded; None when it can."""
    for module, package in _PACKAGES.items():
        if find_spec(module) is None:
            return f"The package {package} is not installed."
    return None


def session_with_output(path: Path, tensor: str, threads: int) -> Any:
    """CPU session of the model at ``path`` with the float tensor ``tensor`` added to its outputs."""
    import onnx
    import onnxruntime

    model = onnx.load(str(path))
    model.graph.output.append(onnx.helper.make_tensor_value_info(tensor, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # other stages work at the same time
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
