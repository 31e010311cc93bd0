"""Settings, people and one's own account: what each role sees, and what it may change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dubbing.domain.review import Role
from dubbing.domain.workspace import EngineView
from dubbing.team.system import System
from tests.ui.factory import Home
from tests.ui.opened import opened, words

OpenHome = Callable[..., Home]


@pytest.fixture(autouse=True)
def engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for real engines takes seconds; what is there is not what these tests are about."""
    there = [EngineView("tts", "kokoro", "Apache-2.0", True, False, True, ""),
             EngineView("translate", "apertium", "GPL-2.0", False, False, False, "make apertium  # Not installed."),
             EngineView("tts", "fake", "none", True, True, False, "")]
    monkeypatch.setattr(System, "engines", lambda _self: there)


def submit(app: AppTest, label: str) -> AppTest:
    return next(one for one in app.button if one.label == label).click().run()


def field(app: AppTest, kind: str, label: str) -> Any:
    return next(one for one in getattr(app, kind) if one.label == label)


def test_a_manager_changes_a_project(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    app = opened(home, "settings", "pablo")
    field(app, "text_input", "Name of the project").set_value("Harbour II")
    field(app, "multiselect", "Dub into").set_value(["es", "de"])
    field(app, "toggle", "Demand consent for voices and faces").set_value(True)
    submit(app, "Save")
    assert not app.error and not app.exception
    with home.desk("pablo") as desk:
        card = desk.projects.card(home.project.id)
        assert (card.name, card.targets) == ("Harbour II", ("es", "de"))
        assert desk.projects.settings(home.project.id).consent_required


def test_how_a_project_sounds_and_is_translated_is_kept(open_home: OpenHome) -> None:
    home = open_home(lines=2, names=("Harbour", "Harbour two"))
    with home.workspace() as workspace:
        workspace.storage.series.set(home.projects[1].id, "The Saga")
    app = opened(home, "settings", "pablo")
    own = field(app, "selectbox", "Voices: Spanish")
    own.set_value(own.options[1])
    field(app, "selectbox", "Series").set_value("The Saga")
    field(app, "selectbox", "Loudness").set_value("netflix")
    field(app, "toggle", "Put the voices into the original's room").set_value(False)
    field(app, "text_area", "Notes for the translator").input("Formal address")
    next(one for one in app.number_input if one.label.startswith("Lower music")).set_value(9)
    submit(app, "Save")
    assert not app.exception and not app.error
    with home.desk() as desk:
        now = desk.projects.settings(home.project.id)
    assert (now.loudness, now.room, now.prosody, now.style, now.duck_db, now.series) == (
        "netflix", False, True, "Formal address", 9.0, "The Saga")
    assert now.by_language == {"es": {"synthesizer": own.options[1]}}


def test_the_switch_that_adapts_lip_sync_and_its_minutes_are_kept(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    app = opened(home, "settings", "pablo")
    switch = field(app, "toggle", "Adapt lip-sync to the speakers")
    assert switch.value is False and "beats the atlas" in switch.help
    switch.set_value(True)
    next(one for one in app.number_input if one.label == "Minutes for each speaker").set_value(25)
    submit(app, "Save")
    assert not app.exception and not app.error
    with home.desk() as desk:
        now = desk.projects.settings(home.project.id)
    assert (now.adapt, now.adapt_minutes) == (True, 25.0)


def test_others_see_the_settings_and_why_they_cannot_change_them(open_home: OpenHome) -> None:
    app = opened(open_home(lines=2), "settings", "tomas")
    assert "a project manager changes them" in words(app)
    assert field(app, "text_input", "Name of the project").disabled
    assert next(one for one in app.button if one.label == "Save").disabled


def test_members_are_added_with_a_language_and_removed(open_home: OpenHome) -> None:
    home = open_home(lines=2, targets=("es", "de"))
    app = opened(home, "settings", "pablo", part="members")
    ada = next(one for one in field(app, "selectbox", "Person").options if "Ada" in one)
    field(app, "selectbox", "Person").select_index(field(app, "selectbox", "Person").options.index(ada))
    field(app, "selectbox", "Language").set_value("de")
    submit(app, "Add")
    assert not app.error and not app.exception
    with home.desk("pablo") as desk:
        assert ("ada", Role.TRANSLATOR, "de") in {
            (m.login, m.role, m.language) for m in desk.accounts.members(home.project.id)}
    app.button(key=f"remove_{home.people['clara']}_client_").click().run()
    with home.desk("pablo") as desk:
        assert "clara" not in {m.login for m in desk.accounts.members(home.project.id)}
    assert not opened(home, "settings", "rita", part="members").get("form")


def test_an_engine_that_is_missing_says_the_line_that_adds_it(open_home: OpenHome) -> None:
    app = opened(open_home(lines=2), "settings", "tomas", part="engines")
    assert [one.value for one in app.code] == ["make apertium"]
    assert "Not installed." in words(app) and "fake" not in words(app)


def test_only_an_administrator_switches_licences_and_cleans_up(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    app = opened(home, "settings", "ada", part="models")
    app.toggle[0].set_value(True).run()
    assert not app.error
    with home.desk("ada") as desk:
        assert desk.system.commercial_only
    assert opened(home, "settings", "pablo", part="models").toggle[0].disabled
    app = opened(home, "settings", "ada", part="storage")
    assert "Deleted projects after 30 days" in words(app)
    app.button(key="sweep").click().run()
    assert not app.error and not app.exception
    assert opened(home, "settings", "pablo", part="storage").button(key="sweep").disabled


def test_people_are_for_administrators(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    assert "Accounts are for administrators" in words(opened(home, "people", "pablo"))
    app = opened(home, "people", "ada")
    assert "Clara Schumann" in words(app) and "5 people" in words(app)
    app.text_input(key="people_q").set_value("clara").run()
    assert "1 person" in words(app) and "Pablo Ruiz" not in words(app)


def test_an_account_is_made(open_home: OpenHome, monkeypatch: pytest.MonkeyPatch) -> None:
    home = open_home(lines=2)
    # A dialog stays open in a browser alone: here its content is the page.
    monkeypatch.setattr(st, "dialog", lambda *_, **__: lambda ask: ask)
    app = AppTest.from_string("from ui.pages import people\npeople._add_dialog()", default_timeout=20.0)
    app.session_state["session_token"] = home.token("ada")
    app.run()
    app.text_input(key="add_name").set_value("Noor Khan")
    app.text_input(key="add_login").set_value("noor")
    app.text_input(key="add_password").set_value("short")
    submit(app, "Create the account")
    assert app.error and not app.exception
    app.text_input(key="add_password").set_value("a much longer one")
    app.multiselect(key="add_roles").set_value([Role.TRANSLATOR])
    submit(app, "Create the account")
    assert not app.exception
    with home.desk("ada") as desk:
        made = next(one for one in desk.accounts.all() if one.login == "noor")
    assert (made.name, made.roles) == ("Noor Khan", frozenset({Role.TRANSLATOR}))


def test_ones_own_name_language_and_password(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    app = opened(home, "account", "tomas")
    assert "Harbour: Translator (es)" in words(app)
    app.text_input(key="account_name").set_value("Tomás Vega Ruiz")
    app.selectbox(key="account_locale").set_value("es")
    submit(app, "Save")
    assert [one.value for one in app.title] == ["Mi cuenta"] and not app.exception
    app.text_input(key="account_old").set_value("not the password")
    app.text_input(key="account_new").set_value("another long secret")
    app.text_input(key="account_again").set_value("another long secret")
    submit(app, "Cambiar la contraseña")
    assert len(app.error) == 1
    with home.desk("tomas") as desk:
        assert (desk.person.name, desk.person.locale) == ("Tomás Vega Ruiz", "es")
