"""How good is an expert? ``python -m lipsync_core.train.sync_report WEIGHTS SHARDS [--split test] [--sheet PNG]``.

WEIGHTS: a file of ``lipsync_core.train.expert``, Wav2Lip's own expert, or "own" or "judge" for the embedded ones.
Prints a table for people, or with ``--json`` all figures (``sync_measure.SyncFigures``): in sync against every shift
from 2 to 15 frames, where each clip is found, and whether a probability means what it says. ``--refit`` fits the
calibration to the split ``val`` first, for weights that bring none.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lipsync_core.metrics.canvas import Point
from lipsync_core.train import sync_measure
from lipsync_core.train.files import write_picture
from lipsync_core.train.sync_measure import FARTHEST, NEAREST, OFFSETS, SyncFigures

if TYPE_CHECKING:
    from lipsync_core.metrics.canvas import PictureCanvas

INK, MUTED, GRID, BLUE, GREEN = "#1f2933", "#7b8794", "#e1e5ea", "#2f6fde", "#1f9d55"
_WIDTH, _HEIGHT, _LEFT, _TOP = 300.0, 220.0, 48.0, 64.0
_BETWEEN = 62.0
_MOST_CURVES = 40


def table(told: SyncFigures) -> str:
    """The figures as lines for a person."""
    offsets = [offset for offset in (2, 3, 4, 5, 7, 10, 15) if offset in told.pairwise]
    lines = [f"{told.windows} windows of {told.clips} clips of {told.people} people",
             "shift (frames)      " + "".join(f"{f'+-{offset}':>8}" for offset in offsets) + "   +-5..15",
             "own sound is nearer " + "".join(f"{told.pairwise[k]:8.1%}" for k in offsets)
             + f"{told.pairwise_from(5):10.1%}",
             "right decision      " + "".join(f"{told.decision[k]:8.1%}" for k in offsets)
             + f"{np.mean([v for k, v in told.decision.items() if k >= 5]):10.1%}",
             f"nearest of 31: itself {told.top1:.1%}, within a frame {told.top3:.1%} (by chance {1 / 31:.1%}, "
             f"{3 / 31:.1%})",
             f"clips found within a frame of 0: {told.found_share():.1%}; offsets "
             + " ".join(f"{clip['offset']:+d}" for clip in told.found[:40]) + (" ..." if told.clips > 40 else ""),
             f"area under the curve {told.auc:.3f}; calibration error {told.ece:.3f}; Brier {told.brier:.3f}; mean "
             f"cosine {told.mean_fit:.3f} in sync, {told.mean_unfit:.3f} out of it"]
    return "\n".join(lines)


def sheet(told: SyncFigures, title: str) -> np.ndarray:
    """A picture [H, W, 3], RGB: accuracy by shift, reliability, and each clip's mean similarity by offset."""
    from lipsync_core.metrics.canvas import PictureCanvas

    canvas = PictureCanvas(_LEFT + 3 * (_WIDTH + _BETWEEN), _TOP + _HEIGHT + 52)
    canvas.rect(0, 0, _LEFT + 3 * (_WIDTH + _BETWEEN), _TOP + _HEIGHT + 52, "#ffffff")
    canvas.text(_LEFT, 26, title, size=15, colour=INK, is_bold=True)
    shifts = range(NEAREST, FARTHEST + 1)
    first = _Panel(canvas, 0, "In sync against shifted sound", (NEAREST, FARTHEST), (0.4, 1.0), "shift in frames")
    first.line([(k, told.pairwise[k]) for k in shifts], BLUE, 2.2)
    first.line([(k, told.decision[k]) for k in shifts], GREEN, 2.2)
    first.line([(NEAREST, 0.5), (FARTHEST, 0.5)], MUTED, 1, is_dashed=True)
    first.note(0, "nearer than the shifted", BLUE)
    first.note(1, "right decision", GREEN)
    second = _Panel(canvas, 1, "What a probability means", (0, 1), (0, 1), "probability that was given")
    second.line([(0, 0), (1, 1)], MUTED, 1, is_dashed=True)
    second.line([(chance, share) for chance, share, _ in told.reliability], BLUE, 2.2)
    second.note(0, f"calibration error {told.ece:.3f}", INK)
    curves = [np.array(clip["curve"]) for clip in told.found[:_MOST_CURVES]]
    low, high = min(c.min() for c in curves), max(c.max() for c in curves)
    third = _Panel(canvas, 2, "Mean similarity of each clip", (-FARTHEST, FARTHEST), (low, max(high, low + 1e-3)),
                   "sound moved by (frames)")
    for clip, curve in zip(told.found, curves, strict=False):
        third.line(list(zip(OFFSETS, curve.tolist(), strict=True)), GREEN if abs(clip["offset"]) <= 1 else "#d64545", 1)
    return canvas.picture


class _Panel:
    """Axes in which lines are drawn."""

    def __init__(self, canvas: PictureCanvas, place: int, title: str, x: tuple[float, float],
                 y: tuple[float, float], label: str) -> None:
        self._canvas, self._x, self._y = canvas, x, y
        self._left = _LEFT + place * (_WIDTH + _BETWEEN)
        canvas.text(self._left, _TOP - 12, title, size=12, colour=INK, is_bold=True)
        for share in np.linspace(0, 1, 5):
            across, up = x[0] + share * (x[1] - x[0]), y[0] + share * (y[1] - y[0])
            self.line([(x[0], up), (x[1], up)], GRID, 1)
            canvas.text(self._left - 6, self._at(x[0], up)[1] + 4, f"{up:.2f}", size=10, colour=MUTED, anchor="end")
            canvas.text(self._at(across, y[0])[0], _TOP + _HEIGHT + 16, f"{across:g}", size=10, colour=MUTED,
                        anchor="middle")
        canvas.text(self._left + _WIDTH / 2, _TOP + _HEIGHT + 36, label, size=11, colour=MUTED, anchor="middle")

    def line(self, points: Sequence[Point], colour: str, width: float, *, is_dashed: bool = False) -> None:
        self._canvas.polyline([self._at(*point) for point in points], colour, width=width, is_dashed=is_dashed)

    def note(self, row: int, words: str, colour: str) -> None:
        self._canvas.text(self._left + _WIDTH - 6, _TOP + _HEIGHT - 12 - 16 * row, words, size=11, colour=colour,
                          anchor="end")

    def _at(self, x: float, y: float) -> Point:
        return (self._left + _WIDTH * (x - self._x[0]) / (self._x[1] - self._x[0]),
                _TOP + _HEIGHT * (1 - (y - self._y[0]) / (self._y[1] - self._y[0])))


def main(arguments: list[str] | None = None) -> int:
    """0 when measured, 2 when the weights or the shards are no good."""
    parser = argparse.ArgumentParser(prog="python -m lipsync_core.train.sync_report", description=__doc__)
    parser.add_argument("weights", help='a weights file, or "own" or "judge" for the embedded ones')
    parser.add_argument("shards", type=Path)
    parser.add_argument("--split", default="test", help="train, val, test or all (default: %(default)s)")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--clips", type=int, default=0, help="so many clips, evenly spread (default: all)")
    parser.add_argument("--refit", action="store_true", help="fit the calibration to the split val first")
    parser.add_argument("--sheet", type=Path, metavar="PNG")
    parser.add_argument("--json", action="store_true", help="all figures as JSON")
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args(arguments)

    from lipsync_core.models.checkpoint import CheckpointError
    from lipsync_core.train.data.shards import ShardError, Shards
    from lipsync_core.train.expert import spread
    from lipsync_core.train.networks.expert import EMBEDDED, EMBEDDED_JUDGE, load_expert

    named = {"own": EMBEDDED, "judge": EMBEDDED_JUDGE}
    try:
        expert = load_expert(named.get(given.weights, given.weights), given.device)
        if given.refit:
            held_out = spread(Shards(given.shards, given.size, "val"), given.clips)
            known = sync_measure.matrices(expert, held_out, device=given.device)
            expert.calibrate(*sync_measure.fit_calibration(*sync_measure.pairs(known)))
        clips = spread(Shards(given.shards, given.size, None if given.split == "all" else given.split), given.clips)
        found = sync_measure.matrices(expert, clips, device=given.device)
        told = sync_measure.figures(found, float(expert.scale), float(expert.bias))
    except (CheckpointError, ShardError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if given.sheet is not None:
        _write(given.sheet, sheet(told, f"{Path(given.weights).name} on {given.shards.name}, {given.split}"))
    print(json.dumps(told.as_dict()) if given.json else table(told))
    return 0


def _write(path: Path, picture: np.ndarray) -> None:
    import cv2

    write_picture(path, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), ".png")


if __name__ == "__main__":
    sys.exit(main())
