"""loudness: the mix and its speech stem at the level of a preset; and what a finished file measures.

The gain is corrected until the loudness is met, the ceiling until the true peak of the sound *as it is encoded* keeps
it: a limiter alone knows nothing of what AAC adds.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from dubbing.domain.loudness import SOURCE, Loudness, Preset, Verdict, judge
from dubbing.engines.base import Report
from dubbing.media import audio
from dubbing.media.loudness_file import measure_encoded, measure_file
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.levels import aligned
from dubbing.pipeline.loudness import PeakLimiter, levelled
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages.mix import MIX, SPEECH

VERSION = "1"
#: A mix so near to its target is there; and so often it is tried.
_NEAR_LU, _PASSES = 0.2, 8
#: Where peaks are limited, AAC puts some of each back: room for that at first, and added when it was too little.
_HEADROOM_DB, _MORE_HEADROOM_DB = 0.3, 0.15
#: Peaks are not crushed further than this for the sake of loudness: such a mix stays softer, and a note says so.
_MOST_LIMITED_DB = -12.0


def step(mixed: Artifact, preset: Preset, *, language: str) -> Step:
    """For every preset but ``source``. Facts: ``gain_db``, ``limited_db`` (the most that a peak was turned down),
    ``passes``, ``loudness`` {``source``: the original, ``mix``: the result, ``encoded``: the result as AAC}."""
    assert preset.target is not None

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        heard = mixed.facts["loudness"]
        found, limited, passes = Loudness.from_json(heard["mix"]).of(preset), 0.0, 0
        gain = 0.0 if found is None or preset.target is None else preset.target - found
        ceiling = preset.ceiling - _HEADROOM_DB
        measured = Loudness.from_json(heard["mix"])
        before: tuple[float, float] | None = None
        while passes < _PASSES:
            passes += 1
            limited = _written(mixed, folder, gain, ceiling)
            measured = measure_encoded(folder / MIX, speech=folder / SPEECH)
            report(passes, _PASSES, "")
            now = measured.of(preset)
            missing = 0.0 if now is None or preset.target is None else preset.target - now
            over = (measured.true_peak if measured.true_peak is not None else -99.0) - preset.ceiling
            if over <= 0 and (abs(missing) <= _NEAR_LU or (missing > 0 and limited < _MOST_LIMITED_DB)):
                break
            tried, gain = gain, gain + missing / _answer(before, gain, -missing)
            before = tried, -missing
            ceiling -= over + _MORE_HEADROOM_DB if over > 0 else 0.0
        wav = measure_file(folder / MIX, speech=folder / SPEECH)
        facts["loudness"] = {"source": heard["source"], "mix": wav.to_json(), "encoded": measured.to_json()}
        facts.update(gain_db=round(gain, 2), limited_db=round(limited, 2), passes=passes)

    return Step("loudness", VERSION, build, asdict(preset), {"mix": mixed}, None, "", None, language)


def _answer(before: tuple[float, float] | None, gain: float, reached: float) -> float:
    """How much louder a decibel of gain makes the mix: all of it, or less where a limiter takes some of it back."""
    if before is None or abs(gain - before[0]) < 0.05:
        return 1.0
    return min(max((reached - before[1]) / (gain - before[0]), 0.3), 1.0)


def _written(mixed: Artifact, folder: Path, gain_db: float, ceiling_db: float) -> float:
    """Write both files; returns how far the limiter went down (dB)."""
    import soundfile

    with soundfile.SoundFile(mixed.path(MIX)) as file:
        rate = int(file.samplerate)
    limiter = PeakLimiter(rate, ceiling_db)
    pairs = aligned(audio.read_wav_blocks(mixed.path(MIX)), audio.read_wav_blocks(mixed.path(SPEECH)))
    with (audio.wav_writer(folder / MIX, rate) as write_mix,
          audio.wav_writer(folder / SPEECH, rate) as write_speech):
        for mix, speech in levelled(pairs, gain_db, limiter):
            write_mix(mix)
            write_speech(speech)
    return limiter.deepest_db


def measured_step(video: Artifact, mixed: Artifact, *, language: str) -> Step:
    """Measures the dubbed track of a finished file as a player decodes it. Facts: ``loudness``."""

    def build(_folder: Path, facts: dict[str, Any], report: Report) -> None:
        facts["loudness"] = measure_file(video.path(video.facts["file"]), speech=mixed.path(SPEECH)).to_json()
        report(1, 1, "")

    return Step("measure", VERSION, build, {}, {"video": video, "mix": mixed}, None, "", None, language)


def account(preset: Preset, mixed: Artifact, measured: Artifact) -> dict[str, Any]:
    """What a report says: the preset, what was measured of the original, the mix and the finished file, the verdict."""
    known = mixed.facts["loudness"]
    source, file = Loudness.from_json(known["source"]), Loudness.from_json(measured.facts["loudness"])
    verdict = judge(preset, file, source if preset.id == SOURCE else None)
    return {"preset": preset.id, "target": _rounded(verdict.target), "tolerance": preset.tolerance,
            "ceiling": _rounded(verdict.ceiling), "is_dialogue_gated": preset.is_dialogue_gated,
            "source": known["source"], "mix": known["mix"], "file": file.to_json(),
            "gain_db": mixed.facts.get("gain_db", 0.0), "limited_db": mixed.facts.get("limited_db", 0.0),
            "is_kept": verdict.is_kept, "note": _note(preset, verdict, file)}


def _note(preset: Preset, verdict: Verdict, file: Loudness) -> str:
    """One sentence where the file does not keep its preset, else ""."""
    if not verdict.is_loudness_kept and verdict.found is not None and verdict.target is not None:
        return (f"The loudness of the finished file is {verdict.found:.1f} LUFS; {preset.title} asks for "
                f"{verdict.target:.1f} within {preset.tolerance:g} LU.")
    if not verdict.is_peak_kept:
        return (f"The true peak of the finished file is {file.true_peak:.1f} dBTP; {preset.title} allows "
                f"{verdict.ceiling:.1f}.")
    return ""


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
