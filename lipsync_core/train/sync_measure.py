"""How well an expert knows whether mouth and sound belong together, on whole clips; and what its numbers mean.

Every window of a clip is compared with the clip's sound at its own moment and at others, up to 15 frames away. Voice,
room and face are the same in all of them: nothing but time can tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lipsync_core.train.data.windows import first_frames, sound_at
from lipsync_core.train.types import WINDOW, Clip

if TYPE_CHECKING:
    import torch

    from lipsync_core.train.networks.expert import Judgement

FARTHEST, NEAREST = 15, 2
OFFSETS = tuple(range(-FARTHEST, FARTHEST + 1))
_CHUNK = 64
_BINS = 10
_NEWTON_STEPS = 60

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Similarities of one clip. values: [N, 31], window i with the sound ``OFFSETS[k]`` frames later than its own;
    NaN where that lies beyond the clip. starts: [N], the windows' first frames. free: [N], the mouth is not hidden."""

    id: str
    person: str
    values: Floats
    starts: npt.NDArray[np.int64]
    free: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SyncFigures:
    """An expert on a set of clips.

    windows, clips, people: how many were looked at. pairwise: share of pairs in which the own sound fits better than
    the one |offset| frames away, either side, by |offset| (ties count half). decision: share of right answers of the
    calibrated decision (probability above or below a half), own and shifted sounds counting alike. top1: share of
    windows whose own sound fits best of all 31; top3: the best is one of the three in the middle. auc: chance that
    any fit pair is more similar than any unfit one, over clips and people. ece, brier: of the probability (both kinds
    equally frequent). reliability: of each of ten bins (mean probability, share that fit, weight).
    mean_fit, mean_unfit: mean cosines. found: each clip's best offset by its mean similarity.
    """

    windows: int
    clips: int
    people: int
    pairwise: dict[int, float]
    decision: dict[int, float]
    top1: float
    top3: float
    auc: float
    ece: float
    brier: float
    mean_fit: float
    mean_unfit: float
    reliability: list[tuple[float, float, float]]
    found: list[dict[str, Any]] = field(default_factory=list)

    def pairwise_from(self, nearest: int) -> float:
        """Mean of ``pairwise`` over all offsets of at least ``nearest``."""
        return float(np.mean([share for offset, share in self.pairwise.items() if offset >= nearest]))

    def found_share(self) -> float:
        """Share of the clips whose best offset is at most one frame from 0."""
        return float(np.mean([abs(clip["offset"]) <= 1 for clip in self.found]))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def matrix(expert: Judgement, clip: Clip, autocast: AbstractContextManager[Any] | None = None,
           device: str | torch.device = "cpu") -> Matrix:
    """Compare every window of a clip with its sounds; N is 0 for a clip that is too short."""
    import torch

    low, high = first_frames(clip.info.frames)
    starts = np.arange(low, high + 1) if clip.info.frames >= WINDOW else np.zeros(0, np.int64)
    faces, sounds = [], []
    with torch.no_grad(), autocast or nullcontext():
        for begin in range(0, len(starts), _CHUNK):
            chunk = starts[begin: begin + _CHUNK]
            pictures = np.stack([clip.pictures[s: s + WINDOW] for s in chunk]).transpose(0, 4, 1, 2, 3)
            faces.append(expert.embed_faces(torch.from_numpy(pictures.copy()).to(device).float() / 255).cpu())
            heard = np.stack([sound_at(clip.mel, int(s)) for s in chunk])
            sounds.append(expert.embed_sound(torch.from_numpy(heard).to(device)).cpu())
    values = np.full((len(starts), len(OFFSETS)), np.nan)
    if len(starts):
        cosine = (torch.cat(faces) @ torch.cat(sounds).T).double().numpy()
        for column, offset in enumerate(OFFSETS):
            here = np.arange(max(-offset, 0), len(starts) - max(offset, 0))
            values[here, column] = cosine[here, here + offset]
    free = np.array([bool(clip.free[s: s + WINDOW].all()) for s in starts], bool)
    return Matrix(clip.info.id, clip.info.person, values, starts, free)


def matrices(expert: Judgement, clips: Iterable[Clip], autocast: AbstractContextManager[Any] | None = None,
             device: str | torch.device = "cpu") -> list[Matrix]:
    """The same of many clips, those too short left out."""
    found = (matrix(expert, clip, autocast, device) for clip in clips)
    return [one for one in found if len(one.starts)]


def figures(found: Sequence[Matrix], scale: float, bias: float) -> SyncFigures:
    """What the similarities say, with log-odds ``similarity * scale + bias``. Raises ``ValueError`` without clips."""
    if not found:
        raise ValueError("no clip is long enough to be judged")
    values = np.concatenate([one.values[one.free] if one.free.any() else one.values for one in found])
    own = values[:, FARTHEST]
    pairwise, decision = {}, {}
    for offset in range(NEAREST, FARTHEST + 1):
        other = values[:, [FARTHEST - offset, FARTHEST + offset]]
        better = (np.sign(own[:, None] - other) + 1) / 2
        pairwise[offset] = float(np.nanmean(better))
        known = ~np.isnan(other)
        decision[offset] = float((np.mean(own * scale + bias > 0) + np.mean(other[known] * scale + bias <= 0)) / 2)
    whole = values[~np.isnan(values).any(1)]
    best = np.argmax(whole, 1) - FARTHEST if len(whole) else np.zeros(0)
    fit, unfit = pairs(found)
    similarity = np.concatenate([fit, unfit])
    label, weight = _labels(len(fit), len(unfit))
    chance = _sigmoid(similarity * scale + bias)
    bins = reliability(chance, label, weight)
    return SyncFigures(
        windows=len(values), clips=len(found), people=len({one.person for one in found}), pairwise=pairwise,
        decision=decision, top1=float(np.mean(best == 0)) if len(best) else float("nan"),
        top3=float(np.mean(np.abs(best) <= 1)) if len(best) else float("nan"), auc=_auc(fit, unfit),
        ece=expected_error(bins), brier=float(np.sum(weight * (chance - label) ** 2)), mean_fit=float(np.mean(fit)),
        mean_unfit=float(np.mean(unfit)), reliability=bins, found=[_best_offset(one) for one in found])


def pairs(found: Sequence[Matrix]) -> tuple[Floats, Floats]:
    """(similarities of fit pairs, of unfit ones at least ``NEAREST`` frames away) over all clips, hidden mouths out."""
    values = np.concatenate([one.values[one.free] if one.free.any() else one.values for one in found])
    far = np.abs(np.array(OFFSETS)) >= NEAREST
    unfit = values[:, far].ravel()
    return values[:, FARTHEST], unfit[~np.isnan(unfit)]


def fit_calibration(fit: Floats, unfit: Floats) -> tuple[float, float]:
    """(scale, bias) of log-odds by logistic regression (Platt 1999), both kinds counting alike.

    Newton's method with a whiff of a penalty, so that pairs that are apart altogether still have an answer. The scale
    is never negative: an expert that is worse than chance is given chances of a half.
    """
    similarity = np.concatenate([fit, unfit])
    label, weight = _labels(len(fit), len(unfit))
    x = np.column_stack([similarity, np.ones(len(similarity))])
    penalty = np.diag([1e-5, 1e-7])
    solution = np.zeros(2)
    for _ in range(_NEWTON_STEPS):
        chance = _sigmoid(x @ solution)
        gradient = x.T @ (weight * (chance - label)) + penalty @ solution
        curvature = (x * (weight * np.maximum(chance * (1 - chance), 1e-9))[:, None]).T @ x + penalty
        step = np.linalg.solve(curvature, gradient)
        solution -= step * min(1.0, 20.0 / max(np.abs(step).max(), 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    return (float(solution[0]), float(solution[1])) if solution[0] > 0 else (0.0, 0.0)


def reliability(chance: Floats, label: Floats, weight: Floats) -> list[tuple[float, float, float]]:
    """Of each tenth of the probabilities that occurs: (mean probability, share that is so, weight)."""
    bins = np.minimum((chance * _BINS).astype(int), _BINS - 1)
    found = []
    for one in range(_BINS):
        inside = bins == one
        total = float(weight[inside].sum())
        if total > 0:
            found.append((float(np.average(chance[inside], weights=weight[inside])),
                          float(np.average(label[inside], weights=weight[inside])), total))
    return found


def expected_error(bins: Sequence[tuple[float, float, float]]) -> float:
    """Expected calibration error (Guo et al. 2017) from ``reliability``: mean gap of probability and share."""
    return float(sum(weight * abs(chance - share) for chance, share, weight in bins) / sum(w for *_, w in bins))


def _labels(fit: int, unfit: int) -> tuple[Floats, Floats]:
    """Labels, and weights that sum to 1 with a half for either kind."""
    label = np.concatenate([np.ones(fit), np.zeros(unfit)])
    return label, np.concatenate([np.full(fit, 0.5 / max(fit, 1)), np.full(unfit, 0.5 / max(unfit, 1))])


def _best_offset(one: Matrix) -> dict[str, Any]:
    """margin: how far the best mean similarity is above the median one, as LSE-C of distances."""
    counted = np.sum(~np.isnan(one.values), 0)
    mean = np.where(counted > 0, np.nansum(one.values, 0) / np.maximum(counted, 1), -np.inf)
    known = mean[np.isfinite(mean)]
    return {"id": one.id, "person": one.person, "offset": int(OFFSETS[int(np.argmax(mean))]),
            "margin": float(known.max() - np.median(known)), "curve": [float(v) for v in np.where(
                np.isfinite(mean), mean, 0.0)], "windows": len(one.values)}


def _auc(fit: Floats, unfit: Floats) -> float:
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([fit, unfit]))[: len(fit)]
    return float((ranks.sum() - len(fit) * (len(fit) + 1) / 2) / (len(fit) * len(unfit)))


def _sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(x, -60, 60)))
