"""The glossary page: terms come and go, who may not change them only reads, CSV in, the memory forgets."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from dubbing.domain.review import Layer, ReviewState
from tests.ui.factory import Home
from tests.ui.opened import button, opened, words

OpenHome = Callable[..., Home]


def key(app: AppTest, start: str) -> str:
    """The whole key of the first field whose key begins with ``start``."""
    return next(one.key for one in (*app.text_input, *app.button, *app.file_uploader)
                if (one.key or "").startswith(start))


def test_a_term_is_added_by_the_form_and_shown_in_the_table(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    app = opened(home, "glossary", "tomas")
    assert "No terms yet" in words(app)
    app.text_input(key=key(app, "add_terms").replace("_source", "") + "_source").input("harbour")
    app.text_input(key=key(app, "add_terms").replace("_source", "") + "_target").input("puerto")
    button(app, "Add term").click().run()
    assert not app.exception and not app.error
    [table] = app.data_editor
    assert table.value[["source", "target", "scope"]].values.tolist() == [["harbour", "puerto", "project"]]
    with home.desk() as desk:
        assert [(one.source, one.target) for one in desk.terms.all(home.project.id)] == [("harbour", "puerto")]


def test_a_row_that_lacks_something_is_not_added(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    app = opened(home, "glossary")
    button(app, "Add pronunciation").click().run()
    assert "either a respelling or IPA" in words(app)
    with home.desk() as desk:
        assert not desk.terms.pronunciations(home.project.id)


def test_only_a_role_that_holds_everywhere_makes_terms_for_all_projects(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    assert not [one for one in opened(home, "glossary", "tomas").selectbox if one.key.endswith("_scope")]
    app = opened(home, "glossary", "pablo")
    app.text_input(key=key(app, "add_forbidden")).input("damn")
    next(one for one in app.selectbox if one.key.startswith("add_forbidden")).select("everywhere")
    button(app, "Forbid word").click().run()
    with home.desk() as desk:
        assert [one.project_id for one in desk.terms.forbidden(home.project.id)] == [None]


def test_a_client_reads_and_cannot_change(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    with home.desk() as desk:
        desk.terms.save_term(home.project.id, "en", "es", "harbour", "puerto")
    app = opened(home, "glossary", "clara")
    assert not app.button and not app.file_uploader and not app.text_area
    assert [table.value["source"].tolist() for table in app.dataframe] == [["harbour"]]
    assert "may read these tables but not change them" in words(app)
    assert "only those who translate may search it" in words(app)


@pytest.mark.parametrize(("content", "said"), [
    ("source_language,target_language,source,target\nen,es,tide,marea\n", "1 row taken over"),
    ("nothing,of,it\na,b,c\n", "has no column"),
])
def test_terms_come_from_csv_all_of_them_or_none(open_home: OpenHome, content: str, said: str) -> None:
    home = open_home(lines=2)
    app = opened(home, "glossary")
    app.file_uploader(key=key(app, "file_terms")).upload("terms.csv", content.encode(), "text/csv").run()
    button(app, "Take these rows over", key="do_terms").click().run()
    assert said in words(app)
    with home.desk() as desk:
        assert len(desk.terms.all(home.project.id)) == (1 if "taken" in said else 0)


def test_forbidden_words_from_csv_are_added_once(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    for _ in range(2):
        app = opened(home, "glossary")
        sheet = b"term;instead\ndamn;darn\nhell;heck\n"
        app.file_uploader(key=key(app, "file_forbidden")).upload("words.csv", sheet, "text/csv").run()
        button(app, "Take these rows over", key="do_forbidden").click().run()
    with home.desk() as desk:
        assert sorted(one.term for one in desk.terms.forbidden(home.project.id)) == ["damn", "hell"]


def test_the_memory_is_searched_and_forgets(open_home: OpenHome) -> None:
    home = open_home(lines=3)
    with home.desk() as desk:
        desk.lines.move(home.project.id, "es", ["u0002"], Layer.TRANSLATION, ReviewState.APPROVED)
    app = opened(home, "glossary", "rita")
    assert "Nos queda muy poco tiempo" in words(app)
    app.text_input(key="memory_search").input("no such words").run()
    assert "Nothing found" in words(app)
    app.text_input(key="memory_search").input("time left").run()
    app.button(key=key(app, "unit_sure_")).click().run()
    assert "Nos queda muy poco tiempo" not in words(app)
    with home.desk() as desk:
        assert desk.memory.count() == 0


def test_it_speaks_spanish(open_home: OpenHome) -> None:
    app = opened(open_home(lines=1), "glossary", locale="es")
    assert app.title[0].value == "Glosario y memoria" and "Todavía no hay términos" in words(app)


def test_names_that_came_later_let_the_video_be_heard_again(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    with home.workspace() as workspace:
        project = workspace.storage.projects.get(home.project.id)
        workspace.storage.projects.update(project.id, settings={**project.settings, "transcript_key": "k"})
    with home.desk() as desk:
        desk.terms.save_term(home.project.id, "en", "es", "Winterfell")
    app = opened(home, "glossary", "pablo")
    assert "A name is new since the video was heard: Winterfell" in words(app)
    button(app, "Hear it again with them").click().run()
    assert not app.exception and not app.error and "is heard again" in words(app)
    with home.desk() as desk:
        assert [job.kind for job in desk.jobs.active(home.project.id)] == ["dub"]
        assert desk.terms.new_names(home.project.id) == []
    assert "A name is new" not in words(opened(home, "glossary", "pablo"))
