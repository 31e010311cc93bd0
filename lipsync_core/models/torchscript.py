"""The tensors of a TorchScript archive, without TorchScript.

``torch.jit.load`` would compile the archive's code and run its ``__setstate__`` methods. Only the parameters are
wanted, so ``data.pkl`` is read here by an unpickler that knows tensors and nothing else: every class of the archive
becomes an inert record of its attributes.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

_STORAGES = {"DoubleStorage": torch.float64, "FloatStorage": torch.float32, "HalfStorage": torch.float16,
             "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
             "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8,
             "BoolStorage": torch.bool}


def is_archive(path: Path) -> bool:
    """Whether a zip file was written by ``torch.jit.save``."""
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def read(path: Path) -> dict[str, Tensor]:
    """All tensors of the archive's module tree by dotted name, as ``state_dict()`` would name them.

    Raises ``pickle.UnpicklingError`` for anything that a module of tensors does not need.
    """
    with zipfile.ZipFile(path) as archive:
        pickled = next(name for name in archive.namelist() if name.endswith("/data.pkl") and name.count("/") == 1)
        root = _Reader(archive, pickled.rpartition("/")[0]).load_root(archive.read(pickled))
    found: dict[str, Tensor] = {}
    _collect(root, "", found)
    return found


class _Record:
    """An object of the archive: its attributes, no behaviour."""

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)


class _Reader:
    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        self._archive, self._root = archive, root
        names = archive.namelist()
        self._big_endian = f"{root}/byteorder" in names and archive.read(f"{root}/byteorder") == b"big"
        self._storages: dict[str, Tensor] = {}

    def load_root(self, data: bytes) -> Any:
        reader = self

        class Unpickler(pickle.Unpickler):
            def find_class(self, module: str, name: str) -> Any:
                return _allowed(module, name)

            def persistent_load(self, pid: Any) -> Tensor:
                return reader.storage(pid)

        return Unpickler(io.BytesIO(data)).load()

    def storage(self, pid: Any) -> Tensor:
        """The flat tensor of a storage record ("storage", type, key, device, element count)."""
        kind, dtype, key, _device, count = pid
        if kind != "storage" or not isinstance(dtype, torch.dtype) or not str(key).isalnum():
            raise pickle.UnpicklingError(f"Unsupported persistent record {kind!r}")
        if key not in self._storages:
            raw = self._archive.read(f"{self._root}/data/{key}")
            width = torch.empty(0, dtype=dtype).element_size()
            if len(raw) < count * width:
                raise pickle.UnpicklingError(f"storage {key} is cut off")
            values = np.frombuffer(bytearray(raw[: count * width]), np.uint8)
            if self._big_endian:
                values = values.reshape(-1, width)[:, ::-1].reshape(-1).copy()
            self._storages[key] = torch.from_numpy(values).view(dtype) if count else torch.empty(0, dtype=dtype)
        return self._storages[key]


def _allowed(module: str, name: str) -> Any:
    """The few names that a TorchScript pickle of a plain module needs; all of them harmless."""
    functions: dict[tuple[str, str], Callable[..., Any]] = {
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild, ("collections", "OrderedDict"): OrderedDict,
        ("torch.jit._pickle", "restore_type_tag"): lambda value, _tag: value,
    }
    if module.split(".")[0] == "__torch__":
        return type(name, (_Record,), {})
    if module == "torch" and name in _STORAGES:
        return _STORAGES[name]
    if module == "torch.jit._pickle" and name.startswith("build_"):
        return list
    if (module, name) in functions:
        return functions[module, name]
    raise pickle.UnpicklingError(f"Unsupported global {module}.{name}")


def _rebuild(flat: Tensor, offset: int, size: Sequence[int], stride: Sequence[int], *_rest: Any) -> Tensor:
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if all(size) else -1
    if last >= flat.numel() or offset < 0 or any(s < 0 for s in stride):
        raise pickle.UnpicklingError("a tensor reaches beyond its storage")
    return flat.as_strided(tuple(size), tuple(stride), offset)


def _collect(node: Any, prefix: str, found: dict[str, Tensor], depth: int = 0) -> None:
    if depth > 64:
        raise pickle.UnpicklingError("modules nested too deeply")
    for name, value in vars(node).items() if isinstance(node, _Record) else ():
        if isinstance(value, Tensor):
            found[prefix + name] = value
        elif isinstance(value, _Record):
            _collect(value, f"{prefix}{name}.", found, depth + 1)
