"""A project and what it holds, as immutable values with revisions.

Two kinds of number say what is older than what:

* ``revision`` of an utterance or a translation grows by one with every save; a save names the revision
  that it was made on, so that two people never overwrite each other silently.
* an output remembers the revision that it was made from. It is *stale* when what it depends on has
  changed since: a translation when the source text has, a take when the translation, the speaker, the
  times or the assigned voice have.

Times of day are aware UTC datetimes.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from dubbing.domain.review import Layer, ReviewState
from dubbing.domain.speech import Word

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: sortable, nothing to mistake
_RANDOM_BITS = 50
_last_id = 0
_last_id_lock = threading.Lock()


def new_id() -> str:
    """A new identifier of 20 characters that sorts by creation time, as a ULID does.

    Ten characters of milliseconds and ten of randomness; within a process always larger than the last.
    """
    global _last_id
    with _last_id_lock:
        value = (time.time_ns() // 1_000_000 << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
        if value <= _last_id:
            value = _last_id + 1
        _last_id = value
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(95, -5, -5))


class Unchanged(StrEnum):
    """The type of ``UNCHANGED``: leave a field as it is, where None is itself a value."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED

#: Where ``Project.settings`` keeps the key of the lines that it took over last.
TRANSCRIPT_KEY = "transcript_key"


@dataclass(frozen=True, slots=True)
class Project:
    """A video to dub. ``source_language`` is None until it is set or heard; ``series`` is "" for a video on its own."""

    id: str
    name: str
    source_path: str
    source_sha256: str
    media: Mapping[str, Any]
    source_language: str | None
    targets: tuple[str, ...]
    settings: Mapping[str, Any]
    revision: int
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None
    deleted_at: datetime | None = None
    series: str = ""


@dataclass(frozen=True, slots=True)
class VoiceChoice:
    """A voice that somebody assigned: an engine's id and a voice of it."""

    engine: str
    voice: str


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who is heard. ``id`` is the diarizer's label; ``voices`` holds assigned voices by language."""

    project_id: str
    id: str
    name: str
    character: str = ""
    voice_print: tuple[float, ...] = ()
    voices: Mapping[str, VoiceChoice] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one speaker says without a break; ``id`` ("u0001") never changes within its project.

    ``text_revision`` is the revision at which the text last changed, ``cast_revision`` that of the
    speaker or the times. ``on_camera`` None leaves the decision to the face tracker.
    """

    project_id: str
    id: str
    speaker: str
    start_ms: int
    end_ms: int
    text: str
    words: tuple[Word, ...] = ()
    confidence: float = 1.0
    on_camera: bool | None = None
    revision: int = 1
    text_revision: int = 1
    cast_revision: int = 1
    edited_by_person: bool = False
    deleted_at: datetime | None = None

    @property
    def duration_ms(self) -> int:
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Translation:
    """The text of an utterance in a target language; ``source_revision`` is the utterance's it was made from.

    ``details`` tells how a machine came to the text: the candidates that it chose from, and why.
    """

    project_id: str
    utterance_id: str
    language: str
    text: str
    engine: str
    revision: int
    source_revision: int
    edited_by_person: bool
    updated_at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Take:
    """One synthesis of one utterance.

    ``artifact_key`` names the stored sound and phonemes; ``text_revision`` is the translation's revision
    that was spoken, ``utterance_revision`` the utterance's. ``tempo`` is the time-stretch ratio, larger is
    faster. ``details`` holds what the synthesis stage wants to keep (quality, pronunciation used).
    """

    id: str
    project_id: str
    utterance_id: str
    language: str
    artifact_key: str
    text: str
    text_revision: int
    utterance_revision: int
    engine: str
    voice: str
    tempo: float
    duration_ms: int
    chosen: bool
    created_at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """An utterance as a person reviews it in one target language."""

    utterance: Utterance
    translation: Translation | None
    take: Take | None
    states: Mapping[Layer, ReviewState]
    translation_is_stale: bool
    take_is_stale: bool


class RunStatus(StrEnum):
    RUNNING = "running"
    DONE = "done"
    CACHED = "cached"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class StageRun:
    """One attempt at one stage; ``language`` and ``utterance_id`` are "" where the stage has none.

    ``artifact_key`` is the hash of everything that went in; ``media_ms`` the length of media it worked on.
    """

    id: str
    project_id: str
    stage: str
    language: str
    utterance_id: str
    artifact_key: str
    engine: str
    status: RunStatus
    attempt: int
    media_ms: int
    seconds: float
    peak_memory_bytes: int
    error: str
    started_at: datetime
    finished_at: datetime | None


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class JobProgress:
    """Where a job stands; ``eta_s`` is None while nobody can tell."""

    stage: str = ""
    done: float = 0.0
    total: float = 0.0
    unit: str = ""
    message: str = ""
    eta_s: float | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Work for a worker. ``attempts`` counts claims; ``result`` is what the worker handed back."""

    id: str
    kind: str
    payload: Mapping[str, Any]
    status: JobStatus
    priority: int
    project_id: str | None
    worker: str
    lease_until: datetime | None
    heartbeat_at: datetime | None
    attempts: int
    max_attempts: int
    cancel_requested: bool
    progress: JobProgress
    result: Mapping[str, Any]
    error: str
    hint: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Orders(StrEnum):
    """What a heartbeat tells a worker about its job."""

    CONTINUE = "continue"
    CANCEL = "cancel"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Export:
    """A finished file; ``revisions`` maps utterance ids to the translation revision that went in.

    ``actor`` asked for it, the job ``job_id`` ("" on the command line) made it.
    """

    id: str
    project_id: str
    language: str
    path: str
    sha256: str
    preset: str
    revisions: Mapping[str, int]
    created_at: datetime
    job_id: str = ""
    actor: str = ""
    size_bytes: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edit:
    """One entry of the history: who changed what, when; ``actor`` is "" when a machine did."""

    id: str
    project_id: str
    entity: str
    entity_id: str
    language: str
    actor: str
    at: datetime
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import of lines did, by utterance id; ``skipped`` are texts that a person's edit kept out."""

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def translation_is_stale(utterance: Utterance, translation: Translation) -> bool:
    """Whether the source text has changed since ``translation`` was made."""
    return translation.source_revision < utterance.text_revision


def take_is_stale(utterance: Utterance, translation: Translation | None, take: Take,
                  assigned: VoiceChoice | None = None) -> bool:
    """Whether the text, the speaker, the times or the assigned voice have changed since ``take`` was made."""
    if translation is not None and take.text_revision < translation.revision:
        return True
    if take.utterance_revision < utterance.cast_revision:
        return True
    return assigned is not None and (assigned.engine, assigned.voice) != (take.engine, take.voice)
