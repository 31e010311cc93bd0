"""Pictures of every page of the workspace, in both themes and as wide as a phone.

Run from the repository's root:  python -m scripts.screenshots OUT [--video samples/es_dialogue.mp4] [--home FOLDER]

Without ``--fake`` the video is dubbed with the real engines first. A home that is there already is shown as it is.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from dubbing.api import Doors, DubOptions, Workspace, open_workspace
from dubbing.config import load_settings
from dubbing.domain.project import Project
from dubbing.domain.review import Layer, ReviewState, Role
from dubbing.ledger import ACTIVE
from tests.ui.browser.conftest import chromium
from tests.ui.browser.live import FAKES, Live, eventually, running
from tests.ui.browser.sight import Window
from tests.ui.factory import Home, make_home
from ui.urls import SESSION_COOKIE

OF_PROJECT = ("review", "speakers", "faces", "glossary", "export", "activity")
OTHERS = ("", "new_project", "settings", "people", "account")
SHAPES = {
    "light": {"viewport": {"width": 1400, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1400, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
}


def prepared(folder: Path, video: Path, fake: bool) -> Home:
    """A home with people, a dubbed project in review, and a word said about it."""
    home = make_home(folder, lines=24, targets=("es", "de"), names=("Harbour",))
    engines = FAKES if fake else {}
    with home.workspace() as workspace:
        project = workspace.create(video, DubOptions(targets=("en",), source="es", **engines), name=video.stem,
                                   actor="pablo")
        workspace.run(project)
        for login, role in (("tomas", Role.TRANSLATOR), ("rita", Role.REVIEWER), ("clara", Role.CLIENT)):
            workspace.storage.memberships.add(project.id, home.people[login], role, "")
    with home.desk("rita") as desk:
        lines = [view.line.utterance.id for view in desk.lines.page(project.id, "en").lines]
        for layer in (Layer.TRANSLATION, Layer.DUB):
            desk.lines.move(project.id, "en", lines[:1], layer, ReviewState.NEEDS_REVIEW)
            desk.lines.move(project.id, "en", lines[:1], layer, ReviewState.APPROVED)
    with home.desk("clara") as desk:
        desk.comments.add(project.id, "@tomas could this be shorter?", language="en", utterance_id=lines[-1])
    with home.desk("pablo") as desk:
        desk.jobs.prepare(project.id)
    return home


def shown_project(workspace: Workspace) -> Project:
    """The project of the home whose picture is there."""
    return next(one for one in workspace.projects() if one.name != "Harbour")


def photograph(browser: Browser, live: Live, token: str, project: Project, out: Path) -> None:
    """Every page in every shape."""
    for shape, options in SHAPES.items():
        context = browser.new_context(**options)
        context.add_cookies([{"name": SESSION_COOKIE, "value": token, "url": live.url}])
        window = Window(context.new_page(), live)
        for name in (*OF_PROJECT, *OTHERS):
            window.go(f"/{name}?project={project.id}&lang=en" if name in OF_PROJECT else f"/{name}")
            window.page.wait_for_timeout(1500)
            window.photograph(out / f"{name or 'projects'}.{shape}.png")
        context.close()
    stranger = browser.new_context(viewport={"width": 1400, "height": 900})
    window = Window(stranger.new_page(), live)
    window.go("/")
    window.photograph(out / "sign_in.light.png")
    stranger.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--video", type=Path, default=Path("samples/es_dialogue.mp4"))
    parser.add_argument("--home", type=Path, help="Folder of the prepared home; kept for the next time.")
    parser.add_argument("--fake", action="store_true", help="Dub with the engines of the tests.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dubbing-screenshots-") as temporary:
        folder = asked.home or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "home" / "dubbing.db").is_file():
            prepared(folder, asked.video, asked.fake)
        settings = load_settings().model_copy(update={"home": folder / "home", "database_url": ""})
        with open_workspace(settings) as workspace:
            doors = Doors(workspace)
            ada = next(one for one in workspace.storage.users.all() if one.login == "ada")
            token, project = doors.redeem(doors.ticket_for(ada.id)), shown_project(workspace)
            with running(folder / "home") as live, sync_playwright() as playwright:
                eventually(lambda: not workspace.storage.jobs.all(project_id=project.id, statuses=ACTIVE),
                           within_s=120, what="the preparation")
                browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
                photograph(browser, live, token, project, asked.out)
                browser.close()


if __name__ == "__main__":
    main()
