"""Exports at the desk: what there is to choose from, what is to be said before, and what was made."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from dubbing.domain.isochrony import Fit, colour
from dubbing.domain.project import Export, Line
from dubbing.domain.review import Action, Layer, is_protected
from dubbing.domain.workspace import ExportCheck, ExportPreset, ExportView
from dubbing.errors import UsageError
from dubbing.exchange import presets
from dubbing.team.reach import languages_of, sees
from dubbing.team.seat import ForbiddenError, Seat


class Exports:
    """The exports of projects that the person at the desk may see; ``desk.jobs.export`` makes one."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._storage = seat.workspace.storage

    def presets(self) -> list[ExportPreset]:
        """All presets: videos, previews, stems, subtitles, scripts, a review package."""
        return list(presets.PRESETS)

    def check(self, project_id: str, language: str) -> ExportCheck:
        """What a person should know before an export: line ids in order of time.

        stale: the translation or the take is older than what it was made from; exports that need the dub make it
        anew. unapproved: the dub is not approved. does_not_fit: the take is spoken too fast or too slowly (red).
        """
        self._seat.require(Action.VIEW, project_id, language)
        lines = self._storage.lines.all(project_id, language)
        comments = self._storage.comments.all(project_id, language=language, open_only=True)
        return ExportCheck(
            language=language, lines=len(lines),
            stale=_ids(lines, lambda line: line.translation_is_stale or line.take_is_stale),
            unapproved=_ids(lines, lambda line: not is_protected(line.states[Layer.DUB])),
            without_take=_ids(lines, lambda line: line.take is None), does_not_fit=_ids(lines, _does_not_fit),
            open_comments=sum(one.answers_id is None for one in comments))

    def history(self, project_id: str) -> list[ExportView]:
        """Exports, newest first, of the languages that the person sees.

        An export is stale when a line was changed since in a way that it would show. ``details`` hold what the
        writer noted: "notes", "options", "states" (lines by review state), "same_as" (an earlier export with the
        same content), "changed_lines" (their number).
        """
        self._seat.require(Action.VIEW, project_id)
        reach = languages_of(self._seat, project_id)
        now = _Now(self._seat, project_id)
        return [now.view(export) for export in self._storage.exports.all(project_id) if sees(reach, export.language)]

    def delete(self, export_id: str) -> None:
        """Forget an export and delete its file. Whoever made it may, and whoever manages the project."""
        export = self._storage.exports.get(export_id)
        self._seat.require(Action.EXPORT, export.project_id, export.language)
        if export.actor != self._seat.actor and not self._seat.may(Action.MANAGE_PROJECT, export.project_id):
            raise ForbiddenError("This export is somebody else's.", "Ask them, or the project manager.")
        self._storage.exports.remove(export_id)
        remove_file(self._seat.workspace.settings.home, export)


def remove_file(home: Path, export: Export) -> None:
    """Delete an export's file, where it lies in the workspace: what was written elsewhere belongs to its user."""
    own = home / "exports" / export.project_id / export.id
    if Path(export.path).is_relative_to(own):
        shutil.rmtree(own, ignore_errors=True)


class _Now:
    """The lines of a project as they stand, read once a language, to compare exports with."""

    def __init__(self, seat: Seat, project_id: str) -> None:
        self._storage, self._project_id = seat.workspace.storage, project_id
        self._lines: dict[str, list[Line]] = {}
        self._marks: dict[tuple[str, str], dict[str, str]] = {}
        self._names: dict[str, str] | None = None

    def view(self, export: Export) -> ExportView:
        changed = self._changed(export)
        details = {key: value for key, value in export.details.items() if key != "lines"}
        path = Path(export.path)
        return ExportView(
            id=export.id, project_id=export.project_id, language=export.language, preset=export.preset,
            file_name=path.name, size_bytes=export.size_bytes, sha256=export.sha256, created_at=export.created_at,
            actor=export.actor, is_there=path.is_file(), is_stale=bool(changed),
            details={**details, "changed_lines": len(changed)})

    def _changed(self, export: Export) -> tuple[str, ...]:
        if "lines" not in export.details:
            # Made on the command line: only its texts are on record.
            texts = {line.utterance.id: str(line.translation.revision) for line in self._of(export.language)
                     if line.translation is not None}
            return presets.changed_lines({key: str(n) for key, n in export.revisions.items()}, texts)
        try:
            what = presets.preset(export.preset).what
        except UsageError:  # a preset of another version
            what = "package"
        where = (export.language, what)
        if where not in self._marks:
            self._marks[where] = presets.marks(self._of(export.language), what, self._called())
        return presets.changed_lines(export.details["lines"], self._marks[where])

    def _of(self, language: str) -> list[Line]:
        if language not in self._lines:
            self._lines[language] = self._storage.lines.all(self._project_id, language)
        return self._lines[language]

    def _called(self) -> Mapping[str, str]:
        if self._names is None:
            self._names = {one.id: one.character or one.name or one.id
                           for one in self._storage.speakers.all(self._project_id)}
        return self._names


def _ids(lines: list[Line], is_so: Callable[[Line], bool]) -> tuple[str, ...]:
    return tuple(line.utterance.id for line in lines if is_so(line))


def _does_not_fit(line: Line) -> bool:
    return line.take is not None and colour(line.take.tempo) is Fit.RED
