"""Wav2Lip's expert as an ``Expert``: the public layout at width 1, fewer channels below.

At width 1 the parameters have the names and shapes of the public ``lipsync_expert.pth`` and the numbers of
``lipsync_core.models.color_syncnet`` (where the source is named). It stacks five frames on the channels and needs far
more people and steps than our own experts until it learns anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lipsync_core.models import color_syncnet
from lipsync_core.models.blocks import Layer, stack
from lipsync_core.train.networks.expert import Judgement, mouths, own_steps

_LEAST_CHANNELS = 16
_PICTURE_CHANNELS = color_syncnet.FACE_ENCODER[0].channels_in


class Wav2LipExpert(Judgement):
    """SyncNetColor with ``width`` times as many channels, hearing the window's own 16 steps alone.

    Raises ``ValueError`` for a width that leaves no channel or more than the public ones.
    """

    kind = "wav2lip"

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        if not 1 / 16 <= width <= 1:
            raise ValueError(f"the width is a share of the public channels from 1/16 to 1, not {width}")
        self.width = width
        self.face_encoder = stack(_slim(layer, width) for layer in color_syncnet.FACE_ENCODER)
        self.audio_encoder = stack(_slim(layer, width) for layer in color_syncnet.AUDIO_ENCODER)

    def config(self) -> dict[str, Any]:
        """What ``expert.build`` needs to make this network again."""
        return {"kind": self.kind, "width": self.width}

    def forward(self, audio: Tensor, face: Tensor) -> tuple[Tensor, Tensor]:
        """audio [B, 1, 80, 16], face [B, 15, 48, 96] -> (audio, face) unit vectors, as ``SyncNetColor``."""
        return _unit(self.audio_encoder(audio)), _unit(self.face_encoder(face))

    def feature_sizes(self) -> tuple[int, int, bool]:
        """See ``Judgement``."""
        channels = self.face_encoder[-1].layer.channels_out
        return channels, channels, False

    def face_features(self, faces: Tensor) -> Tensor:
        """faces [N, 3, 5, S, S] in [0, 1], BGR -> [N, 512 * width], not negative."""
        # Channels: B, G, R of the first frame, then of the second ...
        return self.face_encoder(mouths(faces).transpose(1, 2).flatten(1, 2)).flatten(1)

    def joined_faces(self, features: Tensor) -> Tensor:
        """Unit vectors [N, 512 * width], float32."""
        return _unit(features)

    def sound_features(self, sound: Tensor) -> Tensor:
        """sound [N, 1, 80, 32] -> [N, 512 * width], not negative."""
        return self.audio_encoder(own_steps(sound)).flatten(1)

    def joined_sound(self, features: Tensor) -> Tensor:
        """Unit vectors [N, 512 * width], float32."""
        return _unit(features)


def load_public(path: str | Path, device: str | torch.device = "cpu") -> Wav2LipExpert:
    """Wav2Lip's own expert from a file in any circulating form, frozen.

    Raises ``lipsync_core.models.checkpoint.CheckpointError``.
    """
    expert = Wav2LipExpert()
    expert.load_state_dict(color_syncnet.load(path).state_dict())
    # Published odds: the cosine itself is the probability. Around 0.5 that is a slope of 4.
    expert.calibrate(4.0, -2.0)
    expert.eval().requires_grad_(False)
    return expert.to(device)


def _slim(layer: Layer, width: float) -> Layer:
    return layer._replace(channels_in=_channels(layer.channels_in, width),
                          channels_out=_channels(layer.channels_out, width))


def _channels(public: int, width: float) -> int:
    """Five frames do not pass through fewer than 16 channels, whatever the width."""
    return public if public in (1, _PICTURE_CHANNELS) else max(round(public * width), min(public, _LEAST_CHANNELS))


def _unit(features: Tensor) -> Tensor:
    return torch.nn.functional.normalize(features.flatten(1).float(), p=2, dim=1)
