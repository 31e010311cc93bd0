"""separate: the original sound as two stems, speech and M&E, in its own rate and channel layout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dubbing.engines.base import Report, Separator, Sound
from dubbing.media import audio
from dubbing.media.probe import AudioInfo
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

