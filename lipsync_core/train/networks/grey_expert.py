"""The independent judge's network: nothing of it is shared with the teacher's (``TemporalExpert``).

It sees grey pictures, so that colours of lips and tongue, which a generator may be taught to paint for the teacher, say
nothing; it puts the frames side by side instead of mixing neighbours; it hears the window's own 200 ms alone, as a
sequence whose channels are the bands. Small enough to learn from the people that are left for a judge.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync_core.models.blocks import Layer, same, stack
from lipsync_core.models.mel import BANDS
from lipsync_core.train.networks.expert import Judgement, even_light, mouths, own_steps, unit
from lipsync_core.train.types import WINDOW, WINDOW_STEPS

#: Of blue, green and red, as ITU-R BT.601 has them.
_GREY = (0.114, 0.587, 0.299)
_FRAME: tuple[Layer, ...] = (
    Layer(1, 24, 5, 2, 2),
    Layer(24, 48, 3, 2, 1), same(48),
    Layer(48, 64, 3, 2, 1), same(64),
)
_FRAME_FEATURES, _SOUND_CHANNELS, _HIDDEN, DIMENSIONS = 64, 128, 256, 128


class GreyExpert(Judgement):
    """Grey frames side by side, sound without context; 1 million parameters."""

    kind = "grey"

    def __init__(self) -> None:
        super().__init__()
        self.frame = stack(_FRAME)
        self.frame_out = nn.Linear(_FRAME[-1].channels_out * 6 * 12, _FRAME_FEATURES)
        self.faces_out = _readout(_FRAME_FEATURES * WINDOW)
        self.sound = nn.Sequential(_heard(BANDS, _SOUND_CHANNELS), _heard(_SOUND_CHANNELS, _SOUND_CHANNELS),
                                   _heard(_SOUND_CHANNELS, _SOUND_CHANNELS, 2))
        self.sound_out = _readout(_SOUND_CHANNELS * WINDOW_STEPS // 2)

    def config(self) -> dict[str, Any]:
        """What ``expert.build`` needs to make this network again."""
        return {"kind": self.kind}

    def feature_sizes(self) -> tuple[int, int, bool]:
        """See ``Judgement``."""
        return _FRAME_FEATURES, _SOUND_CHANNELS * WINDOW_STEPS // 2, True

    def face_features(self, faces: Tensor) -> Tensor:
        """What is seen in each frame for itself: [N, 3, 5, S, S], BGR -> [N, 5, 64]."""
        colours = torch.tensor(_GREY, dtype=faces.dtype, device=faces.device)
        grey = even_light(torch.einsum("c,ncthw->nthw", colours, mouths(faces))[:, None]).flatten(0, 2)[:, None]
        features = functional.relu(self.frame_out(self.frame(grey).flatten(1)))
        return features.unflatten(0, (len(faces), -1))

    def joined_faces(self, features: Tensor) -> Tensor:
        """[N, 5, 64] -> unit vectors [N, 128]."""
        return unit(self.faces_out(features.flatten(1)))

    def sound_features(self, sound: Tensor) -> Tensor:
        """What is heard: [N, 1, 80, 32] -> [N, 1024]; only the middle 16 steps count."""
        return self.sound(own_steps(sound)[:, 0] / 4).flatten(1)

    def joined_sound(self, features: Tensor) -> Tensor:
        """[N, 1024] -> unit vectors [N, 128]."""
        return unit(self.sound_out(features))


def _readout(features: int) -> nn.Sequential:
    # Without the norms both sides soon give one vector for everything, from which they do not come back.
    return nn.Sequential(nn.Linear(features, _HIDDEN), nn.BatchNorm1d(_HIDDEN), nn.ReLU(),
                         nn.Linear(_HIDDEN, DIMENSIONS), nn.BatchNorm1d(DIMENSIONS))


def _heard(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(channels_in, channels_out, 5, stride, 2), nn.BatchNorm1d(channels_out), nn.ReLU())
