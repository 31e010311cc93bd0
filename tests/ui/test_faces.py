"""The faces page: who is whose face, when they are on camera, which lines are lip-synced and why others are not."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from dubbing.derived import Derived
from dubbing.domain.workspace import FaceView, LineQuery
from tests.ui.factory import Home
from tests.ui.opened import opened, words
from ui.widgets.face_plan import face_rows, note_words, reason_counts, total_words
from ui.widgets.line_lists import all_lines
from ui.widgets.timeline import Look

OpenHome = Callable[..., Home]


def seen(home: Home) -> None:
    """Two faces as the tracker leaves them: Marta's throughout, and one that nobody was linked to, small."""
    derived = Derived(home.settings.home, home.project.id)
    derived.faces.parent.mkdir(parents=True, exist_ok=True)
    people = [{"id": "f1", "speaker": "SPEAKER_00", "seen": [[0, 12_000]], "height_share": 0.3, "turned": 0.1,
               "tracks": [1]},
              {"id": "f2", "speaker": "", "seen": [[3_000, 9_000]], "height_share": 0.05, "turned": 0.9,
               "tracks": [2]}]
    derived.faces.write_text(json.dumps({"people": people, "on_camera": {"SPEAKER_00": [[0, 12_000]]}}))


def test_faces_are_shown_with_speaker_times_and_what_is_hard_about_them(open_home: OpenHome) -> None:
    home = open_home(lines=6)
    seen(home)
    said = words(opened(home, "faces"))
    assert "**Marta**" in said and "**Face 2**" in said
    assert "12 s in the picture, 7 s speaking" in said and "6 s in the picture, 0 s speaking" in said
    assert "Small in the picture" in said and "Turned away" in said
    assert "0:03.0 – 0:09.0" in said, "the timeline is there as a table, too"


def test_a_face_is_given_to_a_speaker_by_those_who_may(open_home: OpenHome) -> None:
    home = open_home(lines=6)
    seen(home)
    assert all(one.disabled for one in opened(home, "faces", "clara").selectbox)
    app = opened(home, "faces", "rita")
    app.selectbox[1].select("SPEAKER_01").run()
    assert not app.error and not app.exception
    with home.desk() as desk:
        assert {one.id: one.speaker for one in desk.faces.all(home.project.id)} == {
            "f1": "SPEAKER_00", "f2": "SPEAKER_01"}
    assert "Linked by a person" in words(app)


def test_every_line_says_whether_its_mouth_is_repainted_and_why_not(open_home: OpenHome) -> None:
    home = open_home(lines=6)
    seen(home)
    with home.desk() as desk:
        first = desk.lines.get(home.project.id, "es", "u0001")
        assert first.line.translation is not None
        desk.lines.save(home.project.id, "es", "u0001", on_camera=False,
                        seen_revision=first.line.utterance.revision,
                        seen_translation=first.line.translation.revision)
    app = opened(home, "faces")
    said = words(app)
    assert "2 lines lip-synced" in said and "3 × no face belongs to the speaker" in said
    assert "1 × marked off camera by a person" in said and "line=u0004" in said
    app.get("button_group")[0].set_value("painted").run()
    shown = words(app)
    assert "line=u0002" in shown and "line=u0004" not in shown


def test_before_anybody_was_seen_it_says_what_to_do(open_home: OpenHome) -> None:
    home = open_home(lines=3)
    app = opened(home, "faces")
    assert "No faces yet" in words(app)
    app.button(key="prepare").click().run()
    with home.desk() as desk:
        assert [job.kind for job in desk.jobs.active(home.project.id)] == ["prepare"]
    assert "no worker is running" in words(app)


def test_long_lists_come_in_pages(open_home: OpenHome) -> None:
    app = opened(open_home(lines=120), "faces")
    assert "line=u0050" in words(app) and "line=u0051" not in words(app)
    app.get("pagination")[0].set_value(3).run()
    assert "line=u0120" in words(app)


def test_all_lines_are_read_whatever_a_page_holds(open_home: OpenHome, monkeypatch: pytest.MonkeyPatch) -> None:
    home = open_home(lines=7)
    monkeypatch.setattr("ui.widgets.line_lists._PAGE", 3)
    with home.desk() as desk:
        monkeypatch.setattr("ui.widgets.line_lists.desk", lambda: desk)
        found = all_lines(home.project.id, "es")
        assert all_lines(home.project.id, "es", LineQuery(search="no such text")) == []
    assert [one.line.utterance.id for one in found] == [f"u{n:04d}" for n in range(1, 8)]


def test_rows_of_the_timeline_and_words() -> None:
    face = FaceView("f", None, ((0, 1000), (2000, 4000)), ((500, 900),), False, 0.2)
    [row] = face_rows([face], {})
    assert row.label == "Face 1"
    assert [(span.start_ms, span.look) for span in row.spans] == [
        (0, Look.THIN), (2000, Look.THIN), (500, Look.SOLID)]
    assert total_words(face.seen) == "3 s" and note_words("turned").startswith("Turned")
    assert reason_counts([], {}) == []
