"""A deterministic diarizer for tests: a turn for each loud stretch, the speakers taking turns."""

from __future__ import annotations

from typing import ClassVar

from dubbing.domain.speech import Diarization, SpeakerTurn
from dubbing.engines.asr.fake import loud_stretches
from dubbing.engines.base import Report, Sound, silent


class FakeDiarizer:
    """Hands the loud stretches of the sound to ``speakers`` (one, if not given) speakers in rotation."""

    id: ClassVar[str] = "fake"
    version: ClassVar[str] = "1"
    licence: ClassVar[str] = "Apache-2.0"
    is_fake: ClassVar[bool] = True

    def why_unavailable(self) -> str | None:
        return None

    def load(self) -> None:
        """Nothing to load."""

    def release(self) -> None:
        """Nothing to release."""

    def diarize(self, sound_16k: Sound, *, speakers: int | None, report: Report = silent) -> Diarization:
        count = speakers or 1
        turns = tuple(SpeakerTurn(f"S{index % count + 1}", start, end)
                      for index, (start, end) in enumerate(loud_stretches(sound_16k)))
        names = sorted({turn.speaker for turn in turns})
        report(1, 1, "telling speakers apart")
        return Diarization(turns, {name: tuple(float(name == other) for other in names) for name in names})
