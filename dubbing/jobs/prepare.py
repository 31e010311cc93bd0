"""prepare: what the workspace shows of a project beside its lines. Only what is missing or out of date is made."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dubbing.derived import Derived
from dubbing.errors import DubbingError
from dubbing.jobs.source import find_source
from dubbing.pipeline.progress import Clock, Listener, nobody

if TYPE_CHECKING:
    from dubbing.api import Workspace
    from dubbing.domain.project import Job, Project
    from dubbing.ledger import HeldJob
    from dubbing.understand import Source

POSTER_SIDE = 640
#: Where in a video a poster is taken when nobody is known to speak.
_POSTER_SHARE = 0.1
#: How much of a speaker is heard in a sample.
SAMPLE_MS = 6000


def run(workspace: Workspace, job: Job, held: HeldJob, listener: Listener) -> dict[str, Any]:
    """Make what is missing; the result names what was made."""
    project = workspace.storage.projects.get(job.project_id or "")
    return {"made": refresh(workspace, project, held.check, listener)}


def refresh(workspace: Workspace, project: Project, check: Callable[[], None] = lambda: None,
            listener: Listener = nobody) -> list[str]:
    """Bring a project's derived files up to date; returns the names of those that were made."""
    work = _Work(workspace, project, check, listener)
    work.poster()
    source = _source(workspace, project)
    work.source_peaks(source)
    if source is not None:
        work.speakers(source)
        work.faces(source)
    for language in project.targets:
        work.dub_peaks(language)
    # The slow ones last: everything else is seen by then.
    work.source_copy()
    for language in project.targets:
        work.dub_copy(language)
    return work.made


def _source(workspace: Workspace, project: Project) -> Source | None:
    """What an analysis found, where there was one that still holds."""
    try:
        return find_source(workspace, project)
    except DubbingError:
        # Why a dub cannot run is the dub's to say; what can be shown without it is shown.
        return None


class _Work:
    """One refresh in progress."""

    def __init__(self, workspace: Workspace, project: Project, check: Callable[[], None], listener: Listener) -> None:
        from dubbing.media.probe import MediaInfo

        self.workspace, self.project, self.check, self.listener = workspace, project, check, listener
        self.derived = Derived(workspace.settings.home, project.id)
        self.media = MediaInfo.from_json(dict(project.media))
        self.video = Path(project.source_path)
        self.made: list[str] = []

    def once(self, path: Path, made_from: str, make: Callable[[], None]) -> None:
        """Make ``path`` unless it was made from the same already."""
        name = str(path.relative_to(self.derived.folder))
        if self.derived.stamp(name) == made_from:
            return
        self.check()
        make()
        self.derived.set_stamp(name, made_from)
        self.made.append(name)

    def poster(self) -> None:
        from dubbing.media.poster import write_jpeg

        self.once(self.derived.poster, self.project.source_sha256, lambda: write_jpeg(
            self.video, self.derived.poster, self.media.duration_ms * _POSTER_SHARE, POSTER_SIDE))

    def source_peaks(self, source: Source | None) -> None:
        from dubbing.media import audio
        from dubbing.media.peaks import write_peaks, write_wav_peaks
        from dubbing.pipeline.stages.separate import SPEECH

        out, rate = self.derived.source_peaks, self.media.audio[0].sample_rate
        if source is not None:
            speech = source.separated.path(SPEECH)
            self.once(out, source.separated.key, lambda: write_wav_peaks(out, speech))
        elif not out.exists():
            self.once(out, self.project.source_sha256, lambda: write_peaks(out, audio.blocks(self.video), rate))

    def speakers(self, source: Source) -> None:
        """A few seconds of every speaker, from the clearest of the lines."""
        from dubbing.media.excerpt import write_excerpt
        from dubbing.pipeline.stages.separate import SPEECH

        best: dict[str, tuple[float, int, int]] = {}
        for line in self.workspace.storage.utterances.all(self.project.id):
            score = line.confidence * min(line.duration_ms, SAMPLE_MS)
            if score > best.get(line.speaker, (0.0,))[0]:
                best[line.speaker] = (score, line.start_ms, min(line.end_ms, line.start_ms + SAMPLE_MS))
        speech = source.separated.path(SPEECH)
        for speaker, (_, start_ms, end_ms) in best.items():
            out = self.derived.speaker(speaker)
            self.once(out, f"{source.separated.key} {start_ms} {end_ms}",
                      partial(write_excerpt, speech, out, start_ms, end_ms))

    def faces(self, source: Source) -> None:
        from dubbing.jobs.faces import write_faces

        if source.tracks is None or source.mouths is None:
            return
        self.once(self.derived.faces, source.mouths.key, lambda: write_faces(source, self.derived, self.check))

    def dub_peaks(self, language: str) -> None:
        from dubbing.media.peaks import write_wav_peaks
        from dubbing.pipeline.stages.mix import MIX

        standing = self.derived.standing(language)
        mix = self.workspace.artifacts.find(standing.mix) if standing is not None else None
        if mix is not None:
            out, sound = self.derived.dub_peaks(language), mix.path(MIX)
            self.once(out, mix.key, lambda: write_wav_peaks(out, sound))

    def source_copy(self) -> None:
        from dubbing.media.formats import why_not_played

        if why_not_played(self.project.media):
            self._copy(self.video, self.derived.source, self.project.source_sha256, "proxy")

    def dub_copy(self, language: str) -> None:
        from dubbing.media.formats import why_not_played
        from dubbing.media.probe import probe

        standing = self.derived.standing(language)
        video = self.workspace.artifacts.find(standing.video) if standing is not None else None
        if standing is None or video is None:
            return
        path = video.path(standing.video_file)
        if why_not_played(probe(path).to_json()):
            self._copy(path, self.derived.dub(language), video.key, f"proxy:{language}")

    def _copy(self, video: Path, out: Path, made_from: str, bar: str) -> None:
        from dubbing.media.proxy import write_proxy

        clock = Clock(bar, "frame", self.listener)

        def report(done: float, total: float, message: str) -> None:
            self.check()
            clock(done, total, message)

        self.once(out, made_from, lambda: write_proxy(video, out, report))

