"""The Wav2Lip generator, written from its layer table; the numbers of the public weights.

K. R. Prajwal, R. Mukhopadhyay, V. P. Namboodiri, C. V. Jawahar, "A Lip Sync Expert Is All You Need for Speech to Lip
Generation In the Wild", ACM Multimedia 2020. A face encoder keeps the output of each of its seven stages, a decoder
starts from the audio embedding and after each of its stages appends the last kept one that is left.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from lipsync_core.models import checkpoint
from lipsync_core.models.blocks import ConvBlock, Layer, double, same, stack, stages

FACE_SIZE = 96
MEL_BANDS, MEL_STEPS = 80, 16
PARAMETERS = 36_298_035

FACE_ENCODER: tuple[tuple[Layer, ...], ...] = (
    (Layer(6, 16, 7, 1, 3),),
    (Layer(16, 32, 3, 2, 1), same(32), same(32)),
    (Layer(32, 64, 3, 2, 1), same(64), same(64), same(64)),
    (Layer(64, 128, 3, 2, 1), same(128), same(128)),
    (Layer(128, 256, 3, 2, 1), same(256), same(256)),
    (Layer(256, 512, 3, 2, 1), same(512)),
    (Layer(512, 512, 3, 1, 0), Layer(512, 512, 1, 1, 0)),
)
AUDIO_ENCODER: tuple[Layer, ...] = (
    Layer(1, 32), same(32), same(32),
    Layer(32, 64, 3, (3, 1), 1), same(64), same(64),
    Layer(64, 128, 3, 3, 1), same(128), same(128),
    Layer(128, 256, 3, (3, 2), 1), same(256),
    Layer(256, 512, 3, 1, 0), Layer(512, 512, 1, 1, 0),
)
FACE_DECODER: tuple[tuple[Layer, ...], ...] = (
    (Layer(512, 512, 1, 1, 0),),
    (Layer(1024, 512, 3, 1, 0, transposed=True), same(512)),
    (double(1024, 512), same(512), same(512)),
    (double(768, 384), same(384), same(384)),
    (double(512, 256), same(256), same(256)),
    (double(320, 128), same(128), same(128)),
    (double(160, 64), same(64), same(64)),
)
OUTPUT: Layer = Layer(80, 32)


class Wav2Lip(nn.Module):
    """Audio and a half-masked face with its reference -> the whole face, speaking.

    ``output_dtype``: what ``forward`` returns; None for the type of the weights.
    """

    output_dtype: torch.dtype | None = None

    def __init__(self) -> None:
        super().__init__()
        self.face_encoder_blocks = stages(FACE_ENCODER)
        self.audio_encoder = stack(AUDIO_ENCODER)
        self.face_decoder_blocks = stages(FACE_DECODER)
        self.output_block = nn.Sequential(ConvBlock(OUTPUT), nn.Conv2d(OUTPUT.channels_out, 3, 1), nn.Sigmoid())

    def forward(self, audio: Tensor, face: Tensor) -> Tensor:
        """Generate faces.

        audio: log-mel windows [B, 1, 80, 16] (``lipsync_core.models.mel``), or [B, T, 1, 80, 16].
        face: [B, 6, 96, 96] in [0, 1], BGR: channels 0-2 the face with rows 48-95 zero, 3-5 a reference of the same
            person; or [B, 6, T, 96, 96].
        Returns [B, 3, 96, 96] in [0, 1], BGR; [B, 3, T, 96, 96] for the five-dimensional form. Any floating type is
        cast to the weights' type; integers raise ``ValueError``, for they are not in [0, 1].
        """
        if not (audio.is_floating_point() and face.is_floating_point()):
            raise ValueError("audio and face must be floating point, the face in [0, 1]")
        dtype = self.output_block[1].weight.dtype
        audio, face = audio.to(dtype), face.to(dtype)
        if face.dim() == 5:
            batch, channels, steps = face.shape[:3]
            made = self._generate(audio.flatten(0, 1), face.transpose(1, 2).flatten(0, 1))
            made = made.unflatten(0, (batch, steps)).transpose(1, 2)
        else:
            made = self._generate(audio, face)
        return made if self.output_dtype is None else made.to(self.output_dtype)

    def _generate(self, audio: Tensor, face: Tensor) -> Tensor:
        kept = []
        for block in self.face_encoder_blocks:
            face = block(face)
            kept.append(face)
        x = self.audio_encoder(audio)
        for block in self.face_decoder_blocks:
            x = torch.cat((block(x), kept.pop()), dim=1)
        return self.output_block(x)

    def fold(self) -> Wav2Lip:
        """An equivalent network for inference without batch norms (each folded into its convolution in float64)."""
        folded = copy.deepcopy(self).eval()
        for module in folded.modules():
            if isinstance(module, ConvBlock):
                module.fold()
        return folded


def load(path: str | Path, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32) -> Wav2Lip:
    """The network with the weights of ``path``, in evaluation mode and without gradients.

    path: a checkpoint in any form that ``lipsync_core.models.checkpoint`` reads.
    dtype: the type of weights, arithmetic and result. A CPU has no half-precision convolutions worth the name (they are
        some 20 times slower): there float16 and bfloat16 round the weights to that type, compute in float32 and return
        ``dtype``.
    Raises ``CheckpointError`` (a ``ValueError``) in one sentence when the file is not such a network.
    """
    network = Wav2Lip()
    checkpoint.load_into(network, path, "the Wav2Lip generator")
    network.to(dtype)
    if torch.device(device).type == "cpu" and dtype in (torch.float16, torch.bfloat16):
        network.float()
        network.output_dtype = dtype
    return network.to(device)
