"""reference: the cleanest seconds of one speaker, for an engine that imitates voices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from dubbing.engines.base import Report, Sound, SpeakerSpan
from dubbing.errors import MediaError
from dubbing.media import audio
from dubbing.pipeline import reference
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.reference import RATE, SAMPLE_RATE, SHORTEST_MS, Judged
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages.separate import MUSIC_AND_EFFECTS, SPEECH

VERSION = "1"
REFERENCE = "reference.wav"
#: So much of a speaker is looked at, the longest lines first; no better passage is likely to be among the rest.
MOST_MS = 300_000
#: With less than this nobody can be imitated.
LEAST_MS = 1_000


def step(separated: Artifact, spans: Sequence[SpeakerSpan], speaker: str) -> Step:
    """WAV (mono, 24 kHz, 6 to 15 s where the speaker is heard so long) of ``speaker``; the facts say why these seconds.

    spans: the speech of everybody, so that what is said over somebody else is left out. Raises MediaError when
    less than a second of the speaker can be used.
    """
    own = reference.alone(spans, speaker)
    looked_at = sorted(_longest(own))

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        speech, rest = separated.path(SPEECH), separated.path(MUSIC_AND_EFFECTS)
        found = []
        for index, (start, end) in enumerate(looked_at):
            report(index, len(looked_at), speaker)
            found += reference.passages(_read(speech, start, end, RATE), _read(rest, start, end, RATE), start)
        judged = reference.judge(found)
        chosen = reference.choose(judged)
        total_ms = sum(one.passage.length_ms for one in chosen)
        if total_ms < LEAST_MS:
            raise MediaError(f"{speaker} is heard alone for {total_ms / 1000:.1f} s only, too little to imitate the "
                             "voice.", "Choose one of the engine's own voices for this speaker.")
        sound = reference.joined(chosen, lambda start, end: _read(speech, start, end, SAMPLE_RATE))
        soundfile.write(folder / REFERENCE, sound, SAMPLE_RATE, subtype="PCM_16")
        heard_ms = sum(span.end_ms - span.start_ms for span in spans if span.speaker == speaker)
        facts.update(seconds=round(total_ms / 1000, 2), is_enough=total_ms >= SHORTEST_MS,
                     heard_seconds=round(heard_ms / 1000, 2),
                     overlapped_seconds=round((heard_ms - sum(b - a for a, b in own)) / 1000, 2),
                     passages=[_told(one) for one in chosen], passages_heard=len(judged),
                     left_out=_left_out(judged, chosen), why=_why(chosen, judged, heard_ms))
        report(len(looked_at), len(looked_at), speaker)

    params = {"spans": [list(astuple(span)) for span in _near(spans, speaker)], "speaker": speaker}
    return Step("reference", VERSION, build, params, {"separated": separated}, unit="line")


def _longest(intervals: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    total = 0
    for start, end in sorted(intervals, key=lambda one: (one[0] - one[1], one[0])):
        if total < MOST_MS:
            kept.append((start, end))
            total += end - start
    return kept


def _near(spans: Sequence[SpeakerSpan], speaker: str) -> list[SpeakerSpan]:
    """The speaker's own spans, and those of others that touch one: a change elsewhere changes nothing here."""
    own = [span for span in spans if span.speaker == speaker]
    return own + [span for span in spans if span.speaker != speaker and any(
        span.start_ms - 1000 < one.end_ms and one.start_ms < span.end_ms + 1000 for one in own)]


def _read(path: Path, start_ms: int, end_ms: int, rate: int) -> Sound:
    """Mono sound of a part of a WAV file at another rate."""
    with soundfile.SoundFile(path) as file:
        first = min(start_ms * file.samplerate // 1000, file.frames)
        file.seek(first)
        part = file.read(max(0, min(end_ms * file.samplerate // 1000, file.frames) - first), dtype="float32",
                         always_2d=True)
        return audio.resample(np.ascontiguousarray(part.mean(axis=1)), file.samplerate, rate)


def _told(one: Judged) -> dict[str, Any]:
    passage = one.passage
    return {"start_ms": passage.start_ms, "end_ms": passage.end_ms, "snr_db": round(passage.snr_db, 1),
            "music_db": round(passage.music_db, 1), "level_db": round(passage.level_db, 1),
            "pitch_hz": round(passage.pitch_hz, 1), "against": one.against}


def _left_out(judged: Sequence[Judged], chosen: Sequence[Judged]) -> dict[str, int]:
    """How many passages were not taken, by what spoke most against each."""
    counts: dict[str, int] = {}
    for one in judged:
        if one not in chosen:
            reason = max(one.against, key=lambda name: one.against[name]) if one.against else "enough"
            counts[reason] = counts.get(reason, 0) + 1
    return counts


def _why(chosen: Sequence[Judged], judged: Sequence[Judged], heard_ms: int) -> str:
    """In a line, for a person."""
    seconds = sum(one.passage.length_ms for one in chosen) / 1000
    noise = min(one.passage.snr_db for one in chosen)
    music = min(one.passage.music_db for one in chosen)
    return (f"{seconds:.1f} of {heard_ms / 1000:.1f} s: {len(chosen)} of {len(judged)} passages; speech at least "
            f"{noise:.0f} dB over noise and {music:.0f} dB over music and effects")
