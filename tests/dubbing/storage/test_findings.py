"""Findings by language: replaced as a whole, dismissals kept as long as the text is the same."""

from __future__ import annotations

import pytest

from dubbing.domain.project import Project
from dubbing.domain.quality import Finding, Severity
from dubbing.errors import UsageError
from dubbing.storage.repository import Repository

PACE = Finding("fit", Severity.ERROR, "u0001", "Spoken 1.50 times as fast.", 1.5, 1.3, at_ms=0)
NAME = Finding("names", Severity.WARNING, "u0002", "The name is missing.", at_ms=1500, subject="Ada")
OTHER_NAME = Finding("names", Severity.WARNING, "u0002", "The name is missing.", at_ms=1500, subject="Bob")
LOUD = Finding("loudness", Severity.WARNING, "", "The mix is at -18.0 LUFS.", -18.0, -23.0, "LUFS")
TEXTS = {"u0001": "Good morning.\nBuenos días.", "u0002": "Who are you?\n¿Quién eres?"}


def test_findings_come_back_the_gravest_first(repository: Repository, project: Project) -> None:
    repository.findings.replace(project.id, "es", [NAME, LOUD, PACE, OTHER_NAME], TEXTS)
    found = repository.findings.all(project.id, "es")
    assert [one.check for one in found] == ["fit", "loudness", "names", "names"]
    assert (found[0].value, found[0].limit, found[0].at_ms, found[0].is_dismissed) == (1.5, 1.3, 0, False)
    assert (found[1].unit, found[1].utterance_id, found[1].at_ms) == ("LUFS", "", None)
    assert repository.findings.all(project.id, "de") == []
    assert repository.findings.place(found[0].id) == (project.id, "es")


def test_a_dismissal_stays_while_the_text_is_the_same(repository: Repository, project: Project) -> None:
    repository.findings.replace(project.id, "es", [PACE, NAME], TEXTS)
    pace, name = repository.findings.all(project.id, "es")
    gone = repository.findings.dismiss(pace.id, "it sounds fine", actor="rita")
    assert gone.is_dismissed and (gone.dismissed_by, gone.dismissed_reason) == ("rita", "it sounds fine")
    repository.findings.dismiss(name.id, "", actor="rita")

    # The same text, measured a little otherwise: still put aside, under the same id.
    again = Finding("fit", Severity.WARNING, "u0001", "Spoken 1.25 times as fast.", 1.25, 1.2, at_ms=0)
    repository.findings.replace(project.id, "es", [again, NAME], {**TEXTS, "u0002": "Who are you?\n¿Y tú?"})
    by_check = {one.check: one for one in repository.findings.all(project.id, "es")}
    assert by_check["fit"].id == pace.id and by_check["fit"].is_dismissed and by_check["fit"].value == 1.25
    assert by_check["fit"].severity is Severity.WARNING
    # Another text: another finding.
    assert by_check["names"].id != name.id and not by_check["names"].is_dismissed


def test_what_is_not_found_again_goes_and_other_languages_stay(repository: Repository, project: Project) -> None:
    repository.findings.replace(project.id, "es", [PACE, LOUD], TEXTS)
    repository.findings.replace(project.id, "de", [PACE], TEXTS)
    loud = repository.findings.all(project.id, "es")[1]
    repository.findings.dismiss(loud.id, "the client wants it so", actor="pia")
    louder = Finding("loudness", Severity.WARNING, "", "The mix is at -16.0 LUFS.", -16.0, -23.0, "LUFS")
    repository.findings.replace(project.id, "es", [louder], TEXTS)
    (found,) = repository.findings.all(project.id, "es")
    assert found.message == louder.message and not found.is_dismissed
    assert len(repository.findings.all(project.id, "de")) == 1


def test_a_dismissal_is_taken_back(repository: Repository, project: Project) -> None:
    repository.findings.replace(project.id, "es", [PACE], TEXTS)
    (found,) = repository.findings.all(project.id, "es")
    repository.findings.dismiss(found.id, "no", actor="rita")
    back = repository.findings.restore(found.id)
    assert not back.is_dismissed and (back.dismissed_by, back.dismissed_reason) == ("", "")


def test_findings_go_with_their_project_and_a_lost_one_is_told(repository: Repository, project: Project) -> None:
    repository.findings.replace(project.id, "es", [PACE], TEXTS)
    (found,) = repository.findings.all(project.id, "es")
    repository.projects.purge(project.id)
    for call in (repository.findings.place, repository.findings.restore):
        with pytest.raises(UsageError, match="gone"):
            call(found.id)
    with pytest.raises(UsageError, match="no project"):
        repository.findings.replace(project.id, "es", [PACE], TEXTS)
