"""Rows of the review page: what a person sees of a line, put together from a few queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from dubbing.domain.estimate import estimate, natural_ms, pace_of, syllables_of
from dubbing.domain.isochrony import Fit, Slot, plan_fit, slot_for
from dubbing.domain.lines import LineFacts, TimedLine, has_low_confidence, matcher, slots_of
from dubbing.domain.project import Line, Project
from dubbing.domain.workspace import FitEstimate, JobView, LinePage, LineQuery, LineView, Pace
from dubbing.jobs.views import Views
from dubbing.ledger import ACTIVE
from dubbing.storage.takes import HeardLine
from dubbing.team.lip_sync import NO_FACE, OFF_CAMERA, lip_sync_plan
from dubbing.team.paces import paces_of

if TYPE_CHECKING:
    from dubbing.team.seat import Seat

#: Lines on one page at most.
MOST_LINES = 500
_MOST_JOBS = 5000


class LineViews:
    """Views of a project's lines in one language. Made for one call: it remembers what it has read."""

    def __init__(self, seat: Seat, project: Project, language: str) -> None:
        self._seat, self._project, self._language = seat, project, language
        self._storage = seat.workspace.storage
        self._video_end_ms = int(project.media["duration_ms"])

    def page(self, query: LineQuery, offset: int, limit: int) -> LinePage:
        """Lines ``offset`` and following of those that ``query`` wants, in the order in which they start."""
        wanted = [line.id for line in self._times]
        if query.search.strip() or query.speaker is not None or query.filters or query.states:
            is_wanted = matcher(query, self._expected_fit)
            facts = self._storage.lines.facts(self._project.id, self._language)
            wanted = [line.id for line in facts if is_wanted(line)]
        first = min(max(offset, 0), len(wanted))
        ids = wanted[first:first + min(max(limit, 1), MOST_LINES)]
        return LinePage(tuple(self.of(ids)), first, len(wanted), len(self._times))

    def of(self, utterance_ids: Sequence[str]) -> list[LineView]:
        """The views of these lines, in this order; a deleted line too, as it was."""
        lines = self._storage.lines.some(self._project.id, self._language, utterance_ids, deleted=True)
        takes, comments = self._storage.lines.counts(self._project.id, self._language, utterance_ids)
        jobs, painted = self._takes_made(utterance_ids), self._lip_sync(lines.values())
        return [self._view(lines[key], takes.get(key, 0), comments.get(key, 0), jobs.get(key), painted[key])
                for key in utterance_ids if key in lines]

    def estimate(self, line: Line, text: str) -> FitEstimate:
        """What ``text`` would take in the place of ``line``."""
        source = syllables_of(line.utterance.text, self._source_pace)
        return estimate(text, self.pace(line.utterance.speaker), self._slot(line), source)

    def pace(self, speaker: str) -> Pace:
        """How the speaker's voice speaks the language."""
        return self.paces.get(speaker, self._pace)

    @cached_property
    def paces(self) -> dict[str, Pace]:
        """The pace of every speaker whose voice is known, from its newest takes."""
        return paces_of(self._storage, self._project.id, self._language)

    def _view(self, line: Line, takes: int, comments: int, job: JobView | None,
              painted: tuple[bool, str]) -> LineView:
        (is_painted, reason), utterance = painted, line.utterance
        text = "" if line.translation is None else line.translation.text
        seen = reason not in (OFF_CAMERA, NO_FACE) if utterance.on_camera is None else utterance.on_camera
        return LineView(
            line=line, speaker_name=self._names.get(utterance.speaker, utterance.speaker),
            estimate=self.estimate(line, text) if text.strip() else None, slot_limit_ms=self._slot(line).limit_ms,
            takes=takes, open_comments=comments, on_camera=seen, lip_sync=is_painted, lip_sync_reason=reason,
            low_confidence=has_low_confidence(utterance.confidence, utterance.edited_by_person),
            job=job)

    def _slot(self, line: Line) -> Slot:
        """The line's slot; of a deleted line, which others ignore, the place that it had."""
        one = line.utterance
        return self._slots.get(one.id) or slot_for(one.start_ms, one.end_ms, None, self._video_end_ms)

    def _expected_fit(self, line: LineFacts) -> Fit | None:
        natural = natural_ms(line.target or "", self.pace(line.speaker))
        return plan_fit(natural, self._slots[line.id]).fit if natural else None

    @cached_property
    def _times(self) -> list[TimedLine]:
        return self._storage.lines.times(self._project.id)

    @cached_property
    def _slots(self) -> dict[str, Slot]:
        return slots_of(self._times, self._video_end_ms)

    @cached_property
    def _pace(self) -> Pace:
        return pace_of(self._language)

    @cached_property
    def _source_pace(self) -> Pace:
        return pace_of(self._project.source_language or "")

    @cached_property
    def _names(self) -> dict[str, str]:
        speakers = self._storage.speakers.all(self._project.id)
        return {one.id: one.character or one.name or one.id for one in speakers}

    def _lip_sync(self, lines: Iterable[Line]) -> dict[str, tuple[bool, str]]:
        heard = [HeardLine(one.id, one.speaker, one.start_ms, one.end_ms, one.on_camera,
                           "" if line.take is None else line.take.artifact_key)
                 for line in lines for one in (line.utterance,)]
        return lip_sync_plan(self._seat.workspace, self._project, self._language, heard)

    def _takes_made(self, utterance_ids: Sequence[str]) -> dict[str, JobView]:
        """The job that makes a take of each of these lines now, or will; the newest where there are several."""
        wanted = set(utterance_ids)
        jobs = self._storage.jobs.all(project_id=self._project.id, statuses=ACTIVE, kinds=["take"], limit=_MOST_JOBS)
        by_line = {job.payload.get("utterance_id", ""): job for job in reversed(jobs)
                   if job.payload.get("language") == self._language}
        views = Views(self._seat.workspace)
        return {key: views.one(job, counts_ahead=False) for key, job in by_line.items() if key in wanted}
