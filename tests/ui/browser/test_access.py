"""Every page for everybody: names, contrast, keyboard, and a window as wide as a phone."""

from __future__ import annotations

from typing import Any

from tests.ui.browser.conftest import Open
from tests.ui.browser.sight import Window

OF_PROJECT = ("review", "speakers", "faces", "glossary", "quality", "export", "activity")
OTHERS = ("", "new_project", "settings", "people", "account")
#: A phone, held upright.
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def addresses(project: Any) -> list[str]:
    return [*(f"/{name}?project={project.id}&lang=en" for name in OF_PROJECT), *(f"/{name}" for name in OTHERS)]


def visited(one: Window, project: Any) -> dict[str, list[str]]:
    """Faults of every page, by its address; pages without any are left out."""
    found = {}
    for address in addresses(project):
        one.go(address)
        one.page.wait_for_timeout(300)
        faults = one.faults()
        if one.scrolls_sideways():
            faults.append("the page is wider than its window")
        if one.page.get_by_test_id("stException").count():
            faults.append("the page shows an exception")
        if faults:
            found[address.split("?")[0]] = faults
    return found


def test_pages_have_names_contrast_and_room(town: Any, window: Open) -> None:
    live, home, project = town
    assert visited(window(live, home, "ada", None), project) == {}


def test_pages_fit_a_phone_in_the_dark(town: Any, window: Open) -> None:
    live, home, project = town
    one = window(live, home, "ada", None, **PHONE, color_scheme="dark")
    assert visited(one, project) == {}
    one.go("/")
    one.page.get_by_test_id("stExpandSidebarButton").click()
    for name in ("Projects", "New project", "Settings", "People"):
        assert one.page.get_by_role("link", name=name).first.is_visible()
    assert one.faults() == []
    one.page.get_by_role("link", name="Settings").first.click()
    one.page.get_by_role("heading", name="Settings").first.wait_for()


def test_the_keyboard_reaches_everything_and_is_seen(town: Any, window: Open) -> None:
    live, home, project = town
    one = window(live, home, "ada", f"/speakers?project={project.id}&lang=en")
    stops = one.tab_stops()
    names = " ".join(stop["what"] for stop in stops)
    for name in ("Skip to main content", "Review", "Export", "Projects", "Settings"):
        assert name in names, names
    # What a browser draws itself (a player's buttons) shows its focus in a way that no script sees.
    ours = [stop for stop in stops if not stop["what"].startswith(("<main>", "<audio>", "<video>"))]
    assert [stop["what"] for stop in ours if not stop["isSeen"]] == []
