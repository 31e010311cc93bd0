"""Figures of prosody and rooms on lines whose truth is known: ``python -m scripts.prosody_bench``.

A formant voice says a line shouted, whispered, softly, lively, flatly and with a swell; a take of another engine is
said likewise, and both are measured. The bundled clips are put into simulated rooms, whose reverberation is recovered.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.signal import butter, fftconvolve, sosfiltfilt

from dubbing.engines.base import Sound, Speech
from dubbing.media.audio import read_mono_16k, resample
from dubbing.pipeline.prosody import ProsodyTarget, brightened, follow, measure_line
from dubbing.pipeline.prosody_measure import contour
from dubbing.pipeline.room import RoomProfile, measure_room, place
from dubbing.pipeline.speech_frames import HOP_MS, RATE, SpeechFrames, speech_frames
from dubbing.pipeline.voice_match import VoiceSpec, measure_speaker
from samples.formant_voices import FormantVoices
from samples.rooms import KnownRoom, decaying_noise, random_shoebox

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
ORDINARY = ("Buenos días, me llamo Carmen.", "Hoy hemos comprado pan, queso y tomates.",
            "El tren paró mucho tiempo en la estación.", "Después fuimos al puerto a mirar los barcos.")
LINE = "Te dije que no volvieras nunca más a esta casa."
DUBBED = "I told you never to come back to this house again."
VOICES = ("jf_alpha", "jm_kumo")
GAP_S = 0.5


def lines() -> dict[str, Sound]:
    """What the original speaker says, by what was done to it."""
    voices = FormantVoices()

    def say(text: str, voice: str = "es+f2", pitch: int = 50, spread: int = 50, gain_db: float = 0.0) -> Sound:
        sound = resample(voices.speak(text, voice, 150, pitch, spread)[0], voices.rate, RATE)
        return (0.2 * 10 ** (gain_db / 20) * sound).astype(np.float32)

    swell = say(LINE)
    ramp = np.interp(np.linspace(0, 1, len(swell)), [0, 0.3, 0.7, 1], [-8, 0, 0, -8])
    return {**{f"ordinary {i}": say(text) for i, text in enumerate(ORDINARY)},
            "shout +10 dB": brightened(say(LINE, pitch=85, spread=70, gain_db=10), RATE, 6.0),
            "whisper -14 dB": say(LINE, "es+whisper", gain_db=-14), "soft -9 dB": say(LINE, pitch=45, gain_db=-9),
            "lively": say(LINE, spread=99), "flat": say(LINE, spread=8),
            "swell of 8 dB": (swell * 10 ** (ramp / 20)).astype(np.float32)}


def targets() -> dict[str, ProsodyTarget]:
    """Each line measured in one recording of the speaker."""
    pieces, spans, at = [], {}, 0.0
    for name, sound in lines().items():
        pieces += [np.zeros(int(GAP_S * RATE), np.float32), sound]
        spans[name] = (at + 1000 * GAP_S, at + 1000 * GAP_S + len(sound) * 1000 / RATE)
        at = spans[name][1]
    whole = np.concatenate(pieces)
    whole += 2e-5 * np.random.default_rng(0).standard_normal(len(whole)).astype(np.float32)
    profile = measure_speaker(whole, [(round(a), round(b)) for a, b in spans.values()])
    return {name: measure_line(whole, [span], profile) for name, span in spans.items()}


def likeness(wanted: Sequence[float | None], frames: SpeechFrames) -> float:
    """Correlation of a take's contour of loudness with the one wanted."""
    own = contour(frames, len(frames.level_db) * HOP_MS / len(wanted))
    pairs = [(a, b) for a, b in zip(wanted, own, strict=False) if a is not None and b is not None]
    return float(np.corrcoef(np.array(pairs).T)[0, 1])


def report_prosody() -> None:
    from dubbing.engines.tts.kokoro import KokoroSynthesizer

    engine = KokoroSynthesizer(threads=1)
    engine.load()
    takes = {voice: engine.synthesize(DUBBED, "en", voice) for voice in VOICES}
    for name, target in targets().items():
        print(f"{name}: measured {target.level_db:+.1f} dB, {target.pitch_semitones:+.2f} st, range x"
              f"{target.range_ratio:.2f}, brightness {target.brightness_db:+.1f} dB, voiced {target.voiced_share:.2f}"
              f"{', a whisper' if target.is_whisper else ''}")
        if not name.startswith("ordinary"):
            for voice, take in takes.items():
                report_take(voice, take, target)


def report_take(voice: str, take: Speech, target: ProsodyTarget) -> None:
    out = follow(take.sound, take.sample_rate, take.phonemes, target, VoiceSpec(voice))
    before, after = (speech_frames(resample(sound, take.sample_rate, RATE)) for sound in (take.sound, out))
    print(f"    {voice}: contour {likeness(target.contour_db, before):+.2f} -> "
          f"{likeness(target.contour_db, after):+.2f}, level {after.loudness_db - before.loudness_db:+.1f} dB, pitch "
          f"{after.pitch_median - before.pitch_median:+.2f} st, range x{after.pitch_range / before.pitch_range:.2f}, "
          f"brightness {after.brightness_db - before.brightness_db:+.1f} dB, voiced {before.voiced_share:.2f} -> "
          f"{after.voiced_share:.2f}")


def speakers() -> dict[str, tuple[Sound, list[tuple[float, float]]]]:
    """The bundled clips' speakers: sound and lines."""
    found = {}
    for clip in ("es_solo", "es_dialogue", "en_hard"):
        turns = json.loads((SAMPLES / f"{clip}.json").read_text())["turns"]
        sound = read_mono_16k(SAMPLES / f"{clip}.mp4")
        for name in sorted({turn["speaker"] for turn in turns}):
            own = [(turn["start_ms"], turn["end_ms"]) for turn in turns if turn["speaker"] == name]
            alone = np.zeros_like(sound)
            for start, end in own:
                alone[int(start * 16): int(end * 16)] = sound[int(start * 16): int(end * 16)]
            found[f"{clip} {name}"] = alone, own
    return found


def report_rooms() -> None:
    rooms = [random_shoebox(seed) for seed in range(100, 110)] + [decaying_noise(0.4, 5, 1), decaying_noise(0.9, 3, 2)]
    errors = []
    for name, (sound, own) in speakers().items():
        dry = measure_room(sound, own)
        narrow = measure_room(telephone(sound), own)
        own_errors = [error(measure_room(heard(room, sound), own), room) for room in rooms]
        errors += own_errors
        t60, clarity = np.median(own_errors, axis=0)
        print(f"{name}: as it is {dry.t60_s:.2f} s, {dry.clarity_db:.0f} dB; in {len(rooms)} rooms T60 off by "
              f"{t60:.0%}, clarity by {clarity:.1f} dB (medians); telephone {narrow.low_hz:.0f} to "
              f"{narrow.high_hz:.0f} Hz")
    print(f"all: T60 off by {np.median(np.array(errors)[:, 0]):.0%}, clarity by {np.median(np.array(errors)[:, 1]):.1f}"
          f" dB (medians), {np.percentile(np.array(errors)[:, 1], 90):.1f} dB (90 %)")
    dry_take = lines()["ordinary 1"]
    for wanted in (RoomProfile(0.3, 16.0), RoomProfile(0.5, 10.0), RoomProfile(0.9, 5.0)):
        placed = place(dry_take, RATE, wanted)
        got = measure_room(placed, [(0.0, len(dry_take) * 1000 / RATE)])
        print(f"a take placed in T60 {wanted.t60_s} s, {wanted.clarity_db} dB measures {got.t60_s} s, "
              f"{got.clarity_db} dB")


def heard(room: KnownRoom, sound: Sound) -> Sound:
    out = fftconvolve(sound, room.answer)[: len(sound)]
    return (0.5 * out / np.abs(out).max()).astype(np.float32)


def telephone(sound: Sound) -> Sound:
    return sosfiltfilt(butter(6, [300, 3400], "band", fs=RATE, output="sos"), sound).astype(np.float32)


def error(found: RoomProfile, room: KnownRoom) -> tuple[float, float]:
    """(relative error of T60, error of clarity in dB)."""
    return abs(found.t60_s / room.t60_s - 1), abs(found.clarity_db - room.clarity_db)


def main() -> None:
    report_prosody()
    report_rooms()


if __name__ == "__main__":
    main()
