"""The fused program equals the network it is made from, in every type and for every form of input."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lipsync_core.models.fused import FusedWav2Lip
from lipsync_core.models.graph import GraphedWav2Lip
from lipsync_core.models.wav2lip import Wav2Lip
from lipsync_core.ops import using

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def network(generator_state: dict[str, Tensor]) -> Wav2Lip:
    """Random weights that keep every layer's values at the size that trained ones have."""
    network = Wav2Lip()
    network.load_state_dict(generator_state)
    return network.eval()


@pytest.fixture(scope="module")
def inputs() -> tuple[Tensor, Tensor]:
    """Two sound windows [2, 1, 80, 16] and two uint8 crops [2, 96, 96, 3]."""
    generator = torch.Generator().manual_seed(5)
    audio = torch.rand(2, 1, 80, 16, generator=generator) * 8 - 4
    return audio, torch.randint(0, 256, (2, 96, 96, 3), dtype=torch.uint8, generator=generator)


@pytest.fixture(scope="module")
def expected(network: Wav2Lip, inputs: tuple[Tensor, Tensor]) -> Tensor:
    audio, crops = inputs
    with torch.no_grad():
        made = network(audio, six_channels(crops))
    assert 0.05 < made.std() < 0.4, "an output without variety would prove nothing"
    return made


def six_channels(crops: Tensor) -> Tensor:
    """The network's own input, as its authors make it."""
    full = crops.permute(0, 3, 1, 2).float() / 255
    masked = full.clone()
    masked[:, :, 48:] = 0
    return torch.cat([masked, full], dim=1)


def test_fp32_equals_the_network(network: Wav2Lip, inputs: tuple[Tensor, Tensor], expected: Tensor) -> None:
    audio, crops = inputs
    fused = FusedWav2Lip(network, "cpu", torch.float32)
    assert (fused(audio, six_channels(crops)) - expected).abs().max() <= 1e-4
    assert (fused(audio, crops) - expected).abs().max() <= 1e-4
    assert network.training is False and any(isinstance(m, nn.BatchNorm2d) for m in network.modules())


def test_fp16_is_close_and_bytes_are_rounded(network: Wav2Lip, inputs: tuple[Tensor, Tensor],
                                             expected: Tensor) -> None:
    audio, crops = inputs
    fused = FusedWav2Lip(network, "cpu", torch.float16)
    made = fused(audio, crops)
    assert made.dtype == torch.float16
    assert (made.float() - expected).abs().max() <= 5e-3
    levels = fused(audio, crops, out_dtype=torch.uint8)
    assert (levels.float() - expected * 255).abs().max() <= 0.5 + 5e-3 * 255


def test_a_fixed_batch_pads_its_tail(network: Wav2Lip, inputs: tuple[Tensor, Tensor], expected: Tensor) -> None:
    audio, crops = (torch.cat([t, t[:1]]) for t in inputs)
    fused = FusedWav2Lip(network, "cpu", torch.float32)
    for graphed, faces in ((GraphedWav2Lip(fused, 2), six_channels(crops)), (GraphedWav2Lip(fused, 2, True), crops)):
        made = graphed(audio, faces)
        assert made.shape == (3, 3, 96, 96)
        assert (made - torch.cat([expected, expected[:1]])).abs().max() <= 1e-4


def test_wrong_inputs_are_named(network: Wav2Lip, inputs: tuple[Tensor, Tensor]) -> None:
    audio, crops = inputs
    fused = FusedWav2Lip(network, "cpu", torch.float32)
    graphed = GraphedWav2Lip(fused, batch=1, from_bytes=True)
    with pytest.raises(ValueError, match="2 sound windows for 1 faces"):
        graphed(audio, crops[:1])
    with pytest.raises(ValueError, match="made for torch.uint8 faces"):
        graphed(audio, six_channels(crops))
    with pytest.raises(ValueError, match="faces must be"):
        fused(audio, crops[:, :48])


@pytest.mark.gpu
@pytest.mark.parametrize("backend", ["triton", "torch", None])
def test_graph_on_a_card(network: Wav2Lip, inputs: tuple[Tensor, Tensor], expected: Tensor,
                         backend: str | None) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    from contextlib import nullcontext

    audio, crops = inputs
    with using(backend) if backend else nullcontext():
        graphed = GraphedWav2Lip(FusedWav2Lip(network, "cuda"), batch=16, from_bytes=True)
    repeated = graphed(audio.repeat(9, 1, 1, 1).cuda(), crops.repeat(9, 1, 1, 1).cuda()).cpu()
    assert (repeated.float() - expected.repeat(9, 1, 1, 1)).abs().max() <= 5e-3
    assert torch.equal(repeated[:2], repeated[16:18]), "a second replay must give the same"
    if backend == "triton":
        assert torch.equal(repeated[:2], repeated[2:4]), "the place in the batch must not matter"
