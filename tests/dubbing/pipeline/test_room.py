"""Rooms measured on speech whose room is known, and takes placed in them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, fftconvolve, sosfiltfilt

from dubbing.engines.base import SpeakerSpan
from dubbing.media import audio
from dubbing.pipeline.artifact import ArtifactStore
from dubbing.pipeline.room import is_audible, place
from dubbing.pipeline.room_measure import Read, RoomProfile, follows, measure_room, measure_rooms, tail_ends
from dubbing.pipeline.stages import room as room_stage
from samples.formant_voices import FormantVoices
from samples.rooms import RATE, KnownRoom, decaying_noise, random_shoebox

SAMPLES = Path(__file__).resolve().parents[3] / "samples"


@cache
def solo() -> tuple[np.ndarray, list[tuple[float, float]]]:
    """The bundled clip of one speaker, and his lines."""
    lines = json.loads((SAMPLES / "es_solo.json").read_text())["turns"]
    return audio.read_mono_16k(SAMPLES / "es_solo.mp4"), [(line["start_ms"], line["end_ms"]) for line in lines]


@cache
def take() -> np.ndarray:
    """Some seconds of dry speech at 16 kHz."""
    voices = FormantVoices()
    sound, _ = voices.speak("Only a sandwich, and a bottle of water. I hope you bring a warm coat.", "en+f2", 150, 50,
                            50)
    return audio.resample(sound, voices.rate, RATE)


def reader(sound: np.ndarray) -> Read:
    return lambda start, end: sound[int(start * RATE / 1000): int(end * RATE / 1000)]


def heard_in(room: KnownRoom, sound: np.ndarray) -> np.ndarray:
    out = fftconvolve(sound, room.answer)[: len(sound)]
    return (0.5 * out / np.abs(out).max()).astype(np.float32)


@pytest.mark.parametrize("room", [decaying_noise(0.35, 5, 3), decaying_noise(0.8, 3, 3), random_shoebox(101),
                                  random_shoebox(103), random_shoebox(105)],
                         ids=lambda room: f"T60 {room.t60_s:.2f} s")
def test_a_known_room_is_recovered(room: KnownRoom) -> None:
    sound, lines = solo()
    found = measure_room(heard_in(room, sound), lines)
    assert found.t60_s == pytest.approx(room.t60_s, rel=0.45)
    assert found.clarity_db == pytest.approx(room.clarity_db, abs=5.0)
    assert is_audible(found)
    assert not found.is_narrow


def test_a_dry_voice_is_placed_nowhere() -> None:
    sound, lines = solo()
    found = measure_room(sound, lines)
    assert not is_audible(found)
    assert (found.low_hz, found.high_hz) == (0.0, 8000.0)
    assert place(take(), RATE, RoomProfile()) is not None
    np.testing.assert_array_equal(place(take(), RATE, RoomProfile()), take())


def test_a_telephone_is_recognized_and_made() -> None:
    sound, lines = solo()
    narrow = sosfiltfilt(butter(6, [300, 3400], "band", fs=RATE, output="sos"), sound).astype(np.float32)
    found = measure_room(narrow, lines)
    assert found.is_narrow
    assert found.high_hz == pytest.approx(3400, rel=0.12)
    assert found.low_hz == pytest.approx(300, rel=0.4)
    out = place(take(), RATE, found)
    assert len(out) == len(take())
    power = np.abs(np.fft.rfft(out)) ** 2
    hertz = np.fft.rfftfreq(len(out), 1 / RATE)
    outside = power[(hertz > 4500) | (hertz < 100)].sum() / power.sum()
    assert 10 * np.log10(outside) < -30
    again = measure_room(out, [(0, len(out) * 1000 / RATE)])
    assert again.is_narrow


@pytest.mark.parametrize(("t60", "clarity"), [(0.3, 16.0), (0.8, 7.0)])
def test_a_take_sounds_like_the_room_and_as_loud_as_before(t60: float, clarity: float) -> None:
    dry = take()
    out = place(dry, RATE, RoomProfile(t60, clarity))
    found = measure_room(out, [(0, len(dry) * 1000 / RATE)])
    assert found.t60_s == pytest.approx(t60, rel=0.4)
    assert found.clarity_db == pytest.approx(clarity, abs=5.0)
    assert np.sqrt(np.mean(out[: len(dry)] ** 2)) == pytest.approx(np.sqrt(np.mean(dry**2)), rel=0.02)
    assert 0 < len(out) - len(dry) <= 0.4 * RATE
    # The direct sound stays where it was: nothing is late.
    lag = np.argmax(fftconvolve(out[: len(dry)], dry[::-1])) - (len(dry) - 1)
    assert abs(lag) <= 1


def test_the_tail_is_gone_when_the_next_line_begins() -> None:
    dry = take()
    loud = float(np.sqrt(np.mean(dry**2)))
    for gap_ms in (60.0, 200.0):
        out = place(dry, RATE, RoomProfile(1.5, 2.0), gap_ms=gap_ms)
        assert len(out) - len(dry) <= gap_ms * RATE / 1000
        last = out[-int(0.004 * RATE):]
        assert 20 * np.log10(np.sqrt(np.mean(last**2)) / loud + 1e-12) < -50
        assert abs(out[-1]) < 1e-4


def test_the_spectrum_moves_within_bounds() -> None:
    dry = take()
    dull = RoomProfile(bands_db=(40.0, 30.0, 10.0, 0.0, -20.0, -30.0, -30.0), heard_s=5)
    out = place(dry, RATE, dull)
    change = 10 * np.log10((np.abs(np.fft.rfft(out)) ** 2 + 1e-9) / (np.abs(np.fft.rfft(dry)) ** 2 + 1e-9))
    hertz = np.fft.rfftfreq(len(dry), 1 / RATE)
    low, high = (np.median(change[(hertz > a) & (hertz < b)]) for a, b in ((120, 400), (3500, 7000)))
    assert low > high + 3
    assert low - high <= 12.5


def test_the_telephone_line_of_a_speaker_has_a_room_of_its_own() -> None:
    sound, lines = solo()
    mixed = sound.copy()
    start, end = (int(ms * RATE / 1000) for ms in lines[1])
    mixed[start:end] = sosfiltfilt(butter(6, [300, 3400], "band", fs=RATE, output="sos"), sound[start:end])
    rooms = measure_rooms(reader(mixed), [("Pablo", *line) for line in lines])
    assert [room.is_narrow for room in rooms] == [False, True, False]
    assert rooms[0] == rooms[2]


def test_what_a_separator_takes_for_noise_is_heard_with_the_speech() -> None:
    """Separators leave the late part of a room in M&E: the stem alone sounds drier than the room is."""
    sound, lines = solo()
    room = decaying_noise(0.9, 2, 4)
    early = room.answer * (np.arange(len(room.answer)) < 0.04 * RATE)
    stem = fftconvolve(sound, early)[: len(sound)].astype(np.float32)
    rest = fftconvolve(sound, room.answer - early)[: len(sound)].astype(np.float32)
    alone, together = measure_room(stem, lines), measure_room(stem, lines, rest)
    assert together.t60_s > 1.5 * alone.t60_s
    music = (0.02 * np.sin(np.arange(len(sound)) * 0.1)).astype(np.float32)
    assert not follows(music, stem)
    assert measure_room(stem, lines, music) == alone


def test_rooms_are_kept_as_an_artifact(tmp_path: Path) -> None:
    sound, lines = solo()
    store = ArtifactStore(tmp_path)
    with store.build("a" * 64, {}) as (folder, _):
        audio.write_wav(folder / "speech.wav", [sound[None]], RATE)
        audio.write_wav(folder / "me.wav", [np.zeros_like(sound)[None]], RATE)
    separated = store.find("a" * 64)
    assert separated is not None
    step = room_stage.step(separated, [SpeakerSpan("Pablo", round(a), round(b)) for a, b in lines])
    with store.build(step.key, step.recipe) as (folder, facts):
        step.build(folder, facts, lambda *_: None)
    made = store.find(step.key)
    assert made is not None
    rooms = room_stage.load_rooms(made)
    assert len(rooms) == len(lines)
    direct = measure_rooms(reader(sound), [("Pablo", round(a), round(b)) for a, b in lines])[0]
    assert (rooms[0].t60_s, rooms[0].clarity_db) == pytest.approx((direct.t60_s, direct.clarity_db), rel=0.05)
    assert RoomProfile.from_json(json.loads(json.dumps(rooms[0].to_json()))) == rooms[0]


def test_a_tail_ends_where_anybody_speaks() -> None:
    assert tail_ends([(0, 1000), (1200, 2000), (1500, 3000), (9000, 9500)]) == [1200, 2000, 3400, 9900]
    assert tail_ends([]) == []
