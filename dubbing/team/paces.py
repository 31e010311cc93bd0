"""How fast each speaker's voice speaks a language, as the takes that it made show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dubbing.domain.estimate import calibrated, pace_of
from dubbing.domain.workspace import Pace

if TYPE_CHECKING:
    from dubbing.storage.repository import Repository


def paces_of(storage: Repository, project_id: str, language: str) -> dict[str, Pace]:
    """The pace of every speaker whose voice is known, from its newest takes."""
    usual = pace_of(language)
    spoken = storage.lines.spoken(project_id, language)
    voices = storage.lines.voices(project_id, language)
    by_voice = {voice: calibrated(usual, spoken.get(voice, ())) for voice in set(voices.values())}
    return {speaker: by_voice[voice] for speaker, voice in voices.items()}
