"""The list of projects: filters, rights, archive, delete and undo, jobs that fail and workers that are not there."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from dubbing.domain.project import JobProgress
from tests.ui.factory import Home
from tests.ui.opened import words

OpenHome = Callable[..., Home]


def html(app: AppTest) -> str:
    return "\n".join(str(one.proto.body) for one in app.get("html"))


def names(app: AppTest) -> list[str]:
    """The projects that are shown, in order."""
    return [one.proto.label for one in app.main.get("page_link") if one.proto.page == "review"]


def test_a_card_tells_progress_in_words_and_numbers(open_home: OpenHome) -> None:
    home = open_home(lines=12, targets=("es", "de"))
    app = home.app("ada").run()
    assert not app.exception
    body = html(app)
    assert "Progress of Harbour by language" in body and "12 of 12 lines" in body and "4 of 12 lines" in body
    assert "Spanish" in body and "German" in body and "⟳ 1" in body
    assert "Clara Schumann (client)" in words(app)


def test_people_see_their_own_projects(open_home: OpenHome) -> None:
    home = open_home(names=("Harbour", "Second"))
    assert set(names(home.app("pablo").run())) == {"Harbour", "Second"}
    assert names(home.app("tomas").run()) == ["Harbour"]


def test_search_and_sort(open_home: OpenHome) -> None:
    home = open_home(names=("Harbour", "alpha", "Zulu"), lines=2)
    app = home.app("ada").run()
    app.selectbox(key="sort").select("name").run()
    assert names(app) == ["alpha", "Harbour", "Zulu"]
    app.text_input(key="q").set_value("zu").run()
    assert names(app) == ["Zulu"]
    app.text_input(key="q").set_value("nothing like it").run()
    assert names(app) == [] and "No project answers" in words(app)


def test_archive_and_undo(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    with home.desk("pablo") as desk:
        desk.projects.archive(home.project.id)
    app = home.app("pablo").run()
    assert names(app) == [] and "No projects yet" in words(app)
    app.session_state["projects_undo"] = ("archive", home.project.id, "Harbour")
    app.run()
    app.button(key="undo").click().run()
    assert names(app) == ["Harbour"] and not app.exception


def test_a_deleted_project_can_be_taken_back(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    with home.desk("pablo") as desk:
        desk.projects.delete(home.project.id)
    app = home.app("pablo").run()
    assert names(app) == []
    app.button_group(key="view").set_value("deleted").run()
    assert "Harbour" in words(app)
    app.button(key=f"restore_{home.project.id}").click().run()
    app.button_group(key="view").set_value("live").run()
    assert names(app) == ["Harbour"] and not app.exception


def test_no_worker_is_said(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    assert "No worker is running" in home.app("ada").run().warning[0].value
    with home.workspace() as workspace:
        workspace.storage.workers.seen("w", host="here", pid=1)
    assert not home.app("ada").run().warning


def test_a_running_job_shows_its_stage(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    with home.workspace() as workspace:
        jobs = workspace.storage.jobs
        job = jobs.enqueue("dub", {}, project_id=home.project.id)
        assert jobs.claim("w", 600) is not None
        jobs.heartbeat(job.id, "w", 600, JobProgress("translate:es", 1, 4, "line", "", 90.0))
    app = home.app("ada").run()
    assert not app.exception
    (bar,) = app.get("progress")
    assert bar.proto.value == 25 and "Translating · Spanish · 25%" in bar.proto.text


def test_a_failed_job_says_why_and_can_be_tried_again_by_those_who_may(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    with home.workspace() as workspace:
        jobs = workspace.storage.jobs
        job = jobs.enqueue("dub", {}, project_id=home.project.id, max_attempts=1)
        jobs.claim("w", 600)
        jobs.fail(job.id, "w", "There is no voice for German.", "Choose another synthesizer.")
    client = home.app("clara").run()
    assert "no voice for German" in client.error[0].value and client.button(key=f"retry_{job.id}").disabled
    app = home.app("tomas").run()
    app.button(key=f"retry_{job.id}").click().run()
    assert not app.error and not app.exception
    with home.workspace() as workspace:
        assert workspace.storage.jobs.get(job.id).status.value == "queued"


def test_nobody_but_managers_and_administrators_may_begin(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    assert "new_project" in {one.proto.page for one in home.app("pablo").run().main.get("page_link")}
    app = home.app("rita", page="new_project").run()
    assert "Projects are made by project managers" in words(app) and not app.exception
