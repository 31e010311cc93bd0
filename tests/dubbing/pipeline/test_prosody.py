"""How lines were said, measured on lines whose truth is known, and takes said likewise."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubbing.domain.speech import Phoneme
from dubbing.media import audio
from dubbing.pipeline.pitch import pitch_track
from dubbing.pipeline.prosody import PEAK, brightened, follow, measure_line, moved_pitch
from dubbing.pipeline.prosody_measure import ProsodyTarget, contour
from dubbing.pipeline.speech_frames import SpeechFrames, speech_frames
from dubbing.pipeline.voice_match import SpeakerProfile, VoiceSpec, measure_speaker
from samples.formant_voices import FormantVoices

RATE = 16_000
TEXT = "Te dije que no volvieras nunca más a esta casa."
ORDINARY = ("Buenos días, me llamo Carmen.", "Hoy hemos comprado pan, queso y tomates.",
            "El tren paró mucho tiempo en la estación.")
VOICE = VoiceSpec("any")


@cache
def voices() -> FormantVoices:
    return FormantVoices()


@cache
def said(text: str = TEXT, voice: str = "es+f2", pitch: int = 50, spread: int = 50, pace: int = 150,
         gain_db: float = 0.0) -> np.ndarray:
    sound, _ = voices().speak(text, voice, pace, pitch, spread)
    return (0.2 * 10 ** (gain_db / 20) * audio.resample(sound, voices().rate, RATE)).astype(np.float32)


@cache
def speaker() -> SpeakerProfile:
    """Of the ordinary lines, in a quiet room."""
    pieces, spans, at = [], [], 0.0
    for text in ORDINARY:
        sound = said(text)
        pieces += [np.zeros(RATE // 2, np.float32), sound]
        spans.append((round(at + 500), round(at + 500 + len(sound) / 16)))
        at += 500 + len(sound) / 16
    whole = np.concatenate(pieces)
    return measure_speaker(whole + 1e-5 * np.random.default_rng(0).standard_normal(len(whole)).astype(np.float32),
                           spans)


@cache
def take() -> tuple[np.ndarray, int, tuple[Phoneme, ...]]:
    """A dub of the line, by another voice, at another rate."""
    sound, phones = voices().speak("I told you never to come back to this house again.", "en", 150, 50, 50)
    return 0.3 * sound, voices().rate, tuple(Phoneme(*phone) for phone in phones)


def measured(sound: np.ndarray) -> ProsodyTarget:
    return measure_line(sound, [(0.0, len(sound) / 16)], speaker())


def frames_of(sound: np.ndarray, rate: int) -> SpeechFrames:
    return speech_frames(audio.resample(sound, rate, RATE))


def test_pitch_is_not_an_octave_short() -> None:
    """A voice like a high one's of ours: strong even partials, which trackers take for half the pitch."""
    seconds = np.arange(2 * RATE) / RATE
    truth = 260 * 2 ** (3 / 12 * np.sin(2 * np.pi * 1.5 * seconds))
    phase = 2 * np.pi * np.cumsum(truth) / RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, 12)) + 0.1 * np.sin(0.5 * phase)
    pitch, periodicity = pitch_track(sound, 10.0)
    inner = slice(5, -5)
    assert np.median(np.abs(12 * np.log2(pitch[inner] / truth[::160][: len(pitch) - 1][5:-4]))) < 0.2
    assert (np.abs(12 * np.log2(np.maximum(pitch[inner], 1) / truth[::160][5:-4])) < 1).mean() > 0.97
    assert np.median(periodicity) > 0.8
    assert not pitch_track(np.random.default_rng(0).standard_normal(RATE), 10.0)[0].any()
    assert pitch_track(np.zeros(0), 10.0)[0].size == 0


def test_an_ordinary_line_asks_for_nothing() -> None:
    target = measured(said())
    assert abs(target.level_db) <= 1.5
    assert abs(target.pitch_semitones) <= 1.0
    assert target.rate == pytest.approx(1.0, abs=0.3)
    assert not target.is_whisper


def test_a_shout_is_louder_higher_and_brighter() -> None:
    shout = brightened(said(pitch=85, spread=70, gain_db=10), RATE, 6.0)
    target, plain = measured(shout), measured(said())
    assert target.level_db == pytest.approx(plain.level_db + 10, abs=2.5)
    assert target.pitch_semitones > 3
    assert target.brightness_db > plain.brightness_db + 1.5
    assert not target.is_whisper


def test_a_whisper_is_told_from_a_soft_voice() -> None:
    whisper = measured(said(voice="es+whisper", gain_db=-12))
    soft = measured(said(gain_db=-12))
    assert whisper.is_whisper
    assert whisper.voiced_share < 0.2
    assert not soft.is_whisper
    assert soft.level_db == pytest.approx(measured(said()).level_db - 12, abs=1.0)


def test_range_and_rate() -> None:
    lively, plain, flat = (measured(said(spread=spread)).range_ratio for spread in (99, 50, 8))
    assert lively > 1.2 * plain
    assert flat < 0.6 * plain
    assert measured(said(pace=220)).rate > measured(said(pace=120)).rate


def test_the_contour_follows_a_known_swell() -> None:
    plain = said()
    ramp = np.interp(np.linspace(0, 1, len(plain)), [0, 0.5, 1], [-6.0, 0.0, -6.0])
    swollen = (plain * 10 ** (ramp / 20)).astype(np.float32)
    before, after = measured(plain), measured(swollen)
    change = np.array([b - a for a, b in zip(before.contour_db, after.contour_db, strict=True)
                       if a is not None and b is not None])
    steps = np.interp(np.linspace(0, 1, len(change)), [0, 0.5, 1], [-6.0, 0.0, -6.0])
    assert np.corrcoef(change, steps)[0, 1] > 0.9


def test_the_word_that_stands_out_is_found() -> None:
    words = [(k * 400.0, k * 400.0 + 350.0) for k in range(6)]
    parts = []
    for k in range(6):
        pitch = 150 * (2 ** (5 / 12) if k == 3 else 1)
        phase = 2 * np.pi * pitch * np.arange(int(0.35 * RATE)) / RATE
        tone = sum(np.sin(n * phase) / n for n in range(1, 10)) * (0.1 if k == 3 else 0.05)
        parts += [tone, np.zeros(int(0.05 * RATE))]
    target = measure_line(np.concatenate(parts).astype(np.float32), words, SpeakerProfile(150, 4, 1, "male", -20))
    assert target.emphasis
    share, strength = target.emphasis[0]
    assert share == pytest.approx((3 * 400 + 175) / 2350, abs=0.05)
    assert strength > 0.5


def test_silence_and_a_stranger_ask_for_nothing() -> None:
    nothing = measure_line(np.zeros(RATE, np.float32), [(100, 900)], speaker())
    assert nothing == ProsodyTarget(duration_ms=800)
    assert measure_line(np.zeros(0, np.float32), [], speaker()) == ProsodyTarget()
    unknown = measure_line(said(gain_db=6), [], SpeakerProfile(0.0, 0.0, 1.0, "unknown", -20.0))
    assert (unknown.level_db, unknown.pitch_semitones, unknown.range_ratio) == (0.0, 0.0, 1.0)


numbers = st.floats(-30, 30).map(lambda v: round(v, 2))


@given(numbers, st.lists(st.none() | numbers, max_size=5), numbers,
       st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=3), st.booleans())
def test_a_target_survives_json(level: float, steps: list[float | None], pitch: float,
                                peaks: list[tuple[float, float]], is_whisper: bool) -> None:
    target = ProsodyTarget(level, tuple(steps), pitch, emphasis=tuple(peaks), is_whisper=is_whisper)
    assert ProsodyTarget.from_json(json.loads(json.dumps({**target.to_json(), "later": 1}))) == target


def test_a_neutral_target_is_the_take_itself() -> None:
    sound, rate, phonemes = take()
    assert follow(sound, rate, phonemes, ProsodyTarget(), VOICE) is sound


def test_a_take_of_a_shout_is_loud_high_and_bright() -> None:
    sound, rate, phonemes = take()
    target = ProsodyTarget(level_db=8, pitch_semitones=3, range_ratio=1.3, brightness_db=5)
    out = follow(sound, rate, phonemes, target, VOICE)
    before, after = frames_of(sound, rate), frames_of(out, rate)
    assert len(out) == len(sound)
    assert after.loudness_db - before.loudness_db == pytest.approx(8, abs=1.5)
    assert after.pitch_median - before.pitch_median == pytest.approx(3, abs=0.7)
    assert after.pitch_range / before.pitch_range == pytest.approx(1.3, abs=0.2)
    assert after.brightness_db > before.brightness_db + 2
    assert np.abs(out).max() <= PEAK + 0.01


def test_a_take_of_a_whisper_has_no_voice() -> None:
    sound, rate, phonemes = take()
    out = follow(sound, rate, phonemes, ProsodyTarget(level_db=-12, is_whisper=True), VOICE)
    before, after = frames_of(sound, rate), frames_of(out, rate)
    assert after.voiced_share < 0.5 * before.voiced_share
    assert after.loudness_db == pytest.approx(before.loudness_db - 12, abs=1.0)
    assert after.brightness_db > before.brightness_db + 3


def test_the_contour_of_loudness_is_taken_over() -> None:
    sound, rate, phonemes = take()
    wanted = (-5.0, -3.0, 0.0, 3.0, 5.0, 3.0, 0.0, None, -3.0, -5.0)
    out = follow(sound, rate, phonemes, ProsodyTarget(contour_db=wanted, duration_ms=3000), VOICE)
    step = len(sound) * 1000 / rate / len(wanted)
    likeness = []
    for version in (sound, out):
        own = contour(frames_of(version, rate), step)
        pairs = [(a, b) for a, b in zip(wanted, own, strict=True) if a is not None and b is not None]
        likeness.append(float(np.corrcoef(np.array(pairs).T)[0, 1]))
    assert likeness[1] > 0.85 > likeness[0]
    assert frames_of(out, rate).loudness_db == pytest.approx(frames_of(sound, rate).loudness_db, abs=0.5)


def test_a_marked_word_rises_and_the_rest_stays() -> None:
    sound, rate, phonemes = take()
    middle = len(sound) * 500 / rate
    out = follow(sound, rate, phonemes, ProsodyTarget(), VOICE, [(middle - 150, middle + 150)])
    before, after = frames_of(sound, rate), frames_of(out, rate)
    own = slice(int((middle - 100) / 10), int((middle + 100) / 10))
    far = slice(0, int((middle - 500) / 10))

    def rise(part: slice) -> float:
        both = (before.pitch_hz[part] > 0) & (after.pitch_hz[part] > 0)
        return float(np.median(12 * np.log2(after.pitch_hz[part][both] / before.pitch_hz[part][both])))

    assert rise(own) > 1.2
    assert abs(rise(far)) < 0.4
    louder = after.level_db - before.level_db
    assert np.median(louder[own]) > np.median(louder[far][before.is_loud[far]]) + 1.0


def test_what_was_emphasised_is_laid_on_a_vowel_nearby() -> None:
    sound, rate, phonemes = take()
    out = follow(sound, rate, phonemes, ProsodyTarget(emphasis=((0.5, 1.0),)), VOICE)
    difference = np.abs(frames_of(out, rate).level_db - frames_of(sound, rate).level_db)
    assert frames_of(out, rate).pitch_range > frames_of(sound, rate).pitch_range - 0.5
    assert difference[frames_of(sound, rate).is_loud].max() > 0.8


def test_the_voices_own_shift_is_applied_in_the_same_pass() -> None:
    sound, rate, phonemes = take()
    out = follow(sound, rate, phonemes, ProsodyTarget(pitch_semitones=1), VoiceSpec.parse("any+2.0st*1.04"))
    rise = frames_of(out, rate).pitch_median - frames_of(sound, rate).pitch_median
    assert rise == pytest.approx(3, abs=0.6)


@settings(max_examples=50)
@given(st.floats(-4, 4), st.floats(0.6, 1.6), st.integers(0, 1000))
def test_pitch_stays_speech(semitones: float, ratio: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pitch = np.where(rng.random(200) < 0.7, 150 * 2 ** rng.normal(0, 0.3, 200), 0.0)
    moved = moved_pitch(pitch, semitones, ratio, [(300.0, 200.0, 1.0)])
    np.testing.assert_array_equal(moved > 0, pitch > 0)
    assert moved[moved > 0].min(initial=60.0) >= 60.0
    assert moved.max() < 1500


@pytest.mark.parametrize("count", [0, 10, 400])
def test_next_to_nothing_is_left_alone(count: int) -> None:
    sound = np.zeros(count, np.float32)
    assert follow(sound, 24_000, (), ProsodyTarget(level_db=5, pitch_semitones=2), VOICE) is sound
