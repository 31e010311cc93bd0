"""The shell: who comes in, what the menu offers to whom, and what is said when something is not there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from dubbing.domain.review import Role
from tests.ui.factory import PASSWORD, Home
from tests.ui.opened import words
from ui.widgets.choices import told_apart

OpenHome = Callable[..., Home]


def links(app: AppTest) -> set[str]:
    """Addresses of the pages that are linked to."""
    return {one.proto.page for one in app.get("page_link")}


def test_a_new_workspace_makes_its_administrator(open_home: OpenHome) -> None:
    home = open_home(people=False, names=())
    app = home.app(None).run()
    assert [one.value for one in app.title] == ["Welcome"]
    app.text_input(key="first_run_name").set_value("Grace Hopper")
    app.text_input(key="first_run_login").set_value("grace")
    app.text_input(key="first_run_password").set_value("a long enough secret")
    app.text_input(key="first_run_again").set_value("another secret here")
    app.button[0].click().run()
    assert "not the same" in app.error[0].value
    app.text_input(key="first_run_again").set_value("a long enough secret")
    app.button[0].click().run()
    assert not app.error and not app.exception
    with home.workspace() as workspace:
        (person,) = workspace.storage.users.all()
    assert (person.login, person.roles) == ("grace", frozenset({Role.ADMINISTRATOR}))


def test_a_wrong_password_is_told_and_a_right_one_is_let_in(open_home: OpenHome) -> None:
    app = open_home().app(None).run()
    assert [one.value for one in app.title] == ["Sign in"]
    app.text_input(key="sign_in_login").set_value("ada")
    app.text_input(key="sign_in_password").set_value("wrong password")
    app.button[0].click().run()
    assert len(app.error) == 1 and not app.exception
    app.text_input(key="sign_in_password").set_value(PASSWORD)
    app.button[0].click().run()
    assert not app.error and not app.exception


def test_an_ended_session_leads_to_the_door_wherever_one_is(open_home: OpenHome) -> None:
    home = open_home()
    app = home.app("rita", page="review", project=home.project.id).run()
    with home.workspace() as workspace:
        from dubbing.api import Doors

        Doors(workspace).sign_out(app.session_state["session_token"])
    del app.session_state["_seat"]
    app.run()
    assert [one.value for one in app.title] == ["Sign in"]


def test_the_menu_offers_what_the_person_may(open_home: OpenHome) -> None:
    home = open_home()
    admin, client = links(home.app("ada").run()), links(home.app("clara").run())
    assert {"people", "new_project", "settings"} <= admin
    assert "settings" in client and not {"people", "new_project"} & client


def test_an_open_project_brings_its_pages(open_home: OpenHome) -> None:
    home = open_home(targets=("es", "de"))
    app = home.app("rita", project=home.project.id, lang="de").run()
    assert {"review", "speakers", "faces", "glossary", "export", "activity"} <= links(app)
    box = next(one for one in app.sidebar.selectbox if one.label.startswith("From English"))
    assert box.value == "de" and app.query_params["lang"] == "de"
    box.select("es").run()
    assert app.query_params["lang"] == "es" and not app.exception


def test_a_project_that_is_not_there_is_said_and_closed(open_home: OpenHome) -> None:
    home = open_home()
    app = home.app("ada", page="review", project="nosuchproject0000000").run()
    assert "no project" in app.error[0].value and "No project is open" in words(app)
    app = home.app("ada", project="nosuchproject0000000").run()
    assert app.error and [one.value for one in app.title] == ["Projects"]


def test_somebody_elses_project_is_not_shown(open_home: OpenHome) -> None:
    home = open_home(names=("Harbour", "Secret"))
    app = home.app("clara", page="review", project=home.projects[1].id).run()
    assert "not yours" in app.error[0].value and "Secret" not in words(app)


def test_the_language_is_chosen_once_and_kept_with_the_person(open_home: OpenHome) -> None:
    home = open_home()
    app = home.app("tomas").run()
    app.button_group(key="shell_locale_en").set_value("es").run()
    assert [one.value for one in app.title] == ["Proyectos"] and not app.exception
    assert [one.value for one in home.app("tomas").run().title] == ["Proyectos"]


def test_mentions_wait_in_the_menu(open_home: OpenHome) -> None:
    home = open_home()
    assert "could this be shorter" in "\n".join(one.value for one in home.app("tomas").run().sidebar.markdown)
    assert "could this be shorter" not in "\n".join(one.value for one in home.app("rita").run().sidebar.markdown)


def test_a_single_user_is_never_asked(open_home: OpenHome) -> None:
    home = open_home(single_user=True, people=False)
    app = home.app(None).run()
    assert [one.value for one in app.title] == ["Projects"] and not app.exception
    assert "people" not in links(app) and "new_project" in links(app)
    assert not [one for one in app.button if one.label == "Sign out"]


def test_a_deleted_project_is_not_worked_on_but_taken_back(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    with home.desk("pablo") as desk:
        desk.projects.delete(home.project.id)
    app = home.app("pablo", page="export", project=home.project.id).run()
    assert "Harbour is deleted" in words(app)
    app.button(key="take_back").click().run()
    assert "Harbour is deleted" not in words(app) and not app.exception
    with home.desk("tomas") as desk:
        assert [card.name for card in desk.projects.cards()] == ["Harbour"]


def test_projects_of_one_name_are_told_apart() -> None:
    assert told_apart({"c": "Film", "a": "Film", "b": "Film (2)", "d": "Other"}) == {
        "c": "Film (3)", "a": "Film", "b": "Film (2)", "d": "Other"}


def test_what_nobody_foresaw_is_told_in_a_sentence_and_traced_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    def page() -> None:
        from dubbing.errors import UsageError
        from ui.widgets.errors import unexpected

        assert unexpected(ZeroDivisionError("by zero")) and unexpected(UsageError("No such thing.", "Look again."))

    app = AppTest.from_function(page).run()
    told = [error.value for error in app.error]
    assert len(told) == 2 and "should not have" in told[0] and "zero" not in told[0] and "No such thing" in told[1]
    assert "ZeroDivisionError" in capsys.readouterr().err
