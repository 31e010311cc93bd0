"""Loudness presets: what they ask for, and when a measured mix keeps them."""

from __future__ import annotations

import pytest

from dubbing.domain.loudness import PRESETS, SOURCE, Loudness, judge


def measured(integrated: float, peak: float = -6.0, dialogue: float | None = None) -> Loudness:
    return Loudness(integrated, dialogue, peak, 5.0)


@pytest.mark.parametrize(("name", "target", "tolerance", "ceiling"), [
    ("ebu-r128", -23, 0.5, -1), ("netflix", -27, 2, -2), ("atsc-a85", -24, 2, -2), ("web-16", -16, 0.5, -1),
    ("web-14", -14, 0.5, -1)])
def test_a_preset_is_kept_within_its_tolerance_and_below_its_ceiling(
        name: str, target: float, tolerance: float, ceiling: float) -> None:
    preset = PRESETS[name]
    assert (preset.target, preset.tolerance, preset.ceiling) == (target, tolerance, ceiling)
    assert judge(preset, measured(target + tolerance, ceiling)).is_kept
    assert not judge(preset, measured(target - tolerance - 0.2, ceiling)).is_loudness_kept
    assert not judge(preset, measured(target, ceiling + 0.2)).is_peak_kept


def test_netflix_is_about_dialogue_where_it_is_known() -> None:
    assert judge(PRESETS["netflix"], measured(-20, dialogue=-27.5)).is_kept
    assert not judge(PRESETS["netflix"], measured(-27, dialogue=-23)).is_kept
    assert judge(PRESETS["ebu-r128"], measured(-23, dialogue=-19)).is_kept


def test_the_original_is_its_own_measure() -> None:
    loud = Loudness(-12.0, None, 0.4, 3.0)
    assert judge(PRESETS[SOURCE], measured(-12.6, 0.4), loud).is_kept
    assert not judge(PRESETS[SOURCE], measured(-14.0, 0.4), loud).is_loudness_kept
    assert judge(PRESETS[SOURCE], measured(-12.0, 1.3), loud).is_peak_kept
    assert not judge(PRESETS[SOURCE], measured(-12.0, 1.6), loud).is_peak_kept
    soft = Loudness(-20.0, None, -9.0, 3.0)
    assert not judge(PRESETS[SOURCE], measured(-20.0, -0.8), soft).is_peak_kept
    assert judge(PRESETS[SOURCE], measured(-12.0, -3.0)).is_kept


def test_silence_fails_nothing_and_json_comes_back() -> None:
    silent = Loudness(None, None, None, 0.0)
    assert judge(PRESETS["ebu-r128"], silent).is_kept
    assert Loudness.from_json(silent.to_json()) == silent
    assert Loudness.from_json(measured(-23.456).to_json()) == Loudness(-23.46, None, -6.0, 5.0)
