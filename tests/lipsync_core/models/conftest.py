"""Random weights with the public key names, also in the norms' running statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from lipsync_core.models.wav2lip import Wav2Lip


def randomised(network: nn.Module, seed: int) -> nn.Module:
    """Fill a network so that signals neither die nor explode on their way and every parameter matters."""
    random = torch.Generator().manual_seed(seed)

    def uniform(shape: torch.Size, low: float, high: float) -> Tensor:
        return torch.rand(shape, generator=random) * (high - low) + low

    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith("num_batches_tracked"):
                value.fill_(7)
            elif name.endswith("running_var"):
                value.copy_(uniform(value.shape, 0.5, 1.5))
            elif value.dim() == 1:
                is_gain = name.endswith("weight")
                value.copy_(uniform(value.shape, 0.7, 1.2) if is_gain else uniform(value.shape, -0.2, 0.2))
            else:
                fan = value[0].numel()
                value.copy_(torch.randn(value.shape, generator=random) * (1.2 / fan) ** 0.5)
    return network.eval()


@pytest.fixture(scope="session")
def generator_state() -> dict[str, Tensor]:
    """A random Wav2Lip as a bare state dictionary."""
    return randomised(Wav2Lip(), 1).state_dict()


@pytest.fixture()
def one_thread() -> Iterator[None]:
    """The same sums in the same order on every machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


Randomised = Callable[[nn.Module, int], nn.Module]


@pytest.fixture(scope="session")
def randomise() -> Randomised:
    return randomised
