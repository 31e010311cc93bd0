"""Quality control at the desk: what the checks found in a language's dub, and putting findings aside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dubbing.derived import Derived
from dubbing.domain.review import Action
from dubbing.domain.workspace import QcFinding, QcReport
from dubbing.exchange.presets import marks
from dubbing.qc.report import counts, report_json
from dubbing.team.seat import ForbiddenError

if TYPE_CHECKING:
    from dubbing.domain.project import Line
    from dubbing.storage.repository import Repository
    from dubbing.team.seat import Seat

_LONGEST_REASON = 2000


class Reports:
    """Reads what the checks found when dubs were last made; asks nobody who wants to know."""

    def __init__(self, storage: Repository, home: Path) -> None:
        self._storage, self._home = storage, home

    def report(self, project_id: str, language: str) -> QcReport:
        """What the checks found when the dub was last made; dismissed findings are among them."""
        measured = Derived(self._home, project_id).quality(language)
        if not measured:
            return QcReport(project_id, language, None, False, counts(()), ())
        names = {one.id: one.character or one.name or one.id for one in self._storage.speakers.all(project_id)}
        said_by = {line.id: names.get(line.speaker, line.speaker) for line in self._storage.lines.times(project_id)}
        found = tuple(replace(one, speaker_name=said_by.get(one.utterance_id, ""))
                      for one in self._storage.findings.all(project_id, language))
        return QcReport(
            project_id, language, datetime.fromisoformat(measured["made_at"]),
            measured["of"] != state_of_dub(self._storage, project_id, language),
            counts(one.severity for one in found if not one.is_dismissed), found, measured["figures"],
            measured["skipped"])

    def as_json(self, project_id: str, language: str) -> bytes:
        """The report as a JSON file."""
        content = report_json(self.report(project_id, language), self._name(project_id),
                              self._texts(project_id, language))
        return json.dumps(content, ensure_ascii=False, indent=1).encode()

    def as_page(self, project_id: str, language: str, locale: str = "en", tell: Callable[[str], str] = str) -> bytes:
        """The report as one HTML file; ``tell`` says messages in the language of ``locale``."""
        from dubbing.qc.page import qc_page

        return qc_page(self._name(project_id), self.report(project_id, language), self._texts(project_id, language),
                       locale, tell)

    def _texts(self, project_id: str, language: str) -> dict[str, tuple[str, str]]:
        return {line.utterance.id: (line.utterance.text, line.translation.text if line.translation else "")
                for line in self._storage.lines.all(project_id, language)}

    def _name(self, project_id: str) -> str:
        return self._storage.projects.get(project_id).name


class Quality:
    """Reports are made while a dub is; reading one is for all who see the project, dismissing for those who review
    or edit it."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._storage = seat.workspace.storage

    def report(self, project_id: str, language: str) -> QcReport:
        """What the checks found when the dub was last made; dismissed findings are among them."""
        return self._reports(project_id, language).report(project_id, language)

    def as_json(self, project_id: str, language: str) -> bytes:
        """The report for a download, as JSON."""
        return self._reports(project_id, language).as_json(project_id, language)

    def as_page(self, project_id: str, language: str, locale: str = "en", tell: Callable[[str], str] = str) -> bytes:
        """The report for a download, as one HTML file; ``tell`` says messages in the language of ``locale``."""
        return self._reports(project_id, language).as_page(project_id, language, locale, tell)

    def texts(self, project_id: str, language: str, utterance_ids: Collection[str]) -> dict[str, tuple[str, str]]:
        """(source, target) of some lines by id, for findings that are shown; a line that is gone is missing."""
        self._seat.require(Action.VIEW, project_id, language)
        return {key: (line.utterance.text, line.translation.text if line.translation else "")
                for key, line in self._storage.lines.some(project_id, language, sorted(utterance_ids)).items()}

    def dismiss(self, finding_id: str, reason: str = "") -> QcFinding:
        """Put a finding aside; it stays so when the dub is made again with the same text. Raises UsageError when the
        finding is gone."""
        self._require(finding_id)
        return self._storage.findings.dismiss(finding_id, reason.strip()[:_LONGEST_REASON], actor=self._seat.actor)

    def restore(self, finding_id: str) -> QcFinding:
        """Take a dismissal back. Raises UsageError when the finding is gone."""
        self._require(finding_id)
        return self._storage.findings.restore(finding_id)

    def _reports(self, project_id: str, language: str) -> Reports:
        self._seat.require(Action.VIEW, project_id, language)
        return Reports(self._storage, self._seat.workspace.settings.home)

    def _require(self, finding_id: str) -> None:
        rights = self._seat.rights(*self._storage.findings.place(finding_id))
        if not any(rights.may(action) for action in (Action.REVIEW, Action.EDIT_DUB, Action.EDIT_TRANSLATION)):
            raise ForbiddenError("You may not dismiss findings.", "Ask the project manager for the role that may.")


def state_of_dub(storage: Repository, project_id: str, language: str) -> str:
    """A mark that differs when lines, takes or the terms of a language do: what a report was made of."""
    lines: list[Line] = storage.lines.all(project_id, language)
    shown = sorted(marks(lines, "package", {}).items())
    terms = (storage.terms.all(project_id, target_language=language), storage.terms.forbidden(project_id,
                                                                                              language=language))
    return hashlib.sha256(repr((shown, terms)).encode()).hexdigest()
