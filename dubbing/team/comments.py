"""What people say about lines and moments, to whom, and whether it is settled."""

from __future__ import annotations

import re

from dubbing.domain.review import Action
from dubbing.domain.workspace import Comment
from dubbing.errors import UsageError
from dubbing.team.reach import languages_of, sees
from dubbing.team.seat import ForbiddenError, Seat

_MAX_CHARACTERS = 10_000
#: An @ that begins a word; the dot that ends a sentence is no part of a login.
_MENTION = re.compile(r"(?<![\w.@-])@([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?)")


class Comments:
    """Comments of the projects that a person sees."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._comments = seat.workspace.storage.comments

    def all(self, project_id: str, *, language: str = "", utterance_id: str | None = None,
            open_only: bool = False) -> list[Comment]:
        """Comments, oldest first: of all languages that the person sees, or of ``language`` and of none."""
        self._seat.require(Action.VIEW, project_id, language)
        languages = languages_of(self._seat, project_id)
        found = self._comments.all(project_id, language=language or None, utterance_id=utterance_id,
                                   open_only=open_only)
        return [comment for comment in found if sees(languages, comment.language)]

    def add(self, project_id: str, text: str, *, language: str = "", utterance_id: str | None = None,
            at_ms: int | None = None, answers_id: str | None = None) -> Comment:
        """Comment on a line, on a moment of the video, or on a comment (whose place an answer shares).

        ``@login`` mentions those of ``people`` who are meant; any other @ is only text.
        """
        if answers_id is not None:
            asked = self._seen(answers_id)
            if asked.project_id != project_id:
                raise UsageError(f"There is no comment {answers_id} in this project.", "Reload the comments.")
            language = asked.language
        elif utterance_id is None and at_ms is None:
            raise UsageError("A comment belongs to a line or to a moment.", "Choose a line, or stop the video there.")
        self._seat.require(Action.COMMENT, project_id, language)
        self._check_place(project_id, language, at_ms)
        return self._comments.add(
            project_id, _checked_text(text), actor=self._seat.actor, language=language, utterance_id=utterance_id,
            at_ms=at_ms, answers_id=answers_id, mentions=self._mentions(project_id, language, text))

    def edit(self, comment_id: str, text: str) -> Comment:
        """Another text for a comment of one's own."""
        comment = self._seen(comment_id)
        self._seat.require(Action.COMMENT, comment.project_id, comment.language)
        if comment.actor != self._seat.actor:
            raise ForbiddenError("You may change only comments of your own.", "Answer it instead.")
        return self._comments.edit(comment_id, _checked_text(text),
                                   self._mentions(comment.project_id, comment.language, text))

    def resolve(self, comment_id: str, resolved: bool = True) -> Comment:
        """Say that a thread is settled, or that it is not."""
        comment = self._seen(comment_id)
        self._seat.require(Action.COMMENT, comment.project_id, comment.language)
        return self._comments.resolve(comment_id, resolved, actor=self._seat.actor)

    def mentions_of_me(self) -> list[Comment]:
        """Open comments of others that name this person, newest first."""
        return [comment for comment in self._comments.mentioning(self._seat.person.login)
                if comment.actor != self._seat.actor
                and self._seat.may(Action.VIEW, comment.project_id, comment.language)]

    def people(self, project_id: str, language: str = "") -> list[str]:
        """Logins that can be mentioned: everybody who sees the project, or ``language`` of it."""
        self._seat.require(Action.VIEW, project_id, language)
        members = {member.person_id for member in self._seat.workspace.storage.memberships.all(project_id)
                   if not language or member.language in ("", language)}
        return [person.login for person in self._seat.workspace.storage.users.all()
                if not person.is_disabled and (person.roles or person.id in members)]

    def _seen(self, comment_id: str) -> Comment:
        """A comment that this person sees; to everybody else it does not exist."""
        comment = self._comments.get(comment_id)
        if not self._seat.may(Action.VIEW, comment.project_id, comment.language):
            raise UsageError(f"There is no comment {comment_id}.", "Reload the comments.")
        return comment

    def _mentions(self, project_id: str, language: str, text: str) -> list[str]:
        named = {login.lower() for login in _MENTION.findall(text)}
        return [login for login in self.people(project_id, language) if login in named] if named else []

    def _check_place(self, project_id: str, language: str, at_ms: int | None) -> None:
        project = self._seat.workspace.storage.projects.get(project_id)
        if language and language not in project.targets:
            raise UsageError(f"The project's languages are {', '.join(project.targets)}.", "Choose one of them.")
        end_ms = int(project.media.get("duration_ms", 0))
        if at_ms is not None and not 0 <= at_ms <= end_ms:
            raise UsageError("This moment lies outside the video.", f"Choose one from 0 to {end_ms} ms.")


def _checked_text(text: str) -> str:
    plain = text.strip()
    if not 0 < len(plain) <= _MAX_CHARACTERS:
        raise UsageError(f"A comment has from 1 to {_MAX_CHARACTERS:,} characters.", "Write what is to be said.")
    return plain
