"""The one place that wires things: create, open, run, resume, edit, export. The command line, the worker and the
browser workspace call nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dubbing.config import Settings, load_settings
from dubbing.derived import Derived
from dubbing.domain.project import TRANSCRIPT_KEY, UNCHANGED, Job, Line, Project, Unchanged, VoiceChoice
from dubbing.errors import ConflictError, StorageError, UsageError
from dubbing.exchange.imports import UNNAMED
from dubbing.ledger import ACTIVE, LEASE_S, DatabaseLedger, HeldJob, is_free, worker_name
from dubbing.options import DubOptions
from dubbing.pipeline.artifact import Artifact, ArtifactStore, file_sha256
from dubbing.pipeline.engine_room import EngineRoom
from dubbing.pipeline.progress import Clock, Listener, Progress, fan_out, nobody
from dubbing.pipeline.runner import Runner, summaries_json
from dubbing.team.desk import Desk
from dubbing.team.doors import Doors
from dubbing.team.seat import ForbiddenError

if TYPE_CHECKING:
    from dubbing.domain.workspace import JobView
    from dubbing.localize import Dub
    from dubbing.media.probe import MediaInfo
    from dubbing.storage.repository import Repository
    from dubbing.team.quality import Reports
    from dubbing.understand import Source

__all__ = ["Desk", "Doors", "DubOptions", "DubResult", "ForbiddenError", "LineEdit", "LineSummary", "Workspace",
           "open_workspace"]

_SETTINGS_OPTIONS = "options"


@dataclass(frozen=True, slots=True)
class LineSummary:
    """One utterance in all the languages of a dub; the maps go by language."""

    id: str
    speaker: str
    start_ms: int
    end_ms: int
    source_text: str
    target_text: dict[str, str]
    take_ms: dict[str, int]
    tempo: dict[str, float]
    on_camera: bool


@dataclass(slots=True)
class DubResult:
    """What a run made. ``notes`` are for a person: what could not be done, and what to do about it.

    loudness: by language what was asked for and what the finished file measures. peak_mb: the most memory that any
    stage of this run took. fit: by language how many lines are within -10 % and +20 % of their voice's tempo, estimated
    before and after choosing among candidates, and as the takes are (see ``voicing.measured``).
    """

    project: str
    outputs: dict[str, Path]
    duration_s: float
    utterances: list[LineSummary]
    stages: list[dict[str, Any]]
    quality: dict[str, dict[str, Any]]
    notes: list[str] = field(default_factory=list)
    loudness: dict[str, dict[str, Any]] = field(default_factory=dict)
    peak_mb: int = 0
    fit: dict[str, dict[str, Any]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The object that ``dubbing dub --json`` prints."""
        lines = [{"id": u.id, "speaker": u.speaker, "start_ms": u.start_ms, "end_ms": u.end_ms,
                  "source_text": u.source_text, "target_text": u.target_text, "take_ms": u.take_ms, "tempo": u.tempo,
                  "on_camera": u.on_camera} for u in self.utterances]
        return {"project": self.project, "outputs": {k: str(v) for k, v in self.outputs.items()},
                "duration_s": self.duration_s, "utterances": lines, "stages": self.stages, "quality": self.quality,
                "loudness": self.loudness, "peak_mb": self.peak_mb, "fit": self.fit,
                "notes": self.notes}


@dataclass(frozen=True, slots=True)
class LineEdit:
    """What to change of one line; None leaves a field as it is.

    ``text`` is the target text in ``language``; ``voice`` a voice for the line's speaker in that language
    ("" hands the choice back to the machine). ``expected_revision`` guards the source side, and
    ``expected_translation`` the target text, against a change that the editor has not seen.
    """

    language: str | None = None
    text: str | None = None
    source_text: str | None = None
    speaker: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    voice: str | None = None
    on_camera: bool | None | Unchanged = UNCHANGED
    expected_revision: int | None = None
    expected_translation: int | None = None


@contextmanager
def open_workspace(settings: Settings | None = None) -> Iterator[Workspace]:
    """The workspace of these settings (by default the user's), its database created or upgraded."""
    # The database's library takes longer to import than all else here; `--help` and a page's first words need neither.
    from dubbing.storage.repository import open_repository

    settings = settings or load_settings()
    storage = open_repository(settings.url)
    try:
        yield Workspace(settings, storage)
    finally:
        storage.close()


def _check_engines(options: DubOptions, *, is_new: bool) -> None:
    """Raise UsageError or UnavailableError where an engine that was asked for is unknown or cannot do it."""
    from dubbing import registry

    for language in options.targets:
        own = options.for_language(language)
        registry.check_targets([language], own.synthesizer, options.source, own.translator)
    wanted = [("asr", options.recognizer), ("diarize", options.diarizer), ("separate", options.separator),
              *(("translate", options.for_language(language).translator) for language in options.targets)]
    for kind, name in wanted:
        if name != "auto":
            # What a project brings along, such as its transcript, may do without an engine that cannot run here.
            (registry.choose if is_new else registry.create)(kind, name)
    if options.lipsync not in ("auto", "off"):
        registry.choose("lipsync", options.lipsync, checkpoint=options.checkpoint)
    if options.adapt:
        registry.choose("lipsync", "own", checkpoint=options.checkpoint if options.lipsync == "own" else None)


class Workspace:
    """Projects over one database and one artifact store."""

    def __init__(self, settings: Settings, storage: Repository) -> None:
        self.settings, self.storage = settings, storage
        self.artifacts = ArtifactStore(settings.home / "artifacts")

    # projects -----------------------------------------------------------------------------------------------------

    def create(self, video: Path, options: DubOptions, *, name: str | None = None, actor: str = "",
               listener: Listener = nobody) -> Project:
        """A new project of ``video``. Raises MediaError when it cannot be dubbed."""
        options.checked()
        return self._create(video, *read_video(video, listener), options, name, actor)

    def _create(self, video: Path, info: MediaInfo, sha: str, options: DubOptions, name: str | None = None,
                actor: str = "") -> Project:
        return self.storage.projects.create(
            name or video.stem, video.resolve(), source_sha256=sha, media=info.to_json(),
            source_language=options.source, targets=options.targets,
            settings={_SETTINGS_OPTIONS: options.to_json()}, actor=actor)

    def projects(self) -> list[Project]:
        return self.storage.projects.all()

    def project(self, reference: str) -> Project:
        """The project of this id, or the only one whose id begins so or whose name is that. Raises UsageError."""
        projects = self.projects()
        exact = [p for p in projects if p.id == reference] or [p for p in projects if p.name == reference]
        found = exact or [p for p in projects if reference and p.id.startswith(reference)]
        if not found:
            raise UsageError(f"There is no project {reference}.", "`dubbing project list` shows them.")
        if len(found) > 1:
            raise UsageError(f"{reference} could be any of {len(found)} projects.", "Give the project's whole id.")
        return found[0]

    def lines(self, project: Project, language: str) -> list[Line]:
        """Every live line with its translation, take and review states in ``language``."""
        return self.storage.lines.all(project.id, language)

    def options(self, project: Project) -> DubOptions:
        return DubOptions.from_json({**project.settings.get(_SETTINGS_OPTIONS, {}), "targets": project.targets})

    # dubbing ------------------------------------------------------------------------------------------------------

    def dub(self, video: Path, options: DubOptions, *, out: Path | None = None,
            listener: Listener = nobody) -> DubResult:
        """Create the project of ``video``, or go on with the one that was asked for the same, and run it."""
        options.checked()
        outputs = output_paths(video, options.targets, out)
        info, sha = read_video(video, listener)
        project = self._same_project(video, sha, options)
        if project is None:
            _check_engines(options, is_new=True)  # nothing is left behind of what cannot be done
            project = self._create(video, info, sha, options)
        return self.run(project, outputs=outputs, listener=listener)

    def _same_project(self, video: Path, sha: str, options: DubOptions) -> Project | None:
        for project in self.projects():
            if project.source_sha256 == sha and self.options(project) == options:
                if Path(project.source_path) != video.resolve():
                    project = self.storage.projects.update(project.id, source_path=video.resolve())
                return project
        return None

    def run(self, project: Project, *, outputs: dict[str, Path] | None = None, targets: Sequence[str] | None = None,
            listener: Listener = nobody) -> DubResult:
        """Bring a project's target languages (or ``targets`` of them) up to date; ``outputs`` also writes files."""
        return self._up_to_date(project, outputs or {}, targets, listener)[0]

    def enqueue(self, project: Project, payload: Mapping[str, Any] | None = None) -> Job:
        """Ask for a project to be brought up to date by a worker; a dub that waits or runs already is enough."""
        active = self.storage.jobs.all(project_id=project.id, statuses=ACTIVE, kinds=["dub"])
        return active[0] if active else self.storage.jobs.enqueue("dub", payload or {}, project_id=project.id)

    def job_views(self, jobs: Mapping[str, Job]) -> dict[str, JobView]:
        """Jobs, under whatever name, as people follow them: with what waits before them and how long they take."""
        from dubbing.jobs.views import Views

        return dict(zip(jobs, Views(self).of(jobs.values()), strict=True))

    def is_analysed(self, project: Project) -> bool:
        """Whether an earlier run has heard the video to its end."""
        return TRANSCRIPT_KEY in project.settings

    def work_on(self, job: Job, *, listener: Listener = nobody) -> Mapping[str, Any]:
        """Do a job of any kind that a worker has claimed; returns its result."""
        from dubbing.jobs.kinds import handler

        with HeldJob(self.storage, job, job.worker).held() as held:
            held.result = dict(handler(job.kind)(self, job, held, fan_out(listener, held.listener)))
        return held.result

    def _up_to_date(self, project: Project, outputs: dict[str, Path], targets: Sequence[str] | None,
                    listener: Listener) -> tuple[DubResult, list[Dub], Source]:
        options = self.checked_options(project, targets)
        job = self._claim(project)
        with HeldJob(self.storage, job, job.worker).held() as held:
            return self.bring_up_to_date(project, options, outputs, fan_out(listener, held.listener), held)

    def checked_options(self, project: Project, targets: Sequence[str] | None) -> DubOptions:
        """The project's options; what cannot work is said before anything is computed."""
        options = self.options(project)
        if targets is not None:
            options = replace(options, targets=tuple(targets))
        if not Path(project.source_path).is_file():
            raise UsageError(f"The video {project.source_path} of this project is not there any more.",
                             "Put it back, or create a new project from its new place.")
        _check_engines(options, is_new=False)
        return options

    def _claim(self, project: Project) -> Job:
        """This process's own job for the project; one that a killed process left behind is taken over."""
        job = self.enqueue(project)
        claimed = self.storage.jobs.take(job.id, worker_name(), LEASE_S, holder=job.worker) if is_free(job) else None
        if claimed is None:
            raise ConflictError(f"Project {project.name} is being worked on by another process.",
                                "Wait for it, or stop it first; `dubbing project show` follows what it does.")
        self.storage.runs.abandon(project.id)
        return claimed

    def bring_up_to_date(self, project: Project, options: DubOptions, outputs: dict[str, Path], listener: Listener,
                         held: HeldJob) -> tuple[DubResult, list[Dub], Source]:
        """Run every stage that is not up to date, in the name of a job that this process holds."""
        from dubbing.memory import budget_mb

        self.artifacts.sweep()
        ledger = DatabaseLedger(self.storage, project.id, int(project.media["duration_ms"]))
        runner = Runner(self.artifacts, ledger, listener, held.check, EngineRoom(budget_mb))
        try:
            return self._brought(project, options, outputs, runner)
        finally:
            runner.room.clear()

    def _brought(self, project: Project, options: DubOptions, outputs: dict[str, Path], runner: Runner,
                 ) -> tuple[DubResult, list[Dub], Source]:
        from dubbing import registry
        from dubbing.localize import Localization, container_suffix
        from dubbing.media.atomic import copy_into_place
        from dubbing.series import known_names
        from dubbing.understand import understand

        names = known_names(self.storage, project)
        source = understand(project, options, runner, names)
        project = self._take_over(project, source, names)
        dubs: list[Dub] = []
        written: dict[str, Path] = {}
        for language in options.targets:
            localization = Localization(self.storage, project, options, source, runner, language)
            dub = localization.run(container_suffix(outputs.get(language)))
            dubs.append(dub)
            Derived(self.settings.home, project.id).set_standing(language, dub.standing())
            assert dub.video is not None
            finished = dub.video.path(dub.video.facts["file"])
            written[language] = finished
            if language in outputs:
                # A dub that stays among the stored results is no export.
                written[language] = copy_into_place(finished, outputs[language])
                self.storage.exports.record(
                    project.id, language, written[language], sha256=dub.video.facts["sha256"], preset="default",
                    revisions={k: t.revision for k, t in dub.translations.items()},
                    size_bytes=written[language].stat().st_size)
        result = self._result(project, dubs, written, runner)
        result.notes += registry.left_out({"asr": options.recognizer, "diarize": options.diarizer,
                                           "translate": options.translator, "tts": options.synthesizer,
                                           "separate": options.separator})
        return result, dubs, source

    def _take_over(self, project: Project, source: Any, names: Sequence[str]) -> Project:
        """Put a new transcription into the database once; a person's edits stay. Speakers who are known from other
        videos of the series get their names and voices."""
        from dubbing.series import NAMES, adopt, matches

        if project.settings.get(TRANSCRIPT_KEY) == source.lines_key:
            return project
        if source.is_imported:
            self._name_speakers(project, source)
        else:
            self.storage.utterances.import_lines(project.id, source.lines)
        for speaker, print_ in source.embeddings.items():
            self.storage.speakers.save(project.id, speaker, voice_print=print_)
        adopt(self.storage, project, [one for one in matches(self.storage, project) if one.is_sure])
        settings = {**project.settings, TRANSCRIPT_KEY: source.lines_key, NAMES: list(names)}
        return self.storage.projects.update(project.id, source_language=source.language, settings=settings)

    def _name_speakers(self, project: Project, source: Source) -> None:
        """Imported lines that named nobody get the speaker who was heard; what a person changed since stays."""
        heard = {(line.start_ms, line.end_ms): line.speaker for line in source.lines}
        now = self.storage.utterances.all(project.id)
        found = {line.id: heard[line.start_ms, line.end_ms] for line in now if (line.start_ms, line.end_ms) in heard}
        self.storage.imported.give_speakers(project.id, found, UNNAMED)

    def _result(self, project: Project, dubs: Sequence[Any], written: dict[str, Path],
                runner: Runner) -> DubResult:
        from dubbing.voicing import speaker_name

        speakers = self.storage.speakers.all(project.id)
        lines = []
        for u in self.storage.utterances.all(project.id):
            lines.append(LineSummary(
                u.id, speaker_name(speakers, u.speaker), u.start_ms, u.end_ms, u.text,
                {d.language: d.translations[u.id].text for d in dubs if u.id in d.translations},
                {d.language: d.takes[u.id].duration_ms for d in dubs if u.id in d.takes},
                {d.language: d.takes[u.id].tempo for d in dubs if u.id in d.takes},
                any(d.on_camera.get(u.id, False) for d in dubs)))
        notes = list(dict.fromkeys(note for d in dubs for note in d.notes))
        peak = max((summary.peak_bytes for summary in runner.summaries.values()), default=0)
        return DubResult(project.id, written, int(project.media["duration_ms"]) / 1000, lines,
                         summaries_json(runner.summaries.values()), {d.language: d.quality for d in dubs}, notes,
                         {d.language: d.loudness for d in dubs}, round(peak / 1e6),
                         {d.language: {**d.fit_report, "takes": d.fit_measured} for d in dubs})

    # exporting ----------------------------------------------------------------------------------------------------

    def export(self, project: Project, what: str, out: Path, *, language: str | None = None,
               subtitle_format: str = "srt", listener: Listener = nobody) -> tuple[dict[str, Path], list[str]]:
        """Write the video, a side-by-side preview, the stems or the subtitles of one language, after a run.

        Returns the files by what they are, and notes for a person.
        """
        from dubbing import delivery

        language = self._language(project, language)
        outputs = output_paths(Path(project.source_path), [language], out) if what == "video" else {}
        result, dubs, source = self._up_to_date(project, outputs, [language], listener)
        if what == "stems":
            return delivery.stems(dubs[0], source, out), result.notes
        if what == "subtitles":
            return delivery.subtitles(result, source, language, out, subtitle_format), result.notes
        if what == "preview":
            return {"preview": delivery.preview(dubs[0], source, out)}, result.notes
        return {"video": result.outputs[language]}, result.notes

    def quality(self, project: Project, language: str | None = None, *, listener: Listener = nobody,
                ) -> tuple[str, Reports]:
        """Bring a language up to date; returns it, and what reads its quality control."""
        from dubbing.team.quality import Reports

        language = self._language(project, language)
        self.run(project, targets=[language], listener=listener)
        return language, Reports(self.storage, self.settings.home)

    def contact_sheet(self, project: Project, language: str, out: Path, *, listener: Listener = nobody) -> Path | None:
        """A PNG of original and dubbed mouths; None when no mouth was repainted."""
        from dubbing.media.atomic import replacing
        from dubbing.pipeline.stages.synthesize import load_take

        _, (dub,), source = self._up_to_date(project, {}, [language], listener)
        takes = [(u.speaker, u.start_ms, load_take(self._found(dub.takes[u.id].artifact_key))[2])
                 for u in self.storage.utterances.all(project.id) if dub.on_camera.get(u.id) and u.id in dub.takes]
        if source.tracks is None or dub.video is None or not takes:
            return None
        with replacing(out) as temporary:
            source.lipsyncer.contact_sheet(source.path, source.tracks.folder, dub.video.path(dub.video.facts["file"]),
                                           takes, temporary)
        return out.resolve()

    def _found(self, key: str) -> Artifact:
        artifact = self.artifacts.find(key)
        if artifact is None:
            raise StorageError(f"A stored result of this project is gone ({key[:12]}).", "Run the project again.")
        return artifact

    # editing ------------------------------------------------------------------------------------------------------

    def set_line(self, project: Project, utterance_id: str, edit: LineEdit, *, actor: str = "person") -> Line | None:
        """Save an edit, all of it or nothing but for the voice, which is the speaker's.

        Raises ConflictError when somebody else was faster, UsageError for an impossible one.
        """
        given = {"text": edit.source_text, "speaker": edit.speaker, "start_ms": edit.start_ms, "end_ms": edit.end_ms}
        values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if edit.on_camera is not UNCHANGED:
            values["on_camera"] = edit.on_camera
        self.check_times(project, edit.start_ms, edit.end_ms)
        language = edit.language
        if edit.text is not None or edit.voice is not None:
            language = self._language(project, edit.language)
        if edit.text is not None and not edit.text.strip():
            raise UsageError("The text of a line cannot be empty.", "Give the words that are to be heard.")
        if values or edit.text is not None:
            self.storage.line_edits.save(
                project.id, language or "", utterance_id, values=values,
                target=None if edit.text is None else edit.text.strip(), seen_revision=edit.expected_revision,
                seen_translation=edit.expected_translation, actor=actor)
        utterance = self.storage.utterances.get(project.id, utterance_id)
        if edit.voice is not None:
            assert language is not None
            self._assign_voice(project, utterance.speaker, language, edit.voice, actor)
        if language is None:
            return None
        return self.storage.lines.some(project.id, language, [utterance_id]).get(utterance_id)

    def check_times(self, project: Project, *times: int | None) -> None:
        """Raises UsageError when one of ``times`` (ms; None is none) lies outside the video."""
        end = int(project.media["duration_ms"])
        if any(at is not None and not 0 <= at <= end for at in times):
            raise UsageError("A line must lie within the video.", f"Give times from 0 to {end} ms.")

    def _language(self, project: Project, language: str | None) -> str:
        if language is None and len(project.targets) == 1:
            return project.targets[0]
        if language not in project.targets:
            raise UsageError(f"The project's languages are {', '.join(project.targets)}.",
                             "Say which one is meant with --lang.")
        return language

    def _assign_voice(self, project: Project, speaker: str, language: str, voice: str, actor: str) -> None:
        from dubbing import registry

        synthesizer = registry.choose("tts", self.options(project).for_language(language).synthesizer)
        if voice:
            registry.check_voice(synthesizer, language, voice)
        choice = VoiceChoice(synthesizer.id, voice) if voice else None
        self.storage.speakers.assign_voice(project.id, speaker, language, choice, actor=actor)


def read_video(video: Path, listener: Listener) -> tuple[MediaInfo, str]:
    """What ``video`` is and its sha256, each found once. Raises MediaError when it cannot be dubbed."""
    from dubbing.media.probe import probe

    info = probe(video, needs_audio=True)
    clock = Clock("hash", "byte", listener)
    sha = file_sha256(video, clock)
    listener(Progress("hash", 1, 1, "byte", "", time.monotonic() - clock.started, 0.0))
    return info, sha


def output_paths(video: Path, targets: Sequence[str], out: Path | None) -> dict[str, Path]:
    """Where each language's file goes: ``out`` itself for one language, else NAME.LANG.mp4 in a folder."""
    is_file = out is not None and out.suffix.lower() in (".mp4", ".mov", ".mkv") and not out.is_dir()
    if is_file and out is not None:
        if len(targets) > 1:
            raise UsageError("Several languages do not fit into one file.", "Give --out a folder.")
        return {targets[0]: out}
    if out is not None and out.suffix and not out.is_dir():
        raise UsageError(f"{out.name} does not end in .mp4, .mov or .mkv.", "Choose one of these, or a folder.")
    folder = out if out is not None else Path.cwd()
    return {language: folder / f"{video.stem}.{language}.mp4" for language in targets}
