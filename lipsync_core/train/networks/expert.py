"""Our own expert: do these five frames of a mouth belong to this sound?

The idea is SyncNet's (Chung and Zisserman, "Out of time", 2016) in the form that Prajwal et al. 2020 teach with (see
``lipsync_core.models.color_syncnet``): two encoders into one space, lower half of the face only, frozen afterwards.
What is different: each frame is seen on its own before time is mixed, so that a still picture says little and a
movement much; the sound is heard with 100 ms before and after the window, since lips move ahead of what they say; the
window's own brightness and contrast are taken out, so that skin, light and camera say nothing; and the answer is a
calibrated probability.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync_core.models import checkpoint
from lipsync_core.models.blocks import Layer, same, stack
from lipsync_core.train.types import CONTEXT_STEPS, WINDOW, WINDOW_STEPS

#: What an expert looks at: the lower half of a face of 96 x 96.
MOUTH_HEIGHT, MOUTH_WIDTH = 48, 96
_WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
#: The teacher, and the judge that has learnt from other people and never teaches.
EMBEDDED, EMBEDDED_JUDGE = _WEIGHTS / "sync_expert.safetensors", _WEIGHTS / "sync_judge.safetensors"

# One frame, as 12 channels of 24 x 48 (each 2 x 2 pixels on top of each other).
_FRAME: tuple[Layer, ...] = (
    Layer(12, 32),
    Layer(32, 48, 3, 2, 1), same(48),
    Layer(48, 96, 3, 2, 1), same(96),
    Layer(96, 128, 3, 2, 1),
)
# The sound, 80 bands x 32 steps -> 5 x 8.
_SOUND: tuple[Layer, ...] = (
    Layer(1, 32, 3, 2, 1),
    Layer(32, 48, 3, (2, 1), 1),
    Layer(48, 64, 3, (2, 1), 1), same(64),
    Layer(64, 96, 3, 2, 1), same(96),
)
_FRAME_FEATURES, _TIME_FEATURES, _SOUND_FEATURES, DIMENSIONS = 96, 144, 128, 192
_LEAST_CONTRAST = 0.05


class Judgement(nn.Module):
    """What all experts share: similarity and calibrated probability, from vectors of sound and faces.

    The calibration is no weight: public files have none, and the same weights may be calibrated anew.
    """

    scale: Tensor
    bias: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(10.0), persistent=False)
        self.register_buffer("bias", torch.tensor(-5.0), persistent=False)

    def embed_sound(self, sound: Tensor) -> Tensor:
        """sound [N, 1, 80, 32] -> unit vectors [N, D], float32."""
        return self.joined_sound(self.sound_features(sound))

    def embed_faces(self, faces: Tensor) -> Tensor:
        """faces [N, 3, 5, S, S] in [0, 1] -> unit vectors [N, D], float32."""
        return self.joined_faces(self.face_features(faces))

    def config(self) -> dict[str, Any]:
        """What ``build`` needs to make this network again."""
        raise NotImplementedError

    def feature_sizes(self) -> tuple[int, int, bool]:
        """(numbers of ``face_features``, of ``sound_features``, whether the former are of each frame)."""
        raise NotImplementedError

    def face_features(self, faces: Tensor) -> Tensor:
        """What is seen: [N, 3, 5, S, S] -> [N, 5, F], or [N, F] where frames are not seen one by one."""
        raise NotImplementedError

    def joined_faces(self, features: Tensor) -> Tensor:
        """``face_features`` -> unit vectors [N, D], float32."""
        raise NotImplementedError

    def sound_features(self, sound: Tensor) -> Tensor:
        """What is heard: [N, 1, 80, 32] -> [N, G]."""
        raise NotImplementedError

    def joined_sound(self, features: Tensor) -> Tensor:
        """``sound_features`` -> unit vectors [N, D], float32."""
        raise NotImplementedError

    def similarity(self, sound: Tensor, faces: Tensor) -> Tensor:
        """sound [B, 1, 80, 32], faces [B, 3, 5, S, S] in [0, 1] -> cosine [B], high when they fit."""
        return (self.embed_sound(sound) * self.embed_faces(faces)).sum(1)

    def probability(self, sound: Tensor, faces: Tensor) -> Tensor:
        """The calibrated probability [B] that they belong together, an unfit pair being as likely as a fit one."""
        return torch.sigmoid(self.logit(self.similarity(sound, faces)))

    def logit(self, similarity: Tensor) -> Tensor:
        """Log-odds that belong to a similarity, of any shape."""
        return similarity * self.scale + self.bias

    def calibrate(self, scale: float, bias: float) -> None:
        """Set what ``logit`` multiplies with and adds."""
        self.scale.fill_(scale)
        self.bias.fill_(bias)


class TemporalExpert(Judgement):
    """Per-frame mouth encoder, mixing over five frames, sound with context; 1.3 million parameters."""

    kind = "temporal"

    def __init__(self) -> None:
        super().__init__()
        self.frame = stack(_FRAME)
        self.frame_out = nn.Linear(_FRAME[-1].channels_out * 3 * 6, _FRAME_FEATURES)
        self.time = nn.Sequential(_mix(_FRAME_FEATURES, _TIME_FEATURES), _mix(_TIME_FEATURES, _TIME_FEATURES))
        self.faces_out = nn.Linear(_TIME_FEATURES * WINDOW, DIMENSIONS)
        self.sound = stack(_SOUND)
        self.sound_time = _mix(_SOUND[-1].channels_out * 5, _SOUND_FEATURES)
        self.sound_out = nn.Linear(_SOUND_FEATURES * 8, DIMENSIONS)

    def config(self) -> dict[str, Any]:
        """What ``build`` needs to make this network again."""
        return {"kind": self.kind}

    def feature_sizes(self) -> tuple[int, int, bool]:
        """See ``Judgement``."""
        return _FRAME_FEATURES, self.sound_out.in_features, True

    def face_features(self, faces: Tensor) -> Tensor:
        """What is seen in each frame for itself: [N, 3, 5, S, S] -> [N, 5, 96]."""
        seen = even_light(mouths(faces)).transpose(1, 2).flatten(0, 1)
        features = self.frame(functional.pixel_unshuffle(seen, 2))
        return functional.relu(self.frame_out(features.flatten(1))).unflatten(0, (len(faces), -1))

    def joined_faces(self, features: Tensor) -> Tensor:
        """[N, 5, 96] -> unit vectors [N, 192]."""
        return unit(self.faces_out(self.time(features.transpose(1, 2)).flatten(1)))

    def sound_features(self, sound: Tensor) -> Tensor:
        """What is heard, with its context: [N, 1, 80, 32] -> [N, 1024]."""
        return self.sound_time(self.sound(sound / 4).flatten(1, 2)).flatten(1)

    def joined_sound(self, features: Tensor) -> Tensor:
        """[N, 1024] -> unit vectors [N, 192]."""
        return unit(self.sound_out(features))


def mouths(faces: Tensor) -> Tensor:
    """The lower halves that experts look at: faces [N, 3, T, S, S] -> [N, 3, T, 48, 96], differentiable.

    Raises ``ValueError`` for pictures that are not square or have an odd side.
    """
    height, width = faces.shape[-2:]
    if faces.dim() != 5 or height != width or height % 2:
        raise ValueError(f"faces are [N, 3, frames, S, S] with an even S, not {tuple(faces.shape)}")
    lower = faces[..., height // 2:, :]
    if width == MOUTH_WIDTH:
        return lower
    flat = lower.transpose(1, 2).flatten(0, 1)
    if width > MOUTH_WIDTH:
        resized = functional.interpolate(flat, (MOUTH_HEIGHT, MOUTH_WIDTH), mode="area")
    else:
        resized = functional.interpolate(flat, (MOUTH_HEIGHT, MOUTH_WIDTH), mode="bilinear", align_corners=False)
    return resized.unflatten(0, (len(faces), -1)).transpose(1, 2)


def own_steps(sound: Tensor) -> Tensor:
    """The window's own steps, without context: [N, 1, 80, 32] -> [N, 1, 80, 16]."""
    return sound[..., CONTEXT_STEPS:CONTEXT_STEPS + WINDOW_STEPS]


def even_light(pictures: Tensor) -> Tensor:
    """Every window [N, 3, T, H, W] with mean 0 and spread 1 in each colour, in float32."""
    pictures = pictures.float()
    mean = pictures.mean((2, 3, 4), keepdim=True)
    variance = (pictures - mean).square().mean((2, 3, 4), keepdim=True)
    return (pictures - mean) / torch.sqrt(variance + _LEAST_CONTRAST**2)


def unit(vectors: Tensor) -> Tensor:
    """Rows of length 1, in float32: half precision has too few digits for cosines."""
    return functional.normalize(vectors.float(), dim=1, eps=1e-6)


def build(config: Mapping[str, Any]) -> Judgement:
    """The network that ``config`` names: ``{"kind": "temporal"}``, "grey", or ``{"kind": "wav2lip", "width": 1.0}``."""
    kind = config.get("kind", TemporalExpert.kind)
    if kind == TemporalExpert.kind:
        return TemporalExpert()
    if kind == "wav2lip":
        from lipsync_core.train.networks.wav2lip_expert import Wav2LipExpert

        return Wav2LipExpert(float(config.get("width", 1.0)))
    if kind == "grey":
        from lipsync_core.train.networks.grey_expert import GreyExpert

        return GreyExpert()
    raise ValueError(f"there is no expert of the kind {kind!r}; known are 'temporal', 'grey' and 'wav2lip'")


def load_expert(path: str | Path | None = None, device: str | torch.device = "cpu") -> Judgement:
    """A frozen expert: evaluation mode, no gradients of its own (they still flow to the faces).

    path: weights of ``lipsync_core.train.expert``, whose card names the network and its calibration; or Wav2Lip's own
    expert in any circulating form; None for the embedded one. Raises ``CheckpointError`` when it is neither.
    """
    from lipsync_core.train import card as cards

    path = EMBEDDED if path is None else Path(path)
    card = cards.read_card(path) if path.suffix == ".safetensors" else {}
    if not card:
        from lipsync_core.train.networks.wav2lip_expert import load_public

        return load_public(path, device)
    try:
        expert = build(card["network"])
        expert.calibrate(float(card["calibration"]["scale"]), float(card["calibration"]["bias"]))
    except (KeyError, TypeError, ValueError) as error:
        raise checkpoint.CheckpointError(f"{path.name} holds no expert: {error}") from error
    checkpoint.load_into(expert, path, "an expert")
    return expert.to(device)


def _mix(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv1d(channels_in, channels_out, 3, padding=1), nn.BatchNorm1d(channels_out), nn.ReLU())
