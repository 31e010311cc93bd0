"""A file on its way in: with a connection that breaks, a reload, and another page in between."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.media_factory import make
from tests.ui.browser.conftest import Open
from tests.ui.browser.live import eventually
from tests.ui.browser.sight import Window

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real video made long by a box that players skip: three pieces of the uploader."""
    path = make(tmp_path_factory.mktemp("large"), "Long interview.mp4", frames=50)
    padding = 20 * MEGABYTE
    with open(path, "ab") as file:
        file.write(padding.to_bytes(4, "big") + b"free" + os.urandom(padding - 8))
    return path


def place(one: Window) -> Locator:
    return one.page.get_by_test_id("uploader").first


def choose(one: Window, path: Path) -> None:
    place(one).locator("input[type=file]").set_input_files(path)


def held_at(one: Window, number: int, how: Callable[[Route], Any]) -> list[int]:
    """Let ``how`` answer for the piece ``number`` (from 1) instead of the server; returns the offsets as they come."""
    offsets: list[int] = []

    def piece(route: Route) -> None:
        if route.request.method != "PATCH":
            route.continue_()
            return
        offsets.append(int(route.request.headers["upload-offset"]))
        how(route) if len(offsets) == number else route.continue_()

    one.page.route("**/uploads/*", piece)
    return offsets


def arrived(home: Any, login: str, name: str) -> Path:
    """The file of a finished upload."""
    with home.desk(login) as desk:
        found = next(one for one in desk.uploads.mine() if one.name == name and one.finished_at)
        return Path(desk.uploads.finished(found.id, "video").path)


def test_an_upload_survives_a_broken_connection_and_a_pause(town: Any, window: Open, large: Path) -> None:
    live, home, _ = town
    one = window(live, home, "ada", "/new_project")
    offsets = held_at(one, 2, lambda route: route.abort("connectionreset"))
    choose(one, large)
    expect(place(one)).to_contain_text("is here")
    assert offsets[:2] == [0, 8 * MEGABYTE] and offsets[2] == 8 * MEGABYTE, "the lost piece is sent again, no other"
    assert len(offsets) == 4
    assert arrived(home, "ada", large.name).read_bytes() == large.read_bytes()
    expect(one.page.get_by_label("Name of the project").first).to_have_value("Long interview")


def test_an_upload_goes_on_after_a_reload(town: Any, window: Open, large: Path) -> None:
    live, home, _ = town
    one = window(live, home, "pablo", "/new_project")
    stuck: list[Route] = []
    held_at(one, 2, stuck.append)
    choose(one, large)
    eventually(lambda: one.page.wait_for_timeout(50) or stuck, what="the second piece")
    expect(place(one).get_by_role("progressbar")).to_be_visible()
    one.page.on("dialog", lambda dialog: dialog.accept())  # "leave this page?": somebody is about to lose an upload
    one.page.reload()
    one.settle()
    expect(place(one)).to_contain_text("% here. Choose the same file again")
    offsets = held_at(one, 99, Route.continue_)
    choose(one, large)
    expect(place(one)).to_contain_text("is here")
    assert offsets[0] == 8 * MEGABYTE and len(offsets) == 2, "what was there is not sent again"
    assert arrived(home, "pablo", large.name).read_bytes() == large.read_bytes()


def test_an_upload_is_paused_and_cancelled_by_keyboard(town: Any, window: Open, large: Path, tmp_path: Path) -> None:
    live, home, _ = town
    other = tmp_path / "other.mp4"
    other.write_bytes(large.read_bytes()[::-1])
    one = window(live, home, "ada", "/new_project")
    stuck: list[Route] = []
    held_at(one, 2, stuck.append)
    choose(one, other)
    eventually(lambda: one.page.wait_for_timeout(50) or stuck, what="the second piece")
    place(one).get_by_role("button", name="Pause").focus()
    one.page.keyboard.press("Enter")
    expect(place(one)).to_contain_text("Paused at")
    expect(place(one).get_by_role("button", name="Go on")).to_be_focused()
    one.page.keyboard.press("Tab")
    expect(place(one).get_by_role("button", name="Cancel")).to_be_focused()
    one.page.keyboard.press("Enter")
    expect(place(one).get_by_role("button", name="Choose a file")).to_be_visible()

    def is_gone() -> bool:
        with home.desk("ada") as desk:
            return other.name not in {upload.name for upload in desk.uploads.mine()}

    eventually(lambda: one.page.wait_for_timeout(100) or is_gone(), what="the upload's end")


def test_a_file_of_another_kind_is_refused_before_it_is_sent(town: Any, window: Open, tmp_path: Path) -> None:
    live, home, _ = town
    text = tmp_path / "notes.txt"
    text.write_text("no video")
    empty = tmp_path / "empty.mp4"
    empty.touch()
    one = window(live, home, "ada", "/new_project")
    choose(one, text)
    expect(place(one).get_by_role("alert")).to_contain_text("notes.txt is not one of")
    choose(one, empty)
    expect(place(one).get_by_role("alert")).to_contain_text("empty.mp4 is empty")
