"""Who is what in which project."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Select, select

from dubbing.domain.review import Role
from dubbing.domain.workspace import Membership
from dubbing.errors import UsageError
from dubbing.storage.base import utc_now
from dubbing.storage.history import note_edit
from dubbing.storage.projects import locked_project
from dubbing.storage.session import Database
from dubbing.storage.tables_people import MembershipRow, UserRow


class Memberships:
    """Roles of people in single projects, in all of a project's languages or in one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, project_id: str, person_id: str) -> list[Membership]:
        """What a person is in a project."""
        return self._read(_joined().where(MembershipRow.project_id == project_id, MembershipRow.user_id == person_id))

    def all(self, project_id: str) -> list[Membership]:
        """Everybody in a project, by login."""
        return self._read(_joined().where(MembershipRow.project_id == project_id))

    def of_person(self, person_id: str) -> list[Membership]:
        """What a person is in any project."""
        return self._read(_joined().where(MembershipRow.user_id == person_id))

    def of_projects(self, project_ids: Iterable[str]) -> dict[str, list[Membership]]:
        """Everybody in these projects, by project id; every id is present."""
        found: dict[str, list[Membership]] = {project_id: [] for project_id in project_ids}
        for member in self._read(_joined().where(MembershipRow.project_id.in_(found))):
            found[member.project_id].append(member)
        return found

    def add(self, project_id: str, person_id: str, role: Role, language: str = "", *, actor: str = "") -> None:
        """Give a role; one that is held already stays. Raises UsageError for an unknown project or person."""
        with self._database.write() as session:
            locked_project(session, project_id)
            user = session.get(UserRow, person_id)
            if user is None:
                raise UsageError(f"There is no account {person_id}.", "Reload the list of people.")
            if session.get(MembershipRow, (project_id, person_id, role.value, language)) is not None:
                return
            session.add(MembershipRow(project_id=project_id, user_id=person_id, role=role.value, language=language,
                                      added_at=utc_now()))
            note_edit(session, project_id, "member", person_id, language=language, actor=actor,
                      before=None, after={"login": user.login, "role": role.value})

    def remove(self, project_id: str, person_id: str, role: Role, language: str = "", *, actor: str = "") -> None:
        """Take a role away; one that is not held already is gone."""
        with self._database.write() as session:
            locked_project(session, project_id)
            row = session.get(MembershipRow, (project_id, person_id, role.value, language))
            if row is None:
                return
            user = session.get(UserRow, person_id)
            session.delete(row)
            note_edit(session, project_id, "member", person_id, language=language, actor=actor,
                      before={"login": "" if user is None else user.login, "role": role.value}, after=None)

    def _read(self, query: Select[MembershipRow, UserRow]) -> list[Membership]:
        with self._database.read() as session:
            return [Membership(project_id=row.project_id, person_id=row.user_id, login=user.login, name=user.name,
                               role=Role(row.role), language=row.language)
                    for row, user in session.execute(query)]


def _joined() -> Select[MembershipRow, UserRow]:
    return select(MembershipRow, UserRow).join(UserRow, UserRow.id == MembershipRow.user_id).order_by(
        UserRow.login, MembershipRow.role, MembershipRow.language)
