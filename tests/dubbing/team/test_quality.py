"""Quality control at the desk: the report, whether it is still of these lines, who may put a finding aside."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from dubbing.api import Desk, ForbiddenError, Workspace
from dubbing.derived import Derived
from dubbing.domain.project import Project
from dubbing.domain.quality import Finding, Severity
from dubbing.domain.review import Role
from dubbing.domain.workspace import ForbiddenTerm
from dubbing.errors import UsageError
from dubbing.team.quality import state_of_dub

PACE = Finding("fit", Severity.ERROR, "u0002", "Spoken 1.50 times as fast as is natural; shorten the text.", 1.5, 1.3,
               at_ms=1500)
LOUD = Finding("loudness", Severity.WARNING, "", "The mix is at -18.0 LUFS; <b>Web</b> asks for -16.0 ± 0.5.", -18.0,
               -16.0, "LUFS")


@pytest.fixture
def judged(workspace: Workspace, project: Project) -> Project:
    """The project as a dub into Spanish leaves it."""
    texts = {key: f"{key}" for key in ("u0001", "u0002", "u0003")}
    workspace.storage.findings.replace(project.id, "es", [PACE, LOUD], texts)
    Derived(workspace.settings.home, project.id).set_quality("es", {
        "made_at": datetime(2026, 1, 2, 3, 4, tzinfo=UTC).isoformat(), "figures": {"lines": 3, "in_window": 0.6667},
        "of": state_of_dub(workspace.storage, project.id, "es"), "skipped": {"lip_sync": "No mouth was repainted."}})
    return project


def test_a_report_has_counts_figures_and_findings(desk: Callable[..., Desk], workspace: Workspace,
                                                  judged: Project) -> None:
    workspace.storage.speakers.save(judged.id, "S1", name="Ada")
    report = desk("pia", Role.PROJECT_MANAGER).quality.report(judged.id, "es")
    assert report.made_at == datetime(2026, 1, 2, 3, 4, tzinfo=UTC) and not report.is_stale
    assert report.counts == {Severity.ERROR: 1, Severity.WARNING: 1, Severity.INFO: 0}
    assert [(one.check, one.speaker_name) for one in report.findings] == [("fit", "Ada"), ("loudness", "")]
    assert report.figures["in_window"] == 0.6667 and report.skipped == {"lip_sync": "No mouth was repainted."}


def test_a_language_that_was_never_judged_has_an_empty_report(desk: Callable[..., Desk], judged: Project) -> None:
    report = desk("pia", Role.PROJECT_MANAGER).quality.report(judged.id, "de")
    assert report.made_at is None and not report.findings and not report.is_stale and sum(report.counts.values()) == 0


@pytest.mark.parametrize("change", ["text", "term", "time"])
def test_a_report_is_stale_once_something_changed(desk: Callable[..., Desk], workspace: Workspace, judged: Project,
                                                  change: str) -> None:
    if change == "text":
        workspace.storage.translations.save(judged.id, "u0001", "es", "Hola.", 1, actor="pia")
    elif change == "term":
        workspace.storage.terms.save_forbidden(ForbiddenTerm("", judged.id, "es", "amigo"))
    else:
        workspace.storage.line_edits.save(judged.id, "", "u0001", values={"end_ms": 1100}, target=None,
                                          seen_revision=None, seen_translation=None, actor="pia")
    assert desk("pia", Role.PROJECT_MANAGER).quality.report(judged.id, "es").is_stale


def test_what_concerns_another_language_does_not_make_it_stale(desk: Callable[..., Desk], workspace: Workspace,
                                                               judged: Project) -> None:
    workspace.storage.translations.save(judged.id, "u0001", "de", "Hallo.", 1, actor="pia")
    workspace.storage.terms.save_forbidden(ForbiddenTerm("", judged.id, "de", "Freund"))
    assert not desk("pia", Role.PROJECT_MANAGER).quality.report(judged.id, "es").is_stale


def test_a_reviewer_puts_a_finding_aside_and_takes_it_back(member: Callable[..., Desk], judged: Project) -> None:
    seat = member("rita", Role.REVIEWER, "es")
    loud = seat.quality.report(judged.id, "es").findings[1]
    aside = seat.quality.dismiss(loud.id, "  wanted so  ")
    assert (aside.dismissed_by, aside.dismissed_reason) == ("rita", "wanted so")
    report = seat.quality.report(judged.id, "es")
    assert report.counts[Severity.WARNING] == 0 and len(report.findings) == 2
    assert not seat.quality.restore(loud.id).is_dismissed


def test_who_may_not(member: Callable[..., Desk], desk: Callable[..., Desk], judged: Project) -> None:
    finding = member("rita", Role.REVIEWER).quality.report(judged.id, "es").findings[0]
    with pytest.raises(ForbiddenError):
        desk("nobody").quality.report(judged.id, "es")
    for seat in (desk("nobody"), member("dora", Role.REVIEWER, "de")):
        with pytest.raises(ForbiddenError, match="dismiss"):
            seat.quality.dismiss(finding.id)
        with pytest.raises(ForbiddenError, match="dismiss"):
            seat.quality.restore(finding.id)
    with pytest.raises(UsageError, match="gone"):
        desk("pia", Role.PROJECT_MANAGER).quality.dismiss("no-such-finding")


def test_the_report_as_json(desk: Callable[..., Desk], judged: Project) -> None:
    seat = desk("pia", Role.PROJECT_MANAGER)
    seat.quality.dismiss(seat.quality.report(judged.id, "es").findings[1].id, "wanted so")
    told = json.loads(seat.quality.as_json(judged.id, "es"))
    assert (told["name"], told["language"], told["counts"]) == ("A film", "es", {"error": 1, "warning": 0, "info": 0})
    pace, loud = told["findings"]
    assert (pace["line"], pace["source"], pace["target"]) == ("u0002", "Who are you?", "¿Quién eres?")
    assert (pace["value"], pace["limit"], pace["dismissed"]) == (1.5, 1.3, None)
    assert loud["dismissed"] == {"by": "pia", "reason": "wanted so"}


def test_the_report_as_a_page_of_its_own(desk: Callable[..., Desk], judged: Project) -> None:
    seat = desk("pia", Role.PROJECT_MANAGER)
    page = seat.quality.as_page(judged.id, "es").decode()
    assert "Spoken 1.50 times" in page and "¿Quién eres?" in page and "66.7 %" in page and "0:01.5" in page
    assert "&lt;b&gt;Web&lt;/b&gt;" in page and "<b>Web</b>" not in page, "what checks say is text"
    assert "http" not in page and "<script" not in page, "nothing is fetched, nothing runs"
    spanish = seat.quality.as_page(judged.id, "es", "es", lambda text: f"«{text}»").decode()
    assert "Control de calidad" in spanish and "«Spoken 1.50" in spanish and "66,7 %" in spanish
    assert "aún no se ha ejecutado" in seat.quality.as_page(judged.id, "de", "es").decode()
