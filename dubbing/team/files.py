"""Files that a browser asks for: found by what they are, never by a path that the browser names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dubbing.derived import Derived
from dubbing.domain.project import Project
from dubbing.domain.review import Action
from dubbing.domain.workspace import StoredFile
from dubbing.errors import UsageError
from dubbing.pipeline.artifact import Artifact
from dubbing.team.seat import ForbiddenError, Seat

if TYPE_CHECKING:
    from dubbing.domain.project import Take

_TYPES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".mkv": "video/x-matroska",
          ".webm": "video/webm", ".wav": "audio/wav", ".jpg": "image/jpeg", ".png": "image/png",
          ".srt": "application/x-subrip", ".vtt": "text/vtt", ".ttml": "application/ttml+xml", ".ass": "text/x-ssa",
          ".json": "application/json", ".csv": "text/csv", ".zip": "application/zip", ".pdf": "application/pdf",
          ".txt": "text/plain"}
_BYTES = "application/octet-stream"


class Files:
    """Finds the files of projects that the person at the desk may see."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._workspace = seat.workspace
        self._storage = seat.workspace.storage

    def find(self, project_id: str, kind: str, *parts: str) -> StoredFile:
        """The file of a kind: source, poster, peaks/source, peaks/dub/LANGUAGE, peaks/take/TAKE, dub/LANGUAGE,
        take/TAKE, clip/TAKE, clip-side/TAKE, speaker/SPEAKER, face/FACE, export/EXPORT, audition/JOB,
        evidence/CONSENT; ``kind`` may be the first part or all of it.

        Raises ForbiddenError, and UsageError when there is no such file, or none yet.
        """
        self._seat.require(Action.VIEW, project_id)
        project = self._storage.projects.get(project_id)
        what, *names = [part for part in "/".join((kind, *parts)).split("/") if part] or [""]
        if what == "peaks" and names:
            what, names = f"peaks/{names[0]}", names[1:]
        if what == "speaker":
            # People name speakers as they like.
            names = ["/".join(names)]
        finder = {"source": self._source, "poster": self._poster, "peaks/source": self._source_peaks}.get(what)
        if finder is not None and not names:
            return finder(project)
        named = {"peaks/dub": self._dub_peaks, "peaks/take": self._take_peaks, "dub": self._dub, "take": self._take,
                 "clip": self._clip, "clip-side": self._clip_side, "speaker": self._speaker, "face": self._face,
                 "export": self._export, "audition": self._audition, "evidence": self._evidence}.get(what)
        if named is None or len(names) != 1:
            raise UsageError(f"There is no file {'/'.join((kind, *parts))}.", "Reload the page.")
        return named(project, names[0])

    def versions(self, project_id: str) -> dict[str, str]:
        """A text by kind (as ``find`` takes it) that changes whenever the file does; kinds without a file are left
        out, so that a page knows what there is."""
        self._seat.require(Action.VIEW, project_id)
        project, derived = self._storage.projects.get(project_id), self._derived(project_id)
        found = {"source": project.source_sha256[:12] + _version(derived.source), "poster": _version(derived.poster),
                 "peaks/source": _version(derived.source_peaks)}
        if self._needs_copy(project) and not derived.source.is_file():
            del found["source"]
        for language in project.targets:
            standing = derived.standing(language)
            if standing is not None:
                found[f"dub/{language}"] = standing.video[:12] + _version(derived.dub(language))
                found[f"peaks/dub/{language}"] = _version(derived.dub_peaks(language))
        return {kind: version for kind, version in found.items() if version}

    # the video ----------------------------------------------------------------------------------------------------

    def _source(self, project: Project) -> StoredFile:
        """As a browser plays it: the copy where there is one."""
        copy = self._derived(project.id).source
        if copy.is_file():
            return _stored(copy, f"{Path(project.source_path).stem}.mp4")
        if self._needs_copy(project):
            raise UsageError("The video is being prepared for browsers.",
                             "It is made by a job; try again when that is done.")
        return _stored(Path(project.source_path))

    def _needs_copy(self, project: Project) -> bool:
        from dubbing.media.formats import why_not_played

        return bool(why_not_played(project.media))

    def _poster(self, project: Project) -> StoredFile:
        return _stored(self._derived(project.id).poster)

    def _source_peaks(self, project: Project) -> StoredFile:
        return _stored(self._derived(project.id).source_peaks)

    def _dub(self, project: Project, language: str) -> StoredFile:
        self._seat.require(Action.VIEW, project.id, language)
        derived = self._derived(project.id)
        standing = derived.standing(_known(project, language))
        if standing is None:
            raise UsageError(f"There is no dub into {language} yet.",
                             "It is made by a job; try again when that is done.")
        copy = derived.dub(language)
        name = f"{Path(project.source_path).stem}.{language}.mp4"
        if copy.is_file() and derived.stamp(copy.name) == standing.video:
            return _stored(copy, name)
        return _stored(self._artifact(standing.video).path(standing.video_file), name)

    def _dub_peaks(self, project: Project, language: str) -> StoredFile:
        self._seat.require(Action.VIEW, project.id, language)
        return _stored(self._derived(project.id).dub_peaks(_known(project, language)))

    # lines --------------------------------------------------------------------------------------------------------

    def _take(self, project: Project, take_id: str) -> StoredFile:
        from dubbing.pipeline.stages.synthesize import TAKE

        take = self._found_take(project, take_id)
        return _stored(self._artifact(take.artifact_key).path(TAKE), f"{take.utterance_id}.{take.language}.wav", True)

    def _take_peaks(self, project: Project, take_id: str) -> StoredFile:
        """Made when they are first asked for: a take is a few seconds long, and there may be thousands."""
        from dubbing.media.peaks import write_wav_peaks
        from dubbing.pipeline.stages.synthesize import TAKE

        take = self._found_take(project, take_id)
        out = self._derived(project.id).take_peaks(take.artifact_key)
        if not out.is_file():
            write_wav_peaks(out, self._artifact(take.artifact_key).path(TAKE))
        return _stored(out, is_immutable=True)

    def _clip(self, project: Project, take_id: str) -> StoredFile:
        from dubbing.pipeline.stages.clip import CLIP

        return _stored(self._clip_folder(project, take_id).path(CLIP), f"{take_id}.mp4")

    def _clip_side(self, project: Project, take_id: str) -> StoredFile:
        from dubbing.pipeline.stages.clip import SIDE

        return _stored(self._clip_folder(project, take_id).path(SIDE), f"{take_id}.side.mp4")

    def _clip_folder(self, project: Project, take_id: str) -> Artifact:
        key = self._found_take(project, take_id).details.get("clip")
        if not key:
            raise UsageError("The picture of this take has not been rendered.",
                             "It is made by a job; try again when that is done.")
        return self._artifact(str(key))

    def _found_take(self, project: Project, take_id: str) -> Take:
        take = self._storage.takes.get(take_id)
        if take.project_id != project.id:
            raise UsageError(f"There is no take {take_id} in this project.", "Reload the line.")
        self._seat.require(Action.VIEW, project.id, take.language)
        return take

    # people -------------------------------------------------------------------------------------------------------

    def _speaker(self, project: Project, speaker_id: str) -> StoredFile:
        return _stored(self._derived(project.id).speaker(speaker_id), "speaker.wav")

    def _face(self, project: Project, face_id: str) -> StoredFile:
        return _stored(self._derived(project.id).face(face_id), "face.jpg")

    def _audition(self, project: Project, job_id: str) -> StoredFile:
        from dubbing.pipeline.stages.synthesize import TAKE

        job = self._storage.jobs.get(job_id)
        if job.kind != "audition" or job.project_id != project.id:
            raise UsageError(f"There is no audition {job_id} in this project.", "Reload the page.")
        if not job.result.get("artifact"):
            raise UsageError("The voice has not spoken yet.",
                             "It is made by a job; try again when that is done.")
        return _stored(self._artifact(str(job.result["artifact"])).path(TAKE), "audition.wav", True)

    def _evidence(self, project: Project, consent_id: str) -> StoredFile:
        """The file that proves a consent, for those who keep consents."""
        if not self._seat.may(Action.MANAGE_CONSENT, project.id):
            raise ForbiddenError("You may not see the evidence of a consent.", "Ask a project manager.")
        path = self._storage.consents.evidence(consent_id)
        if path is None:
            raise UsageError("No evidence was given for this consent.", "Record the consent again with a file.")
        return _stored(path)

    def _export(self, project: Project, export_id: str) -> StoredFile:
        for export in self._storage.exports.all(project.id):
            if export.id == export_id:
                self._seat.require(Action.VIEW, project.id, export.language)
                return _stored(Path(export.path))
        raise UsageError(f"There is no export {export_id} in this project.", "It may have been deleted.")

    # helpers ------------------------------------------------------------------------------------------------------

    def _derived(self, project_id: str) -> Derived:
        return Derived(self._workspace.settings.home, project_id)

    def _artifact(self, key: str) -> Artifact:
        found = self._workspace.artifacts.find(key)
        if found is None:
            raise UsageError("This file is gone.", "Run the project again; it is made anew.")
        return found


def _known(project: Project, language: str) -> str:
    if language not in project.targets:
        raise UsageError(f"The project is not dubbed into {language}.", "Choose one of its languages.")
    return language


def _stored(path: Path, name: str = "", is_immutable: bool = False) -> StoredFile:
    if not path.is_file():
        raise UsageError("This file is not there yet.", "It is made by a job; try again when that is done.")
    return StoredFile(str(path), _TYPES.get(path.suffix.lower(), _BYTES), name or path.name, is_immutable)


def _version(path: Path) -> str:
    try:
        return f"{path.stat().st_mtime_ns:x}"
    except FileNotFoundError:
        return ""
