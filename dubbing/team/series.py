"""Series at the desk: videos that belong together, and their speakers found again."""

from __future__ import annotations

from dubbing import series
from dubbing.domain.project import Project
from dubbing.domain.review import Action
from dubbing.domain.series import SpeakerMatch
from dubbing.domain.workspace import ProjectCard
from dubbing.errors import UsageError
from dubbing.team.projects import Projects
from dubbing.team.seat import ForbiddenError, Seat

NAME_LENGTH = 64


class Series:
    """The series of the projects that the person at the desk may see."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._storage = seat.workspace.storage

    def names(self) -> list[str]:
        """Series of which the person sees a project, in alphabetical order."""
        return [name for name, projects in self._storage.series.names().items() if any(map(self._sees, projects))]

    def projects(self, name: str) -> list[ProjectCard]:
        """Cards of a series' projects, newest first; those that the person does not see are left out."""
        desk = Projects(self._seat)
        return [desk.card(project_id) for project_id in self._storage.series.projects(name) if self._sees(project_id)]

    def set(self, project_id: str, name: str) -> Project:
        """Put a project into a series, which is new where nobody has one of that name; "" takes it out.

        Raises UsageError for a name that is too long, ForbiddenError for a series of which the person sees nothing:
        its names and voices would be taken over.
        """
        self._seat.require(Action.MANAGE_PROJECT, project_id)
        self._storage.series.set(project_id, self.checked(name, project_id), actor=self._seat.actor)
        return self._storage.projects.get(project_id)

    def checked(self, name: str, besides: str = "") -> str:
        """The name as it is kept; raises as ``set`` does. besides: a project that is in that series already."""
        name = " ".join(name.split())
        if len(name) > NAME_LENGTH:
            raise UsageError(f"The name of a series has at most {NAME_LENGTH} characters.", "Shorten it.")
        others = [one for one in self._storage.series.projects(name) if one != besides]
        if others and not any(map(self._sees, others)):
            raise ForbiddenError("There is a series of this name that is not yours to see.", "Choose another name.")
        return name

    def matches(self, project_id: str) -> list[SpeakerMatch]:
        """Speakers of a project who are heard in other videos of its series; best first for each."""
        self._seat.require(Action.VIEW, project_id)
        return series.matches(self._storage, self._storage.projects.get(project_id), self._sees)

    def adopt(self, project_id: str, speaker_id: str | None = None) -> list[SpeakerMatch]:
        """Take over names, characters and voices of known speakers (of all, or of one) where nobody gave any here.

        Returns the matches of which something was taken. A first analysis does this by itself.
        """
        self._seat.require(Action.EDIT_TRANSCRIPT, project_id)
        self._seat.require(Action.EDIT_DUB, project_id)
        found = [match for match in self.matches(project_id) if speaker_id in (None, match.speaker)]
        return series.adopt(self._storage, self._storage.projects.get(project_id), found, actor=self._seat.actor)

    def _sees(self, project_id: str) -> bool:
        return self._seat.may(Action.VIEW, project_id)
