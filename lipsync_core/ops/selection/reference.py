"""Choosing mouths in plain PyTorch: `lipsync_core.atlas.select`'s distances and shortest path, on any device."""

from __future__ import annotations

import torch
from torch import Tensor


def distances(rows: Tensor) -> Tensor:
    """Squared distances [M, M] of feature rows [M, D], in units in which 2 is that of two unrelated rows.

    The unit is the rows' mean squared distance from their mean.
    """
    rows = rows - rows.mean(0)
    power = (rows**2).sum(1)
    # The sum of squared differences, not |a|^2 + |b|^2 - 2ab, which loses all digits where rows are alike.
    out = torch.cdist(rows[None], rows[None], compute_mode="donot_use_mm_for_euclid_dist")[0] ** 2
    return out / power.mean().clamp_min(1e-9)


def shortest_path(target: Tensor, join: Tensor) -> Tensor:
    """int64 [N]: the cheapest path over ``target`` [N, M] with transitions ``join`` [M, M]; ties go to the lower
    index. Sums are made in the inputs' type, in the same order as in `lipsync_core.atlas.select.shortest_path`."""
    count, mouths = target.shape
    best = target[0].clone()
    back = torch.zeros((count, mouths), dtype=torch.int64, device=target.device)
    arriving = join.T.contiguous()
    ids = torch.arange(mouths, device=target.device)
    for n in range(1, count):
        total = arriving + best[None]
        least = total.min(1).values
        # torch's argmin does not promise which of equal values it names.
        back[n] = torch.where(total == least[:, None], ids[None], mouths).min(1).values
        best = least + target[n]
    path = torch.empty(count, dtype=torch.int64, device=target.device)
    path[-1] = torch.where(best == best.min(), ids, mouths).min()
    for n in range(count - 1, 0, -1):
        path[n - 1] = back[n, path[n]]
    return path
