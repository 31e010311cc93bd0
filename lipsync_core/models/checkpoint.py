"""Reading weights in every form in which they circulate, without running anything that a file contains.

* training dictionary: ``{"state_dict": {...}, "optimizer": ..., ...}``, keys with or without ``module.``;
* bare state dictionary, in the zip format or in the older stream of pickles;
* TorchScript archive (``torch.jit.save``), of which the tensors alone are read, never its code;
* safetensors.

PyTorch's own reader is used with ``weights_only=True``, which refuses any pickle that asks for more than tensors. All
errors are ``CheckpointError`` in one sentence for a person.
"""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lipsync_core.models import torchscript


class CheckpointError(ValueError):
    """The file cannot be used as weights of the wanted network; the message says why in one sentence."""


class KnownFile(NamedTuple):
    """A public file: its size and the head of its SHA-256."""

    name: str
    size_bytes: int
    sha256_head: str


KNOWN_FILES: tuple[KnownFile, ...] = (
    KnownFile("wav2lip.pth", 435_807_851, "b78b681b"),
    KnownFile("wav2lip_gan.pth", 435_801_865, "ca9ab7b7"),
    KnownFile("lipsync_expert.pth", 197_357_631, "9b9936c7"),
    KnownFile("visual_quality_disc.pth", 169_382_040, "b3f8f6f7"),
)
_WRAPPERS = ("state_dict", "model_state_dict", "model", "generator", "params")


def identify(path: str | Path) -> str | None:
    """The name of the public file that this is, by size and SHA-256, or None."""
    size = Path(path).stat().st_size
    candidates = [known for known in KNOWN_FILES if known.size_bytes == size]
    if not candidates:
        return None
    digest = sha256(path)
    return next((known.name for known in candidates if digest.startswith(known.sha256_head)), None)


def sha256(path: str | Path) -> str:
    """SHA-256 of the file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint on the CPU, by key without ``module.``.

    Raises ``CheckpointError`` when the file is missing, cut off, a web page, or holds anything but tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file")
    with path.open("rb") as file:
        head = file.read(512)
    if head.lstrip()[:1] == b"<":
        raise CheckpointError(f"{path.name} is a web page, not a model file: the download link asked for something"
                              f"{_size_hint(path)}")
    try:
        found = _read(path, head)
    except CheckpointError:
        raise
    except pickle.UnpicklingError as error:
        if "Unsupported" in str(error) or "weights_only" in str(error) or "Weights only" in str(error):
            raise CheckpointError(f"{path.name} holds more than tensors, or is no model file; it was not opened, since "
                                  f"that could run code{_size_hint(path)}") from error
        raise CheckpointError(f"{path.name} is damaged or no model file{_size_hint(path)}") from error
    except Exception as error:  # each format fails in its own way on cut-off bytes, down to AttributeError
        raise CheckpointError(f"{path.name} is damaged, cut off or no model file{_size_hint(path)}") from error
    return {key.removeprefix("module."): tensor for key, tensor in _tensors(found, path).items()}


def load_into(network: nn.Module, path: str | Path, what: str) -> None:
    """Fill ``network`` with the weights of ``path``; leaves it in evaluation mode without gradients.

    what: the network in words, for the error. A prefix shared by all keys is dropped; the counters
    ``num_batches_tracked``, which old files lack and inference does not use, may be missing; anything else missing,
    left over, of another shape or not finite raises ``CheckpointError``.
    """
    name = Path(path).name
    wanted = network.state_dict()
    state = _without_shared_prefix(read_state_dict(path), wanted)
    needed = {key for key in wanted if not key.endswith("num_batches_tracked")}
    missing, extra = sorted(needed - set(state)), sorted(set(state) - set(wanted))
    if missing or extra:
        said = [f"{len(keys)} {word} ({_some(keys)})" for keys, word in
                ((missing, "keys missing"), (extra, "keys too many")) if keys]
        raise CheckpointError(f"{name} is not {what}: {', '.join(said)}")
    shapes = [key for key in sorted(needed) if state[key].shape != wanted[key].shape]
    if shapes:
        sizes = [f"{key} is {_shape(state[key])} instead of {_shape(wanted[key])}" for key in shapes[:3]]
        raise CheckpointError(f"{name} is not {what} but a network of other sizes: {'; '.join(sizes)}"
                              f"{' …' if len(shapes) > 3 else ''}")
    broken = [key for key in sorted(needed) if not bool(torch.isfinite(state[key]).all())]
    if broken:
        raise CheckpointError(f"{name} holds weights that are not finite ({_some(broken)}); fetch it again")
    network.load_state_dict(state, strict=False)
    network.eval().requires_grad_(False)


def _read(path: Path, head: bytes) -> Any:
    if len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size:
        from safetensors.torch import load_file

        return load_file(path)
    is_zip = zipfile.is_zipfile(path)
    if is_zip and torchscript.is_archive(path):
        return torchscript.read(path)
    if head[:2] == b"PK" and not is_zip:
        raise CheckpointError(f"{path.name} is cut off: its table of contents is missing{_size_hint(path)}")
    # Mapped into memory, the optimizer's two thirds of a training checkpoint are never read.
    return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)


def _tensors(found: Any, path: Path) -> dict[str, Tensor]:
    for wrapper in _WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(wrapper), Mapping):
            found = found[wrapper]
            break
    if not isinstance(found, Mapping) or not found or not all(isinstance(k, str) for k in found):
        raise CheckpointError(f"{path.name} holds no named tensors")
    if not all(isinstance(value, Tensor) for value in found.values()):
        odd = sorted(key for key, value in found.items() if not isinstance(value, Tensor))
        raise CheckpointError(f"{path.name} holds no plain weights: {_some(odd)} are no tensors")
    return {key: tensor.detach().clone() for key, tensor in found.items()}


def _without_shared_prefix(state: dict[str, Tensor], wanted: Iterable[str]) -> dict[str, Tensor]:
    roots = {key.split(".", 1)[0] for key in wanted}
    while state:
        first = {key.split(".", 1)[0] for key in state}
        if len(first) != 1 or first & roots or not all("." in key for key in state):
            break
        state = {key.split(".", 1)[1]: tensor for key, tensor in state.items()}
    return state


def _size_hint(path: Path) -> str:
    """What the size says, when the name is that of a public file."""
    size = path.stat().st_size
    for known in KNOWN_FILES:
        if known.name == path.name and known.size_bytes != size:
            return f" (it has {size:,} bytes, the public {known.name} has {known.size_bytes:,}: fetch it again)"
    return f" ({size:,} bytes)"


def _some(keys: list[str]) -> str:
    return ", ".join(keys[:3]) + (", …" if len(keys) > 3 else "")


def _shape(tensor: Tensor) -> str:
    return "x".join(str(n) for n in tensor.shape) or "a number"
