"""A browser window as these tests use it: waiting for Streamlit, and looking at the page as people must be able to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Locator, Page

if TYPE_CHECKING:
    from tests.ui.browser.live import Live

#: Longest wait for anything that a page does by itself.
PATIENCE_MS = 45_000
#: What the browser says of its own accord and no page of ours can help.
_HARMLESS = re.compile(r"Failed to load resource|preload|Permissions-Policy|ResizeObserver|third-party cookie"
                       r"|\[Violation\]|favicon|WebSocket|net::ERR|disconnected from server", re.IGNORECASE)


class Window:
    """A window on a running workspace. ``complaints`` are errors of its scripts."""

    def __init__(self, page: Page, live: Live) -> None:
        self.page, self.live, self.complaints = page, live, []
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text)
                if said.type == "error" and not _HARMLESS.search(said.text) else None)

    def go(self, path: str) -> None:
        self.page.goto(self.live.url + path)
        self.settle()

    def settle(self) -> None:
        """Wait until the page's script has run and has drawn something."""
        self.page.wait_for_function(_SETTLED)

    def key(self, name: str) -> Locator:
        """What a page drew under a Streamlit key."""
        return self.page.locator(f".st-key-{name}")

    def photograph(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path, full_page=True)

    # accessibility ------------------------------------------------------------------------------------------------

    def scrolls_sideways(self) -> bool:
        """Whether the page as a whole is wider than its window."""
        return bool(self.page.evaluate(
            "() => Math.max(document.documentElement.scrollWidth, "
            "...[...document.querySelectorAll('[data-testid=stMain]')].map(e => e.scrollWidth)) > innerWidth + 1"))

    def faults(self) -> list[str]:
        """What a person without eyes, hands or colours would stumble over, by the rules of ``access.js``."""
        return list(self.page.evaluate(_ACCESS))

    def tab_stops(self, limit: int = 200) -> list[dict[str, Any]]:
        """Where the tab key leads, from the top of the page, and whether the focus is seen at each stop."""
        self.page.evaluate("() => { document.activeElement?.blur(); scrollTo(0, 0); }")
        stops: list[dict[str, Any]] = []
        for _ in range(limit):
            self.page.keyboard.press("Tab")
            stop = self.page.evaluate(_FOCUSED)
            if stop is None or (stops and stop["id"] == stops[0]["id"]):
                break
            stops.append(stop)
        return stops


_SETTLED = """() =>
  document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "notRunning" &&
  document.querySelector('[data-testid="stMainBlockContainer"] [data-testid="stElementContainer"]') &&
  !document.querySelector('[data-testid="stSkeleton"]')"""
_ACCESS = Path(__file__).with_name("access.js").read_text(encoding="utf-8")
_FOCUSED = Path(__file__).with_name("focused.js").read_text(encoding="utf-8")
