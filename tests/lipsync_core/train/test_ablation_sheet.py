"""Sheets show the same frames for everybody."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from lipsync_core.train.ablation_sheet import telling_frames, write_sheet


def test_wide_and_closed_mouths_are_chosen_in_turn() -> None:
    opening = np.sin(np.arange(80) / 3.0)
    chosen = telling_frames(opening, 8)
    assert chosen == sorted(chosen) and len(set(chosen)) == 8
    assert all(opening[f] > 0.9 for f in chosen[::2]) and all(opening[f] < -0.9 for f in chosen[1::2])


def test_unmeasured_frames_do_not_stop_it() -> None:
    assert len(telling_frames(np.full(20, np.nan), 4)) == 4
    assert telling_frames(np.zeros(2), 8) == [0, 1]


def test_a_row_a_name(tmp_path: Path) -> None:
    rows = {"truth": np.full((4, 96, 96, 3), 200, np.uint8), "l1": np.zeros((4, 96, 96, 3), np.uint8)}
    write_sheet(tmp_path / "one" / "sheet.png", rows, ["0.04 s", "0.12 s", "1.00 s", "2.00 s"])
    seen = cv2.imread(str(tmp_path / "one" / "sheet.png"))
    assert seen is not None and seen.shape[1] == 4 * 134 - 2
    middle = seen[:, 66].mean(1)
    assert (middle == 200).sum() > 60 and (middle == 0).sum() > 60
    assert not list((tmp_path / "one").glob(".*"))
