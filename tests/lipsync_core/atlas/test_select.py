"""The shortest path is the shortest, and the costs order mouths as a viewer would."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from lipsync_core.atlas import shape
from lipsync_core.atlas.model import Atlas, measure_range
from lipsync_core.atlas.select import Wanted, join_cost, shortest_path, target_cost
from tests.lipsync_core.cartoon import talking


@pytest.mark.parametrize("seed", range(5))
def test_the_path_is_as_cheap_as_the_best_of_all(seed: int) -> None:
    random = np.random.default_rng(seed)
    target, join = random.random((5, 4)), random.random((4, 4))

    def cost(path: tuple[int, ...]) -> float:
        steps = zip(path, path[1:], strict=False)
        return sum(target[n, i] for n, i in enumerate(path)) + sum(join[a, b] for a, b in steps)

    best = min(product(range(4), repeat=5), key=cost)
    assert cost(tuple(shortest_path(target, join))) == pytest.approx(cost(best))


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    points = talking(40)[:, :, :2]
    model = shape.fit_shape(points.astype(np.float64))
    normalised, a, _ = model.normalise(points.astype(np.float64))
    rows = shape.features(normalised)
    random = np.random.default_rng(0)
    return Atlas(model, measure_range(rows), np.arange(40, dtype=np.int32), np.zeros(40, np.int32), points, normalised,
                 rows, model.residual(normalised), 1 / np.abs(a), np.full(40, 50, np.float32),
                 np.full((40, 3), 128, np.float32), random.integers(0, 255, (40, 12, 20)).astype(np.uint8),
                 np.zeros(40, np.float32), np.ones(40, bool))


def _wanted(atlas: Atlas, opening: float, closure: float = 0.0) -> Wanted:
    one = np.ones(1)
    return Wanted(one * opening, one * np.median(atlas.features[:, 1]), one * 0, one * np.median(atlas.features[:, 3]),
                  one * atlas.scale[0], np.zeros(1, np.int32), one * closure)


def test_a_mouth_that_would_have_to_be_torn_open_costs_more_than_one_that_closes(atlas: Atlas) -> None:
    middle = 0.5 * (atlas.range.closed + atlas.range.wide)
    cost = target_cost(atlas, _wanted(atlas, middle))[0]
    below, above = (int(np.abs(atlas.features[:, 0] - middle - d).argmin()) for d in (-0.06, 0.06))
    assert cost[below] > 2 * cost[above]


def test_a_closure_takes_a_closed_mouth(atlas: Atlas) -> None:
    best = int(target_cost(atlas, _wanted(atlas, atlas.range.closed, 1.0))[0].argmin())
    assert atlas.features[best, 0] < atlas.range.closed + 0.02


def test_visible_teeth_disqualify_a_mouth_for_a_closure(atlas: Atlas) -> None:
    plain = target_cost(atlas, _wanted(atlas, atlas.range.closed, 1.0))[0]
    shown = Atlas(**{**{f: getattr(atlas, f) for f in atlas.__dataclass_fields__}, "teeth": np.ones(40, np.float32)})
    assert (target_cost(shown, _wanted(atlas, atlas.range.closed, 1.0))[0] > plain + 10).all()


def test_a_mouth_behind_a_microphone_is_never_taken(atlas: Atlas) -> None:
    clear = np.ones(40, bool)
    clear[int(target_cost(atlas, _wanted(atlas, atlas.range.closed, 1.0))[0].argmin())] = False
    hidden = replace(atlas, clear=clear)
    assert clear[int(target_cost(hidden, _wanted(atlas, atlas.range.closed, 1.0))[0].argmin())]


def test_staying_in_a_run_is_free_and_jumps_are_not(atlas: Atlas) -> None:
    join = join_cost(atlas)
    run = join[np.arange(39), np.arange(1, 40)]
    assert (run == 0).all() and np.median(join) > 0.3 and (join >= 0).all()


def test_wanting_the_source_itself_returns_it_in_order(atlas: Atlas) -> None:
    rows = atlas.features
    wanted = Wanted(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3], atlas.scale, atlas.tracks, np.zeros(40))
    path = shortest_path(target_cost(atlas, wanted), join_cost(atlas))
    assert (np.abs(atlas.features[path, 0] - rows[:, 0]) < 0.02).all()
    assert (np.diff(path) == 1).mean() > 0.8
