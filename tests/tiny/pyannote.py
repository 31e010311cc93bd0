"""A diarization pipeline in the real form of pyannote's community-1: untrained, and small where it can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

_CONFIG = """
dependencies:
  pyannote.audio: 4.0.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: VBxClustering
    segmentation: $model/segmentation
    segmentation_batch_size: 32
    embedding: $model/embedding
    embedding_batch_size: 32
    embedding_exclude_overlap: true
    plda: $model/plda
params:
  clustering:
    threshold: 0.6
    Fa: 0.07
    Fb: 0.8
  segmentation:
    min_duration_off: 0.0
"""
_PRINT, _REDUCED = 256, 128


def build_community(folder: Path) -> Path:
    """Write the pipeline into ``folder``: its configuration, two networks, and the PLDA of their prints."""
    import torch
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.embedding.wespeaker import WeSpeakerResNet34
    from pyannote.audio.models.segmentation import PyanNet

    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(_CONFIG, encoding="utf-8")
    segmentation = PyanNet(lstm={"hidden_size": 8, "num_layers": 1}, linear={"hidden_size": 8, "num_layers": 1})
    segmentation.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION, resolution=Resolution.FRAME, duration=10.0,
        classes=["speaker#1", "speaker#2", "speaker#3"], powerset_max_classes=2, permutation_invariant=True)
    segmentation.build()
    _save(segmentation, folder / "segmentation")
    embedding = WeSpeakerResNet34()
    embedding.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=5.0)
    _save(embedding, folder / "embedding")
    _save_plda(folder / "plda")
    return folder


def _save(model: Any, folder: Path) -> None:
    """As pyannote's trainer saves a checkpoint."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    kind = type(model)
    torch.save({
        "state_dict": model.state_dict(), "hyper_parameters": dict(model.hparams),
        "pyannote.audio": {"versions": {"torch": str(torch.__version__), "pyannote.audio": "4.0.0"},
                           "architecture": {"module": kind.__module__, "class": kind.__name__},
                           "specifications": model.specifications},
    }, folder / "pytorch_model.bin")


def _save_plda(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    np.savez(folder / "xvec_transform.npz", mean1=np.zeros(_PRINT), mean2=np.zeros(_REDUCED),
             lda=random.normal(size=(_PRINT, _REDUCED)) / np.sqrt(_PRINT))
    np.savez(folder / "plda.npz", mu=np.zeros(_REDUCED), tr=np.eye(_REDUCED),
             psi=np.linspace(4.0, 0.1, _REDUCED))
