"""What is said of an ablation follows from its figures, and never from the teacher's."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from lipsync_core.train.ablation_verdict import ClipScore, compare, judge_comparison, means, table

PEOPLE = 8


def _scores(**change: float) -> list[ClipScore]:
    """Two clips of each person around the same figures, moved by ``change``."""
    rng = np.random.default_rng(3)
    base = {"opening_r": 0.5, "closure_skill": 0.6, "lip_distance": 0.03, "sharpness": 0.9, "csim": 0.8,
            "teacher_distance": 0.5, "judge_distance": 0.6, "judge_right": 0.6}
    rows = []
    for person in range(PEOPLE):
        for clip in range(2):
            own = rng.normal(0, 0.1)
            noise = {k: rng.normal(0, 0.001) * (k in change) for k in base}
            rows.append(ClipScore(f"{person}/{clip}", f"p{person}",
                                  {k: v * (1 + own) + change.get(k, 0.0) + noise[k] for k, v in base.items()}))
    return rows


def _against(**change: float) -> Mapping[str, Mapping[int, list[ClipScore]]]:
    return {"l1": {0: _scores()}, "l1+expert": {0: _scores(**change)}}


def _outcome(**change: float) -> str:
    return judge_comparison(_against(**change), [("l1", "l1+expert")], "expert against l1", "rendered").outcome


def test_a_gain_needs_lips_and_judge() -> None:
    assert _outcome(opening_r=0.1, judge_distance=-0.05) == "gain"
    assert _outcome(judge_distance=-0.05) == "judge only"
    assert _outcome(lip_distance=-0.01) == "mesh only"


def test_the_teacher_alone_proves_nothing() -> None:
    assert _outcome(teacher_distance=-0.4) == "none"
    assert _outcome() == "none"


def test_where_nobody_follows_the_sound_nothing_is_gained() -> None:
    """Two correlations near or below zero may differ by more than people do and still mean nothing."""
    low = {name: {0: [ClipScore(s.clip, s.person, {**s.values, "opening_r": s.values["opening_r"] - 0.6})
                      for s in rows[0]]} for name, rows in _against(opening_r=0.1, judge_distance=-0.05).items()}
    verdict = judge_comparison(low, [("l1", "l1+expert")], "expert against l1", "real")
    assert verdict.outcome == "deaf" and verdict.differences["opening_r"].direction == 1


def test_what_gets_worse_is_said() -> None:
    assert _outcome(opening_r=0.1, judge_distance=-0.05, closure_skill=-0.2) == "mixed"
    assert _outcome(lip_distance=0.01) == "loss"


def test_a_change_of_one_person_is_no_change() -> None:
    moved = [ClipScore(s.clip, s.person, {**s.values, "opening_r": s.values["opening_r"] + 0.4 * (s.person == "p0")})
             for s in _scores()]
    found = compare({"l1": {0: _scores()}, "l1+expert": {0: moved}}, [("l1", "l1+expert")], "opening_r")
    assert found is not None and found.mean == pytest.approx(0.4 / PEOPLE) and found.direction == 0


def test_few_people_get_no_interval() -> None:
    few = {name: {0: [s for s in rows[0] if s.person < "p3"]} for name, rows in _against(opening_r=0.3).items()}
    verdict = judge_comparison(few, [("l1", "l1+expert")], "expert against l1", "real")
    assert compare(few, [("l1", "l1+expert")], "opening_r") is None
    assert verdict.outcome == "none" and "Too few people" in verdict.sentence


def test_clips_are_paired_and_missing_figures_left_out() -> None:
    scores = _against(opening_r=0.1)
    scores["l1+expert"][0].append(ClipScore("new", "p9", {"opening_r": -1.0}))
    scores["l1"][0].append(ClipScore("bad", "p10", {"opening_r": float("nan")}))
    found = compare(scores, [("l1", "l1+expert")], "opening_r")
    assert found is not None and found.mean == pytest.approx(0.1, abs=2e-3)
    assert means(scores["l1"][0])["opening_r"] == pytest.approx(means(_scores())["opening_r"])


def test_the_table_tells_the_spread_of_seeds() -> None:
    scores = {"l1": {0: _scores(), 1: _scores(sharpness=0.2)}}
    printed = table({"rendered": scores}, ["l1", "absent"])
    head, rule, row = printed.splitlines()
    assert "16 clips, 8 people" in head and head.count("|") == rule.count("|") == row.count("|")
    assert "± 0.10" in row and "absent" not in printed
