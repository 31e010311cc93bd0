"""The whole way of somebody who has never seen the workspace, with the engines that everybody has."""

from __future__ import annotations

import hashlib
from pathlib import Path

import av
import pytest
from playwright.sync_api import Page, expect

from dubbing.api import Desk
from dubbing.config import Settings
from dubbing.domain.project import JobStatus
from dubbing.domain.workspace import JobView
from tests.ui.browser.conftest import Open, Start
from tests.ui.browser.live import eventually
from tests.ui.browser.review import Review, lines_of, target_of
from tests.ui.browser.test_door import first_run
from tests.ui.factory import Home

#: The first sentence of the sample.
CUT_S = 5.2
DUB_S = 900.0


def shortened(source: Path, out: Path, seconds: float) -> Path:
    """The beginning of a clip, packet by packet."""
    with av.open(str(source)) as full, av.open(str(out), "w") as cut:
        streams = {s.index: cut.add_stream_from_template(s) for s in full.streams if s.type in ("video", "audio")}
        for packet in full.demux():
            if packet.dts is None or packet.stream.index not in streams:
                continue
            if float((packet.pts or 0) * packet.time_base) < seconds:
                packet.stream = streams[packet.stream.index]
                cut.mux(packet)
    return out


def choose(page: Page, label: str, value: str) -> None:
    """Take a value of a Streamlit box by keyboard."""
    page.get_by_label(label).first.click()
    page.keyboard.type(value)
    page.keyboard.press("Enter")


@pytest.mark.real
def test_a_newcomer_dubs_edits_hears_approves_and_takes_home_a_video(tmp_path: Path, start: Start, window: Open,
                                                                      samples: Path) -> None:
    clip = shortened(samples / "es_solo.mp4", tmp_path / "Pablo at the sea.mp4", CUT_S)
    live = start(tmp_path / "home")
    one = window(live)
    page = one.page
    first_run(one)

    page.get_by_role("link", name="New project").first.click()
    page.get_by_test_id("uploader").first.locator("input[type=file]").set_input_files(clip)
    # Nobody needs to wait for the pre-flight; it goes on beside.
    expect(page.get_by_role("heading", name="Pre-flight")).to_be_visible()
    expect(page.get_by_label("Name of the project").first).to_have_value("Pablo at the sea")
    choose(page, "Language of the video", "Spanish")
    choose(page, "Dub into", "English")
    page.keyboard.press("Escape")
    one.key("new_start").get_by_role("button").click()

    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    expect(page.get_by_role("link", name="Pablo at the sea").first).to_be_visible()
    home = known_to(tmp_path)
    with home.desk("ada") as desk:
        (project,) = desk.projects.cards()
        job = eventually(lambda: ended(desk, project.id, "dub"), within_s=DUB_S, what="the dub")
        assert job.status is JobStatus.DONE, job.error

    page.get_by_role("link", name="Pablo at the sea").first.click()
    review = Review(one)
    line = lines_of(home, project)[0].line.utterance.id
    review.select(line)
    review.retype("Hello, I am Pablo and I live in a village by the sea.")
    review.press("Control+S")
    eventually(lambda: target_of(home, project, line).startswith("Hello, I am Pablo"), what="the save")
    with home.desk("ada") as desk:
        takes = len(desk.takes.all(project.id, "en", line))
        review.press("Escape", "t")
        eventually(lambda: len(desk.takes.all(project.id, "en", line)) > takes, within_s=120, what="the new take")
    review.press("o", "p")
    assert "/clip/" in review.hears() or "/dub/" in review.position[0]
    review.press("Space")
    approve_all(review)

    page.get_by_role("link", name="Export").click()
    start_export = one.key("export_start").get_by_role("button")
    expect(start_export).not_to_contain_text("anyway")
    start_export.click()
    download = page.get_by_role("link", name="Download").first
    expect(download).to_be_visible(timeout=180_000)
    with page.expect_download() as handed:
        download.click()
    dubbed = tmp_path / "dubbed.mp4"
    handed.value.save_as(dubbed)
    assert handed.value.suggested_filename.endswith(".mp4")
    probe(dubbed)
    with home.desk("ada") as desk:
        (export, *_) = desk.exports.history(project.id)
    assert export.sha256 == hashlib.sha256(dubbed.read_bytes()).hexdigest()
    assert not any("Traceback" in said for said in live.said), live.said


def approve_all(review: Review) -> None:
    """Approve what is said, its translation and its dub, one by one."""
    buttons = review.page.locator("button.move.approved")
    expect(buttons).to_have_count(3)
    for left in (2, 1, 0):
        buttons.first.click()
        expect(buttons).to_have_count(left)


def known_to(folder: Path) -> Home:
    """The home that a browser has made, as the tests look into it."""
    home = Home(folder, Settings(home=folder / "home"))
    with home.workspace() as workspace:
        home.people.update({one.login: one.id for one in workspace.storage.users.all()})
    return home


def ended(desk: Desk, project_id: str, kind: str) -> JobView | None:
    """The project's latest job of a kind once it is over."""
    jobs = [job for job in desk.jobs.recent(project_id) if job.kind == kind]
    return next((job for job in jobs if job.status in (JobStatus.DONE, JobStatus.FAILED)), None)


def probe(path: Path) -> None:
    """A whole video with picture and sound of the clip's length."""
    with av.open(str(path)) as video:
        picture, sound = video.streams.video[0], video.streams.audio[0]
        assert (picture.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        assert (picture.width, picture.height) == (1280, 720)
        assert abs(float(video.duration or 0) / av.time_base - CUT_S) < 0.5
        assert sum(1 for _ in video.decode(video=0)) >= CUT_S * 25 - 3
