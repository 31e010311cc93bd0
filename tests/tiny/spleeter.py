"""Checkpoints of Spleeter in the real format (numpy arrays by name) that know what to do without training.

The last layer of a network decides its mask; all else of it is set to nothing.
"""

from __future__ import annotations

from pathlib import Path


def save(folder: Path, voices: float = 1.0, accompaniment: float = -1.0) -> Path:
    """Write both checkpoints; a larger figure gives that stem more of the sound. Returns ``folder``."""
    import torch

    from dubbing.engines.separate.spleeter import FILES, unet

    for name, bias in zip(FILES, (voices, accompaniment), strict=True):
        state = {key: value.numpy() * 0 for key, value in unet().state_dict().items() if "num_batches" not in key}
        state["up7.0.bias"] += bias
        torch.save(state, folder / name)
    return folder
