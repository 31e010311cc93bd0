"""When the sync loss begins to count.

Wav2Lip's rule, restated from its published training: a generator first learns to paint faces from L1 alone, for an
expert's gradient on a blur means nothing. Each validation measures the expert's loss on held-out clips; once it is
below 0.75, the sync loss has its weight (0.03 with a picture critic, 0.01 without) and keeps it. L1 has what the others
leave of 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

PUBLISHED_THRESHOLD, PUBLISHED_WEIGHT = 0.75, 0.03


@dataclass(frozen=True, slots=True)
class ScheduleConfig:
    """How the weights of sync and critic go over a run.

    kind: "published" opens for good when the validated sync loss is below ``threshold``; "ramp" rises linearly between
    the steps ``start`` and ``start + rise`` whatever validation says; "constant" is there from the first step.
    sync, critic: the weights when they are open. critic_start: the step from which the critic counts.
    balance: L1 and the edges have the share that sync and critic leave of 1, as published; without it theirs stays 1.
    told: the share of windows for which our own generator is told how far the lips are apart instead of hearing it.
    """

    kind: Literal["published", "ramp", "constant"] = "published"
    sync: float = PUBLISHED_WEIGHT
    critic: float = 0.0
    threshold: float = PUBLISHED_THRESHOLD
    start: int = 500
    rise: int = 500
    critic_start: int = 0
    balance: bool = True
    told: float = 0.0


@dataclass(slots=True)
class Schedule:
    """The state that a checkpoint keeps: whether sync has opened, at which step, and what validation said last.

    opened: the step, None while it is shut. heard: the last validated sync loss.
    """

    config: ScheduleConfig = field(default_factory=ScheduleConfig)
    opened: int | None = None
    heard: float | None = None

    def __post_init__(self) -> None:
        if self.config.kind not in ("published", "ramp", "constant"):
            raise ValueError(f"there is no schedule {self.config.kind!r}; there are 'published', 'ramp', 'constant'")

    def weights(self, step: int) -> dict[str, float]:
        """The weights by part at a step: ``sync``, ``critic`` and ``base``, what all other parts are multiplied by."""
        sync = self.config.sync * self._share(step)
        critic = self.config.critic if step >= self.config.critic_start else 0.0
        return {"sync": sync, "critic": critic, "base": max(1 - sync - critic, 0.0) if self.config.balance else 1.0}

    def validated(self, step: int, sync_loss: float) -> bool:
        """Hear a validation's sync loss (lower is better); True when it opened sync just now."""
        self.heard = float(sync_loss)
        if self.config.kind == "published" and self.opened is None and self.heard < self.config.threshold:
            self.opened = step
            return True
        return False

    def _share(self, step: int) -> float:
        if self.config.kind == "published":
            return 0.0 if self.opened is None else 1.0
        if self.config.kind == "ramp":
            return min(max((step - self.config.start) / max(self.config.rise, 1), 0.0), 1.0)
        return 1.0

    def state_dict(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return {"opened": self.opened, "heard": self.heard}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state_dict`` was taken."""
        self.opened, self.heard = state["opened"], state["heard"]
