"""The activity page: history with filters, restoring, and comments with answers and verdicts."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from tests.ui.factory import Home
from tests.ui.opened import opened, words

OpenHome = Callable[..., Home]


def edited(home: Home) -> None:
    """tomas changes a translation, rita a transcript and the times of another line."""
    for login, line, change in (("tomas", "u0002", {"target_text": "Nos queda muy poco tiempo, sí."}),
                                ("rita", "u0003", {"source_text": "Who told you this story."}),
                                ("rita", "u0003", {"start_ms": 6_600})):
        with home.desk(login) as desk:
            view = desk.lines.get(home.project.id, "es", line)
            assert view.line.translation is not None
            desk.lines.save(home.project.id, "es", line, seen_revision=view.line.utterance.revision,
                            seen_translation=view.line.translation.revision, **change)


def sentences(app: AppTest) -> list[str]:
    """What the entries say, without links and times."""
    said = words(app)
    return [part for part in ("changed the translation of", "changed the transcript of", "moved", "created the project")
            if part in said]


def test_edits_are_told_with_who_when_and_the_words_that_changed(open_home: OpenHome) -> None:
    home = open_home(lines=3)
    edited(home)
    app = opened(home, "activity")
    said = words(app)
    assert sentences(app) == ["changed the translation of", "changed the transcript of", "moved",
                              "created the project"]
    assert "Tomás Vega" in said and "Rita Levi" in said and "Today" in said
    assert "<del" in said and "that</del>" in said and "this</ins>" in said
    assert "0:06.500" in said and "0:06.600" in said and "line=u0003" in said


def test_filters_show_what_a_person_did_to_a_line(open_home: OpenHome) -> None:
    home = open_home(lines=3)
    edited(home)
    app = opened(home, "activity")
    app.selectbox(key="activity_person").select("rita").run()
    assert sentences(app) == ["changed the transcript of", "moved"]
    app.selectbox(key="activity_kind").select("translation").run()
    assert "No entry matches" in words(app)
    next(one for one in app.button if one.label == "Clear filters").click().run()
    assert len(sentences(app)) == 4
    app.text_input(key="activity_line").input("2").run()
    assert sentences(app) == ["changed the translation of"]
    assert sentences(opened(home, "activity", line="u0003")) == ["changed the transcript of", "moved"]


def test_what_stood_there_before_is_put_back_after_a_question(open_home: OpenHome) -> None:
    home = open_home(lines=3)
    edited(home)
    app = opened(home, "activity", line="u0002")
    next(one for one in app.button if one.key.startswith("restore_")).click().run()
    assert app.radio and "new entry of the history" in words(app)
    app.button(key="restore_do").click().run()
    assert not app.exception and not app.error
    with home.desk() as desk:
        view = desk.lines.get(home.project.id, "es", "u0002")
    assert view.line.translation is not None and view.line.translation.text == "Nos queda muy poco tiempo."
    assert words(app).count("changed the translation of") == 2


def test_who_may_not_edit_a_layer_may_not_restore_it(open_home: OpenHome) -> None:
    home = open_home(lines=3)
    edited(home)
    app = opened(home, "activity", "clara")
    restoring = [one for one in app.button if (one.key or "").startswith("restore_")]
    assert restoring and all(one.disabled for one in restoring)


def test_a_long_history_shows_more_on_demand(open_home: OpenHome) -> None:
    home = open_home(lines=3)
    with home.workspace() as workspace:
        for n in range(110):
            workspace.storage.speakers.save(home.project.id, "SPEAKER_00", name=f"Name {n}", actor=f"p{n}")
    app = opened(home, "activity")
    assert "Name 0" not in words(app)
    next(one for one in app.button if one.label == "Show older entries").click().run()
    assert "Name 0" in words(app)


def test_comments_are_written_answered_and_settled(open_home: OpenHome) -> None:
    home = open_home(lines=3)
    app = opened(home, "activity", "rita")
    app.text_area[0].input("Is this the right @tomas word?")
    next(one for one in app.text_input if one.label == "Line or moment").input("3")
    next(one for one in app.button if one.label == "Comment").click().run()
    assert not app.error and "<strong>@tomas</strong>" in words(app)
    with home.desk("tomas") as desk:
        [asked] = [one for one in desk.comments.mentions_of_me() if one.utterance_id == "u0003"]
    app = opened(home, "activity", "tomas")
    app.text_area(key=f"answer_text_{asked.id}").input("It is.")
    app.button(key=f"answer_send_{asked.id}").click().run()
    assert "It is." in words(app)
    app.button(key=f"resolve_{asked.id}").click().run()
    assert "It is." not in words(app)
    app.toggle(key="comments_open").set_value(False).run()
    assert "It is." in words(app) and "Resolved by Tomás Vega" in words(app)


def test_a_comment_about_nothing_known_is_told_how_to_say_it(open_home: OpenHome) -> None:
    home = open_home(lines=3)
    app = opened(home, "activity", "clara")
    app.text_area[0].input("Too fast")
    next(one for one in app.text_input if one.label == "Line or moment").input("soon")
    next(one for one in app.button if one.label == "Comment").click().run()
    assert "neither a line nor a time" in words(app)


def test_ones_own_comment_is_edited_and_nobody_elses(open_home: OpenHome) -> None:
    home = open_home(lines=3)
    app = opened(home, "activity", "clara")
    saves = [one for one in app.button if (one.key or "").startswith("save_")]
    assert len(saves) == 2
    app.text_area(key=saves[0].key.replace("save_", "text_")).input("Rather longer?")
    app.button(key=saves[0].key).click().run()
    assert "Rather longer?" in words(app) and "edited" in words(app)
    assert not [one for one in opened(home, "activity", "rita").button if (one.key or "").startswith("save_")]
