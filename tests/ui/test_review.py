"""The review page: what the component is given, what its actions do, and for whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dubbing.domain.review import Layer, ReviewState
from dubbing.domain.workspace import LineView
from dubbing.storage.tables import TranslationRow, UtteranceRow
from tests.ui.factory import Home
from tests.ui.opened import button, opened, words
from ui.components.review import FOLDER, MODULES, script

OpenHome = Callable[..., Home]

_ACT = """
import json
import streamlit as st
from ui.session import desk, open_project
from ui.widgets.review_actions import do_all
from ui.widgets.review_bench import PAGE, bench
from ui.widgets.review_data import component_data

card, language = open_project()
held = bench(card, language)
for actions in st.session_state["steps"]:
    page = desk().lines.page(card.id, language, held.query, offset=held.offset, limit=PAGE)
    held.shown, held.total, held.all_lines = page.lines, page.total, page.all_lines
    do_all(card, held, actions)
page = desk().lines.page(card.id, language, held.query, offset=held.offset, limit=PAGE)
st.session_state["data"] = json.dumps(component_data(card, held, page))
"""


def acted(home: Home, *steps: list[dict[str, Any]], login: str = "ada") -> dict[str, Any]:
    """What the component is given after it has asked for ``steps``, each a list of actions of one run."""
    app = AppTest.from_string(_ACT, default_timeout=20.0)
    app.session_state["session_token"] = home.token(login)
    app.session_state["locale"] = "en"
    app.session_state["steps"] = list(steps)
    app.query_params["project"] = home.project.id
    app.run()
    assert not app.exception
    return dict(json.loads(app.session_state["data"]))


def save(line: str, seen: tuple[int, int] = (1, 1), action: str = "a1", **fields: Any) -> dict[str, Any]:
    return {"id": action, "kind": "save", "line": line, "fields": fields, "seen": list(seen)}


def view(home: Home, line: str) -> LineView:
    with home.desk() as desk:
        return desk.lines.get(home.project.id, "es", line)


def ids(data: dict[str, Any]) -> list[str]:
    return [line["id"] for line in data["lines"]]


def line_of(data: dict[str, Any], line: str) -> dict[str, Any]:
    return next(one for one in data["lines"] if one["id"] == line)


# the page -------------------------------------------------------------------------------------------------------------


def test_the_page_opens_with_its_tools_and_the_selected_lines_takes(open_home: OpenHome) -> None:
    app = opened(open_home(), "review")
    shown = words(app)
    assert "1–12 of 12" in shown and "Line 1" in shown and "In the dub" in shown
    assert not app.error


@pytest.mark.parametrize(("name", "expected"), [("memory", "The memory knows nothing"), ("comments", "shorter"),
                                                ("history", "Nothing has been changed")])
def test_the_other_panels_belong_to_the_line_too(open_home: OpenHome, name: str, expected: str) -> None:
    app = opened(open_home(), "review")
    app.session_state["review_panel_0"] = name
    app.run()
    assert not app.exception and expected in words(app)


def test_a_text_against_the_glossary_is_seen_beside_its_takes(open_home: OpenHome) -> None:
    home = open_home()
    with home.desk("ada") as desk:
        shown = desk.lines.page(home.project.id, "es").lines[0]
        assert shown.line.translation is not None
        word = shown.line.translation.text.split()[0].strip("¡¿,.!?")
        desk.terms.save_forbidden(home.project.id, "es", word, "other")
    app = opened(home, "review")
    assert not app.exception and word in words(app) and "other" in words(app)


def test_search_and_filters_narrow_the_lines(open_home: OpenHome) -> None:
    app = opened(open_home(), "review")
    app.text_input(key="review_search_0").set_value("puertas").run()
    assert "1–1 of 1 (all: 12)" in words(app)
    app.text_input(key="review_search_0").set_value("nobody says this").run()
    assert "0 of 12" in words(app) and not app.exception


def test_a_sent_link_opens_its_line_on_its_page(open_home: OpenHome) -> None:
    app = opened(open_home(lines=130), "review", line="u0120")
    assert "Line 120" in words(app) and "101–130 of 130" in words(app)


def test_a_page_of_another_language_speaks_it(open_home: OpenHome) -> None:
    shown = words(opened(open_home(), "review", locale="es"))
    assert "Línea 1" in shown and "1–12 de 12" in shown


def test_a_comment_is_written_answered_and_settled(open_home: OpenHome) -> None:
    home = open_home()
    app = opened(home, "review")
    app.session_state["review_panel_0"] = "comments"
    app.run()
    app.text_area(key="comment_text_u0001").set_value("Softer, please.")
    app.multiselect(key="comment_who_u0001").set_value(["rita"])
    app.button(key="comment_send_u0001").click().run()
    with home.desk() as desk:
        newest = desk.comments.all(home.project.id, utterance_id="u0001")[-1]
    assert (newest.text, newest.mentions, newest.language) == ("@rita Softer, please.", ("rita",), "es")
    app.button(key=f"resolve_{newest.id}").click().run()
    assert not app.exception and "Softer, please." not in words(app)


def test_all_lines_are_approved_at_once_but_not_what_is_stale_or_missing(open_home: OpenHome) -> None:
    home = open_home()
    with home.desk() as desk:
        old = desk.lines.get(home.project.id, "es", "u0003").line
        assert old.translation is not None
        desk.lines.save(home.project.id, "es", "u0003", target_text="Dicho de otro modo.",
                        seen_translation=old.translation.revision)
        before = desk.lines.page(home.project.id, "es").lines
    app = opened(home, "review")
    app.segmented_control(key="review_all_layer").set_value(Layer.DUB).run()
    button(app, "Approve all").click().run()
    assert not app.exception and not app.error
    for old in before:
        new = view(home, old.line.utterance.id)
        ready = old.line.take is not None and not old.line.take_is_stale
        assert (new.line.states.get(Layer.DUB) is ReviewState.APPROVED) is ready
        assert new.line.states.get(Layer.TRANSLATION) == old.line.states.get(Layer.TRANSLATION)
    assert any(old.line.take is None or old.line.take_is_stale for old in before)


# what the component is given ------------------------------------------------------------------------------------------


def test_lines_come_with_fit_states_moves_and_numbers_that_stay(open_home: OpenHome) -> None:
    data = acted(open_home())
    first, third = data["lines"][0], data["lines"][2]
    assert (first["n"], first["states"]["translation"], first["comments"]) == ("1", "approved", 1)
    assert first["moves"]["translation"] == ["changes_requested", "needs_review", "locked"]
    assert third["fit"] == {"word": "amber", "tempo": 1.24, "predicted": False}
    assert third["moves"]["dub"] == ["approved", "needs_review"], "an administrator may pass the handing in"
    assert not first["has_previous"] and first["has_next"] and not data["lines"][-1]["has_next"]
    assert set(first["can"].values()) == {""}
    assert data["paces"].keys() == {"SPEAKER_00", "SPEAKER_01"}
    assert "syllable_pattern" not in data["paces"]["SPEAKER_00"], "what all voices share is given once"


def test_a_client_may_approve_but_is_told_why_nothing_else(open_home: OpenHome) -> None:
    home = open_home()
    data = acted(home, [save("u0002", target="Mine."), {"id": "a2", "kind": "split", "line": "u0002", "revision": 1,
                                                        "side": "source", "at": 7}], login="clara")
    line = line_of(data, "u0002")
    assert all(line["can"][deed] for deed in ("source", "target", "take", "structure", "insert", "camera"))
    assert line["moves"]["translation"] == ["approved", "changes_requested"]
    assert not data["results"]["a1"]["ok"] and "may not" in data["results"]["a1"]["message"]
    assert not data["results"]["a2"]["ok"] and line["target"] != "Mine."
    moved = acted(home, [{"id": "a3", "kind": "move", "line": "u0002", "layer": "translation", "to": "approved"}],
                  login="clara")
    assert moved["results"]["a3"]["ok"]
    assert view(home, "u0002").line.states[Layer.TRANSLATION] is ReviewState.APPROVED


def test_a_locked_layer_says_so(open_home: OpenHome) -> None:
    data = acted(open_home(), [{"id": "a1", "kind": "move", "line": "u0001", "layer": "translation", "to": "locked"}])
    line = line_of(data, "u0001")
    assert "Locked" in line["can"]["target"] and "Locked" in line["can"]["structure"] and not line["can"]["source"]


# actions --------------------------------------------------------------------------------------------------------------


def test_a_save_is_done_once_however_often_it_is_asked(open_home: OpenHome) -> None:
    home = open_home()
    asked = save("u0001", target="Buenas.", start=400)
    data = acted(home, [asked], [asked])
    assert data["results"]["a1"] == {"ok": True, "seen": [2, 2]}
    line = line_of(data, "u0001")
    assert (line["target"], line["start"], line["revision"], line["translation_revision"]) == ("Buenas.", 400, 2, 2)
    assert line["stale_take"] and line["fit"]["predicted"]


def test_who_saves_second_is_given_both_texts(open_home: OpenHome) -> None:
    home = open_home()
    acted(home, [save("u0001", target="First.")], login="tomas")
    data = acted(home, [save("u0001", target="Second.")])
    assert data["results"]["a1"]["conflict"]["target"] == "First."
    assert data["results"]["a1"]["conflict"]["translation_revision"] == 2
    assert view(home, "u0001").line.translation.text == "First."


def test_cutting_goes_on_from_the_save_before_it(open_home: OpenHome) -> None:
    home = open_home()
    data = acted(home, [save("u0002", source="We have little time left."),
                        {"id": "a2", "kind": "split", "line": "u0002", "revision": 1, "after": "a1", "side": "source",
                         "at": 8}])
    second = data["results"]["a2"]["select"]
    assert [line_of(data, one)["source"] for one in ("u0002", second)] == ["We have", "little time left."]
    back = acted(home, [{"id": "a3", "kind": "merge", "line": second, "step": -1,
                         "revision": line_of(data, second)["revision"]}])
    assert back["results"]["a3"]["select"] == "u0002" and len(back["lines"]) == 12
    assert line_of(back, "u0002")["source"] == "We have little time left."


def test_nothing_is_cut_when_the_text_could_not_be_saved(open_home: OpenHome) -> None:
    home = open_home()
    acted(home, [save("u0002", target="Somebody else's.")], login="tomas")
    data = acted(home, [save("u0002", target="Mine."),
                        {"id": "a2", "kind": "merge", "line": "u0002", "revision": 1, "after": "a1", "step": 1}])
    assert not data["results"]["a2"]["ok"] and len(data["lines"]) == 12


def test_a_line_is_inserted_at_the_playhead_deleted_and_brought_back(open_home: OpenHome) -> None:
    home = open_home()
    data = acted(home, [{"id": "a1", "kind": "insert", "line": "u0003", "at": 9000}])
    made = data["results"]["a1"]["select"]
    line = line_of(data, made)
    assert 9000 <= line["start"] < line["end"] <= 9500 and line["speaker"] == line_of(data, "u0003")["speaker"]
    gone = acted(home, [{"id": "a2", "kind": "delete", "line": made, "revision": 1}])
    assert made not in ids(gone)
    assert made in ids(acted(home, [gone["results"]["a2"]["undo"] | {"id": "a3"}]))


def test_a_take_is_asked_for_once_and_shows_on_its_line(open_home: OpenHome) -> None:
    home = open_home()
    data = acted(home, [{"id": "a1", "kind": "take", "line": "u0002", "revision": 1}])
    assert data["results"]["a1"]["ok"]
    assert line_of(data, "u0002")["job"] == {"over": False, "share": None, "error": ""}
    with home.desk() as desk:
        (job,) = desk.jobs.active(home.project.id)
    assert job.payload["utterance_id"] == "u0002"


def test_the_memory_answers_to_a_key(open_home: OpenHome) -> None:
    home = open_home(lines=20)
    done = [{"id": "a1", "kind": "move", "line": "u0003", "layer": "translation", "to": "approved"},
            save("u0011", seen=(2, 1), action="a2", target="Otra cosa.")]
    acted(home, done)
    data = acted(home, [{"id": "a3", "kind": "memory", "line": "u0011", "index": 0},
                        {"id": "a4", "kind": "memory", "line": "u0011", "index": 2}])
    assert data["results"]["a3"]["ok"] and line_of(data, "u0011")["target"] == "Quién le contó esa historia."
    assert "number 3" in data["results"]["a4"]["message"]


def test_what_nobody_knows_and_what_breaks_is_answered_too(open_home: OpenHome) -> None:
    data = acted(open_home(), [{"id": "a1", "kind": "dance"}, {"id": "a2", "kind": "delete", "line": "u0001"}])
    assert not data["results"]["a1"]["ok"] and not data["results"]["a2"]["ok"], "else they were sent for ever"


# the component's script ----------------------------------------------------------------------------------------------


def test_every_module_is_in_the_script_and_none_is_long() -> None:
    assert {path.stem for path in FOLDER.glob("*.js")} == set(MODULES)
    assert all(len(path.read_text().splitlines()) <= 350 for path in FOLDER.glob("*.js"))
    assert "import {" not in script() and script().count("export ") == 1
    assert "innerHTML" not in script(), "texts of people are never read as HTML"


def test_every_text_that_the_script_says_is_in_the_catalogue() -> None:
    import re

    from ui.text import texts

    known = texts("review.js")
    said = set(re.findall(r"\bsay\(\"(\w+)\"", script()))
    assert said and said <= known.keys(), said - known.keys()
    keys = set(re.findall(r"^  \[\"(\w+)\", \[", script(), re.MULTILINE))
    assert keys and {f"key_{name}" for name in keys} <= known.keys()


def weighed(home: Home) -> None:
    """Line 1 has three wordings from when a machine translated it, and words that were heard with doubt."""
    told = [{"text": text, "engine": engine, "how": how, "tempo": tempo, "fit": fit, "meaning": 0.9, "agreement": 0.5,
             "mouth": mouth, "total": 0.5} for text, engine, how, tempo, fit, mouth in (
        ("Buenas noches y gracias.", "transformers", "contraction, fewer words", 1.0, "green", 0.5),
        ("Buenas noches y gracias por venir.", "openai", "", 1.31, "red", None))]
    with home.workspace() as workspace, workspace.storage.database.write() as session:
        session.get_one(TranslationRow, (home.project.id, "u0001", "es")).details = {"candidates": told}
        line = session.get_one(UtteranceRow, (home.project.id, "u0001"))
        line.words = [[word, 600 + 200 * n, 700 + 200 * n, 0.31 if word == "evening" else 0.9]
                      for n, word in enumerate(line.text.split())]


def test_another_wording_of_the_machine_is_taken(open_home: OpenHome) -> None:
    home = open_home(lines=3)
    app = opened(home, "review", "tomas", panel="alternatives")
    assert "No other wordings" in words(app)
    weighed(home)
    with home.desk() as desk:
        desk.lines.save(home.project.id, "es", "u0001", target_text="Buenas noches y gracias por venir.")
    app = opened(home, "review", "tomas", panel="alternatives")
    said = words(app)
    for shown in ("takes 100% of the time", "lips 50%", "contracted", "fewer words", "neural translator",
                  "language model"):
        assert shown in said, shown
    button(app, "Use this wording").click().run()
    assert not app.exception and not app.error
    now = view(home, "u0001").line.translation
    assert now is not None and (now.text, now.edited_by_person) == ("Buenas noches y gracias.", True)


def test_words_that_were_heard_with_doubt_are_told(open_home: OpenHome) -> None:
    home = open_home(lines=3)
    weighed(home)
    data = acted(home)
    assert data["lines"][0]["doubts"] == [["evening", 0.31]] and data["lines"][1]["doubts"] == []
    assert data["texts"]["doubts"]
    changed = acted(home, [save("u0001", source="Good morning and thank you for coming.")])
    assert changed["lines"][0]["doubts"] == [], "the word is not in the text any more"
