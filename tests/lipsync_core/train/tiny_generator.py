"""A generator of a few thousand weights, as a file with its card."""

from __future__ import annotations

from pathlib import Path

import torch

from lipsync_core.train.card import save_weights
from lipsync_core.train.networks.generator import build


def write_tiny(path: Path, size: int = 96, **card: object) -> Path:
    """An untrained generator of ours; ``card`` replaces what its card says."""
    torch.manual_seed(3)
    network = {"kind": "own", "size": size, "width": 0.25, "sound": 16}
    save_weights(path, build(network).state_dict(),
                 {"kind": "generator", "network": network, "licence": "Apache-2.0", "name": "tiny", **card})
    return path
