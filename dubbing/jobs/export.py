"""export: the files of a preset, written where the workspace keeps what leaves it, and put on record.

A file appears under its name when it is whole. The export has the job's id, so a job that is taken up again after
its worker was killed writes to the same place.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dubbing.derived import Derived
from dubbing.domain.project import Export, Line
from dubbing.errors import StorageError, UsageError
from dubbing.exchange import presets, scripts
from dubbing.exchange.archive import link_or_copy, write_archive
from dubbing.exchange.manual_dub import write_manual_dub
from dubbing.exchange.review_page import review_page
from dubbing.exchange.subtitles import write_subtitles
from dubbing.exchange.ttml import write_ttml
from dubbing.jobs.prepare import refresh
from dubbing.ledger import DatabaseLedger
from dubbing.media.atomic import replacing
from dubbing.pipeline.artifact import Artifact, file_sha256
from dubbing.pipeline.progress import Clock, Listener
from dubbing.team.uploads import existing_parent, safe_name, told_size

if TYPE_CHECKING:
    from dubbing.api import Workspace
    from dubbing.domain.project import Job
    from dubbing.ledger import HeldJob
    from dubbing.localize import Dub
    from dubbing.understand import Source

_TAGS = {"mp4_original": ".2tracks", "mkv_original": ".2tracks", "preview": ".side-by-side", "stems": ".stems",
         "script": ".script", "manual_dub": ".manual-dub", "package": ".review", "qc": ".qc",
         "qc_json": ".qc"}


def run(workspace: Workspace, job: Job, held: HeldJob, listener: Listener) -> dict[str, Any]:
    """``payload``: "language", "preset" (an id), "options", "actor". The result has the export's id, file, size,
    sha256, and ``same_as``: the id of an earlier export with the same content, "" where there is none."""
    work = _Export(workspace, job, held, listener)
    shutil.rmtree(work.folder, ignore_errors=True)  # what a worker that was killed had begun
    try:
        return work.run()
    except BaseException:
        if not any(export.id == job.id for export in workspace.storage.exports.all(work.project.id)):
            shutil.rmtree(work.folder, ignore_errors=True)
        raise


class _Export:
    """One export of one language."""

    def __init__(self, workspace: Workspace, job: Job, held: HeldJob, listener: Listener) -> None:
        self.workspace, self.storage, self.job, self.held, self.listener = (
            workspace, workspace.storage, job, held, listener)
        self.project = self.storage.projects.get(job.project_id or "")
        self.language = str(job.payload["language"])
        self.preset = presets.preset(str(job.payload["preset"]))
        self.options = {**self.preset.options, **(job.payload.get("options") or {})}
        self.folder = workspace.settings.home / "exports" / self.project.id / job.id
        self.notes: list[str] = []
        self.details: dict[str, Any] = {}

    def run(self) -> dict[str, Any]:
        target = self.folder / self._name(_TAGS.get(self.preset.id, ""), self.preset.suffix)
        self._require_room()
        writers: dict[str, Callable[[Path], None]] = {
            "video": self._video, "preview": self._preview, "stems": self._stems, "subtitles": self._subtitles,
            "script": self._script, "package": self._package, "qc": self._quality}
        writers[self.preset.what](target)
        return self._record(target)

    def _record(self, target: Path) -> dict[str, Any]:
        sha256 = file_sha256(target, Clock("checksum", "byte", self.listener))
        twin = self._twin(sha256)
        if twin is not None:
            link_or_copy(Path(twin.path), target)  # the same bytes take their room once
            self.details["same_as"] = twin.id
        marks = presets.marks(self.lines, self.preset.what, self.names)
        details = {**self.details, "lines": marks, "notes": self.notes, "options": self.options,
                   "states": self._states()}
        revisions = {line.utterance.id: line.translation.revision for line in self.lines if line.translation}
        export = self.storage.exports.record(
            self.project.id, self.language, target, sha256=sha256, preset=self.preset.id, revisions=revisions,
            export_id=self.job.id, job_id=self.job.id, actor=str(self.job.payload.get("actor", "")),
            size_bytes=target.stat().st_size, details=details)
        return {"export_id": export.id, "file_name": target.name, "size_bytes": export.size_bytes, "sha256": sha256,
                "same_as": self.details.get("same_as", ""), "notes": self.notes}

    def _twin(self, sha256: str) -> Export | None:
        for export in self.storage.exports.all(self.project.id, self.language):
            if export.sha256 == sha256 and export.id != self.job.id and export.preset == self.preset.id and \
                    Path(export.path).is_file():
                return export
        return None

    # what is exported ---------------------------------------------------------------------------------------------

    @cached_property
    def _dubbed(self) -> tuple[Dub, Source]:
        """The dub, brought up to date: what a person hears in the export is what stands in the lines."""
        options = self.workspace.checked_options(self.project, [self.language])
        result, dubs, source = self.workspace.bring_up_to_date(self.project, options, {}, self.listener, self.held)
        refresh(self.workspace, self.storage.projects.get(self.project.id), self.held.check, self.listener)
        self.notes += result.notes
        self.details["quality"] = result.quality.get(self.language, {})
        return dubs[0], source

    @cached_property
    def lines(self) -> list[Line]:
        """The lines as they are when they are first asked for: after the dub was brought up to date."""
        return self.storage.lines.all(self.project.id, self.language)

    @cached_property
    def names(self) -> dict[str, str]:
        from dubbing.voicing import speaker_name

        speakers = self.storage.speakers.all(self.project.id)
        return {speaker.id: speaker_name(speakers, speaker.id) for speaker in speakers}

    @cached_property
    def script(self) -> list[scripts.ScriptLine]:
        standing = Derived(self.workspace.settings.home, self.project.id).standing(self.language)
        comments: dict[str, list[str]] = {}
        for one in self.storage.comments.all(self.project.id, language=self.language, open_only=True):
            if one.utterance_id is not None:
                comments.setdefault(one.utterance_id, []).append(f"{one.actor}: {one.text}")
        return scripts.script_lines(self.lines, self.names, standing.on_camera if standing else {}, comments)

    def _states(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for line in self.script:
            found[line.state] = found.get(line.state, 0) + 1
        return found

    # files --------------------------------------------------------------------------------------------------------

    def _video(self, target: Path) -> None:
        made = self._rendered(self.preset.suffix, bool(self.options.get("keep_original", False)))
        self.notes += [note for note in made.facts["notes"] if note not in self.notes]
        link_or_copy(made.path(made.facts["file"]), target)

    def _rendered(self, suffix: str, keep_original: bool) -> Artifact:
        from dubbing.media.segments import SegmentCache
        from dubbing.pipeline.runner import Runner
        from dubbing.pipeline.stages import export

        dub, source = self._dubbed
        assert dub.mix is not None
        ordered = [dub.rendered[line.utterance.id] for line in self.lines if line.utterance.id in dub.rendered]
        cache = SegmentCache(self.workspace.settings.home / "segments" / self.project.id, self.language + suffix,
                             source.sha256)
        ledger = DatabaseLedger(self.storage, self.project.id, int(self.project.media["duration_ms"]))
        runner = Runner(self.workspace.artifacts, ledger, self.listener, self.held.check)
        return runner.run(export.step(source.path, source.sha256, dub.mix, source.lipsyncer, ordered, suffix,
                                      keep_original, language=self.language, segments=cache))

    def _preview(self, target: Path) -> None:
        from dubbing.preview import side_by_side

        dub, source = self._dubbed
        assert dub.video is not None
        side_by_side(source.path, dub.video.path(dub.video.facts["file"]), target, self._clock("preview", "frame"))

    def _stems(self, target: Path) -> None:
        from dubbing.pipeline.stages import mix

        dub, _ = self._dubbed
        assert dub.mix is not None
        stem = Path(self._name("", "")).name
        background = mix.write_background(dub.mix, target.with_name("me.wav"))
        try:
            write_archive(target, [(f"{stem}.dub.wav", dub.mix.path(mix.SPEECH)), (f"{stem}.me.wav", background),
                                   (f"{stem}.mix.wav", dub.mix.path(mix.MIX))], self._clock("archive"))
        finally:
            background.unlink()

    def _subtitles(self, target: Path) -> None:
        of = str(self.options.get("of", "target"))
        cues = [cue for cue in scripts.cues(self.script, of) if cue.text.strip()]
        if not cues:
            raise UsageError(f"There is no text in {self.language} yet.", "Translate the lines first.")
        language = (self.project.source_language or "und") if of == "source" else self.language
        if self.preset.suffix == ".ttml":
            write_ttml(target, cues, language)
        else:
            write_subtitles(target, cues)

    def _script(self, target: Path) -> None:
        if self.preset.suffix == ".csv":
            write_manual_dub(target, scripts.imported_lines(self.script))
        else:
            write_archive(target, list(scripts.script_files(self.script)))

    def _package(self, target: Path) -> None:
        """A page with the dub beside its lines, and the files that a reviewer may want."""
        dub, _ = self._dubbed
        assert dub.video is not None
        video = self._for_browsers(dub.video)
        texts = self.folder / "texts"
        names = {"video": f"dub{video.suffix}", "vtt": f"dub.{self.language}.vtt", "srt": f"dub.{self.language}.srt"}
        cues = [cue for cue in scripts.cues(self.script, "target") if cue.text.strip()]
        try:
            for kind in ("vtt", "srt"):
                write_subtitles(texts / names[kind], cues)
            page = review_page(self.project.name, self.language, self.script, names["video"], names["vtt"],
                               str(self.options.get("locale", "en")))
            members: list[tuple[str, Path | bytes]] = [
                ("index.html", page), (names["video"], video), (names["vtt"], texts / names["vtt"]),
                (names["srt"], texts / names["srt"]), *scripts.script_files(self.script),
                ("manifest.json", json.dumps(self._manifest(dub), ensure_ascii=False, indent=1,
                                             sort_keys=True).encode())]
            write_archive(target, members, self._clock("archive"))
        finally:
            shutil.rmtree(texts, ignore_errors=True)

    def _quality(self, target: Path) -> None:
        """What quality control says of the dub."""
        from dubbing.team.quality import Reports

        _ = self._dubbed  # a dub is checked as it is made
        reports = Reports(self.storage, self.workspace.settings.home)
        content = reports.as_json(self.project.id, self.language) if self.preset.suffix == ".json" else \
            reports.as_page(self.project.id, self.language, str(self.options.get("locale", "en")))
        with replacing(target) as temporary:
            temporary.write_bytes(content)

    def _for_browsers(self, video: Artifact) -> Path:
        """The dub as any browser plays it: the copy that the pages use where one was needed."""
        derived = Derived(self.workspace.settings.home, self.project.id)
        copy = derived.dub(self.language)
        is_fresh = copy.is_file() and derived.stamp(copy.name) == video.key
        return copy if is_fresh else video.path(video.facts["file"])

    def _manifest(self, dub: Dub) -> dict[str, Any]:
        """What the dub was made with, and on whose consent. Without times, so that the same dub is the same file."""
        assert dub.video is not None
        consents = self.storage.consents.of_speakers(self.project.id)
        return {
            "project": self.project.name, "language": self.language, "source_language": self.project.source_language,
            "source_sha256": self.project.source_sha256, "dub_sha256": dub.video.facts["sha256"],
            "synthetic": {"voices": sorted({f"{take.engine}/{take.voice}" for take in dub.takes.values()}),
                          "repainted_lines": sorted(dub.rendered)},
            "lines": len(self.lines), "states": self._states(), "quality": self.details.get("quality", {}),
            "consents": [{"speaker": self.names.get(speaker, speaker), "person": one.person, "use": one.use,
                          "languages": list(one.languages), "valid_from": _day(one.valid_from),
                          "valid_until": _day(one.valid_until), "evidence_sha256": one.evidence_sha256,
                          "is_revoked": one.revoked_at is not None}
                         for speaker, own in sorted(consents.items()) for one in own],
            "notes": self.notes}

    # helpers ------------------------------------------------------------------------------------------------------

    def _name(self, tag: str, suffix: str) -> str:
        language = (self.project.source_language or "und") if self.options.get("of") == "source" else self.language
        return safe_name(f"{self.project.name}.{language}{tag}{suffix}" if suffix else
                         f"{self.project.name}.{language}{tag}")

    def _clock(self, stage: str, unit: str = "byte") -> Callable[[float, float, str], None]:
        """Progress under a stage's name; a cancelled job stops at the next report."""
        clock = Clock(f"{stage}:{self.language}", unit, self.listener)

        def report(done: float, total: float, message: str) -> None:
            self.held.check()
            clock(done, total, message)

        return report

    def _require_room(self) -> None:
        """Raises StorageError when the disk is sure to be full before the export is through."""
        media = self.project.media
        sound = media.get("audio") or [{}]
        samples = int(media.get("duration_ms", 0)) * int(sound[0].get("sample_rate", 48_000)) // 1000
        wanted = {"video": int(media.get("size_bytes", 0)), "preview": int(media.get("size_bytes", 0)) // 2,
                  "package": int(media.get("size_bytes", 0)),
                  "stems": 9 * samples * int(sound[0].get("channels", 2))}.get(self.preset.what, 0)
        free = shutil.disk_usage(existing_parent(self.folder)).free
        if wanted > free:
            raise StorageError(f"The export needs about {told_size(wanted)}, and {told_size(free)} are free.",
                               "Delete exports that are no longer needed, or purge old projects.")


def _day(day: Any) -> str | None:
    return None if day is None else day.isoformat()
