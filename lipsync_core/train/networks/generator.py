"""Generators that are trained here: our own, and Wav2Lip's layout at any width.

All have Wav2Lip's signature, so each runs wherever Wav2Lip runs: ``(mels [N, 1, 80, 16], face [N, 6, S, S]) ->
[N, 3, S, S]``, the face's first three channels without the mouth, the last three a reference of the same person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync_core.models import wav2lip
from lipsync_core.models.blocks import ConvBlock, Layer, stack, stages
from lipsync_core.train.networks.layers import Modulated, Residual, SoundEncoder, Up, activate, convolution, warp

SIZES = (96, 192, 256)
#: Channels from half the picture's size downwards, each stage half as high and wide as the one before.
_STAGES = {96: (24, 48, 80, 128), 192: (16, 32, 48, 96, 160), 256: (16, 32, 48, 96, 160)}
#: Above this share of the height (rounded up to a row of a quarter of the size) nothing is painted: below it lie the
#: lower half and the margins that training gives to the hole.
_TOP = 0.34
#: How far lips are usually apart, and how much that varies, in distances of the outer eye corners.
OPENING, SPREAD = 0.075, 0.058
#: Numbers that are read from the sound (``lipsync_core.train.sound.SIGNALS``), of which the first is used here, and the
#: units that tell it to the decoder.
READINGS, _TOLD = 3, 32
#: Things whose places our own generator can say: the lips, and the gap between them.
LAYOUT = 2
#: A displacement reaches at most so far, in halves of the picture.
_REACH = 0.3


class GeneratorError(ValueError):
    """There is no such generator; the message says why in one sentence."""


@dataclass(frozen=True, slots=True)
class GeneratorConfig:
    """Which network.

    kind: "own" or "wav2lip". size: of the face in pixels; "wav2lip" has 96 alone. width: channels against the table's
    ("wav2lip": in sixteenths; 1.0 is the public layout). warps: how many displaced copies of the reference our own
    network mixes with what it paints. sound: length of the sound's vector. opening, spread: the usual gap between the
    inner lips and how much it varies, in distances of the outer eye corners, of the clips that are learnt from.
    gain: what the opening read from the sound is multiplied by, for a guess varies less than the truth.
    """

    kind: Literal["own", "wav2lip"] = "own"
    size: int = 96
    width: float = 1.0
    warps: int = 1
    sound: int = 192
    opening: float = OPENING
    spread: float = SPREAD
    gain: float = 1.0


def build(config: GeneratorConfig | Mapping[str, Any] | Any) -> nn.Module:
    """The network of a configuration (a ``GeneratorConfig``, or whatever has its fields as keys or attributes).

    Raises ``GeneratorError``.
    """
    if not isinstance(config, GeneratorConfig):
        names = {f.name for f in fields(GeneratorConfig)}
        found = config if isinstance(config, Mapping) else {n: getattr(config, n) for n in names if hasattr(config, n)}
        config = GeneratorConfig(**{n: v for n, v in found.items() if n in names})
    if config.kind == "own":
        return OwnGenerator(config)
    if config.kind == "wav2lip":
        if config.size != wav2lip.FACE_SIZE:
            raise GeneratorError(f"Wav2Lip's layout has faces of {wav2lip.FACE_SIZE} pixels, not {config.size}")
        return SlimWav2Lip(config.width)
    raise GeneratorError(f"there is no generator {config.kind!r}; there are 'own' and 'wav2lip'")


class SlimWav2Lip(wav2lip.Wav2Lip):
    """Wav2Lip with every inner channel count multiplied by ``width``; at 1.0 the public network, key by key."""

    def __init__(self, width: float = 1.0) -> None:
        nn.Module.__init__(self)
        if width <= 0 or width * 16 != int(width * 16):
            raise GeneratorError(f"the width of Wav2Lip's layout goes in sixteenths, which {width} is not")

        def slim(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
            return tuple(layer._replace(channels_in=_slim(layer.channels_in, width),
                                        channels_out=int(layer.channels_out * width)) for layer in layers)

        self.face_encoder_blocks = stages(slim(stage) for stage in wav2lip.FACE_ENCODER)
        self.audio_encoder = stack(slim(wav2lip.AUDIO_ENCODER))
        self.face_decoder_blocks = stages(slim(stage) for stage in wav2lip.FACE_DECODER)
        (output,) = slim((wav2lip.OUTPUT,))
        self.output_block = nn.Sequential(ConvBlock(output), nn.Conv2d(output.channels_out, 3, 1), nn.Sigmoid())


def _slim(channels: int, width: float) -> int:
    """Pictures and sounds (1 and 6 channels) stay what they are."""
    return channels if channels in (1, 6) else int(channels * width)


class OwnGenerator(nn.Module):
    """Sound moves and repaints what the reference shows, inside the hole alone.

    An encoder sees both pictures side by side, at half size and below. From its smallest picture a decoder works its
    way up; the sound scales and shifts its channels at every size, and with it goes one number read from the sound,
    how far the lips are apart. In training that number may be told instead, so that painting is learnt without the
    doubt that a sound leaves; doubt is what makes pictures soft. It ends in displacements of the reference
    (so skin and teeth keep the speaker's own pixels, as sharp as they were) and in colours of its own for what the
    reference does not show; a soft choice per pixel mixes them. What is not exactly zero in the masked picture, and
    all that lies above ``top_of``, leaves bit by bit as it came; up there the last stages are not even computed.
    """

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        if config.size not in _STAGES:
            raise GeneratorError(f"our own generator has faces of {SIZES} pixels, not {config.size}")
        self.config = config
        self.size, self.warps = config.size, config.warps
        widths = [max(int(c * config.width) // 8 * 8, 8) for c in _STAGES[config.size]]
        self.sound, self.read = SoundEncoder(config.sound), nn.Linear(config.sound, READINGS)
        self.tell = nn.Linear(1, _TOLD)
        known = config.sound + _TOLD
        self.stem = convolution(24, widths[0])
        self.down = nn.ModuleList(convolution(a, b, 3, 2) for a, b in zip(widths, widths[1:], strict=False))
        self.look = nn.ModuleList(Residual(c) for c in widths[1:])
        lowest = config.size // 2 ** len(widths)
        self.place = nn.Parameter(torch.zeros(1, widths[-1], lowest, lowest))
        self.deep = nn.ModuleList(Modulated(widths[-1], known) for _ in range(2))
        self.up = nn.ModuleList(Up(b, a) for a, b in zip(widths, widths[1:], strict=False))
        self.speak = nn.ModuleList(Modulated(c, known) for c in widths[1:-1])
        self.last = Residual(widths[0])
        self.move = convolution(widths[1], 2 * self.warps, zero=True)
        self.lay = convolution(widths[1], LAYOUT)
        self.paint = convolution(widths[0], 4 * (3 + 1 + self.warps), 1)
        with torch.no_grad():
            self.paint.weight.mul_(0.1)

    def forward(self, mels: Tensor, face: Tensor, opening: Tensor | None = None) -> Tensor:
        """Generate faces.

        mels: log-mel windows [N, 1, 80, 16], or [B, T, 1, 80, 16]. opening: the true gap of the lips [N] or [B, T] in
            eye distances where it is to be told, NaN where it is to be heard; None: heard everywhere.
        face: [N, 6, S, S] in [0, 1], BGR: channels 0-2 the face with a hole of exact zeros, 3-5 a reference of the
            same person; or [B, 6, T, S, S].
        Returns [N, 3, S, S] in [0, 1], BGR, in the type of ``face``; [B, 3, T, S, S] for the five-dimensional form.
        """
        if face.dim() == 5:
            batch, _, steps = face.shape[:3]
            told = None if opening is None else opening.flatten()
            made, *_ = self.laid_out(mels.flatten(0, 1), face.transpose(1, 2).flatten(0, 1), told)
            return made.unflatten(0, (batch, steps)).transpose(1, 2)
        return self.laid_out(mels, face, opening)[0]

    def heard_opening(self, mels: Tensor, gain: float | None = None) -> Tensor:
        """How far the lips are apart by the sound [N, 1, 80, 16] alone: [N], in eye distances. gain: the configured one
        unless given."""
        read = self.read(activate(self.sound(mels)))[:, 0].float()
        return self.config.opening + self.config.spread * read * (self.config.gain if gain is None else gain)

    def laid_out(self, mels: Tensor, face: Tensor, opening: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """``forward`` of N frames, and what it knows of its picture from ``top_of`` down.

        The second is [N, 2, (S - top) / 4, S / 4]: log-odds that the lips, and the gap between them, are there. The
        third is [N, 1, S - top, S], the share of a pixel that is painted rather than moved.
        """
        dtype, top = self.stem.weight.dtype, top_of(self.size)
        heard = activate(self.sound(mels.to(dtype)))
        gap = self._relative(heard, opening).to(heard.dtype)
        known = torch.cat((heard, activate(self.tell(gap)).to(heard.dtype)), 1)
        flow, layout, paint = self._decide(known, face.to(dtype))
        masked, reference = face.chunk(2, 1)
        colours, choice = paint.float().split((3, 1 + self.warps), 1)
        choice = choice.softmax(1)
        made = choice[:, :1] * colours.sigmoid()
        flow = functional.interpolate(flow.float().tanh() * _REACH, scale_factor=4.0, mode="bilinear")
        for k in range(self.warps):
            shown = warp(reference, flow[:, 2 * k:2 * k + 2], top)
            made = made + choice[:, k + 1:k + 2] * shown
        above, below = masked.split((top, self.size - top), 2)
        hole = (below == 0).all(1, keepdim=True)
        made = torch.cat((above, torch.where(hole, made.to(face.dtype), below)), 2)
        return made, layout.float(), choice[:, :1]

    def _relative(self, heard: Tensor, told: Tensor | None) -> Tensor:
        """The opening against its usual one in usual spreads, [N, 1]; heard where it is not told."""
        read = self.read(heard)[:, :1].float() * self.config.gain
        if told is None:
            return read
        known = (told.float()[:, None] - self.config.opening) / self.config.spread
        return torch.where(known.isnan(), read, known.nan_to_num())

    def _decide(self, known: Tensor, face: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Displacements and layout at a quarter of the size, colours and choices at the full one, from ``top_of``
        down."""
        x = functional.pixel_unshuffle(face, 2).contiguous(memory_format=torch.channels_last)
        kept = [x := self.stem(x - 0.5)]
        for down, look in zip(self.down, self.look, strict=True):
            kept.append(x := look(down(activate(x))))
        x = kept.pop() + self.place
        for block in self.deep:
            x = block(x, known)
        for stage in range(len(self.speak), 0, -1):
            skip = kept.pop()
            x = self.up[stage](activate(x), skip if stage > 1 else self._lower(skip))
            x = self.speak[stage - 1](x, known)
        flow, layout = self.move(activate(x)), self.lay(activate(x))
        x = self.last(self.up[0](activate(x), self._lower(kept.pop())))
        return flow, layout, functional.pixel_shuffle(self.paint(activate(x)), 2)

    def _lower(self, x: Tensor) -> Tensor:
        """The rows from ``top_of`` down, of a picture of any size."""
        return x[:, :, top_of(self.size) * x.shape[2] // self.size:]


def top_of(size: int) -> int:
    """The first row of a face of ``size`` pixels that a generator of ours may paint; a multiple of 4."""
    return 4 * int(_TOP * (size // 4))
