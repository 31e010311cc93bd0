"""What the browser workspace shows and hands over: people, cards, line views, fits, jobs, files.

Immutable values without behaviour beyond small derived properties; ``dubbing.api`` makes them, pages read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from dubbing.domain.isochrony import Fit
from dubbing.domain.project import JobProgress, JobStatus, Line, Take
from dubbing.domain.quality import Severity
from dubbing.domain.review import Action, Layer, ReviewState, Role, may

# people -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Person:
    """An account. ``roles`` hold in every project; ``login`` is what the history calls the person."""

    id: str
    login: str
    name: str
    roles: frozenset[Role] = frozenset()
    email: str = ""
    locale: str = "en"
    is_disabled: bool = False
    has_password: bool = True

    @property
    def is_administrator(self) -> bool:
        return Role.ADMINISTRATOR in self.roles


@dataclass(frozen=True, slots=True)
class Membership:
    """A role in one project; ``language`` "" stands for all of its languages."""

    project_id: str
    person_id: str
    login: str
    name: str
    role: Role
    language: str = ""


@dataclass(frozen=True, slots=True)
class Rights:
    """What a person may do in a project and language: what any of the roles held there may."""

    roles: frozenset[Role]

    def may(self, action: Action) -> bool:
        return any(may(role, action) for role in self.roles)


# projects ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LanguageProgress:
    """How far a language is, in lines. ``reviewed`` counts translations past a reviewer (approved or locked),
    ``approved`` dubs that are; ``stale`` lines whose translation or take is older than what it was made from."""

    language: str
    lines: int
    transcribed: int
    translated: int
    dubbed: int
    reviewed: int
    approved: int
    stale: int


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as people follow it. ``waits_behind`` counts jobs before it; ``worker_alive`` says whether any works."""

    id: str
    kind: str
    status: JobStatus
    project_id: str | None
    progress: JobProgress
    payload: Mapping[str, Any]
    result: Mapping[str, Any]
    error: str
    hint: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    eta_s: float | None = None
    waits_behind: int = 0
    worker_alive: bool = True


@dataclass(frozen=True, slots=True)
class ProjectCard:
    """A project in the list."""

    id: str
    name: str
    duration_ms: int
    height: int
    width: int
    source_language: str | None
    targets: tuple[str, ...]
    has_poster: bool
    progress: tuple[LanguageProgress, ...]
    members: tuple[Membership, ...]
    job: JobView | None
    open_comments: int
    created_at: datetime
    updated_at: datetime
    archived: bool = False
    deleted: bool = False
    rights: Rights = Rights(frozenset())


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """How a project is dubbed and by which rules. Engines by name, "auto" for the best there is.

    ``retention_days``: a project that nobody changed for so long is deleted; 0 keeps it. ``m_and_e_name`` is the
    file of the uploaded M&E, "" where the sound is separated. ``by_language``: another ``translator`` or
    ``synthesizer`` for one language. For the others see :class:`dubbing.options.DubOptions`.
    """

    consent_required: bool
    lipsync: str
    translator: str
    synthesizer: str
    keep_original: bool
    retention_days: int
    m_and_e_name: str = ""
    by_language: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    use_memory: bool = True
    style: str = ""
    prosody: bool = True
    room: bool = True
    loudness: str = "source"
    duck_db: float = 0.0
    series: str = ""
    adapt: bool = False
    adapt_minutes: float = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a pre-flight has to say. ``code`` is stable: no_face, small_faces, turned_faces, cuts, music,
    several_speakers, variable_frame_rate, hdr, no_sound, silent, odd_size, codec, long, interlaced, rotated."""

    code: str
    is_blocking: bool
    message: str
    hint: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImportedLine:
    """A line of a subtitle file or a manual-dub table."""

    start_ms: int
    end_ms: int
    text: str
    speaker: str = ""
    translation: str = ""


# lines ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pace:
    """How a voice speaks a language, for estimates in and outside Python (see ``dubbing.domain.estimate``).

    Natural duration = lead_ms + syllables * ms_per_syllable + sum of pause_ms over punctuation marks inside the text.
    ``syllable_pattern`` is a regular expression that both Python and JavaScript (flags "giu") understand; one match
    in the lower-cased text is one syllable, and one match of ``extra_pattern``, where there is one, is one more (the
    second mora of a Japanese sign). ``mark_pattern`` finds marks (see ``dubbing.domain.marks``): they are not counted,
    and make the pauses that they name. ``takes`` counts the takes that calibrated it.
    """

    language: str
    syllable_pattern: str
    ms_per_syllable: float
    pause_ms: Mapping[str, float]
    lead_ms: float
    takes: int = 0
    extra_pattern: str = ""
    mark_pattern: str = ""


@dataclass(frozen=True, slots=True)
class FitEstimate:
    """What a text would take before it is spoken. ``characters_per_second`` is its reading speed in its slot."""

    characters: int
    syllables: int
    source_syllables: int
    natural_ms: int
    target_ms: int
    tempo: float
    borrowed_ms: int
    fit: Fit
    characters_per_second: float
    syllable_budget: int


@dataclass(frozen=True, slots=True)
class LineView:
    """A line with all that its row shows. ``speaker_name`` is what people call the speaker.

    ``lip_sync`` says whether the mouth is repainted and, where not, ``lip_sync_reason`` a stable code: off_camera,
    marked_off, no_face, no_consent, no_take, disabled, or "" where it is.
    """

    line: Line
    speaker_name: str
    estimate: FitEstimate | None
    slot_limit_ms: int
    takes: int
    open_comments: int
    on_camera: bool
    lip_sync: bool
    lip_sync_reason: str
    low_confidence: bool
    job: JobView | None = None


class LineFilter(StrEnum):
    """Which lines are shown."""

    NEEDS_REVIEW = "needs_review"
    CHANGES_REQUESTED = "changes_requested"
    STALE = "stale"
    DOES_NOT_FIT = "does_not_fit"
    LOW_CONFIDENCE = "low_confidence"
    NOT_APPROVED = "not_approved"
    COMMENTED = "commented"
    NO_TRANSLATION = "no_translation"


@dataclass(frozen=True, slots=True)
class LineQuery:
    """A selection of lines; conditions add up. ``layer`` is what ``states`` and the review filters look at."""

    search: str = ""
    speaker: str | None = None
    filters: frozenset[LineFilter] = frozenset()
    layer: Layer | None = None
    states: frozenset[ReviewState] = frozenset()


@dataclass(frozen=True, slots=True)
class LinePage:
    """Lines ``offset`` and following of ``total``; ``all_lines`` counts the project's without the query."""

    lines: tuple[LineView, ...]
    offset: int
    total: int
    all_lines: int


@dataclass(frozen=True, slots=True)
class TakeView:
    """A take with what is needed to compare it; ``has_clip`` where its picture was rendered too."""

    take: Take
    is_stale: bool
    fit: Fit
    has_clip: bool
    word_error_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a find-and-replace would do, or did, to one text; ``layer`` TRANSCRIPT is the source side."""

    utterance_id: str
    layer: Layer
    before: str
    after: str
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class MemoryHit:
    """A translation of the same or a similar source; ``score`` is 100 for an exact hit."""

    unit_id: str
    source: str
    target: str
    score: float
    actor: str
    project_id: str | None
    used_at: datetime | None


# quality control --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QcFinding:
    """What a check found in a dub. ``utterance_id`` is "" for what concerns the whole dub; ``at_ms`` is where to look.

    ``check`` is stable, a name of :data:`dubbing.qc.report.CHECKS`. ``value`` and ``limit`` are in ``unit`` ("" for
    ratios); None where there is nothing to measure. A finding that a person dismissed keeps who, when and why.
    """

    id: str
    check: str
    severity: Severity
    utterance_id: str
    message: str
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    at_ms: int | None = None
    speaker_name: str = ""
    dismissed_at: datetime | None = None
    dismissed_by: str = ""
    dismissed_reason: str = ""

    @property
    def is_dismissed(self) -> bool:
        return self.dismissed_at is not None


@dataclass(frozen=True, slots=True)
class QcReport:
    """Quality control of one language's dub; ``made_at`` None: it was never run, and all else is empty.

    is_stale: lines, takes or terms were changed since. counts: findings by severity, dismissed ones left out.
    figures: what was measured of the whole dub, by stable names (see :mod:`dubbing.qc.report`). skipped: checks that
    could not be made, with the reason.
    """

    project_id: str
    language: str
    made_at: datetime | None
    is_stale: bool
    counts: Mapping[Severity, int]
    findings: tuple[QcFinding, ...]
    figures: Mapping[str, float | int | str | None] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another text that a line could have, as it was weighed when the line was translated.

    tempo: how much faster than naturally it would be said in the time of the original; fit: how it sits there, silence
    borrowed. meaning: how sure its maker was, in [0, 1]. mouth: share of the original's lip closures that it meets,
    None off camera. how: in a few words, what was done. is_current: the line says so now.
    """

    text: str
    engine: str
    how: str
    tempo: float
    fit: Fit
    meaning: float
    mouth: float | None
    is_current: bool


# terms ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Term:
    """A glossary entry; ``target`` None keeps the term as it is, ``project_id`` None holds everywhere."""

    id: str
    project_id: str | None
    source_language: str
    target_language: str
    source: str
    target: str | None
    case_sensitive: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class ForbiddenTerm:
    id: str
    project_id: str | None
    language: str
    term: str
    instead: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """How a word is spoken: exactly one of ``ipa`` and ``spelling`` is given."""

    id: str
    project_id: str | None
    language: str
    word: str
    ipa: str = ""
    spelling: str = ""


@dataclass(frozen=True, slots=True)
class TermNote:
    """A term that a line's texts touch. ``kind``: "missing" (glossary target not used), "forbidden", "used"."""

    kind: str
    term: str
    wanted: str
    note: str = ""


# speakers and faces -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VoiceOption:
    """A voice that can be assigned. ``clones`` asks for consent."""

    engine: str
    id: str
    name: str
    language: str
    gender: str = ""
    clones: bool = False


@dataclass(frozen=True, slots=True)
class SpeakerView:
    """``voices`` is what was assigned by a person, ``heard`` the voice of the takes now, both by language."""

    id: str
    name: str
    character: str
    lines: int
    speech_ms: int
    has_sample: bool
    voices: Mapping[str, VoiceOption]
    heard: Mapping[str, str]
    consents: tuple[Consent, ...]
    voice_allowed: bool
    face_allowed: bool


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person allowed. ``use`` is "voice", "face" or "voice_and_face"; no ``languages`` means all."""

    id: str
    person: str
    use: str
    languages: tuple[str, ...]
    valid_from: date | None
    valid_until: date | None
    evidence_name: str
    evidence_sha256: str
    note: str
    recorded_by: str
    recorded_at: datetime
    revoked_at: datetime | None

    def covers(self, use: str, language: str, on: date) -> bool:
        """Whether it allows ``use`` ("voice" or "face") in ``language`` on a day."""
        return (self.revoked_at is None and self.use in (use, "voice_and_face")
                and (not self.languages or language in self.languages)
                and (self.valid_from is None or self.valid_from <= on)
                and (self.valid_until is None or on <= self.valid_until))


@dataclass(frozen=True, slots=True)
class FaceView:
    """A person as the tracker saw one: spans of presence and of speaking on camera, in ms."""

    id: str
    speaker: str | None
    seen: tuple[tuple[int, int], ...]
    speaking: tuple[tuple[int, int], ...]
    has_thumbnail: bool
    height_share: float
    note: str = ""


# talk and history -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comment:
    id: str
    project_id: str
    language: str
    utterance_id: str | None
    at_ms: int | None
    answers_id: str | None
    actor: str
    text: str
    mentions: tuple[str, ...]
    created_at: datetime
    edited_at: datetime | None
    resolved_at: datetime | None
    resolved_by: str


# export and system ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExportPreset:
    """``what``: video, preview, stems, subtitles or package. ``options`` go to the writer as they are."""

    id: str
    what: str
    suffix: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExportCheck:
    """What is to be said before an export: lines by id that are stale, unapproved, without a take, or do not fit."""

    language: str
    lines: int
    stale: tuple[str, ...]
    unapproved: tuple[str, ...]
    without_take: tuple[str, ...]
    does_not_fit: tuple[str, ...]
    open_comments: int


@dataclass(frozen=True, slots=True)
class ExportView:
    id: str
    project_id: str
    language: str
    preset: str
    file_name: str
    size_bytes: int
    sha256: str
    created_at: datetime
    actor: str
    is_there: bool
    is_stale: bool
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way in; ``received_bytes`` is where the next piece goes. ``purpose``: video, m_and_e, evidence."""

    id: str
    name: str
    size_bytes: int
    received_bytes: int
    purpose: str
    owner: str
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that a person may have: absolute path, MIME type, and the name for a download."""

    path: str
    media_type: str
    name: str
    is_immutable: bool = False


@dataclass(frozen=True, slots=True)
class EngineView:
    """An engine with the one line that would add it, "" where it runs."""

    kind: str
    name: str
    licence: str
    is_available: bool
    is_fake: bool
    is_chosen: bool
    advice: str


@dataclass(frozen=True, slots=True)
class ModelView:
    name: str
    licence: str
    commercial_use: bool
    size_bytes: int
    is_fetched: bool


@dataclass(frozen=True, slots=True)
class StorageUse:
    """Bytes by what they are: database, artifacts, segments, uploads, exports, previews, models."""

    by_kind: Mapping[str, int]
    by_project: Mapping[str, int]
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Retention:
    """Days until something is removed by itself: deleted projects, uploads that nobody used, files of exports
    (0: never), and stored results that newer ones have replaced."""

    deleted_days: int
    upload_days: int
    export_days: int
    superseded_days: int
