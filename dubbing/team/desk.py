"""Everything a person can do in the workspace, by subject. Each call checks rights and is a transaction of its own."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from dubbing.domain.workspace import Person
from dubbing.team.seat import Seat

if TYPE_CHECKING:
    from dubbing.api import Workspace
    from dubbing.team.accounts import Accounts
    from dubbing.team.activity import Activity
    from dubbing.team.comments import Comments
    from dubbing.team.exports import Exports
    from dubbing.team.faces import Faces
    from dubbing.team.files import Files
    from dubbing.team.jobs import Jobs
    from dubbing.team.lines import Lines
    from dubbing.team.memory import Memory
    from dubbing.team.projects import Projects
    from dubbing.team.quality import Quality
    from dubbing.team.series import Series
    from dubbing.team.speakers import Speakers
    from dubbing.team.system import System
    from dubbing.team.takes import Takes
    from dubbing.team.terms import Terms
    from dubbing.team.uploads import Uploads


class Desk:
    """The workspace as ``person`` may use it. Cheap to make: parts are imported when they are first used."""

    def __init__(self, workspace: Workspace, person: Person) -> None:
        self.seat = Seat(workspace, person)
        self.person = person

    @cached_property
    def accounts(self) -> Accounts:
        from dubbing.team.accounts import Accounts

        return Accounts(self.seat)

    @cached_property
    def activity(self) -> Activity:
        from dubbing.team.activity import Activity

        return Activity(self.seat)

    @cached_property
    def comments(self) -> Comments:
        from dubbing.team.comments import Comments

        return Comments(self.seat)

    @cached_property
    def exports(self) -> Exports:
        from dubbing.team.exports import Exports

        return Exports(self.seat)

    @cached_property
    def faces(self) -> Faces:
        from dubbing.team.faces import Faces

        return Faces(self.seat)

    @cached_property
    def files(self) -> Files:
        from dubbing.team.files import Files

        return Files(self.seat)

    @cached_property
    def jobs(self) -> Jobs:
        from dubbing.team.jobs import Jobs

        return Jobs(self.seat)

    @cached_property
    def lines(self) -> Lines:
        from dubbing.team.lines import Lines

        return Lines(self.seat)

    @cached_property
    def memory(self) -> Memory:
        from dubbing.team.memory import Memory

        return Memory(self.seat)

    @cached_property
    def projects(self) -> Projects:
        from dubbing.team.projects import Projects

        return Projects(self.seat)

    @cached_property
    def quality(self) -> Quality:
        from dubbing.team.quality import Quality

        return Quality(self.seat)

    @cached_property
    def series(self) -> Series:
        from dubbing.team.series import Series

        return Series(self.seat)

    @cached_property
    def speakers(self) -> Speakers:
        from dubbing.team.speakers import Speakers

        return Speakers(self.seat)

    @cached_property
    def system(self) -> System:
        from dubbing.team.system import System

        return System(self.seat)

    @cached_property
    def takes(self) -> Takes:
        from dubbing.team.takes import Takes

        return Takes(self.seat)

    @cached_property
    def terms(self) -> Terms:
        from dubbing.team.terms import Terms

        return Terms(self.seat)

    @cached_property
    def uploads(self) -> Uploads:
        from dubbing.team.uploads import Uploads

        return Uploads(self.seat)
