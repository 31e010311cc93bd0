"""Gradients into weights: learning rate by step, clipping by group, scaled half precision, steps that are skipped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lipsync_core.train.config import OptimizerConfig
from lipsync_core.train.place import Place

if TYPE_CHECKING:
    from torch import Tensor


def share_of_rate(config: OptimizerConfig, step: int, steps: int) -> float:
    """What part of ``rate`` the step with this number (from 0) of ``steps`` has."""
    if step < config.warmup:
        return (step + 1) / (config.warmup + 1)
    if config.schedule == "constant":
        return 1.0
    done = min((step - config.warmup) / max(steps - config.warmup, 1), 1.0)
    curve = (1 + math.cos(math.pi * done)) / 2 if config.schedule == "cosine" else 1 - done
    return config.floor + (1 - config.floor) * curve


class Optimizer:
    """Adam or AdamW over groups ``{"params": [...], "scale": factor}``; ``rate`` is the first group's present one."""

    def __init__(self, groups: Sequence[Mapping[str, Any]], config: OptimizerConfig, steps: int, place: Place) -> None:
        import torch

        kind: Any = torch.optim.Adam if config.name == "adam" else torch.optim.AdamW
        self._scales = [float(group.get("scale", 1.0)) for group in groups]
        self._inner = kind([{"params": list(group["params"])} for group in groups], lr=config.rate,
                           betas=tuple(config.betas), weight_decay=config.decay)
        self._scaler = torch.amp.GradScaler(place.device.type, enabled=place.precision == "fp16")
        self._config, self._steps = config, steps
        self.rate = config.rate

    def begin(self, step: int) -> None:
        """Set the rate of the step with this number and forget the last gradient."""
        self.rate = self._config.rate * share_of_rate(self._config, step, self._steps) * self._scales[0]
        for group, scale in zip(self._inner.param_groups, self._scales, strict=True):
            group["lr"] = self._config.rate * share_of_rate(self._config, step, self._steps) * scale
        self._inner.zero_grad(set_to_none=True)

    def step(self, loss: Tensor) -> bool:
        """Differentiate and move; False when a gradient was not finite and nothing moved."""
        import torch

        self._scaler.scale(loss).backward()
        self._scaler.unscale_(self._inner)
        bound = self._config.clip if self._config.clip > 0 else math.inf
        norms = [torch.nn.utils.clip_grad_norm_(group["params"], bound) for group in self._inner.param_groups]
        # A group without any gradient answers from the CPU.
        is_finite = bool(torch.isfinite(torch.stack([norm.to(loss.device) for norm in norms])).all())
        if is_finite or self._scaler.is_enabled():
            # The scaler itself leaves out a step that overflowed, and lowers its scale.
            self._scaler.step(self._inner)
            self._scaler.update()
        return is_finite

    def state_dict(self) -> dict[str, Any]:
        return {"inner": self._inner.state_dict(), "scaler": self._scaler.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._inner.load_state_dict(state["inner"])
        self._scaler.load_state_dict(state["scaler"])
