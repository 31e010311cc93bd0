"""The translation memory at the desk. It serves all projects, so only those who translate see what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dubbing.domain.review import Action
from dubbing.domain.workspace import LineView, MemoryHit, Rights
from dubbing.errors import UsageError
from dubbing.team.lines import Lines
from dubbing.team.seat import ForbiddenError

if TYPE_CHECKING:
    from dubbing.team.seat import Seat


class Memory:
    """Translations that were approved, found for lines that say the same or nearly the same."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._memory = seat.workspace.storage.memory

    def hits(self, project_id: str, language: str, utterance_id: str, limit: int = 5) -> list[MemoryHit]:
        """The best translations for a line: exact ones first, then those at least 70 % alike; what stands in the
        line already is left out. Nothing while the source language is unknown, and nothing for who only reads."""
        rights = self._seat.require(Action.VIEW, project_id, language)
        storage = self._seat.workspace.storage
        source_language = storage.projects.get(project_id).source_language
        line = storage.lines.some(project_id, language, [utterance_id]).get(utterance_id)
        if line is None:
            raise UsageError(f"There is no line {utterance_id} in this project.", "Reload the list of lines.")
        if not source_language or not rights.may(Action.EDIT_TRANSLATION):
            return []
        found = self._memory.hits(source_language, language, line.utterance.text, limit=limit + 1)
        now = None if line.translation is None else line.translation.text
        return [hit for hit in found if hit.target != now][:limit]

    def apply(self, project_id: str, language: str, utterance_id: str, unit_id: str,
              seen_translation: int) -> LineView:
        """Save a remembered translation as the line's. Raises ConflictError as saving does, UsageError when the
        unit is gone or of other languages."""
        self._seat.require(Action.EDIT_TRANSLATION, project_id, language)
        unit = self._memory.get(unit_id)
        project = self._seat.workspace.storage.projects.get(project_id)
        if (unit.source_language, unit.target_language) != (project.source_language, language):
            raise UsageError("This translation is of another language.", "Choose one of those shown with the line.")
        saved = Lines(self._seat).save(project_id, language, utterance_id, target_text=unit.target,
                                       seen_translation=seen_translation)
        self._memory.used(unit_id)
        return saved

    def search(self, text: str, source_language: str, target_language: str) -> list[MemoryHit]:
        """Units with ``text`` in either side, newest first; a language of "" stands for all."""
        if not any(rights.may(Action.EDIT_TRANSLATION) for rights in self._all_rights()):
            raise ForbiddenError("You may not search the translation memory.", "It is for those who translate.")
        return self._memory.search(source_language, target_language, text)

    def delete(self, unit_id: str) -> None:
        """Forget a unit; whoever manages the terms of the project that it came from may."""
        project_id = self._memory.get(unit_id).project_id
        if project_id is None:
            self._seat.require_everywhere(Action.MANAGE_TERMS)
        else:
            self._seat.require(Action.MANAGE_TERMS, project_id)
        self._memory.delete(unit_id)

    def count(self) -> int:
        """How many units there are."""
        return self._memory.count()

    def _all_rights(self) -> list[Rights]:
        """What the person may everywhere, and in each of the person's projects."""
        members = self._seat.workspace.storage.memberships.of_person(self._seat.person.id)
        return [Rights(self._seat.person.roles), *(Rights(frozenset({member.role})) for member in members)]
