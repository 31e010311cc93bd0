"""Takes at the desk: every synthesis of a line, compared and chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dubbing.domain.isochrony import colour
from dubbing.domain.project import Take, take_is_stale
from dubbing.domain.review import Action
from dubbing.domain.workspace import TakeView
from dubbing.errors import UsageError
from dubbing.team.seat import ForbiddenError

if TYPE_CHECKING:
    from dubbing.team.seat import Seat


class Takes:
    """The takes of lines. Whoever may edit the dub or the translation chooses which one is heard."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._storage = seat.workspace.storage

    def all(self, project_id: str, language: str, utterance_id: str) -> list[TakeView]:
        """The takes of a line, newest first; the one that is heard has ``take.chosen``."""
        self._seat.require(Action.VIEW, project_id, language)
        found = self._storage.takes.all(project_id, language, utterance_id)
        line = self._storage.lines.some(project_id, language, [utterance_id], deleted=True).get(utterance_id)
        if line is None:
            raise UsageError(f"There is no line {utterance_id} in this project.", "Reload the list of lines.")
        speakers = {one.id: one for one in self._storage.speakers.all(project_id)}
        assigned = speakers[line.utterance.speaker].voices.get(language)
        return [_view(take, take_is_stale(line.utterance, line.translation, take, assigned))
                for take in reversed(found)]

    def choose(self, take_id: str) -> None:
        """Let this take be heard. Raises UsageError when it is gone or the dub of its line is locked."""
        self._require(self._storage.takes.get(take_id))
        self._storage.takes.choose(take_id, actor=self._seat.actor)

    def delete(self, take_id: str) -> None:
        """Forget a take that is not heard."""
        self._require(self._storage.takes.get(take_id))
        self._storage.takes.delete(take_id, actor=self._seat.actor)

    def _require(self, take: Take) -> None:
        rights = self._seat.rights(take.project_id, take.language)
        if not (rights.may(Action.EDIT_DUB) or rights.may(Action.EDIT_TRANSLATION)):
            raise ForbiddenError("You may not change which take is heard.",
                                 "Ask the project manager for the role that may.")


def _view(take: Take, is_stale: bool) -> TakeView:
    errors = take.details.get("word_error_rate")
    return TakeView(take, is_stale, colour(take.tempo), bool(take.details.get("clip")),
                    None if errors is None else float(errors))
