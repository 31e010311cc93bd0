"""separate: the original sound as two stems, speech and M&E, in its own rate and channel layout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dubbing.engines.base import Report, Separator, Sound
from dubbing.media import audio
from dubbing.media.probe import AudioInfo
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.stage import Step

VERSION = "1"
SPEECH, MUSIC_AND_EFFECTS = "speech.wav", "me.wav"


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
    """Takes M&E from the file ``given`` (of the same cut, from the same start); speech is separated all the same.

    The stems need not sum to the original: ``facts["given"]`` says so.
    """

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        total = max(1, info.duration_ms * info.sample_rate // 1000)
        done = 0
        with audio.wav_writer(folder / SPEECH, info.sample_rate) as write_speech:
            for speech, _ in separator.separate(audio.blocks(source), info.sample_rate):
                write_speech(speech)
                done += speech.shape[1]
                report(min(done, total), total, "")
        with audio.wav_writer(folder / MUSIC_AND_EFFECTS, info.sample_rate) as write_rest:
            left = done
            for block in audio.blocks(given, sample_rate=info.sample_rate, layout=info.layout):
                write_rest(block[:, :left])
                left -= min(left, block.shape[1])
                if not left:
                    break
            for start in range(0, left, audio.BLOCK_SAMPLES):
                write_rest(np.zeros((info.channels, min(audio.BLOCK_SAMPLES, left - start)), np.float32))
        facts.update(given=True, sample_rate=info.sample_rate)

    inputs: dict[str, Artifact | str] = {"source": source_sha256, "m_and_e": given_sha256}
    return Step("separate", VERSION, build, {}, inputs, separator, unit="s")
