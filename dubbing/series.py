"""A series of videos: speakers found again, their names and voices taken over, and its names given to recognition."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from dubbing.domain.project import TRANSCRIPT_KEY, Project, Speaker, VoiceChoice
from dubbing.domain.series import SURELY_SAME, SpeakerMatch, pairs
from dubbing.engines.base import CLONE

if TYPE_CHECKING:
    from dubbing.storage.repository import Repository

#: Where a project's settings keep the names that its recognizer was told of.
NAMES = "names"
_IMPORTED = "imported"


def matches(storage: Repository, project: Project,
            may_see: Callable[[str], bool] = lambda _: True) -> list[SpeakerMatch]:
    """The speakers of a project who are heard in other videos of its series; for each of them the best ones first.

    may_see: whether a project (by its id) may be looked at.
    """
    ours = [speaker for speaker in storage.speakers.all(project.id) if speaker.voice_print]
    found: list[SpeakerMatch] = []
    for project_id in storage.series.projects(project.series):
        if project_id == project.id or not may_see(project_id):
            continue
        other, heard = storage.projects.get(project_id), storage.series.heard(project_id)
        for own, theirs, likeness in pairs(ours, storage.speakers.all(project_id)):
            found.append(SpeakerMatch(
                own.id, project_id, other.name, theirs.id, "" if theirs.name == theirs.id else theirs.name,
                theirs.character, round(likeness, 3), likeness >= SURELY_SAME,
                _voices({**heard.get(theirs.id, {}), **theirs.voices})))
    return sorted(found, key=lambda match: (match.speaker, -match.likeness, match.project_id))


def adopt(storage: Repository, project: Project, found: Iterable[SpeakerMatch], *,
          actor: str = "") -> list[SpeakerMatch]:
    """Take over names, characters and voices that nobody gave here; returns the matches of which something was.

    What one match leaves open the next one of the same speaker may give. A voice that imitates is not taken over: the
    consent that it needs is asked for in each project.
    """
    used: list[SpeakerMatch] = []
    for match in found:
        now = {speaker.id: speaker for speaker in storage.speakers.all(project.id)}.get(match.speaker)
        if now is None:
            continue
        has_named = _take_name(storage, now, match, actor)
        missing = [(language, voice) for language, voice in match.voices.items()
                   if language in project.targets and language not in now.voices]
        for language, voice in missing:
            storage.speakers.assign_voice(project.id, now.id, language, voice, actor=actor)
        if has_named or missing:
            used.append(match)
    return used


def _take_name(storage: Repository, now: Speaker, match: SpeakerMatch, actor: str) -> bool:
    name = match.name if match.name and now.name == now.id else None
    character = match.character if match.character and not now.character else None
    if name is None and character is None:
        return False
    storage.speakers.save(now.project_id, now.id, name=name, character=character, actor=actor)
    return True


def _voices(voices: dict[str, VoiceChoice]) -> dict[str, VoiceChoice]:
    return {language: choice for language, choice in voices.items() if not choice.voice.startswith(CLONE)}


def known_names(storage: Repository, project: Project) -> tuple[str, ...]:
    """Names that may be said in a video: of the glossary, and of the glossaries and characters of its series.

    Once a video has been heard they are those that it was heard with, so that a new glossary entry does not throw the
    transcript away.
    """
    return tuple(project.settings.get(NAMES, ())) if TRANSCRIPT_KEY in project.settings else _names(storage, project)


def new_names(storage: Repository, project: Project) -> tuple[str, ...]:
    """Names that came up since a video was heard; none where its lines were brought along."""
    if TRANSCRIPT_KEY not in project.settings or project.settings.get(_IMPORTED):
        return ()
    return tuple(name for name in _names(storage, project) if name not in project.settings.get(NAMES, ()))


def hear_again(storage: Repository, project: Project, *, actor: str = "") -> Project:
    """Let the next dub recognize the video anew, with all names that are known by now. What people edited stays."""
    settings = {**project.settings, NAMES: list(_names(storage, project))}
    return storage.projects.update(project.id, settings=settings, actor=actor)


def _names(storage: Repository, project: Project) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for project_id in (project.id, *storage.series.projects(project.series)):
        for term in storage.terms.all(project_id, source_language=project.source_language or ""):
            if _is_name(term.source) or term.target in (None, term.source):
                found[term.source] = None
        for speaker in storage.speakers.all(project_id) if project_id != project.id else ():
            if speaker.character:
                found[speaker.character] = None
            if speaker.name != speaker.id:
                found[speaker.name] = None
    return tuple(found)


def _is_name(text: str) -> bool:
    """Whether a term looks like a name: capitals or digits in it, or a script that has no capitals."""
    return not text.islower() or any(char.isdigit() for char in text)
