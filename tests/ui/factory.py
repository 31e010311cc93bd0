"""A workspace with people, projects and lines in a temporary home, written in a few transactions.

``make_home(tmp_path, lines=2000)`` takes well under two seconds. Ids are stable: the project of a home is
``home.project``, its lines are u0001, u0002, … and each language has a translation and, where asked for, a take.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dubbing.api import Desk, DubOptions, Workspace, open_workspace
from dubbing.config import Settings
from dubbing.domain.project import Project, new_id
from dubbing.domain.review import Layer, ReviewState, Role
from dubbing.storage.tables import (
    ChosenTakeRow,
    ProjectRow,
    ReviewRow,
    SpeakerRow,
    TakeRow,
    TranslationRow,
    UtteranceRow,
)
from dubbing.storage.tables_people import CommentRow, MembershipRow, UserRoleRow, UserRow

APP = Path(__file__).parents[2] / "ui" / "entry" / "app.py"
#: What every account of a made home signs in with.
PASSWORD = "correct horse battery"
LINE_MS, GAP_MS = 2_400, 600
_TALK = ("Good evening and thank you for coming", "We have very little time left", "Who told you that story",
         "Nobody believed it at first", "The doors close at seven", "I have never been so sure of anything",
         "Look at the water, it is rising", "That is not what we agreed")
_SPOKEN = {
    "es": ("Buenas noches y gracias por venir", "Nos queda muy poco tiempo", "Quién le contó esa historia",
           "Al principio nadie lo creyó", "Las puertas cierran a las siete", "Nunca he estado tan seguro de nada",
           "Mire el agua, está subiendo", "Eso no es lo que acordamos"),
    "de": ("Guten Abend und danke fürs Kommen", "Wir haben nur noch wenig Zeit", "Wer hat Ihnen das erzählt",
           "Zuerst hat es niemand geglaubt", "Die Türen schließen um sieben", "Ich war mir nie so sicher",
           "Sehen Sie das Wasser, es steigt", "Das ist nicht das, was wir vereinbart haben"),
}


@dataclass(frozen=True, slots=True)
class Home:
    """A temporary workspace. ``people`` maps logins to account ids; ``projects`` are in the order in which they were
    asked for."""

    path: Path
    settings: Settings
    people: dict[str, str] = field(default_factory=dict)
    projects: tuple[Project, ...] = ()

    @property
    def project(self) -> Project:
        return self.projects[0]

    @contextmanager
    def workspace(self) -> Iterator[Workspace]:
        with open_workspace(self.settings) as workspace:
            yield workspace

    @contextmanager
    def desk(self, login: str = "ada") -> Iterator[Desk]:
        """The workspace as ``login`` may use it."""
        from dubbing.team.doors import Doors

        with self.workspace() as workspace:
            person = Doors(workspace).person_of(self.token(login))
            assert person is not None
            yield Desk(workspace, person)

    def token(self, login: str = "ada") -> str:
        """A session of ``login``, as the browser's cookie would hold it."""
        from dubbing.team.doors import Doors

        with self.workspace() as workspace:
            doors = Doors(workspace)
            return doors.redeem(doors.ticket_for(self.people[login]))  # a password would take its time

    def app(self, login: str | None = "ada", *, page: str = "", timeout: float = 30.0, **query: str) -> AppTest:
        """The application before its first run, ``login`` signed in (None: nobody), at the address ``/page?query``."""
        app = AppTest.from_file(str(APP), default_timeout=timeout)
        app._page_hash = calc_hash(page) if page else ""  # AppTest itself knows pages of files only
        if login is not None:
            app.session_state["session_token"] = self.token(login)
        for name, value in query.items():
            app.query_params[name] = value
        return app


#: Accounts of a made home: what they may everywhere, and what in the first project.
PEOPLE: dict[str, tuple[str, frozenset[Role]]] = {
    "ada": ("Ada Byron", frozenset({Role.ADMINISTRATOR})),
    "pablo": ("Pablo Ruiz", frozenset({Role.PROJECT_MANAGER})),
    "tomas": ("Tomás Vega", frozenset()),
    "rita": ("Rita Levi", frozenset()),
    "clara": ("Clara Schumann", frozenset()),
}
MEMBERS: tuple[tuple[str, Role, str], ...] = (
    ("tomas", Role.TRANSLATOR, "es"), ("rita", Role.REVIEWER, ""), ("clara", Role.CLIENT, ""),
)


def make_home(tmp_path: Path, *, lines: int = 12, targets: Sequence[str] = ("es",), names: Sequence[str] = ("Harbour",),
              people: bool = True, takes: bool = True, single_user: bool = False) -> Home:
    """A home with one project a name; without ``people`` nobody has an account yet, and there are no comments."""
    home = tmp_path / "home"
    settings = Settings(home=home, single_user=single_user)
    with open_workspace(settings) as workspace:
        accounts = _make_people(workspace) if people else {}
        projects = tuple(_make_project(workspace, tmp_path, name, tuple(targets), lines, takes) for name in names)
        if people and projects:
            _make_talk(workspace, projects[0], accounts, lines)
    return Home(tmp_path, settings, accounts, projects)


def _make_people(workspace: Workspace) -> dict[str, str]:
    from argon2 import PasswordHasher

    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    made = {}
    with workspace.storage.database.write() as session:
        for login, (name, roles) in PEOPLE.items():
            made[login] = new_id()
            session.add(UserRow(id=made[login], login=login, name=name, email=f"{login}@example.org",
                                password_hash=hashed, created_at=datetime.now(UTC)))
            session.flush()
            session.add_all(UserRoleRow(user_id=made[login], role=role.value) for role in roles)
    return made


def _make_project(workspace: Workspace, folder: Path, name: str, targets: tuple[str, ...], lines: int,
                  takes: bool) -> Project:
    video = folder / f"{name}.mp4"
    video.write_bytes(b"no video, only its name")
    duration_ms = max(60_000, lines * (LINE_MS + GAP_MS))
    picture = {"codec": "h264", "pixel_format": "yuv420p", "height": 1080, "width": 1920}
    media = {"duration_ms": duration_ms, "height": 1080, "width": 1920, "frame_rate": "25/1",
             "container": "mov,mp4,m4a,3gp,3g2,mj2", "video": picture, "audio": [{"codec": "aac"}]}
    project = workspace.storage.projects.create(
        name, video, source_sha256=sha256(name.encode()).hexdigest(), media=media, source_language="en",
        targets=targets, settings={"options": DubOptions(targets=targets, source="en").to_json()}, actor="ada")
    now = datetime.now(UTC)
    with workspace.storage.database.write() as session:
        session.add_all(SpeakerRow(project_id=project.id, id=f"SPEAKER_{n:02d}", name=spoken, character="",
                                   voice_print=[]) for n, spoken in enumerate(("Marta", "Joaquín")))
        session.flush()
        session.add_all(_utterance(project.id, n, now) for n in range(lines))
        session.get_one(ProjectRow, project.id).utterances_made = lines
        session.flush()
        for language in targets:
            session.add_all(_translation(project.id, n, language, now) for n in range(lines))
            made = [_take(project.id, n, language, now) for n in range(lines)] if takes else []
            session.add_all(made)
            session.flush()
            session.add_all(ChosenTakeRow(project_id=project.id, utterance_id=take.utterance_id, language=language,
                                          take_id=take.id) for take in made)
            session.add_all(_reviews(project.id, lines, language, now))
    return workspace.storage.projects.get(project.id)


def _utterance(project_id: str, n: int, now: datetime) -> UtteranceRow:
    start = n * (LINE_MS + GAP_MS) + 500
    text = f"{_TALK[n % len(_TALK)]}."
    words = text.split()
    step = LINE_MS // len(words)
    edits = 2 if n % 11 == 10 else 1  # a line whose text was changed after it was translated
    timed = [[word, start + k * step, start + (k + 1) * step - 40, 0.9] for k, word in enumerate(words)]
    return UtteranceRow(
        project_id=project_id, id=f"u{n + 1:04d}", speaker_id=f"SPEAKER_{n // 3 % 2:02d}", start_ms=start,
        end_ms=start + LINE_MS, text=text, words=timed, confidence=0.55 if n % 9 == 4 else 0.94,
        on_camera=None, revision=edits, text_revision=edits, cast_revision=1, edited_by_person=False,
        updated_at=now)


def _translation(project_id: str, n: int, language: str, now: datetime) -> TranslationRow:
    spoken = _SPOKEN.get(language, _TALK)
    return TranslationRow(
        project_id=project_id, utterance_id=f"u{n + 1:04d}", language=language, text=f"{spoken[n % len(spoken)]}.",
        engine="hibari", revision=1, source_revision=1, edited_by_person=False, updated_at=now)


def _take(project_id: str, n: int, language: str, now: datetime) -> TakeRow:
    spoken = _SPOKEN.get(language, _TALK)
    return TakeRow(
        id=new_id(), project_id=project_id, utterance_id=f"u{n + 1:04d}", language=language,
        artifact_key=sha256(f"{project_id}{n}{language}".encode()).hexdigest(),
        text=f"{spoken[n % len(spoken)]}.", text_revision=1, utterance_revision=1, engine="kokoro", voice="ef_dora",
        tempo=(1.0, 1.08, 1.24, 1.45)[n % 4], duration_ms=LINE_MS, details={}, created_at=now)


def _reviews(project_id: str, lines: int, language: str, now: datetime) -> Iterator[ReviewRow]:
    """A third of the lines approved throughout, a third handed in, a third as the machine left them."""
    states = (ReviewState.APPROVED, ReviewState.NEEDS_REVIEW)
    for n in range(lines):
        if n % 3 < 2:
            for layer in (Layer.TRANSLATION, Layer.DUB):
                yield ReviewRow(project_id=project_id, utterance_id=f"u{n + 1:04d}", layer=layer.value,
                                language=language, state=states[n % 3].value, actor="rita", updated_at=now)


def _make_talk(workspace: Workspace, project: Project, accounts: dict[str, str], lines: int) -> None:
    """Memberships of the first project, and two comments on its first lines."""
    now = datetime.now(UTC)
    with workspace.storage.database.write() as session:
        session.add_all(MembershipRow(project_id=project.id, user_id=accounts[login], role=role.value,
                                      language=language, added_at=now) for login, role, language in MEMBERS)
        for n in range(min(2, lines)):
            session.add(CommentRow(
                id=new_id(), project_id=project.id, language=project.targets[0], utterance_id=f"u{n + 1:04d}",
                at_ms=None, answers_id=None, actor="clara", text="@tomas could this be shorter?", mentions=["tomas"],
                created_at=now - timedelta(hours=n), edited_at=None, resolved_at=None, resolved_by=""))
