"""Work for the workers: asked for at the desk, followed, stopped, tried again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dubbing.domain.project import Job, JobStatus
from dubbing.domain.review import Action
from dubbing.domain.workspace import JobView, Rights
from dubbing.errors import UsageError
from dubbing.exchange.presets import FROM_TEXT, preset
from dubbing.jobs.kinds import KINDS
from dubbing.jobs.views import Views
from dubbing.ledger import ACTIVE
from dubbing.team.seat import ForbiddenError, Seat

#: What a synthesis may be asked to be spoken at, as a share of what fits best.
PACES = (0.6, 2.0)
#: Longer texts are no audition.
AUDITION_CHARACTERS = 300
_RECENT = 50


class Jobs:
    """The jobs of projects that the person at the desk may see, and the person's own."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._workspace = seat.workspace
        self._jobs = seat.workspace.storage.jobs

    # asking for work ----------------------------------------------------------------------------------------------

    def start(self, project_id: str, targets: Sequence[str] | None = None) -> JobView:
        """Bring ``targets`` of a project up to date, or all that the person may run.

        A dub that waits or runs for the same is enough.
        """
        self._seat.require(Action.RUN, project_id)
        project = self._live(project_id)
        unknown = [language for language in targets or () if language not in project.targets]
        if unknown:
            raise UsageError(f"The project is not dubbed into {', '.join(unknown)}.", "Add the language to it first.")
        if not project.targets:
            raise UsageError("The project has no target language.", "Add one first.")
        for language in targets or ():
            self._seat.require(Action.RUN, project_id, language)
        wanted = list(targets or [one for one in project.targets if self._seat.may(Action.RUN, project_id, one)])
        for job in self._jobs.all(project_id=project_id, statuses=ACTIVE, kinds=["dub"]):
            if set(wanted) <= set(job.payload.get("targets") or project.targets) and not job.cancel_requested:
                return self._view(job)
        return self._enqueue("dub", {"targets": wanted}, project_id)

    def is_running(self, project_id: str) -> bool:
        """Whether a dub of the project is at work: what is changed now may come too late for it."""
        self._seat.require(Action.VIEW, project_id)
        return bool(self._jobs.all(project_id=project_id, statuses=[JobStatus.RUNNING], kinds=["dub"]))

    def prepare(self, project_id: str) -> JobView:
        """Make what the pages show of a project beside its lines, where it is missing."""
        self._seat.require(Action.VIEW, project_id)
        self._live(project_id)
        waiting = self._jobs.all(project_id=project_id, statuses=[JobStatus.QUEUED], kinds=["prepare"])
        return self._view(waiting[0]) if waiting else self._enqueue("prepare", {}, project_id)

    def take(self, project_id: str, language: str, utterance_id: str, *, pace: float = 1.0,
             voice: str | None = None) -> JobView:
        """Synthesize one line anew, repaint its mouth, and render its clip; the new take is heard.

        pace: how much faster than fits best. voice: another than the speaker's, for this line.
        """
        self._require_take(project_id, language)
        if not PACES[0] <= pace <= PACES[1]:
            raise UsageError(f"A pace of {pace:g} is no longer speech.", f"Stay between {PACES[0]:g} and {PACES[1]:g}.")
        project = self._live(project_id)
        if language not in project.targets:
            raise UsageError(f"The project is not dubbed into {language}.", "Add the language to it first.")
        line = self._workspace.storage.lines.some(project_id, language, [utterance_id]).get(utterance_id)
        if line is None:
            raise UsageError(f"There is no line {utterance_id} in this project.", "It may have been deleted or merged.")
        if line.translation is None or not line.translation.text.strip():
            raise UsageError(f"Line {utterance_id} has no text in {language}.", "Type its translation first.")
        payload = {"language": language, "utterance_id": utterance_id, "pace": pace, "voice": voice or ""}
        for job in self._jobs.all(project_id=project_id, statuses=[JobStatus.QUEUED], kinds=["take"], limit=5000):
            if all(job.payload.get(key) == value for key, value in payload.items()):
                return self._view(job)
        return self._enqueue("take", payload, project_id)

    def takes_for_stale(self, project_id: str, language: str) -> list[JobView]:
        """A take job for every line whose take is missing or older than its text, times or voice."""
        self._require_take(project_id, language)
        lines = self._workspace.storage.lines.all(project_id, language)
        return [self.take(project_id, language, line.utterance.id) for line in lines
                if line.translation is not None and line.translation.text.strip()
                and (line.take is None or line.take_is_stale)]

    def audition(self, project_id: str, language: str, engine: str, voice: str, text: str = "") -> JobView:
        """Let a voice say ``text``, by default a line of the project; the job's result names the file."""
        self._seat.require(Action.VIEW, project_id)
        rights = self._seat.rights(project_id, language)
        if not (rights.may(Action.EDIT_DUB) or rights.may(Action.EDIT_TRANSLATION)):
            raise ForbiddenError("You may not try voices in this project.", "Ask its project manager.")
        if len(text) > AUDITION_CHARACTERS:
            raise UsageError(f"The text has {len(text)} characters; {AUDITION_CHARACTERS} are enough to hear a voice.",
                             "Shorten it.")
        return self._enqueue("audition", {"language": language, "engine": engine, "voice": voice, "text": text},
                             project_id)

    def preflight(self, source: str, **options: Any) -> JobView:
        """Look at a video before any work: an upload (its id) or a file on the server (its path).

        options: what is known of it, as in ``DubOptions`` (``speakers``, ``lipsync``). The job's result holds
        "findings" and "media".
        """
        if not self._seat.may_create:
            raise ForbiddenError("You may not create projects.", "Ask an administrator for the role that may.")
        payload: dict[str, Any] = {"options": options}
        if len(source) == 20 and source.isalnum():
            payload["upload_id"] = source
            path = self._uploaded(source)
        else:
            payload["path"] = path = self._server_path(source)
        payload["video"] = path
        return self._enqueue("preflight", payload, None)

    def export(self, project_id: str, language: str, preset_id: str, **options: Any) -> JobView:
        """Write the files of a preset (see ``desk.exports.presets``); ``options`` go to its writer."""
        self._seat.require(Action.EXPORT, project_id, language)
        project = self._live(project_id)
        if language not in project.targets:
            raise UsageError(f"The project is not dubbed into {language}.", "Choose one of its languages.")
        kind = "text_export" if preset(preset_id).what in FROM_TEXT else "export"
        return self._enqueue(kind, {"language": language, "preset": preset_id, "options": options}, project_id)

    # following it -------------------------------------------------------------------------------------------------

    def get(self, job_id: str) -> JobView:
        """Raises UsageError when there is no such job, ForbiddenError when it is not theirs to see."""
        return self._view(self._own(job_id))

    def active(self, project_id: str | None = None) -> list[JobView]:
        """What waits or runs, newest first; of one project, or of all that the person may see."""
        if project_id is not None:
            self._seat.require(Action.VIEW, project_id)
        found = self._jobs.all(project_id=project_id, statuses=ACTIVE)
        return Views(self._workspace).of(self._visible(found))

    def recent(self, project_id: str, limit: int = _RECENT) -> list[JobView]:
        """A project's last jobs, newest first."""
        self._seat.require(Action.VIEW, project_id)
        return Views(self._workspace).of(self._jobs.all(project_id=project_id, limit=limit))

    def workers(self) -> int:
        """How many workers are alive."""
        return len(self._workspace.storage.workers.alive())

    # stopping and trying again ------------------------------------------------------------------------------------

    def cancel(self, job_id: str) -> JobView:
        """Stop a job: whoever asked for it may, and whoever may run the project's."""
        job = self._own(job_id)
        self._require_hand(job)
        return self._view(self._jobs.request_cancel(job_id))

    def retry(self, job_id: str) -> JobView:
        """Put a failed or cancelled job back into the queue."""
        job = self._own(job_id)
        self._require_hand(job)
        return self._view(self._jobs.retry(job_id))

    # helpers ------------------------------------------------------------------------------------------------------

    def _enqueue(self, kind: str, payload: Mapping[str, Any], project_id: str | None) -> JobView:
        asked = {**payload, "actor": self._seat.actor}
        return self._view(self._jobs.enqueue(kind, asked, project_id=project_id, priority=KINDS[kind].priority))

    def _view(self, job: Job) -> JobView:
        return Views(self._workspace).one(job)

    def _live(self, project_id: str) -> Any:
        project = self._workspace.storage.projects.get(project_id)
        if project.deleted_at is not None:
            raise UsageError(f"{project.name} is deleted.", "Take it back first.")
        return project

    def _require_take(self, project_id: str, language: str) -> None:
        rights = self._seat.rights(project_id, language)
        if not (rights.may(Action.EDIT_DUB) or rights.may(Action.EDIT_TRANSLATION)):
            raise ForbiddenError("You may not make takes in this project.",
                                 "Ask its project manager for the role that may.")

    def _is_mine(self, job: Job) -> bool:
        return job.payload.get("actor") == self._seat.actor or self._seat.person.is_administrator

    def _own(self, job_id: str) -> Job:
        job = self._jobs.get(job_id)
        if job.project_id is None:
            if not self._is_mine(job):
                raise ForbiddenError("This job is not yours.", "Ask who started it.")
        else:
            self._seat.require(Action.VIEW, job.project_id)
        return job

    def _visible(self, jobs: Sequence[Job]) -> list[Job]:
        sees_all = Rights(self._seat.person.roles).may(Action.VIEW)
        seen: dict[str, bool] = {}
        kept = []
        for job in jobs:
            if job.project_id is None:
                visible = self._is_mine(job)
            elif sees_all:
                visible = True
            else:
                visible = seen.setdefault(job.project_id, self._seat.may(Action.VIEW, job.project_id))
            if visible:
                kept.append(job)
        return kept

    def _require_hand(self, job: Job) -> None:
        if not self._is_mine(job) and job.project_id is not None:
            self._seat.require(Action.RUN, job.project_id)

    def _uploaded(self, upload_id: str) -> str:
        from dubbing.team.uploads import VIDEO, Uploads

        return str(Uploads(self._seat).finished(upload_id, VIDEO).path)

    def _server_path(self, path: str) -> str:
        from dubbing.team.projects import Projects

        return str(Projects(self._seat).allowed_path(path))
