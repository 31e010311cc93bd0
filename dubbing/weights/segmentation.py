"""The pyannote segmentation network: voice activity for recognition, local speakers for diarization."""

from __future__ import annotations

import collections
import logging
import os
import typing
import warnings
from pathlib import Path
from typing import Any

FILE = "pytorch_model.bin"


def quiet_pyannote() -> None:
    """Switch pyannote's telemetry off, and its advice for trainers. Call it before pyannote is imported."""
    os.environ["PYANNOTE_METRICS_ENABLED"] = "false"
    logging.getLogger("whisperx").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=r"\s*torchcodec", category=UserWarning)
    warnings.filterwarnings("ignore", module=r"pyannote\.audio.*")


def load_segmentation(folder: Path, device: str = "cpu") -> Any:
    """The ``PyanNet`` in ``folder`` (three overlapping local speakers in 5 s windows), ready to infer.

    pyannote's own loader unpickles whatever the file asks for; here only the few record types that this
    checkpoint is known to hold are let through.
    """
    quiet_pyannote()
    import torch
    from omegaconf.base import ContainerMetadata, Metadata
    from omegaconf.listconfig import ListConfig
    from omegaconf.nodes import AnyNode
    from pyannote.audio.core.model import Introspection
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.segmentation import PyanNet
    from torch.torch_version import TorchVersion

    known = [ContainerMetadata, Metadata, ListConfig, AnyNode, Introspection, Problem, Resolution, Specifications,
             TorchVersion, collections.defaultdict, list, dict, int, typing.Any]
    with torch.serialization.safe_globals(known):
        checkpoint = torch.load(folder / FILE, map_location="cpu", weights_only=True)
    model = PyanNet(**checkpoint["hyper_parameters"])
    model.specifications = checkpoint["pyannote.audio"]["specifications"]
    model.build()
    model.load_state_dict(checkpoint["state_dict"])
    return model.eval().to(torch.device(device))
