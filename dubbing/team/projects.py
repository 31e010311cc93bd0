"""Projects at the desk: the list with its progress, making one of an upload, its settings, and its end."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dubbing.domain.loudness import PRESETS
from dubbing.domain.project import JobStatus, Project, new_id
from dubbing.domain.review import Action, Role
from dubbing.domain.workspace import ImportedLine, JobView, ProjectCard, ProjectSettings, Rights
from dubbing.errors import UsageError
from dubbing.exchange.imports import fit_to, parse_import, spoken_lines
from dubbing.jobs.kinds import KINDS
from dubbing.ledger import ACTIVE
from dubbing.media.atomic import replacing, storage_error
from dubbing.options import DubOptions
from dubbing.team import purging
from dubbing.team.seat import ForbiddenError, Seat
from dubbing.team.uploads import M_AND_E, VIDEO, Uploads, discard, safe_name

if TYPE_CHECKING:
    from dubbing.storage.uploads import UploadRecord

#: Where a project's settings keep what it was asked to be, its M&E, the lines it came with, and its rules.
OPTIONS, M_AND_E_FILE, IMPORTED, RULES = "options", "m_and_e", "imported", "rules"
VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".m4v", ".webm", ".avi", ".mxf", ".ts", ".m2ts", ".mpg", ".mpeg", ".wmv")
#: An M&E track whose length differs by more belongs to another cut.
M_AND_E_TOLERANCE_MS = 1000
_SERVER_FILES = 500
#: Options of a dub that a project's settings show beside its engines.
_OPTIONS = ("by_language", "use_memory", "style", "prosody", "room", "loudness", "duck_db", "adapt",
            "adapt_minutes")
_LONGEST_STYLE = 2000
_MOST_DUCKING_DB = 24.0


class Projects:
    """The projects that the person at the desk may see."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._workspace = seat.workspace
        self._storage = seat.workspace.storage

    # the list -----------------------------------------------------------------------------------------------------

    def cards(self, *, search: str = "", archived: bool = False, deleted: bool = False, language: str | None = None,
              state: str | None = None) -> list[ProjectCard]:
        """Cards, the project that was changed last first.

        Live projects; with ``archived`` only archived ones, with ``deleted`` only deleted ones (of those that the
        person may take back). ``language``: a source or target language. ``state``: "running", "failed", "stale"
        (a line is), "unapproved" (a dub is not approved in a language, or in ``language``) or "approved".
        """
        sees_all = Rights(self._seat.person.roles).may(Action.VIEW)
        found = self._storage.cards.all(search=search, archived=archived, deleted=deleted, language=language,
                                        member=None if sees_all else self._seat.person.id)
        cards = self._filled(found)
        if deleted:
            cards = [card for card in cards if card.rights.may(Action.MANAGE_PROJECT)]
        return [card for card in cards if state is None or _is_in(card, state, language)]

    def card(self, project_id: str) -> ProjectCard:
        """One project's card. Raises UsageError when there is none, ForbiddenError when it is not theirs."""
        cards = self._filled(self._storage.cards.all(ids=[project_id]))
        if not cards:
            raise UsageError(f"There is no project {project_id}.", "It may have been purged; go back to the list.")
        wanted = Action.MANAGE_PROJECT if cards[0].deleted else Action.VIEW
        if not cards[0].rights.may(wanted):
            raise ForbiddenError("This project is not yours to see.", "Ask its project manager to add you.")
        return cards[0]

    def get(self, project_id: str) -> Project:
        """The project itself. Raises as ``card`` does."""
        self._seat.require(Action.VIEW, project_id)
        return self._storage.projects.get(project_id)

    def _filled(self, cards: Sequence[ProjectCard]) -> list[ProjectCard]:
        """With what runs, the poster, and what the person may do there."""
        jobs = self._jobs([card.id for card in cards])
        derived = self._workspace.settings.home / "derived"
        return [replace(self._in_reach(card), job=jobs.get(card.id), rights=self._rights(card),
                        has_poster=(derived / card.id / "poster.jpg").is_file()) for card in cards]

    def _in_reach(self, card: ProjectCard) -> ProjectCard:
        """Without the languages that a member of some languages has nothing to do with."""
        held = {member.language for member in card.members if member.person_id == self._seat.person.id}
        if self._seat.person.roles or "" in held:
            return card
        return replace(card, targets=tuple(one for one in card.targets if one in held),
                       progress=tuple(one for one in card.progress if one.language in held))

    def _jobs(self, project_ids: Sequence[str]) -> dict[str, JobView]:
        from dubbing.jobs.views import Views

        found = self._storage.cards.jobs(project_ids)
        return dict(zip(found, Views(self._workspace).of(found.values()), strict=True))

    def _rights(self, card: ProjectCard) -> Rights:
        own = {member.role for member in card.members if member.person_id == self._seat.person.id}
        return Rights(self._seat.person.roles | own)

    # making one ---------------------------------------------------------------------------------------------------

    def create(self, name: str, source: str | Path, options: DubOptions, *, lines: Sequence[ImportedLine] = (),
               lines_language: str = "", m_and_e_upload_id: str | None = None, series: str = "",
               run: bool = True) -> Project:
        """A new project of an upload (its id) or of a file on the server (its path); with ``run`` its dub begins.

        lines: of an import; they stay as they are, whatever is heard, but for what reaches over the video's end.
        Their translations go to ``lines_language``, by default the only target. An upload, also that of M&E, is
        moved into the project. series: that it belongs to, see ``Series.set``. Raises ForbiddenError, UsageError,
        MediaError (the file cannot be dubbed, M&E of another length); nothing is left then.
        """
        if not self._seat.may_create:
            raise ForbiddenError("You may not create projects.", "Ask an administrator for the role that may.")
        if not name.strip():
            raise UsageError("A project needs a name.", "Give it one, for example the title of the video.")
        self._check_options(options)
        series = self._series(series)
        language = _language_of(lines, lines_language, options)
        upload = self._upload(str(source)) if _is_id(str(source)) else None
        path = upload.path if upload is not None else self._allowed(Path(source))
        media, sha256 = self._look_at(path, upload)
        lines = fit_to(lines, int(media["duration_ms"]))
        m_and_e = self._m_and_e(m_and_e_upload_id, int(media["duration_ms"]))
        project_id = new_id()
        folder = self._folder(project_id)
        try:
            settings: dict[str, Any] = {OPTIONS: options.to_json()}
            if m_and_e is not None:
                settings[M_AND_E_FILE] = _as_settings(m_and_e, _linked(m_and_e.path, folder / "m_and_e"))
            if lines:
                settings[IMPORTED] = _keep_lines(lines, folder)
            project = self._storage.projects.create(
                name, path if upload is None else _linked(path, folder), source_sha256=sha256, media=media,
                source_language=options.source, targets=options.targets, settings=settings, project_id=project_id,
                actor=self._seat.actor)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._storage.memberships.add(project_id, self._seat.person.id, Role.PROJECT_MANAGER, actor=self._seat.actor)
        self._storage.series.set(project_id, series, actor=self._seat.actor)
        self._take_lines(project, lines, language)
        self._used(upload, m_and_e)
        self._storage.jobs.enqueue("prepare", {"actor": self._seat.actor}, project_id=project_id,
                                   priority=KINDS["prepare"].priority)
        if run:
            self._workspace.enqueue(project, {"actor": self._seat.actor})
        return project

    def _series(self, name: str) -> str:
        from dubbing.team.series import Series

        return Series(self._seat).checked(name)

    def _check_options(self, options: DubOptions) -> None:
        """Say at once what the job would fail for. Raises UsageError, UnavailableError."""
        from dubbing import registry

        options.checked()
        if options.checkpoint is not None and not self._workspace.settings.single_user:
            raise UsageError("A file of weights on the server cannot be named here.",
                             "An administrator sets DUBBING_WAV2LIP_CHECKPOINT for everybody.")
        _check_engines(lipsync=options.lipsync, translate=options.translator, tts=options.synthesizer,
                       asr=options.recognizer, diarize=options.diarizer, separate=options.separator)
        registry.check_targets(options.targets, options.synthesizer, options.source, options.translator)

    def server_files(self) -> list[str]:
        """Videos that lie in the folders to import from, by path; at most 500. For people who may create."""
        if not self._seat.may_create:
            return []
        found: list[str] = []
        for folder in self._workspace.settings.import_folders:
            for at, folders, files in os.walk(folder):
                folders.sort()
                found += [str(Path(at) / one) for one in sorted(files) if Path(one).suffix.lower() in VIDEO_SUFFIXES]
                if len(found) >= _SERVER_FILES:
                    return found[:_SERVER_FILES]
        return found

    def allowed_path(self, path: str | Path) -> Path:
        """A file on the server that this person may make a project of. Raises ForbiddenError, UsageError."""
        if not self._seat.may_create:
            raise ForbiddenError("You may not create projects.", "Ask an administrator for the role that may.")
        return self._allowed(Path(path))

    def _allowed(self, path: Path) -> Path:
        settings = self._workspace.settings
        path = path.expanduser()
        folders = [folder.resolve() for folder in settings.import_folders]
        inside = any(path.resolve().is_relative_to(folder) for folder in folders)
        if not inside and not settings.single_user:
            # Said before looking, so that nobody learns which files there are elsewhere.
            raise UsageError("Projects can be made of files in the folders to import from only.",
                             f"Put it below {', '.join(map(str, folders))}." if folders else
                             "Upload it, or let an administrator set DUBBING_IMPORT_FOLDERS.")
        if not path.is_absolute() or not path.is_file():
            raise UsageError(f"There is no file {path} on the server.", "Give its whole path.")
        return path.resolve()

    def _upload(self, upload_id: str) -> UploadRecord:
        return Uploads(self._seat).finished(upload_id, VIDEO)

    def _look_at(self, path: Path, upload: UploadRecord | None) -> tuple[Mapping[str, Any], str]:
        """(what probing said, sha256): of a pre-flight of the same file where there was one."""
        from dubbing.api import read_video
        from dubbing.media.probe import probe

        known = self._preflight(path, upload)
        if upload is not None:
            return known.get("media") or probe(path, needs_audio=True).to_json(), upload.sha256
        if known.get("media") and known.get("sha256"):
            return known["media"], str(known["sha256"])
        info, sha256 = read_video(path, lambda _: None)
        return info.to_json(), sha256

    def _preflight(self, path: Path, upload: UploadRecord | None) -> Mapping[str, Any]:
        for job in self._storage.jobs.all(statuses=[JobStatus.DONE], kinds=["preflight"], limit=100):
            if upload is not None and job.payload.get("upload_id") == upload.id:
                return job.result
            status = path.stat()
            if upload is None and job.payload.get("path") == str(path) and \
                    job.result.get("file") == [status.st_size, status.st_mtime_ns]:
                return job.result
        return {}

    def _m_and_e(self, upload_id: str | None, duration_ms: int) -> UploadRecord | None:
        """The M&E upload, held to the video's length. Raises UsageError, MediaError."""
        if upload_id is None:
            return None
        from dubbing.media.probe import probe

        record = Uploads(self._seat).finished(upload_id, M_AND_E)
        info = probe(record.path, needs_video=False, needs_audio=True)
        if abs(info.duration_ms - duration_ms) > M_AND_E_TOLERANCE_MS:
            raise UsageError(f"The M&E lasts {info.duration_ms / 1000:.1f} s, the video {duration_ms / 1000:.1f} s.",
                             "Give the M&E of the same cut, from the same start.")
        return record

    def _take_lines(self, project: Project, lines: Sequence[ImportedLine], language: str) -> None:
        if lines:
            spoken, names = spoken_lines(lines)
            self._storage.imported.add(project.id, spoken, [line.translation for line in lines], language,
                                       speakers=names, actor=self._seat.actor)

    def _used(self, *uploads: UploadRecord | None) -> None:
        for upload in uploads:
            if upload is not None:
                # Who begins without waiting for the pre-flight does not need it, and its file moves away.
                for job in self._storage.jobs.all(statuses=ACTIVE, kinds=["preflight"]):
                    if job.payload.get("upload_id") == upload.id:
                        self._storage.jobs.request_cancel(job.id)
                discard(upload)
                self._storage.uploads.remove(upload.id)

    def _folder(self, project_id: str) -> Path:
        return self._workspace.settings.home / "projects" / project_id

    @staticmethod
    def parse_import(file_name: str, content: bytes) -> list[ImportedLine]:
        """Lines of a subtitle file or a manual-dub table, for ``create``; see ``dubbing.exchange.imports``."""
        return parse_import(file_name, content)

    # changing one -------------------------------------------------------------------------------------------------

    def rename(self, project_id: str, name: str) -> Project:
        """Raises UsageError for an empty name."""
        self._seat.require(Action.MANAGE_PROJECT, project_id)
        if not name.strip():
            raise UsageError("A project needs a name.", "Give it one, for example the title of the video.")
        return self._storage.projects.update(project_id, name=name.strip(), actor=self._seat.actor)

    def set_targets(self, project_id: str, targets: Sequence[str]) -> Project:
        """The languages to dub into. One that goes keeps its texts and takes: they are back when it is."""
        self._seat.require(Action.MANAGE_PROJECT, project_id)
        project = self._storage.projects.get(project_id)
        options = replace(self._workspace.options(project), targets=tuple(dict.fromkeys(targets)))
        self._check_options(options)
        if project.source_language in options.targets:
            raise UsageError(f"The video is in {project.source_language} already.", "Choose other languages.")
        return self._storage.projects.update(project_id, targets=options.targets, actor=self._seat.actor,
                                             settings={**project.settings, OPTIONS: options.to_json()})

    def settings(self, project_id: str) -> ProjectSettings:
        """How the project is dubbed, and its rules."""
        project = self.get(project_id)
        options, rules = self._workspace.options(project), project.settings.get(RULES, {})
        return ProjectSettings(
            consent_required=bool(rules.get("consent_required", False)), lipsync=options.lipsync,
            translator=options.translator, synthesizer=options.synthesizer, keep_original=options.keep_original,
            retention_days=int(rules.get("retention_days", 0)),
            m_and_e_name=str(project.settings.get(M_AND_E_FILE, {}).get("name", "")), series=project.series,
            **{name: getattr(options, name) for name in _OPTIONS})

    def set_settings(self, project_id: str, *, consent_required: bool | None = None, lipsync: str | None = None,
                     translator: str | None = None, synthesizer: str | None = None,
                     keep_original: bool | None = None, retention_days: int | None = None,
                     **options_given: Any) -> ProjectSettings:
        """Change what is given; None leaves a setting as it is. Raises UsageError for an unknown engine.

        retention_days: a project that nobody changed for so long is deleted; 0 keeps it. options_given: by_language,
        use_memory, style, prosody, room, loudness, duck_db, adapt, adapt_minutes, as in
        :class:`dubbing.options.DubOptions`.
        """
        self._seat.require(Action.MANAGE_PROJECT, project_id)
        if consent_required is not None:
            self._seat.require(Action.MANAGE_CONSENT, project_id)
        _check_engines(lipsync=lipsync, translate=translator, tts=synthesizer)
        _check_sound(options_given)
        for own in (options_given.get("by_language") or {}).values():
            _check_engines(translate=own.get("translator"), tts=own.get("synthesizer"))
        if retention_days is not None and retention_days < 0:
            raise UsageError("A project cannot be kept for less than no time.", "Give days, or 0 to keep it.")
        project = self._storage.projects.get(project_id)
        given = {"lipsync": lipsync, "translator": translator, "synthesizer": synthesizer,
                 "keep_original": keep_original, **{name: options_given.get(name) for name in _OPTIONS}}
        changes: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        options = replace(self._workspace.options(project), **changes).checked()
        rules = {**project.settings.get(RULES, {})}
        rules.update({key: value for key, value in (("consent_required", consent_required),
                                                    ("retention_days", retention_days)) if value is not None})
        settings = {**project.settings, OPTIONS: options.to_json(), RULES: rules}
        self._storage.projects.update(project_id, settings=settings, actor=self._seat.actor)
        return self.settings(project_id)

    def set_m_and_e(self, project_id: str, upload_id: str | None) -> ProjectSettings:
        """Use an uploaded M&E instead of separation from now on; None goes back to separation."""
        self._seat.require(Action.MANAGE_PROJECT, project_id)
        project = self._storage.projects.get(project_id)
        record = self._m_and_e(upload_id, int(project.media["duration_ms"]))
        settings = {key: value for key, value in project.settings.items() if key != M_AND_E_FILE}
        if record is not None:
            place = self._folder(project_id) / "m_and_e"
            settings[M_AND_E_FILE] = _as_settings(record, _linked(record.path, place))
        self._storage.projects.update(project_id, settings=settings, actor=self._seat.actor)
        self._used(record)
        return self.settings(project_id)

    # its end ------------------------------------------------------------------------------------------------------

    def archive(self, project_id: str, archived: bool = True) -> None:
        """Put a project out of sight, or back; nothing of it changes."""
        self._seat.require(Action.MANAGE_PROJECT, project_id)
        self._storage.projects.archive(project_id, archived, actor=self._seat.actor)

    def delete(self, project_id: str) -> None:
        """Put a project into the bin and stop its jobs; ``undelete`` takes it back until it is purged."""
        self._seat.require(Action.MANAGE_PROJECT, project_id)
        self._storage.projects.delete(project_id, actor=self._seat.actor)
        for job in self._storage.jobs.all(project_id=project_id, statuses=ACTIVE):
            self._storage.jobs.request_cancel(job.id)

    def undelete(self, project_id: str) -> None:
        self._seat.require(Action.MANAGE_PROJECT, project_id)
        self._storage.projects.delete(project_id, False, actor=self._seat.actor)

    def purge(self, project_id: str) -> int:
        """Remove a deleted project for good, with all its files that no other project uses; returns bytes freed.

        Raises UsageError while it is not deleted, or while a job of it still runs.
        """
        self._seat.require(Action.MANAGE_PROJECT, project_id)
        return purging.purge(self._workspace, project_id)


def _is_in(card: ProjectCard, state: str, language: str | None) -> bool:
    looked_at = [one for one in card.progress if language in (None, "", one.language)] or list(card.progress)
    approved = bool(looked_at) and all(0 < one.lines == one.approved for one in looked_at)
    match state:
        case "running":
            return card.job is not None and card.job.status in (JobStatus.RUNNING, JobStatus.QUEUED)
        case "failed":
            return card.job is not None and card.job.status is JobStatus.FAILED
        case "stale":
            return any(one.stale for one in looked_at)
        case "approved":
            return approved
        case "unapproved":
            return not approved
    raise UsageError(f"There is no state {state} of projects.",
                     "Choose running, failed, stale, approved or unapproved.")


def _is_id(text: str) -> bool:
    return len(text) == 20 and text.isalnum()


def _language_of(lines: Sequence[ImportedLine], language: str, options: DubOptions) -> str:
    """The language that imported translations are in. Raises UsageError when it cannot be told."""
    if not any(line.translation for line in lines):
        return ""
    if not language and len(options.targets) == 1:
        return options.targets[0]
    if language not in options.targets:
        raise UsageError("The lines carry translations, and it is not clear into which language.",
                         f"Choose one of {', '.join(options.targets)}.")
    return language


def _linked(path: Path, folder: Path) -> Path:
    """The file under ``folder``, too: the upload is thrown away once the project is there."""
    target = folder / safe_name(path.name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(path, target)
        except OSError:  # a file system without links
            shutil.copyfile(path, target)
    except OSError as error:
        raise storage_error(error, target) from error
    return target


def _as_settings(record: UploadRecord, path: Path) -> dict[str, Any]:
    return {"path": str(path), "sha256": record.sha256, "name": record.name}


def _keep_lines(lines: Sequence[ImportedLine], folder: Path) -> dict[str, Any]:
    """Put the import as it came beside the video: what the source side of the dub is cut by."""
    target = folder / "imported.json"
    with replacing(target) as temporary:
        temporary.write_text(json.dumps([asdict(line) for line in lines], ensure_ascii=False), encoding="utf-8")
    return {"path": str(target), "lines": len(lines), "has_speakers": any(line.speaker for line in lines)}


def _check_sound(given: Mapping[str, Any]) -> None:
    """Raises UsageError for options that no dub knows, or that are out of bounds."""
    if unknown := given.keys() - set(_OPTIONS):
        raise UsageError(f"There is no setting {min(unknown)}.", "Leave it out.")
    loudness, duck_db, style = given.get("loudness"), given.get("duck_db"), given.get("style")
    if loudness is not None and loudness not in PRESETS:
        raise UsageError(f"There is no loudness preset {loudness}.", f"Choose one of: {', '.join(PRESETS)}.")
    if duck_db is not None and not 0 <= duck_db <= _MOST_DUCKING_DB:
        raise UsageError(f"Music can be lowered by 0 to {_MOST_DUCKING_DB:.0f} dB.", "Give a number in between.")
    if style is not None and len(style) > _LONGEST_STYLE:
        raise UsageError(f"Notes for translators have at most {_LONGEST_STYLE} characters.", "Shorten them.")


def _check_engines(**wanted: str | None) -> None:
    from dubbing import registry

    for kind, name in wanted.items():
        allowed = ("auto", *(("off",) if kind == "lipsync" else ()), *registry.names(kind))
        if name is not None and name not in allowed:
            raise UsageError(f"There is no {kind} engine called {name}.", f"Choose one of: {', '.join(allowed)}.")
