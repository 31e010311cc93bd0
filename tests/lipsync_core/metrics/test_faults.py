"""Every figure gets worse when the fault that it stands for is made on purpose; real tracker, our own sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipsync_core.face.analyse import analyse_video
from lipsync_core.face.video import VideoSource
from lipsync_core.metrics.judgement import Judgement
from tests.lipsync_core.metrics import damage
from tests.lipsync_core.metrics.conftest import SAMPLES, Studio, turn

pytestmark = pytest.mark.real


def test_a_right_result_meets_every_bar(right: Judgement) -> None:
    assert {"closure_hits", "opening_r", "silence_leak", "sharpness_ratio", "identity_ratio", "jitter_ratio",
            "outside_psnr_db"} <= set(right.values)
    # The sample's mouth was driven by its maker's own articulation, near to but not the one that is wanted here.
    assert [k for k, ok in right.passed.items() if not ok and k != "opening_r"] == []
    assert right.values["opening_r"] > 0.85
    assert right.closures >= 5 and right.frames == 75
    # Nothing was repainted, so there is no edge whose seam could show.
    assert "seam_ratio" in right.omitted


def test_three_frames_late_is_told_by_the_lag_and_the_closures(studio: Studio, right: Judgement) -> None:
    late = studio.judged(studio.made("late", lambda i: studio.pictures[max(i - 3, 0)]))
    assert abs(late.values["opening_lag_ms"] - right.values["opening_lag_ms"] - 120) <= 15
    assert not late.passed["opening_lag_ms"]
    assert late.values["closure_hits"] < right.values["closure_hits"] - 0.3
    assert late.values["outside_psnr_db"] < right.values["outside_psnr_db"] - 3
    assert any("closure" in m.what for m in late.worst())


def test_a_frozen_mouth_hits_nothing_and_follows_nothing(studio: Studio, right: Judgement) -> None:
    widest = int(np.argmax(right.curves.measured))
    frozen = studio.judged(studio.made("frozen", lambda i: studio.pictures[widest]))
    assert frozen.values["closure_hits"] == 0 and frozen.values["silence_leak"] > 0.5
    assert not frozen.values.get("opening_r", 0.0) > 0.6


def test_a_blurred_mouth_is_told_by_sharpness_and_identity(studio: Studio, right: Judgement) -> None:
    soft = studio.judged(studio.damaged("blurred", damage.blurred))
    assert soft.values["sharpness_ratio"] < 0.7 < 0.95 < right.values["sharpness_ratio"]
    assert soft.values["identity_ratio"] < right.values["identity_ratio"] - 0.02
    assert not soft.passed["sharpness_ratio"] and not soft.passed["identity_ratio"]


def test_a_hard_seam_is_told_by_the_seam_alone(studio: Studio, right: Judgement) -> None:
    seam = studio.judged(studio.damaged("seamed", damage.seamed))
    assert seam.values["seam_ratio"] > 1.2 and not seam.passed["seam_ratio"]
    assert seam.values["closure_hits"] == right.values["closure_hits"]


def test_a_soft_matte_has_no_seam(studio: Studio) -> None:
    # Only light changes, so the original's track serves both.
    shaded = studio.judged((studio.written("shaded", damage.shaded), studio.source))
    assert 0.9 < shaded.values["seam_ratio"] < 1.1


def test_another_sentence_is_told_by_correlation_and_closures(studio: Studio, right: Judgement) -> None:
    wrong = studio.judged((studio.original, studio.source), turn("es_solo", 1, at_ms=studio.line.start_ms))
    assert wrong.values["opening_r"] < right.values["opening_r"] - 0.3
    assert wrong.values["closure_hits"] < right.values["closure_hits"]


def test_somebody_elses_mouth_is_told_by_identity(studio: Studio, right: Judgement, tmp_path: Path) -> None:
    donor = [p.rgb() for p in VideoSource(SAMPLES / "es_dialogue.mp4").frames(0, 6)]
    found = analyse_video(damage.write(tmp_path / "donor.mp4", donor), studio.models)
    face = max(found.tracks, key=lambda t: len(t.frames))
    pasted = studio.judged(studio.damaged("pasted", damage.other_mouth(donor[2], face.points[2])))
    assert pasted.values["identity_ratio"] < 0.9 < 0.98 < right.values["identity_ratio"]


def test_a_trembling_mouth_is_told_by_jitter(studio: Studio, right: Judgement) -> None:
    shaken = studio.judged(studio.damaged("shaken", damage.shaken))
    assert shaken.values["jitter_ratio"] > 1.5 * right.values["jitter_ratio"]


def test_teeth_between_lips_that_should_touch_are_seen(studio: Studio, right: Judgement) -> None:
    assert right.values["closure_teeth"] == 0
    bared = studio.judged((studio.written("bared", damage.bared), studio.source))
    assert bared.values["closure_teeth"] == 1 and not bared.passed["closure_teeth"]
    assert bared.values["closure_hits"] == right.values["closure_hits"]
