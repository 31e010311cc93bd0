"""Coming in: the first visit, signing in, a sent link, signing out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.ui.browser.conftest import Open, Start
from tests.ui.browser.sight import Window
from tests.ui.factory import PASSWORD
from ui.urls import SESSION_COOKIE


def first_run(one: Window, login: str = "ada", password: str = PASSWORD) -> None:
    """Make the administrator on the first visit."""
    for field, value in (("name", "Ada Byron"), ("login", login), ("password", password), ("again", password)):
        one.key(f"first_run_{field}").locator("input").fill(value)
    one.page.get_by_role("button", name="Create the account").click()


def sign_in(one: Window, login: str, password: str = PASSWORD) -> None:
    one.key("sign_in_login").locator("input").fill(login)
    one.key("sign_in_password").locator("input").fill(password)
    one.page.get_by_role("button", name="Sign in").click()


def test_the_first_visitor_becomes_the_administrator(tmp_path: Path, start: Start, window: Open) -> None:
    live = start(tmp_path / "home", workers=False)
    one = window(live)
    first_run(one, password="short")
    expect(one.page.get_by_role("alert")).to_contain_text("10")
    first_run(one)
    expect(one.page.get_by_role("heading", name="Projects")).to_be_visible()
    (cookie,) = [c for c in one.page.context.cookies() if c["name"] == SESSION_COOKIE]
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax"
    assert "ticket" not in one.page.url
    second = window(live)
    expect(second.page.get_by_role("button", name="Sign in")).to_be_visible()
    assert second.key("first_run_name").count() == 0, "there is only one first administrator"


def test_a_sent_link_leads_through_the_door_and_back_out(town: Any, window: Open) -> None:
    live, _, project = town
    one = window(live, path=f"/speakers?project={project.id}&lang=en")
    sign_in(one, "rita", "not the password")
    expect(one.page.get_by_role("alert")).to_contain_text("do not belong together")
    sign_in(one, "rita")
    expect(one.page.get_by_role("heading", name="Speakers")).to_be_visible()
    assert f"project={project.id}" in one.page.url
    one.key("shell_person").get_by_role("button").click()
    one.page.get_by_role("button", name="Sign out").click()
    expect(one.page.get_by_role("button", name="Sign in")).to_be_visible()
    assert SESSION_COOKIE not in {c["name"] for c in one.page.context.cookies()}
    one.go("/")
    expect(one.page.get_by_role("button", name="Sign in")).to_be_visible()
