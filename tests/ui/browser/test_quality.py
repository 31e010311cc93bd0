"""From a finding to its line and back, a finding put aside, the report as a file, and another wording taken."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import expect

from dubbing.derived import Derived
from dubbing.domain.quality import Finding, Severity
from dubbing.storage.tables import TranslationRow
from dubbing.team.quality import state_of_dub
from tests.ui.browser.conftest import Open, Start
from tests.ui.factory import Home, make_home

WORDING = "Buenas noches y gracias."


def checked_home(folder: Path) -> Home:
    """A project with findings, and with another wording of its first line."""
    home = make_home(folder, lines=4)
    found = [Finding("word_errors", Severity.ERROR, "u0003", "A third of the words are heard otherwise.", 0.33, 0.2, "",
                     6500), Finding("loudness", Severity.WARNING, "", "The mix is too quiet.", -25.1, -23.0, "LUFS")]
    told = [{"text": WORDING, "engine": "transformers", "how": "fewer words", "tempo": 1.0, "fit": "green",
             "meaning": 0.9, "agreement": 0.5, "mouth": None, "total": 0.9}]
    with home.workspace() as workspace:
        storage, project_id = workspace.storage, home.project.id
        with storage.database.write() as session:
            session.get_one(TranslationRow, (project_id, "u0001", "es")).details = {"candidates": told}
        lines = {line.utterance.id: line.utterance.text for line in storage.lines.all(project_id, "es")}
        storage.findings.replace(project_id, "es", found, lines)
        Derived(home.settings.home, project_id).set_quality("es", {
            "made_at": datetime.now(UTC).isoformat(), "of": state_of_dub(storage, project_id, "es"),
            "figures": {"lines": 4, "true_peak": -1.3}, "skipped": {}})
    return home


def test_findings_lead_to_their_lines_and_are_put_aside(tmp_path: Path, start: Start, window: Open) -> None:
    home = checked_home(tmp_path)
    live = start(home.path / "home", workers=False)
    one = window(live, home, "rita", f"/quality?project={home.project.id}&lang=es")
    expect(one.page.get_by_text("1 error")).to_be_visible()
    with one.page.expect_download() as saved:
        one.key("qc_json").get_by_role("button").click()
    report = json.loads(Path(saved.value.path()).read_text(encoding="utf-8"))
    assert "A third of the words" in json.dumps(report)
    with one.page.expect_download() as saved:
        one.key("qc_html").get_by_role("button").click()
    assert "A third of the words" in Path(saved.value.path()).read_text(encoding="utf-8")
    one.key("qc_severity").get_by_role("button", name="Error").click()
    expect(one.page.get_by_text("The mix is too quiet.")).to_have_count(0)
    one.page.get_by_role("button", name="Dismiss").first.click()
    one.page.get_by_label("Why (optional)").fill("A slip of the actor")
    one.page.get_by_role("button", name="Dismiss it").click()
    expect(one.page.get_by_text("0 errors")).to_be_visible()
    one.page.get_by_text("Show dismissed (1)").click()
    expect(one.page.get_by_text("A slip of the actor")).to_be_visible()
    one.page.get_by_role("link", name="Line 3").click()
    one.settle()
    expect(one.page.get_by_text("Line 3", exact=True)).to_be_visible()


def test_another_wording_is_taken_beside_the_line(tmp_path: Path, start: Start, window: Open) -> None:
    home = checked_home(tmp_path)
    live = start(home.path / "home", workers=False)
    one = window(live, home, "tomas", f"/review?project={home.project.id}&lang=es&panel=alternatives")
    one.page.get_by_role("button", name="Use this wording").click()
    expect(one.page.get_by_role("button", name="Use this wording")).to_have_count(0)
    expect(one.page.get_by_text("In the line")).to_be_visible()
    expect(one.page.locator("textarea[data-side=target]")).to_have_value(WORDING)
