"""The history in words and word by word, without a page."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubbing.domain.project import Edit
from dubbing.domain.workspace import Comment
from ui.widgets.comment_threads import mentions_marked, place_of, threads
from ui.widgets.edits import by_day, can_restore, field_changes, line_of, run_sentence, sentence, sides, verb
from ui.widgets.word_diff import Change, Piece, diff_html, word_diff

AT = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def edit(entity: str = "translation", before: dict[str, Any] | None = None, after: dict[str, Any] | None = None, *,
         entity_id: str = "u0004", language: str = "", actor: str = "rita", number: int = 0) -> Edit:
    return Edit(id=f"e{number:04d}", project_id="p", entity=entity, entity_id=entity_id, language=language,
                actor=actor, at=AT - timedelta(minutes=number), before=before, after=after)


def test_a_changed_word_is_one_change_and_the_rest_stays() -> None:
    assert word_diff("Go and eat something.", "Go and drink something.") == [
        Piece(Change.SAME, "Go and "), Piece(Change.REMOVED, "eat"), Piece(Change.ADDED, "drink"),
        Piece(Change.SAME, " something.")]


def test_neighbouring_words_change_together_and_signs_of_chinese_one_by_one() -> None:
    assert word_diff("a lot of time", "very much time") == [
        Piece(Change.REMOVED, "a lot of"), Piece(Change.ADDED, "very much"), Piece(Change.SAME, " time")]
    assert [piece.text for piece in word_diff("今日は良い天気", "今日は悪い天気")] == ["今日は", "良", "悪", "い天気"]


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_difference_holds_both_texts_whole(before: str, after: str) -> None:
    pieces = word_diff(before, after)
    assert "".join(piece.text for piece in pieces if piece.change is not Change.ADDED) == before
    assert "".join(piece.text for piece in pieces if piece.change is not Change.REMOVED) == after


def test_differences_are_safe_html_and_are_heard() -> None:
    shown = diff_html("<b>one</b>", "<b>two</b>")
    assert "<b>" not in shown and "&lt;" in shown
    assert shown.index("<del") < shown.index("[removed]") < shown.index("<ins") < shown.index("[added]")


@pytest.mark.parametrize(("one", "said"), [
    (edit("utterance", None, {"text": "a"}), "added line 4"),
    (edit("utterance", {"deleted": False}, {"deleted": True}), "deleted line 4"),
    (edit("utterance", {"deleted": True}, {"deleted": False}), "brought line 4 back"),
    (edit("utterance", {"text": "a", "revision": 1}, {"text": "b", "revision": 2}),
     "changed the transcript of line 4"),
    (edit("utterance", {"start_ms": 1, "end_ms": 2, "revision": 1}, {"start_ms": 3, "end_ms": 4, "revision": 2}),
     "moved line 4 in time"),
    (edit("utterance", {"text": "a", "speaker": "S1"}, {"text": "b", "speaker": "S2"}), "changed line 4"),
    (edit("translation", None, {"text": "a"}), "wrote the translation of line 4"),
    (edit("translation", {"source_revision": 1}, {"source_revision": 2}),
     "confirmed that the translation of line 4 fits its source"),
    (edit("review", {"dub": "draft"}, {"dub": "approved"}), "marked the dub of line 4"),
    (edit("take", {"take": None}, {"take": "t1", "voice": "v", "engine": "kokoro"}), "chose a take for line 4"),
    (edit("speaker", {"voice": None}, {"voice": ["kokoro", "v"]}, entity_id="S1"), "chose a voice for speaker S1"),
    (edit("project", {"archived_at": False}, {"archived_at": True}, entity_id="p"), "archived the project"),
    (edit("project", {"deleted_at": True}, {"deleted_at": False}, entity_id="p"), "brought the project back"),
    (edit("speaker", {"merged_into": ""}, {"merged_into": "S2"}, entity_id="S1"), "merged speaker S1 into another"),
    (edit("speaker", None, {"name": "S3", "split_from": "S1"}, entity_id="S3"),
     "split some lines off to speaker S3"),
    (edit("speaker", {"consent": None}, {"consent": "c"}, entity_id="S1"), "linked a consent to speaker S1"),
    (edit("speaker", {"consent": "c"}, {"consent": None}, entity_id="S1"), "unlinked a consent from speaker S1"),
    (edit("speaker", {"consent_revoked": False}, {"consent_revoked": True}, entity_id="S1"),
     "revoked a consent of speaker S1"),
    (edit("member", None, {"login": "rita", "role": "reviewer"}, entity_id="01x"), "gave rita a role in the project"),
    (edit("wonder", {"x": 1}, {"x": 2}, entity_id="w1"), "changed wonder w1"),
])
def test_an_entry_is_told_as_a_sentence(one: Edit, said: str) -> None:
    assert sentence(one) == said


def test_speakers_are_called_by_their_names_of_today() -> None:
    one = edit("speaker", {"merged_into": ""}, {"merged_into": "S2"}, entity_id="S1")
    assert sentence(one, {"S1": "Ana"}) == "merged speaker Ana into another"
    assert [(change.before, change.after) for change in field_changes(one, {"S2": "Marcos"})] == [("", "Marcos")]


def test_fields_are_worded_and_counters_left_out() -> None:
    one = edit("utterance", {"text": "a b", "speaker": "S1", "start_ms": 1500, "on_camera": None, "revision": 1},
               {"text": "a c", "speaker": "S2", "start_ms": 61_250, "on_camera": False, "revision": 2})
    told = {change.label: (change.before, change.after, change.is_text)
            for change in field_changes(one, {"S1": "Ana", "S2": "Marcos"})}
    assert told == {"Text": ("a b", "a c", True), "Speaker": ("Ana", "Marcos", False),
                    "Start": ("0:01.500", "1:01.250", False),
                    "Camera": ("as the face tracker sees it", "off camera", False)}


def test_of_a_projects_settings_only_what_differs_is_told() -> None:
    one = edit("project", {"settings": {"options": {"lipsync": "auto", "source": "es"}}, "targets": ["en"]},
               {"settings": {"options": {"lipsync": "off", "source": "es"}}, "targets": ["en", "de"]})
    assert [(change.label, change.before, change.after) for change in field_changes(one, {})] == [
        ("Lip-sync engine", "auto", "off"), ("Target languages", "English", "English, German")]


def test_what_can_be_put_back() -> None:
    assert sides(edit("translation", {"text": "a"}, {"text": "b"})) == ("before", "after")
    assert sides(edit("utterance", None, {"text": "b"})) == ("after",)
    assert not can_restore(edit("take", None, {"take": "t"})) and not can_restore(edit("export", {"a": 1}, {"a": 2}))
    assert line_of(edit("speaker", entity_id="S1")) == "" and line_of(edit("take")) == "u0004"


def test_long_runs_of_the_same_are_told_as_one_and_days_are_kept_apart() -> None:
    machine = [edit("utterance", None, {"text": "a"}, actor="", entity_id=f"u{n:04d}", number=n) for n in range(1, 8)]
    edits = [edit("translation", {"text": "a"}, {"text": "b"}), *machine]
    day = {one.id: date(2026, 3, 4) for one in edits} | {machine[-1].id: date(2026, 3, 3)}
    days = by_day(edits, day)
    assert [(told, [len(run) for run in runs]) for told, runs in days] == [
        (date(2026, 3, 4), [1, 6]), (date(2026, 3, 3), [1])]
    assert run_sentence(days[0][1][1]) == "added 6 lines"
    assert verb(machine[0]) == "created"


def comment(key: str, minutes: int, answers: str | None = None) -> Comment:
    return Comment(key, "p", "en", "u0001", None, answers, "rita", "text", (), AT + timedelta(minutes=minutes), None,
                   None, "")


def test_answers_stand_below_their_comment_and_the_newest_talk_first() -> None:
    told = threads([comment("a", 0), comment("b", 5), comment("a2", 9, "a"), comment("a1", 7, "a"),
                    comment("lost", 1, "gone")])
    assert [(first.id, [one.id for one in answers]) for first, answers in told] == [
        ("b", []), ("lost", []), ("a", ["a1", "a2"])]


def test_mentions_stand_out_and_everything_else_is_shown_as_it_was_typed() -> None:
    assert mentions_marked("@Rita <now>,\na@rita.org @bob", ["rita"]) == \
        "<strong>@Rita</strong> &lt;now&gt;,<br>a@rita.org @bob"


def test_a_comment_is_about_a_line_or_a_moment() -> None:
    assert place_of("U0004") == place_of("4") == ("u0004", None)
    assert place_of("1:02.5") == (None, 62_500)
    assert place_of("") == (None, 0)
    with pytest.raises(ValueError):
        place_of("soon")
