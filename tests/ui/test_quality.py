"""The page of quality control: what is shown of a report, and findings put aside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from dubbing.derived import Derived
from dubbing.domain.quality import Finding, Severity
from dubbing.qc.page_words import CHECK_WORDS, FIGURE_WORDS
from dubbing.team.quality import state_of_dub
from tests.ui.factory import Home
from tests.ui.opened import button, opened, words
from ui.pages.quality import _FIGURES
from ui.text import texts

FINDINGS = (
    Finding("word_errors", Severity.ERROR, "u0003", "A third of the words are heard otherwise.", 0.33, 0.2, "", 6000),
    Finding("loudness", Severity.WARNING, "", "The mix is too quiet.", -25.1, -23.0, "LUFS"),
    Finding("reading_speed", Severity.INFO, "u0005", "Subtitles are read quickly.", 21, 17),
)


@pytest.fixture
def home(open_home: Callable[..., Home]) -> Home:
    made = open_home(lines=6)
    with made.workspace() as workspace:
        storage = workspace.storage
        texts_by_line = {line.utterance.id: line.utterance.text for line in storage.lines.all(made.project.id, "es")}
        storage.findings.replace(made.project.id, "es", FINDINGS, texts_by_line)
        Derived(made.settings.home, made.project.id).set_quality("es", {
            "made_at": datetime.now(UTC).isoformat(), "of": state_of_dub(storage, made.project.id, "es"),
            "figures": {"lines": 6, "word_error_rate": 0.071, "true_peak": -1.3, "preset": "ebu-r128"},
            "skipped": {"lip_sync": "Nobody is on camera."}})
    return made


def test_what_was_found_and_measured_is_shown(home: Home) -> None:
    app = opened(home, "quality", lang="es")
    said = words(app)
    for shown in ("1 error", "1 warning", "1 note", "Wrong words", "A third of the words", "Line 3", "Who told you",
                  "Quién le contó", "7.1 %", "-1.3 dBTP", "EBU R 128 (−23 LUFS)",
                  "Nobody is on camera"):
        assert shown in said, shown
    assert [one.label for one in app.expander] == ["1 check could not be made"]
    assert "changed since" not in said
    assert f"review?project={home.project.id}&lang=es&line=u0003" in said


def test_only_what_is_asked_for(home: Home) -> None:
    app = opened(home, "quality", lang="es")
    app.get("button_group")[0].set_value([Severity.ERROR]).run()
    assert "Wrong words" in words(app) and "too quiet" not in words(app)


def test_a_finding_is_put_aside_and_taken_back(home: Home) -> None:
    app = opened(home, "quality", "rita", lang="es")
    with home.desk() as desk:
        error = next(one for one in desk.quality.report(home.project.id, "es").findings if one.check == "word_errors")
    app.text_input(key=f"reason_{error.id}").set_value("An actor's slip, kept")
    button(app, "Dismiss it", key=f"dismiss_now_{error.id}").click().run()
    assert "0 errors" in words(app) and "A third of the words" not in words(app)
    app.toggle(key="qc_aside").set_value(True).run()
    assert "rita: An actor's slip, kept" in words(app)
    button(app, "Restore").click().run()
    assert "1 error" in words(app)


def test_a_changed_line_makes_the_report_old(home: Home) -> None:
    with home.desk() as desk:
        desk.lines.save(home.project.id, "es", "u0004", target_text="Nadie lo creía.")
    assert "changed since" in words(opened(home, "quality", lang="es"))


def test_before_any_dub_the_page_says_how_a_report_comes(open_home: Callable[..., Home]) -> None:
    said = words(opened(open_home(lines=2), "quality", lang="es"))
    assert "was not checked yet" in said


def test_every_check_and_figure_has_its_words() -> None:
    assert texts("quality.check").keys() == CHECK_WORDS["en"].keys()
    assert texts("quality.figure").keys() == FIGURE_WORDS["en"].keys() == _FIGURES.keys()
