"""A running mean of weights: what is validated and kept, since single steps are noisy (Polyak and Juditsky 1992)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


class Ema:
    """The exponential mean of several networks' weights, in float32; buffers (batch norms) are copied as they are.

    The mean of few steps forgets faster, ``(1 + n) / (10 + n)`` at most, so that the first weights, which are noise,
    do not stay in it. decay: 0 keeps no mean; ``state_dict`` is then the networks' own.
    """

    def __init__(self, networks: Mapping[str, nn.Module], decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"the decay of a running mean lies in [0, 1), not at {decay}")
        self.decay, self.updates = decay, 0
        self._networks = dict(networks)
        self._mean: dict[str, dict[str, Tensor]] = {}
        if decay:
            self._mean = {name: {key: value.detach().float().clone() for key, value in network.named_parameters()
                                 if value.requires_grad} for name, network in networks.items()}

    def update(self) -> None:
        """Take in the weights as they are after a step."""
        import torch

        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, mean in self._mean.items():
            own = dict(self._networks[name].named_parameters())
            torch._foreach_lerp_(list(mean.values()), [own[key].detach().float() for key in mean], 1 - decay)

    def network_state(self, name: str) -> dict[str, Tensor]:
        """The state dictionary of one network, mean weights in the place of its own; copies."""
        state = {key: value.detach().clone() for key, value in self._networks[name].state_dict().items()}
        for key, value in self._mean.get(name, {}).items():
            state[key] = value.to(state[key].dtype, copy=True)
        return state

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The networks have the mean weights inside of the ``with``, and exactly their own again afterwards."""
        own = {name: {key: value.detach().clone() for key, value in self._networks[name].named_parameters()
                      if key in mean} for name, mean in self._mean.items()}
        self._copy(self._mean)
        try:
            yield
        finally:
            self._copy(own)

    def state_dict(self) -> dict[str, Any]:
        return {"updates": self.updates, "mean": self._mean}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises ``KeyError`` or ``RuntimeError`` when it is another network's."""
        self.updates = int(state["updates"])
        for name, mean in self._mean.items():
            for key, value in mean.items():
                value.copy_(state["mean"][name][key])

    def _copy(self, values: Mapping[str, Mapping[str, Tensor]]) -> None:
        import torch

        with torch.no_grad():
            for name, kept in values.items():
                own = dict(self._networks[name].named_parameters())
                for key, value in kept.items():
                    own[key].copy_(value)
