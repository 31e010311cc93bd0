"""A new project: what is asked for before it can be made, what an import is understood as, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dubbing.domain.project import JobProgress
from tests.media_factory import make
from tests.ui.factory import Home
from tests.ui.opened import words

OpenHome = Callable[..., Home]
TABLE = ("speaker,start,end,transcription,translation\n"
         "Marta,0:00.1,0:00.6,Good evening.,Buenas noches.\nJoaquín,0:00.7,0:01.2,Time is short.,Queda poco.\n")


@pytest.fixture
def home(open_home: OpenHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A workspace with a folder to import from, in which one video lies."""
    folder = tmp_path / "incoming"
    folder.mkdir()
    make(folder, "interview.mp4")
    monkeypatch.setenv("DUBBING_IMPORT_FOLDERS", str(folder))
    return open_home(names=())


def begun(home: Home) -> AppTest:
    """The page with the video of the server chosen."""
    app = home.app("pablo", page="new_project").run()
    app.button_group(key="new_way").set_value("server").run()
    app.selectbox(key="new_server_file").select_index(0).run()
    assert not app.exception
    return app


def finished(home: Home, findings: list[dict[str, object]]) -> None:
    """Let the pre-flight have found ``findings``."""
    with home.workspace() as workspace:
        jobs = workspace.storage.jobs
        job = jobs.claim("w", 600)
        assert job is not None and job.kind == "preflight"
        jobs.heartbeat(job.id, "w", 600, JobProgress("preflight", 1, 6))
        jobs.finish(job.id, "w", {"findings": findings, "media": {"duration_ms": 2000, "video": {
            "height": 720, "width": 1280, "codec": "h264"}, "audio": [{"codec": "aac", "sample_rate": 48000}]}})


def test_the_page_says_what_is_still_missing(home: Home) -> None:
    app = home.app("pablo", page="new_project").run()
    assert app.button(key="new_start").disabled and "Send a video first" in words(app)
    app = begun(home)
    assert app.text_input(key="new_name_interview").value == "interview"
    assert app.button(key="new_start").disabled and "Choose a language to dub into" in words(app)
    app.multiselect(key="new_targets").set_value(["es"]).run()
    assert not app.button(key="new_start").disabled


def test_findings_are_told_before_any_work_and_may_forbid_it(home: Home) -> None:
    app = begun(home)
    finished(home, [{"code": "cuts", "is_blocking": False, "message": "It has many cuts.", "hint": ""}])
    app.multiselect(key="new_targets").set_value(["es"]).run()
    assert "It has many cuts" in words(app) and "1280×720" in words(app)
    assert not app.button(key="new_start").disabled
    other = begun(home)
    finished(home, [{"code": "no_sound", "is_blocking": True, "message": "The video has no sound.", "hint": ""}])
    other.multiselect(key="new_targets").set_value(["es"]).run()
    assert other.button(key="new_start").disabled and "found something that stops the dub" in words(other)


def test_a_table_is_shown_as_understood_and_becomes_the_projects_lines(home: Home) -> None:
    app = begun(home)
    app.multiselect(key="new_targets").set_value(["es"]).run()
    app.file_uploader(key="new_lines").set_value(("lines.csv", TABLE.encode(), "text/csv")).run()
    assert "**2 lines** understood" in words(app) and "Marta, Joaquín" in words(app)
    assert app.button(key="new_create").disabled and "which language the imported lines are in" in words(app)
    app.selectbox(key="new_source").set_value("en").run()
    app.button(key="new_create").click().run()
    assert not app.error and not app.exception
    with home.desk("pablo") as desk:
        (card,) = desk.projects.cards()
        assert (card.name, card.targets, card.progress[0].translated) == ("interview", ("es",), 2)
        assert not [job for job in desk.jobs.active(card.id) if job.kind == "dub"]


def test_a_file_of_lines_that_cannot_be_read_is_told(home: Home) -> None:
    app = begun(home)
    app.file_uploader(key="new_lines").set_value(("lines.csv", b"speaker;nothing else\n", "text/csv")).run()
    assert app.error and not app.exception


def test_started_dubs_wait_for_a_worker(home: Home) -> None:
    app = begun(home)
    app.multiselect(key="new_targets").set_value(["es", "de"]).run()
    app.button(key="new_start").click().run()
    assert not app.exception
    with home.desk("pablo") as desk:
        (card,) = desk.projects.cards()
        assert "dub" in [job.kind for job in desk.jobs.active(card.id)]


def test_a_part_of_a_series_is_one_from_the_start(home: Home) -> None:
    with home.workspace() as workspace:
        part = workspace.storage.projects.create("Part one", "/films/one.mp4", source_sha256="0" * 64,
                                                 media={"duration_ms": 2000}, targets=["es"])
        workspace.storage.series.set(part.id, "The Saga")
    app = begun(home)
    app.multiselect(key="new_targets").set_value(["es"]).run()
    app.selectbox(key="new_series").set_value("The Saga").run()
    app.button(key="new_create").click().run()
    assert not app.exception and not app.error
    with home.desk("pablo") as desk:
        assert [card.name for card in desk.series.projects("The Saga")] == ["interview", "Part one"]
