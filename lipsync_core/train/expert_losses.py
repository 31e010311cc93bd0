"""What an expert is trained with: BCE on the cosine as published, and contrast against many wrong sounds at once.

* ``published_bce``: Prajwal et al. 2020, the cosine of two vectors without negative entries is the chance itself.
* ``odds_bce``: the same question for cosines in [-1, 1], through a learnt slope and bias.
* ``contrast``: InfoNCE (van den Oord et al. 2018) over all sounds of the batch, in both directions. Other clips of the
  same person are in it as they come; rows of the same clip are left out, since they may lie at the same moment.
* ``hints``: see ``expert_hints``.
* ``lineup``: InfoNCE over the clip's own sound at its own and at shifted moments alone. Voice, room and person are the
  same there, so that nothing but time can tell them apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync_core.train.expert_hints import Hints
from lipsync_core.train.networks.expert import Judgement
from lipsync_core.train.types import SyncBatch

_MOST_SCALE = 60.0


@dataclass(frozen=True, slots=True)
class ExpertLossConfig:
    """Weights of the parts; 0 leaves one out."""

    bce: float = 0.5
    contrast: float = 1.0
    lineup: float = 1.0
    hints: float = 0.5
    published: bool = False


class ExpertLoss(nn.Module):
    """Weighted sum of the parts; its own parameters (temperature, bias, the hints' layers) are learnt beside the
    expert's. hints: where the expert gives any."""

    def __init__(self, config: ExpertLossConfig, hints: Hints | None = None) -> None:
        super().__init__()
        self.config, self.hints = config, hints
        self.log_scale = nn.Parameter(torch.tensor(math.log(12.0)))
        self.bias = nn.Parameter(torch.tensor(-3.0))

    def forward(self, expert: Judgement, batch: SyncBatch, shapes: Tensor | None = None) -> dict[str, Tensor]:
        """Scalars by name: the parts, ``total``, and ``accuracy`` (share of rows whose own sound beats the shifted).

        shapes: [B, 5, 4] of the mouths, for the hints.
        """
        count, shifts = batch.shifted.shape[:2]
        sound = torch.cat([batch.sound, batch.shifted.flatten(0, 1)])
        extra: dict[str, Tensor] = {}
        if self.hints is not None and shapes is not None:
            seen, heard = expert.face_features(batch.faces), expert.sound_features(sound)
            faces, sounds = expert.joined_faces(seen), expert.joined_sound(heard)
            extra["hints"] = self.hints(seen, heard[:count], shapes)
        else:
            faces, sounds = expert.embed_faces(batch.faces), expert.embed_sound(sound)
        found = self.parts(faces, sounds[:count], sounds[count:].view(count, shifts, -1), batch.clips)
        for name, value in extra.items():
            found["total"] = found["total"] + getattr(self.config, name) * value
        return found | extra

    def parts(self, faces: Tensor, own: Tensor, shifted: Tensor, clips: Tensor) -> dict[str, Tensor]:
        """The same from unit vectors: faces, own [B, D], shifted [B, K, D]; clips [B]."""
        scale = self.log_scale.exp().clamp(max=_MOST_SCALE)
        fit = (faces * own).sum(1)
        unfit = torch.einsum("bd,bkd->bk", faces, shifted)
        weights = self.config
        found = {"bce": _balanced(fit, unfit, faces, own, clips, scale, self.bias, weights.published),
                 "contrast": contrast(faces, own, shifted, clips, scale),
                 "lineup": lineup(fit, unfit, scale)}
        total = sum(getattr(weights, name) * value for name, value in found.items())
        with torch.no_grad():
            better = (fit[:, None] > unfit).float().mean() if unfit.numel() else torch.ones(())
        return {"total": total, **found, "accuracy": better, "fit": fit.detach().mean()}


def lineup(fit: Tensor, unfit: Tensor, scale: Tensor | float) -> Tensor:
    """fit [B], unfit [B, K], cosines of the own and the shifted sounds -> mean cross entropy; 0 without shifts."""
    if not unfit.numel():
        return fit.sum() * 0
    logits = torch.cat([fit[:, None], unfit], 1) * scale
    return functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long, device=logits.device))


def contrast(faces: Tensor, own: Tensor, shifted: Tensor, clips: Tensor, scale: Tensor | float) -> Tensor:
    """InfoNCE, faces against all sounds of the batch and own sounds against all faces; unit vectors, see above."""
    count, shifts = shifted.shape[:2]
    # Scaled before they are masked: the scale's gradient through an infinite value would be none.
    across = faces @ own.T * scale
    others_of_clip = (clips[:, None] == clips[None]) & ~torch.eye(count, dtype=torch.bool, device=clips.device)
    across = across.masked_fill(others_of_clip, -torch.inf)
    wrong = (torch.einsum("bd,ckd->bck", faces, shifted) * scale).masked_fill(others_of_clip[:, :, None], -torch.inf)
    target = torch.arange(count, device=clips.device)
    heard = functional.cross_entropy(torch.cat([across, wrong.reshape(count, count * shifts)], 1), target)
    return (heard + functional.cross_entropy(across.T, target)) / 2


def published_bce(cosine: Tensor, target: Tensor) -> Tensor:
    """Binary cross entropy with the cosine as the chance, each value of its own; target 0 or 1."""
    return functional.binary_cross_entropy(cosine.float().clamp(1e-4, 1 - 1e-4), target, reduction="none")


def odds_bce(cosine: Tensor, target: Tensor, scale: Tensor | float, bias: Tensor | float) -> Tensor:
    """Binary cross entropy with ``cosine * scale + bias`` as log-odds, each value of its own."""
    return functional.binary_cross_entropy_with_logits(cosine * scale + bias, target, reduction="none")


def _balanced(fit: Tensor, unfit: Tensor, faces: Tensor, own: Tensor, clips: Tensor, scale: Tensor, bias: Tensor,
              published: bool) -> Tensor:
    """Fit pairs count as much as all unfit ones: the shifted, and the next row's sound (where it is another clip)."""
    next_row = torch.roll(own, 1, 0)
    other = (faces * next_row).sum(1)[clips != torch.roll(clips, 1, 0)]
    wrong = torch.cat([unfit.flatten(), other])

    def bce(cosine: Tensor, label: float) -> Tensor:
        target = torch.full_like(cosine, label)
        return (published_bce(cosine, target) if published else odds_bce(cosine, target, scale, bias)).mean()

    return (bce(fit, 1.0) + bce(wrong, 0.0)) / 2 if len(wrong) else bce(fit, 1.0)
