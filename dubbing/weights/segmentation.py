"""pyannote's networks, loaded without running what their files ask for.

The segmentation network serves voice activity in recognition and local speakers in diarization; the embedding network
is the voice print of pyannote's own diarization.
"""

from __future__ import annotations

import collections
import inspect
import logging
import os
import typing
import warnings
from pathlib import Path
from typing import Any

from dubbing.errors import UnavailableError

FILE = "pytorch_model.bin"


def quiet_pyannote() -> None:
    """Switch pyannote's telemetry off, and its advice for trainers. Call it before pyannote is imported."""
    os.environ["PYANNOTE_METRICS_ENABLED"] = "false"
    logging.getLogger("whisperx").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=r"\s*torchcodec", category=UserWarning)
    warnings.filterwarnings("ignore", module=r"pyannote\.audio.*")


def load_segmentation(folder: Path, device: str = "cpu") -> Any:
    """The ``PyanNet`` in ``folder`` (three overlapping local speakers in 5 s or 10 s windows), ready to infer."""
    quiet_pyannote()
    from pyannote.audio.models.segmentation import PyanNet

    return _load(folder / FILE, {"PyanNet": PyanNet}, device)


def load_embedding(folder: Path, device: str = "cpu") -> Any:
    """The speaker embedding network in ``folder``, one of WeSpeaker's, ready to infer."""
    quiet_pyannote()
    from pyannote.audio.models.embedding import wespeaker

    names = [name for name in vars(wespeaker) if name.startswith("WeSpeakerResNet")]
    return _load(folder / FILE, {name: getattr(wespeaker, name) for name in names}, device)


def _load(file: Path, known: dict[str, Any], device: str) -> Any:
    """The network in a pyannote checkpoint, one of the ``known`` architectures.

    pyannote's own loader unpickles whatever the file asks for, and imports the class that it names; here only the few
    record types that such checkpoints hold are let through. Raises UnavailableError for any other file.
    """
    import pickle

    import torch

    try:
        with torch.serialization.safe_globals(_record_types()):
            checkpoint = torch.load(file, map_location="cpu", weights_only=True)
        name = checkpoint["pyannote.audio"].get("architecture", {}).get("class", next(iter(known)))
        taken = inspect.signature(known[name]).parameters
        model = known[name](**{key: value for key, value in checkpoint["hyper_parameters"].items() if key in taken})
        model.specifications = checkpoint["pyannote.audio"]["specifications"]
        model.build()
        missing = model.load_state_dict(checkpoint["state_dict"], strict=False).missing_keys
    except (OSError, pickle.UnpicklingError, KeyError, TypeError, RuntimeError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnavailableError(f"{file.parent.name} cannot be loaded: {first}", "Fetch the model again.") from error
    if missing:
        raise UnavailableError(f"{file.parent.name} lacks weights of its own network.", "Fetch the model again.")
    return model.eval().to(torch.device(device))


def _record_types() -> list[Any]:
    """Types that hold nothing but values, as they are found in pyannote's checkpoints."""
    from omegaconf.base import ContainerMetadata, Metadata
    from omegaconf.listconfig import ListConfig
    from omegaconf.nodes import AnyNode
    from pyannote.audio.core.model import Introspection
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from torch.torch_version import TorchVersion

    return [ContainerMetadata, Metadata, ListConfig, AnyNode, Introspection, Problem, Resolution, Specifications,
            TorchVersion, collections.defaultdict, list, dict, int, typing.Any]
