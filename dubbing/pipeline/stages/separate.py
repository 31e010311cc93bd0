"""separate: the original sound as two stems, speech and M&E, in its own rate and channel layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dubbing.engines.base import Report, Separator, Sound
from dubbing.media import audio
from dubbing.media.align import Alignment, align
from dubbing.media.probe import AudioInfo
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.stage import Step

VERSION = "1"
SPEECH, MUSIC_AND_EFFECTS = "speech.wav", "me.wav"
#: Shifts and differences of level below these are not worth a word, or a change.
_HEARD_MS, _HEARD_DB = 5.0, 0.5


def step(separator: Separator, source: Path, source_sha256: str, info: AudioInfo) -> Step:
    """Streams the whole track; the two stems sum to the original."""

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        total = max(1, info.duration_ms * info.sample_rate // 1000)

        def counted() -> Iterator[Sound]:
            done = 0
            for block in audio.blocks(source):
                yield block
                done += block.shape[1]
                report(min(done, total), total, "")

        with (audio.wav_writer(folder / SPEECH, info.sample_rate) as write_speech,
              audio.wav_writer(folder / MUSIC_AND_EFFECTS, info.sample_rate) as write_rest):
            for speech, rest in separator.separate(counted(), info.sample_rate):
                write_speech(speech)
                write_rest(rest)

    return Step("separate", VERSION, build, {}, {"source": source_sha256}, separator, unit="s")


def given_step(separator: Separator, source: Path, source_sha256: str, info: AudioInfo, given: Path,
               given_sha256: str) -> Step:
    """Takes M&E from the file ``given`` (of the same cut); speech is separated all the same.

    The M&E is brought to the track's rate, layout and length, and moved and levelled to lie on what the track holds
    of it. The stems need not sum to the original: ``facts["given"]`` says so, ``facts["notes"]`` what was done.
    """

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        total = max(1, info.duration_ms * info.sample_rate // 1000)
        done = 0
        with audio.wav_writer(folder / SPEECH, info.sample_rate) as write_speech:
            for speech, _ in separator.separate(audio.blocks(source), info.sample_rate):
                write_speech(speech)
                done += speech.shape[1]
                report(min(done, total), total, "")
        found = align(source, given, info.layout)
        gain = found.gain if abs(20 * np.log10(max(found.gain, 1e-6))) >= _HEARD_DB else 1.0
        with audio.wav_writer(folder / MUSIC_AND_EFFECTS, info.sample_rate) as write_rest:
            parts = audio.blocks(given, sample_rate=info.sample_rate, layout=info.layout)
            for block in _moved(parts, round(found.shift_ms * info.sample_rate / 1000), done, info.channels):
                write_rest((block * np.float32(gain)).astype(np.float32))
        facts.update(given=True, sample_rate=info.sample_rate, shift_ms=round(found.shift_ms, 2),
                     gain=round(gain, 4), is_aligned=found.is_sure, notes=_notes(found, gain))

    inputs: dict[str, Artifact | str] = {"source": source_sha256, "m_and_e": given_sha256}
    return Step("separate", VERSION, build, {"given": "2"}, inputs, separator, unit="s")


def _moved(parts: Iterable[Sound], shift: int, length: int, channels: int) -> Iterator[Sound]:
    """``parts`` later by ``shift`` samples (earlier where it is negative), ``length`` samples in all."""

    def moved() -> Iterator[Sound]:
        yield from audio.silence(channels, shift)
        skip = max(0, -shift)
        for part in parts:
            rest = part[:, min(skip, part.shape[1]):]
            skip -= part.shape[1] - rest.shape[1]
            if rest.shape[1]:
                yield rest
        yield from audio.silence(channels, length)

    left = length
    for part in moved():
        if left <= 0:
            return
        yield part[:, :left]
        left -= min(left, part.shape[1])


def _notes(found: Alignment, gain: float) -> list[str]:
    notes = []
    if abs(found.shift_ms) >= _HEARD_MS:
        notes.append(f"The M&E lay {abs(found.shift_ms):.0f} ms too {'early' if found.shift_ms > 0 else 'late'}; "
                     "it was moved.")
    if gain != 1.0:
        notes.append(f"The M&E was {abs(20 * np.log10(gain)):.1f} dB too {'quiet' if gain > 1 else 'loud'}; "
                     "it was levelled.")
    return notes
