"""Consent: whether a person's voice may be cloned and their face repainted in a project.

A project may demand consent (a setting of it). Where it does, a use is allowed for a speaker while a consent that
is linked to that speaker covers the use, the language and the day; without one it is blocked, whoever asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from dubbing.domain.project import Project
from dubbing.domain.workspace import Consent

if TYPE_CHECKING:
    from dubbing.storage.repository import Repository

VOICE, FACE = "voice", "face"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the consents of a project allow on a day, read once."""

    is_demanded: bool
    on: date
    consents: Mapping[str, Sequence[Consent]] = field(default_factory=dict)

    def allows(self, speaker: str, use: str, language: str) -> bool:
        """Whether ``use`` (VOICE or FACE) of ``speaker`` is allowed in ``language``."""
        return not self.is_demanded or any(one.covers(use, language, self.on) for one in self.consents.get(speaker, ()))


def allowance(storage: Repository, project: Project, on: date | None = None) -> Allowance:
    """What is allowed in a project, today or on another day."""
    day = on or datetime.now(UTC).date()
    if not is_demanded(project):
        return Allowance(False, day)
    return Allowance(True, day, storage.consents.of_speakers(project.id))


def allowed(storage: Repository, project: Project, speaker: str, use: str, language: str) -> bool:
    """Whether ``use`` ("voice": cloning; "face": lip-sync) of a speaker is allowed in ``language`` today."""
    return allowance(storage, project).allows(speaker, use, language)


def is_demanded(project: Project) -> bool:
    """Whether a project demands consent."""
    return bool(project.settings.get("rules", {}).get("consent_required", False))
