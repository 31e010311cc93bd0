"""Measuring speakers, choosing voices, shifting them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dubbing.engines.base import Voice
from dubbing.errors import UsageError
from dubbing.pipeline.voice_match import (
    MOST_FORMANT,
    MOST_SEMITONES,
    SpeakerProfile,
    VoiceSpec,
    apply_voice,
    assign_voices,
    formant_scale,
    measure_speaker,
)

VOICES = (
    Voice("low", ("es",), "male", 110.0),
    Voice("middle", ("es",), "female", 200.0),
    Voice("high", ("es",), "female", 250.0),
)


def vowel(pitch_hz: float, seconds: float, rate: int, stretch: float = 1.0) -> np.ndarray:
    """A pulse train through four resonances of a uniform tube, ``stretch`` times the middle frequencies."""
    from scipy.signal import lfilter

    count = int(seconds * rate)
    sound = np.zeros(count)
    vibrato = pitch_hz * (1 + 0.02 * np.sin(2 * np.pi * 5 * np.arange(count) / rate))
    sound[np.flatnonzero(np.diff(np.floor(np.cumsum(vibrato / rate)))) + 1] = 1.0
    for formant, width in ((540, 60), (1620, 90), (2700, 120), (3780, 160)):
        radius, angle = np.exp(-np.pi * width / rate), 2 * np.pi * formant * stretch / rate
        sound = lfilter([1.0], [1, -2 * radius * np.cos(angle), radius**2], sound)
    return (0.1 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.mark.parametrize(("pitch", "sex"), [(105, "male"), (230, "female")])
def test_pitch_and_sex_of_a_speaker(pitch: float, sex: str) -> None:
    sound = np.concatenate([np.zeros(16_000, np.float32), vowel(pitch, 2, 16_000), np.zeros(8000, np.float32)])
    profile = measure_speaker(sound, [(1000, 3000)])
    assert profile.pitch_hz == pytest.approx(pitch, rel=0.03)
    assert profile.sex == sex
    assert profile.pitch_range_semitones < 2


def test_a_shorter_vocal_tract_has_a_larger_scale() -> None:
    short, long = (formant_scale(vowel(130, 2, 16_000, stretch).astype(float)) for stretch in (1.1, 0.92))
    assert short / long == pytest.approx(1.1 / 0.92, rel=0.06)


def test_silence_is_nobody() -> None:
    profile = measure_speaker(np.zeros(16_000, np.float32), [(0, 1000)])
    assert (profile.pitch_hz, profile.sex) == (0.0, "unknown")
    assert measure_speaker(np.zeros(0, np.float32), []).sex == "unknown"


def speaker(pitch: float, sex: str, scale: float = 1.0) -> SpeakerProfile:
    return SpeakerProfile(pitch, 6.0, scale, sex, -20.0)


def test_distinct_voices_by_sex_and_pitch() -> None:
    people = {"a": speaker(190, "female"), "b": speaker(130, "male"), "c": speaker(260, "female")}
    chosen = assign_voices(people, VOICES)
    assert [chosen[who].voice for who in "abc"] == ["middle", "low", "high"]
    assert chosen["b"].semitones == pytest.approx(12 * np.log2(130 / 110), abs=0.1)


def test_a_shift_that_costs_more_than_it_brings_is_left_out() -> None:
    assert assign_voices({"b": speaker(115, "male", 0.9)}, VOICES)["b"].is_plain


def test_when_voices_run_out_one_is_shifted_apart() -> None:
    men = {name: speaker(112, "male") for name in "abcd"}
    chosen = assign_voices(men, VOICES)
    specs = list(chosen.values())
    assert len(set(map(str, specs))) == 4
    shared = [spec for spec in specs if spec.voice == "low"]
    assert len(shared) >= 2
    for first in shared:
        for second in shared:
            if first is not second:
                apart = abs(first.semitones - second.semitones) + 30 * abs(first.formant_ratio - second.formant_ratio)
                assert apart >= 2.99
    assert assign_voices(men, VOICES) == chosen


def test_a_voice_of_which_nothing_is_known_is_not_moved() -> None:
    chosen = assign_voices({"A": speaker(120.0, "male")}, [Voice("Ana Florence", ("es",), "unknown", 0.0)])
    assert str(chosen["A"]) == "Ana Florence"


def test_shifts_are_bounded_and_survive_being_written() -> None:
    chosen = assign_voices({"deep": speaker(60, "male", 0.8), "child": speaker(400, "female", 1.25)}, VOICES)
    for spec in chosen.values():
        assert abs(spec.semitones) <= MOST_SEMITONES and abs(spec.formant_ratio - 1) <= MOST_FORMANT
        assert VoiceSpec.parse(json.loads(json.dumps(str(spec)))) == spec
    assert VoiceSpec.parse("jm_kumo") == VoiceSpec("jm_kumo")
    assert VoiceSpec.parse("jm_kumo+2.0st*1.04") == VoiceSpec("jm_kumo", 2.0, 1.04)
    with pytest.raises(UsageError):
        VoiceSpec.parse("jm_kumo+9.0st")
    with pytest.raises(UsageError):
        assign_voices({"a": speaker(100, "male")}, [])


@pytest.mark.parametrize("spec", ["v+4.0st*1.00", "v-3.0st*0.94"])
def test_a_shift_moves_pitch_and_keeps_length_and_time(spec: str) -> None:
    rate, wanted = 24_000, VoiceSpec.parse(spec)
    sound = np.concatenate([np.zeros(4801, np.float32), vowel(140, 0.7, rate), np.zeros(3333, np.float32)])
    out = apply_voice(sound, rate, wanted)
    assert len(out) == len(sound)
    at_16k = np.interp(np.arange(0, len(out), 1.5), np.arange(len(out)), out).astype(np.float32)
    again = measure_speaker(at_16k, [(0, 2000)])
    assert again.pitch_hz == pytest.approx(140 * wanted.pitch_ratio, rel=0.03)
    onset = int(np.flatnonzero(np.abs(out) > 0.02)[0])
    assert abs(onset - 4801) < rate * 0.012


def test_a_plain_voice_is_not_processed() -> None:
    sound = vowel(140, 0.2, 24_000)
    assert apply_voice(sound, 24_000, VoiceSpec("v")) is sound
