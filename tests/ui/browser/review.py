"""The review page under a person's hands: rows, the editor of the selected line, the player."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from playwright.sync_api import Locator, expect

from dubbing.domain.review import Layer, ReviewState
from tests.ui.browser.conftest import Open
from tests.ui.browser.sight import Window
from tests.ui.factory import Home


class Review:
    """A window that shows the review page of a project in one language."""

    def __init__(self, window: Window) -> None:
        self.window, self.page = window, window.page
        expect(self.rows.first).to_be_visible()

    @property
    def rows(self) -> Locator:
        return self.page.locator("[data-row]")

    def row(self, line: str) -> Locator:
        return self.page.locator(f'[data-row="{line}"]')

    @property
    def selected(self) -> str:
        return str(self.page.locator("[data-row][aria-current=true]").get_attribute("data-row"))

    def text(self, side: str = "target") -> Locator:
        """The text field of the selected line."""
        return self.page.locator(f"textarea[data-side={side}]")

    def select(self, line: str) -> None:
        self.row(line).click()
        expect(self.row(line)).to_have_attribute("aria-current", "true")

    def retype(self, text: str, side: str = "target") -> None:
        self.text(side).click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    @property
    def saved(self) -> Locator:
        """What the editor says of the line: saving, saved, or why not."""
        return self.page.locator(".save-state")

    @property
    def conflict(self) -> Locator:
        return self.page.get_by_role("alertdialog")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    @property
    def position(self) -> tuple[str, float, bool]:
        """What is played, where it is (s), and whether it runs."""
        found = self.page.locator("video.seen").evaluate("v => [v.currentSrc, v.currentTime, !v.paused && !v.muted]")
        return found[0], float(found[1]), bool(found[2])

    def hears(self) -> str:
        """Wait until something is played and moves on; its address."""
        self.page.wait_for_function("""() => {
            const inner = (one) => (one.shadowRoot ? all(one.shadowRoot) : []);
            const all = (root) => [...root.querySelectorAll("*")].flatMap((one) => [one, ...inner(one)]);
            const seen = all(document).find(e => e.matches("video.seen"));
            if (!seen || seen.paused || seen.muted) return false;
            seen.from ??= seen.currentTime;
            return seen.currentTime > seen.from + 0.15;
        }""")
        return self.position[0]


def open_review(window: Open, town: Any, login: str, line: str = "", **options: Any) -> Review:
    """The review page of the town's project, signed in as ``login``."""
    live, home, project = town
    query = f"&line={line}" if line else ""
    return Review(window(live, home, login, f"/review?project={project.id}&lang=en{query}", **options))


def lines_of(home: Home, project: Any, login: str = "ada") -> list[Any]:
    """The project's lines as the desk shows them."""
    with home.desk(login) as desk:
        return list(desk.lines.page(project.id, "en").lines)


def target_of(home: Home, project: Any, line: str, language: str = "en") -> str:
    """The saved translation of a line."""
    with home.desk("ada") as desk:
        translation = desk.lines.get(project.id, language, line).line.translation
        return translation.text if translation else ""


def states(home: Home, project: Any, line: str) -> Mapping[Layer, ReviewState]:
    """Where a line stands in review."""
    with home.desk("ada") as desk:
        return desk.lines.get(project.id, "en", line).line.states
