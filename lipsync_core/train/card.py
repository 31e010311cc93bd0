"""Weights with what must be known about them: safetensors, with a card as JSON in the file's own header.

A card is a dictionary of plain values. ``save_weights`` adds nothing to it; by custom it has ``kind`` (what network),
``network`` (how to build it), ``config`` (the run), ``data``, ``licence``, ``metrics``, ``limits``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_core.models.checkpoint import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

_KEY = "card"


def save_weights(path: str | Path, state: Mapping[str, Tensor], card: Mapping[str, Any], *, half: bool = True) -> None:
    """Write a state dictionary and its card, atomically; the same bytes for the same content.

    half: numbers with a point are kept as float16. Counters (``num_batches_tracked``) are left out.
    Raises ``CheckpointError`` when a weight is not finite, or too large for float16.
    """
    import torch
    from safetensors.torch import save

    kept: dict[str, Tensor] = {}
    for name in sorted(state):
        if name.endswith("num_batches_tracked"):
            continue
        tensor = state[name].detach().to("cpu")
        if tensor.is_floating_point():
            tensor = tensor.to(torch.float16 if half else torch.float32)
            if not bool(torch.isfinite(tensor).all()):
                raise CheckpointError(f"the weight {name} is not finite, so {Path(path).name} was not written")
        kept[name] = tensor.contiguous().clone()
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(card, sort_keys=True, ensure_ascii=False, allow_nan=False)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(save(kept, metadata={_KEY: text}))
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def read_card(path: str | Path) -> dict[str, Any]:
    """The card of a weights file, empty where it has none; no tensor is read.

    Raises ``CheckpointError`` when the file is missing or no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise CheckpointError(f"{path}: there is no such file")
    try:
        with safe_open(str(path), framework="pt") as file:
            text = (file.metadata() or {}).get(_KEY, "{}")
        card = json.loads(text)
    except (SafetensorError, ValueError, OSError) as error:
        raise CheckpointError(f"{Path(path).name} is damaged or no weights file of this library") from error
    if not isinstance(card, dict):
        raise CheckpointError(f"{Path(path).name} has a card that cannot be read")
    return card


def read_weights(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(state dictionary in float32 on the CPU, card). Load it with ``strict=False`` into a network whose batch norms
    have counters. Raises ``CheckpointError`` as ``read_card`` does."""
    from safetensors.torch import load_file

    card = read_card(path)
    state = load_file(str(path))
    return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}, card
