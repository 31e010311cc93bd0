"""Hands on the review page: keys, sound, two people on one line, and somebody who may only look."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from dubbing.domain.review import ReviewState
from tests.ui.browser.conftest import Open
from tests.ui.browser.live import eventually
from tests.ui.browser.review import lines_of, open_review, states, target_of


@pytest.fixture
def lines(town: Any) -> list[str]:
    _, home, project = town
    return [view.line.utterance.id for view in lines_of(home, project)]


def test_a_line_is_edited_saved_and_approved_by_keys_alone(town: Any, window: Open, lines: list[str]) -> None:
    _, home, project = town
    review = open_review(window, town, "ada")
    review.row(lines[0]).focus()
    review.press("j")
    expect(review.row(lines[1])).to_have_attribute("aria-current", "true")
    review.press("k", "Enter")
    expect(review.text()).to_be_focused()
    review.press("Control+A")
    review.page.keyboard.type("Said with ten fingers.")
    expect(review.saved).to_contain_text("Not saved yet")
    review.press("Enter")
    expect(review.row(lines[1])).to_have_attribute("aria-current", "true")
    eventually(lambda: target_of(home, project, lines[0]) == "Said with ten fingers.", what="the save")
    expect(review.text()).to_be_focused()
    review.press("Escape")
    expect(review.row(lines[1])).to_be_focused()
    assert ReviewState.APPROVED not in states(home, project, lines[1]).values()
    review.press("a")
    eventually(lambda: ReviewState.APPROVED in states(home, project, lines[1]).values(), what="the approval")
    review.press("?")
    sheet = review.page.get_by_role("dialog")
    expect(sheet).to_be_visible()
    for word in ("Approve", "Split", "Loop"):
        expect(sheet).to_contain_text(word, ignore_case=True)
    review.press("Escape")
    expect(sheet).to_be_hidden()


def test_a_line_is_heard_looped_and_compared_by_keys(town: Any, window: Open, lines: list[str]) -> None:
    review = open_review(window, town, "ada")
    review.select(lines[1])
    review.press("p")
    assert "/source" in review.hears()
    review.press("Space")
    source, at, runs = review.position
    assert not runs
    review.press("o")
    assert "/dub/" in review.position[0]
    assert abs(review.position[1] - at) < 0.2, "the other sound begins at the same spot"
    review.press("p")
    assert "/dub/" in review.hears() or "/clip/" in review.position[0]
    review.press("l")
    expect(review.page.get_by_role("button", name="Loop").first).to_have_attribute("aria-pressed", "true")
    review.press("Space", "l")


def test_a_line_is_split_at_the_cursor_and_merged_again(town: Any, window: Open, lines: list[str]) -> None:
    _, home, project = town
    before = [(view.line.utterance.text, view.line.utterance.start_ms) for view in lines_of(home, project)]
    review = open_review(window, town, "ada")
    review.select(lines[2])
    review.text("source").click()
    review.press("Home", *["ArrowRight"] * 6, "Control+Enter")
    eventually(lambda: len(lines_of(home, project)) == len(before) + 1, what="the split")
    expect(review.rows).to_have_count(len(before) + 1)
    second = lines_of(home, project)[3].line.utterance
    assert f"{lines_of(home, project)[2].line.utterance.text} {second.text}" == before[2][0]
    review.select(second.id)
    review.text("source").click()
    review.press("Home", "Backspace")
    eventually(lambda: len(lines_of(home, project)) == len(before), what="the merge")
    assert [(v.line.utterance.text, v.line.utterance.start_ms) for v in lines_of(home, project)] == before


def test_who_saves_second_sees_both_texts_and_chooses(town: Any, window: Open, lines: list[str]) -> None:
    _, home, project = town
    first, second = open_review(window, town, "tomas"), open_review(window, town, "pablo")
    for review in (first, second):
        review.select(lines[0])
    second.retype("What Pablo wrote.")
    first.retype("What Tomás wrote.")
    first.press("Control+S")
    expect(first.saved).to_contain_text("Saved")
    second.press("Control+S")
    expect(second.conflict).to_be_visible()
    expect(second.conflict).to_contain_text("What Tomás wrote.")
    expect(second.conflict).to_contain_text("What Pablo wrote.")
    assert target_of(home, project, lines[0]) == "What Tomás wrote.", "nothing is lost before anybody has chosen"
    second.conflict.get_by_role("button", name="mine").click()
    eventually(lambda: target_of(home, project, lines[0]) == "What Pablo wrote.", what="the choice")
    expect(second.conflict).to_be_hidden()
    # And it shows where the first person still has the line open.
    expect(first.text()).to_have_value("What Pablo wrote.")
    with home.desk("ada") as desk:
        history = [edit.actor for edit in desk.activity.latest(project.id, entity="translation", limit=2)]
    assert history == ["pablo", "tomas"]


def test_a_client_sees_and_approves_but_cannot_edit(town: Any, window: Open, lines: list[str]) -> None:
    _, home, project = town
    review = open_review(window, town, "clara")
    review.select(lines[1])
    before = target_of(home, project, lines[1])
    expect(review.text()).to_have_attribute("readonly", "")
    review.text().click()
    review.page.keyboard.type("Not mine to say.")
    expect(review.text()).to_have_value(before)
    # A page can be made to lie; the server does not believe it.
    review.text().evaluate("area => { area.readOnly = false; area.focus(); }")
    review.press("Control+A")
    review.page.keyboard.type("Not mine to say.")
    review.press("Control+S")
    expect(review.saved).to_contain_text("may not", ignore_case=True)
    assert target_of(home, project, lines[1]) == before
    answers = review.page.evaluate("""async (project) => {
        const write = { "X-Dubbing": "1", "Content-Type": "application/json" };
        const ask = async (...how) => (await fetch(...how)).status;
        return [
            await ask("/uploads", { method: "POST", headers: write, body: JSON.stringify({ name: "a.mp4", size: 9 }) }),
            await ask(`/files/${project}/source`, { headers: { Range: "bytes=0-99" } }),
            await ask(`/files/${project}/evidence/any`),
        ];
    }""", project.id)
    assert answers == [403, 206, 403]
    expect(review.page.get_by_role("link", name="New project")).to_have_count(0)
