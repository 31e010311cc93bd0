"""A browser, and signed-in windows of it. Without Chromium these tests are skipped: ``make chromium`` installs it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.ui.browser.live import Live, dubbed_home, running
from tests.ui.browser.sight import PATIENCE_MS, Window
from tests.ui.factory import Home
from ui.urls import SESSION_COOKIE

Open = Callable[..., Window]
Start = Callable[..., Live]


def chromium() -> str | None:
    """The browser that is driven: DUBBING_CHROMIUM, or the first of the usual names."""
    named = os.environ.get("DUBBING_CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("there is no Chromium here; `make chromium` installs it")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        # Sound must play without a click: what is tested is that it plays, not who may start it.
        launched = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required",
                                           "--disable-dev-shm-usage", "--force-prefers-reduced-motion"])
        yield launched
        launched.close()


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a workspace on a home, as ``running`` does, until the test's windows are closed."""
    with ExitStack() as stack:
        yield lambda home, **how: stack.enter_context(running(home, **how))


@pytest.fixture
def window(browser: Browser, start: Start, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens windows, each a browser profile of its own: ``window(live, home, "ada", "/review?project=…")``.

    What a page's scripts complain about fails the test. With DUBBING_SCREENSHOTS a picture of every window is kept.
    """
    opened: list[tuple[BrowserContext, Window]] = []

    def open_one(live: Live, home: Home | None = None, login: str | None = None, path: str | None = "/",
                 **options: Any) -> Window:
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, "locale": "en-GB",
                                         "reduced_motion": "reduce", **options})
        if home is not None and login is not None:
            context.add_cookies([{"name": SESSION_COOKIE, "value": home.token(login), "url": live.url}])
        page: Page = context.new_page()
        one = Window(page, live)
        opened.append((context, one))
        if path is not None:
            one.go(path)
        return one

    yield open_one
    folder = os.environ.get("DUBBING_SCREENSHOTS")
    for number, (context, one) in enumerate(opened):
        if folder:
            one.photograph(Path(folder) / f"{request.node.name}_{number}.png")
        context.close()
    for _, one in opened:
        assert not one.complaints, one.complaints


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Live, Home, Any]]:
    """One running workspace with people and a project that fake engines dubbed, shared by the tests that only need
    that: (live, home, project)."""
    home, project = dubbed_home(tmp_path_factory.mktemp("town"))
    with home.desk("ada") as desk:
        desk.jobs.prepare(project.id)
    with running(home.path / "home") as live:
        yield live, home, project
