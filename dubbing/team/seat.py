"""A person at the workspace: who acts, and what that person may do where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dubbing.domain.review import Action, Role
from dubbing.domain.workspace import Person, Rights
from dubbing.errors import DubbingError

if TYPE_CHECKING:
    from dubbing.api import Workspace


class ForbiddenError(DubbingError):
    """The person may not do this."""

    exit_code = 7


@dataclass(frozen=True, slots=True)
class Seat:
    """What every part of a desk is given: the workspace and the person who asks."""

    workspace: Workspace
    person: Person

    @property
    def actor(self) -> str:
        """What the history calls this person."""
        return self.person.login

    def rights(self, project_id: str, language: str = "") -> Rights:
        """Roles held everywhere, in the project, and in ``language`` of it ("" asks for any of its languages)."""
        held = set(self.person.roles)
        for member in self.workspace.storage.memberships.of(project_id, self.person.id):
            if not language or member.language in ("", language):
                held.add(member.role)
        return Rights(frozenset(held))

    def may(self, action: Action, project_id: str, language: str = "") -> bool:
        return self.rights(project_id, language).may(action)

    def require(self, action: Action, project_id: str, language: str = "") -> Rights:
        """The person's rights there. Raises ForbiddenError when ``action`` is not among them."""
        rights = self.rights(project_id, language)
        if not rights.may(action):
            raise ForbiddenError(f"You may not {action.value.replace('_', ' ')} in this project.",
                                 "Ask its project manager for the role that may.")
        return rights

    def require_everywhere(self, action: Action) -> None:
        """Raises ForbiddenError unless a role that holds everywhere allows ``action``."""
        if not Rights(self.person.roles).may(action):
            raise ForbiddenError(f"You may not {action.value.replace('_', ' ')} in this workspace.",
                                 "Ask an administrator.")

    @property
    def may_create(self) -> bool:
        """Projects are made by project managers and administrators."""
        return bool(self.person.roles & {Role.ADMINISTRATOR, Role.PROJECT_MANAGER})
