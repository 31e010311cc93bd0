"""Wav2Lip as a straight program over `lipsync_core.ops`: folded norms, NHWC, no concatenations.

Every layer is one call: convolution, bias, residual and ReLU together. A decoder stage reads its skip as a second
input. The first layer can read uint8 crops as they are; the last 1x1 convolution and the sigmoid run on the registers
of the layer before it. On CUDA the calls are Triton kernels or cuDNN, as the tuning table says; elsewhere they are the
references, so the same program is tested without a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lipsync_core.models.blocks import ConvBlock
from lipsync_core.models.wav2lip import FACE_SIZE, MEL_BANDS, MEL_STEPS, Wav2Lip
from lipsync_core.ops import conv2d, conv_transpose2d
from lipsync_core.ops.packing import PackedConv, Tail, pack_conv2d, pack_conv_transpose2d, pack_from_point, pack_tail

#: Channels of the first layer's input: six, and two empty ones so that a pixel is 16 bytes.
FACE_CHANNELS = 8


@dataclass(frozen=True, slots=True)
class Step:
    """One layer. ``spread``: its flat output is really a picture of this size [height, width]."""

    weights: PackedConv
    is_residual: bool = False
    spread: tuple[int, int] | None = None

    def __call__(self, x: Tensor, x2: Tensor | None = None) -> Tensor:
        """[N, H, W, C] (and a second input) -> [N, H', W', C'], after the ReLU."""
        run: Callable[..., Tensor] = conv_transpose2d if self.weights.is_transposed else conv2d
        y = run(x, self.weights, x2=x2, residual=x if self.is_residual else None, activation="relu")
        return y if self.spread is None else y.view(y.shape[0], *self.spread, -1)


class FusedWav2Lip:
    """A `Wav2Lip` for inference; the network it is made from is not changed.

    dtype: float16 (default), bfloat16 or float32; sums are fp32 always. On a CPU the lower types round every stored
    activation as a GPU would, which shows their error without one.
    """

    def __init__(self, network: Wav2Lip, device: torch.device | str = "cuda",
                 dtype: torch.dtype = torch.float16) -> None:
        self.device, self.dtype = torch.device(device), dtype
        folded = network.fold().to("cpu", torch.float32)
        self._face = [[self._step(b, pad_to=FACE_CHANNELS if i == j == 0 else None) for j, b in enumerate(stage)]
                      for i, stage in enumerate(folded.face_encoder_blocks)]
        self._audio = [self._step(b) for b in folded.audio_encoder]
        self._decoder: list[list[Step]] = []
        skips = [stage[-1].layer.channels_out for stage in folded.face_encoder_blocks]
        for i, stage in enumerate(folded.face_decoder_blocks):
            # What a stage reads is the stage before it and the skip that was appended there.
            split = stage[0].layer.channels_in - skips[-i] if i else None
            self._decoder.append([self._step(b, split=split if j == 0 else None) for j, b in enumerate(stage)])
        output, last = folded.output_block[0], folded.output_block[1]
        self._output = self._step(output, split=output.layer.channels_in - skips[0]).weights
        self._tail: Tail = pack_tail(last.weight.detach(), last.bias.detach()).to(self.device, dtype)
        self._side = torch.cuda.Stream(self.device) if self.device.type == "cuda" else None

    def __call__(self, audio: Tensor, face: Tensor, out_dtype: torch.dtype | None = None) -> Tensor:
        """Generate faces.

        audio: [B, 1, 80, 16]. face: floating [B, 6, 96, 96] in [0, 1] as `Wav2Lip.forward` takes it, uint8
        [B, 96, 96, 3] BGR crops (the masked copy is made inside), or [B, 96, 96, 8] in ``dtype`` as
        `lipsync_core.ops.crop_warp` makes it.
        Returns [B, 3, 96, 96] (channels last in memory) in [0, 1]; out_dtype uint8: times 255, rounded.
        """
        return self.run(self.sound(audio), self.faces(face), out_dtype).permute(0, 3, 1, 2)

    def run(self, audio: Tensor, face: Tensor, out_dtype: torch.dtype | None = None) -> Tensor:
        """The same without conversions: audio [B, 80, 16, 1] and face [B, 96, 96, 8] in ``dtype`` (or uint8
        [B, 96, 96, 3]), contiguous, on the device -> [B, 96, 96, 3]."""
        if self._side is None:
            x = _through(self._audio, audio)
            kept = self._encode(face)
        else:
            # The two encoders do not wait for each other: at small batches neither fills a card.
            main = torch.cuda.current_stream(self.device)
            self._side.wait_stream(main)
            with torch.cuda.stream(self._side):
                x = _through(self._audio, audio)
            kept = self._encode(face)
            main.wait_stream(self._side)
        skip: Tensor | None = None
        for stage in self._decoder:
            x = stage[0](x, skip)
            x = _through(stage[1:], x)
            skip = kept.pop()
        return conv2d(x, self._output, x2=skip, activation="relu", tail=self._tail, out_dtype=out_dtype)

    def _encode(self, face: Tensor) -> list[Tensor]:
        kept = []
        for stage in self._face:
            face = _through(stage, face)
            kept.append(face)
        return kept

    def sound(self, audio: Tensor) -> Tensor:
        """[B, 1, 80, 16] as `run` takes it."""
        audio = audio.to(self.device, self.dtype)
        # One channel: NCHW and NHWC are the same memory.
        return audio.reshape(audio.shape[0], MEL_BANDS, MEL_STEPS, 1).contiguous()

    def faces(self, face: Tensor) -> Tensor:
        """Faces in any of the three forms as `run` takes them."""
        face = face.to(self.device)
        if face.dtype == torch.uint8 or face.shape[-1] == FACE_CHANNELS:
            expected = (FACE_SIZE, FACE_SIZE, 3 if face.dtype == torch.uint8 else FACE_CHANNELS)
            if tuple(face.shape[1:]) != expected:
                raise ValueError(f"faces must be [B, {', '.join(map(str, expected))}], not {tuple(face.shape)}")
            return face.contiguous() if face.dtype == torch.uint8 else face.to(self.dtype).contiguous()
        rows = face.permute(0, 2, 3, 1).to(self.dtype)
        return F.pad(rows, (0, FACE_CHANNELS - rows.shape[3])).contiguous()

    def _step(self, block: nn.Module, split: int | None = None, pad_to: int | None = None) -> Step:
        assert isinstance(block, ConvBlock)
        layer, convolution = block.layer, block.conv_block[0]
        weight, bias = convolution.weight.detach(), convolution.bias.detach()
        stride, padding = convolution.stride, convolution.padding
        spread = None
        if not layer.transposed:
            packed = pack_conv2d(weight, bias, stride, padding, split, pad_to)
        elif stride == (1, 1):
            # The only such layer reads one pixel: it is a matrix product whose columns are the picture.
            packed = pack_from_point(weight, bias, split)
            spread = (layer.kernel, layer.kernel)
        else:
            packed = pack_conv_transpose2d(weight, bias, stride, padding, convolution.output_padding, split)
        return Step(packed.to(self.device, self.dtype), layer.residual, spread)


def _through(steps: Iterable[Step], x: Tensor) -> Tensor:
    for step in steps:
        x = step(x)
    return x
