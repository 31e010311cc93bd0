"""The export page: what is not ready is said before, exports start, history hands files over."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dubbing.domain.project import JobStatus
from dubbing.domain.workspace import ExportCheck
from tests.ui.factory import Home
from tests.ui.opened import button, opened, words
from ui.pages.export import problems
from ui.widgets.presets import GROUPS, group_of, groups, preset_name, preset_words

OpenHome = Callable[..., Home]


def made_export(home: Home, *, is_there: bool = True) -> str:
    """An export of the first project in Spanish, made by pablo."""
    path = home.settings.home / "exports" / "film.es.mp4"
    path.parent.mkdir(exist_ok=True)
    if is_there:
        path.write_bytes(b"film")
    with home.workspace() as workspace:
        lines = workspace.storage.lines.all(home.project.id, "es")
        return workspace.storage.exports.record(
            home.project.id, "es", path, sha256="ab" * 32, preset="mp4", actor="pablo", size_bytes=4_200_000,
            revisions={line.utterance.id: line.translation.revision for line in lines if line.translation},
            details={"notes": ["The last frame is held."]}).id


def test_what_is_not_ready_is_said_with_links_to_the_lines(open_home: OpenHome) -> None:
    app = opened(open_home(), "export")
    said = words(app)
    assert "1 line is stale" in said and "3 lines do not fit" in said and "2 comments are open" in said
    assert "line=u0011" in said and button(app, "Export anyway")


def test_where_only_texts_go_out_takes_do_not_matter(open_home: OpenHome) -> None:
    home = open_home()
    app = opened(home, "export")
    app.get("button_group")[0].set_value("subtitles").run()
    said = words(app)
    assert "do not fit" not in said and "a text changed after" in said
    with home.desk() as desk:
        srt = next(one for one in desk.exports.presets() if one.id == "srt")
    check = ExportCheck("es", 3, ("u0001",), (), ("u0002",), ("u0003",), 0)
    assert [name for name, _, _ in problems(check, srt)] == ["stale"]


def test_an_export_starts_in_every_chosen_language(open_home: OpenHome) -> None:
    home = open_home(lines=2, targets=("es", "de"))
    app = opened(home, "export", "rita")
    next(one for one in app.get("button_group") if (one.key or "").startswith("export_languages")).set_value(
        ["es", "de"]).run()
    app.radio(key="export_preset_video").set_value("mkv").run()
    app.button(key="export_start").click().run()
    assert "2 exports started" in words(app) and "no worker is running" in words(app)
    with home.desk() as desk:
        jobs = desk.jobs.active(home.project.id)
    assert sorted((job.kind, job.payload["language"], job.payload["preset"]) for job in jobs) == [
        ("export", "de", "mkv"), ("export", "es", "mkv")]


def test_an_export_of_texts_is_followed_too(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    with home.desk() as desk:
        job = desk.jobs.export(home.project.id, "es", "srt")
    app = opened(home, "export")
    assert "SRT · Spanish" in words(app) and app.button(key=f"cancel_{job.id}")


def test_a_client_downloads_and_does_not_export(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    made_export(home)
    app = opened(home, "export", "clara")
    assert app.button(key="export_start").disabled and "but not export" in words(app)
    assert [one.label for one in app.get("link_button")] == ["Download"]
    assert not any((one.key or "").startswith("export_sure") for one in app.button)


def test_history_tells_who_what_and_the_checksum(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    export_id = made_export(home)
    app = opened(home, "export", "pablo")
    said = words(app)
    for fact in ("film.es.mp4", "Up to date", "MP4, dubbed · Spanish · 4.2 MB · pablo", "ab" * 32,
                 "The last frame is held."):
        assert fact.replace(".", r"\.") in said or fact in said
    assert f"/export/{export_id}" in app.get("link_button")[0].url
    app.button(key=f"export_sure_{export_id}").click().run()
    assert "Nothing has been exported" in words(app)


def test_an_export_whose_lines_changed_and_one_whose_file_is_gone_say_so(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    made_export(home, is_there=False)
    with home.desk() as desk:
        view = desk.lines.get(home.project.id, "es", "u0001")
        assert view.line.translation is not None
        desk.lines.save(home.project.id, "es", "u0001", target_text="Otra cosa.",
                        seen_revision=view.line.utterance.revision,
                        seen_translation=view.line.translation.revision)
    app = opened(home, "export")
    assert "File deleted" in words(app) and "1 line has changed since" in words(app)
    assert not app.get("link_button")


def test_an_export_that_failed_says_why_and_is_tried_again(open_home: OpenHome) -> None:
    home = open_home(lines=2)
    with home.desk() as desk:
        job = desk.jobs.export(home.project.id, "es", "mp4")
    with home.workspace() as workspace:
        held = workspace.storage.jobs.claim("w", 60.0, kinds=["export"])
        assert held is not None
        workspace.storage.jobs.fail(held.id, "w", "The disk is full.", "Make room.")
    app = opened(home, "export")
    assert "The disk is full" in words(app)
    app.button(key=f"retry_{job.id}").click().run()
    with home.desk() as desk:
        assert desk.jobs.get(job.id).status is JobStatus.QUEUED


def test_without_lines_there_is_nothing_to_export_yet(open_home: OpenHome) -> None:
    app = opened(open_home(lines=0), "export")
    assert "there are no lines yet" in words(app) and "Nothing has been exported" in words(app)


def test_every_preset_of_the_product_has_a_name_and_a_group(open_home: OpenHome) -> None:
    with open_home(lines=0).desk() as desk:
        presets = desk.exports.presets()
    assert {one.id for held in groups(presets).values() for one in held} == {one.id for one in presets}
    assert list(groups(presets)) == list(GROUPS)
    assert all(preset_name(one) != one.id and preset_words(one) for one in presets)
    assert group_of(presets[0]) == "video"


@pytest.mark.parametrize("locale", ["en", "es"])
def test_it_speaks_both_languages(open_home: OpenHome, locale: str) -> None:
    app = opened(open_home(lines=2), "export", locale=locale)
    assert app.title[0].value == {"en": "Export", "es": "Exportación"}[locale]
