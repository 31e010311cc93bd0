"""What one language's dub is worth: the finished file listened to and looked at again, and what the checks find."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dubbing import registry
from dubbing.derived import Derived
from dubbing.domain import marks
from dubbing.domain.loudness import PRESETS, Loudness
from dubbing.domain.project import Line, Project, Utterance
from dubbing.domain.quality import Finding
from dubbing.errors import DubbingError
from dubbing.exchange import subtitles
from dubbing.options import DubOptions
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stages import quality
from dubbing.qc import report
from dubbing.qc.values import NO_REASON, QcCue, QcDub, QcLine, Reason
from dubbing.storage.repository import Repository
from dubbing.team.quality import state_of_dub
from dubbing.understand import Source

if TYPE_CHECKING:
    from dubbing.localize import Dub

#: Whose voice prints the limits of the checks were measured with.
_PRINTER = "pyannote"


class Judging:
    """Judges the dub of one language of one project; what is found goes into the database."""

    def __init__(self, storage: Repository, project: Project, options: DubOptions, source: Source, runner: Runner,
                 dub: Dub, utterances: list[Utterance]) -> None:
        self._storage, self._project, self._source = storage, project, source
        self._options = options.for_language(dub.language)
        self._runner, self._dub, self._utterances = runner, dub, utterances

    def run(self, takes: dict[str, Artifact], rendered: dict[str, Artifact]) -> dict[str, Any]:
        """What was measured of the whole dub, and under "qc" how much was found; ``takes`` are those of the lines that
        are heard, ``rendered`` their repainted mouths."""
        dub, source = self._dub, self._source
        assert dub.video is not None and dub.mix is not None
        recognizer, unheard = _engine("asr", self._options.recognizer)
        printer, unprinted = _engine("diarize", "fake" if self._options.diarizer == "fake" else _PRINTER)
        judged = self._runner.run(quality.step(
            recognizer, source.lipsyncer, source.path, source.tracks, dub.video, dub.mix, source.separated,
            self._judged(takes, rendered), language=dub.language, printer=printer))
        measured: dict[str, Any] = judged.json(quality.REPORT)
        checked = self._checked(measured, judged.json(quality.LINES), unheard, unprinted)
        found = report.findings(checked)
        self._keep(checked, found)
        counts = report.counts(one.severity for one in found)
        return {**measured, "qc": {f"{severity.value}s": count for severity, count in counts.items()}}

    def _judged(self, takes: dict[str, Artifact], rendered: dict[str, Artifact]) -> list[quality.JudgedLine]:
        """The lines that are heard, in order of their start."""
        replaced = {one.id: self._dub.replaced.get(one.id, (one.start_ms, one.end_ms)) for one in self._utterances}
        ends = {one.id: max(replaced[one.id][1], one.start_ms + int(takes[one.id].facts["duration_ms"]))
                if one.id in takes else one.end_ms for one in self._utterances}
        lines = []
        for one in sorted(self._utterances, key=lambda u: u.start_ms):
            if one.id not in takes:
                continue
            others = [other for other in self._utterances if other is not one]
            after = max((ends[other.id] for other in others if other.start_ms <= one.start_ms), default=0)
            until = min((replaced[other.id][0] for other in others if other.start_ms > one.start_ms),
                        default=self._source.media.duration_ms)
            lines.append(quality.JudgedLine(
                one.id, one.speaker, one.start_ms, one.end_ms, marks.spoken(self._dub.translations[one.id].text),
                takes[one.id], rendered.get(one.id), after, until, replaced[one.id]))
        return lines

    def _checked(self, measured: dict[str, Any], of_lines: dict[str, dict[str, Any]], unheard: Reason,
                 unprinted: Reason) -> QcDub:
        """The dub as the checks read it."""
        rows = self._storage.lines.all(self._project.id, self._dub.language)
        loud = {key: Loudness.from_json(self._dub.loudness[key]) for key in ("file", "source")
                if self._dub.loudness.get(key)}
        rate = float(self._source.media.video.frame_rate) if self._source.media.video is not None else 25.0
        return QcDub(
            language=self._dub.language, source_language=self._source.language,
            lines=tuple(self._line(row, of_lines.get(row.utterance.id, {})) for row in rows), cues=_cues(rows),
            terms=tuple(self._storage.terms.all(self._project.id, source_language=self._source.language,
                                                target_language=self._dub.language)),
            forbidden=tuple(self._storage.terms.forbidden(self._project.id, language=self._dub.language)),
            frame_ms=1000 / rate, preset=PRESETS[self._options.loudness],
            loudness=loud.get("file"), source_loudness=loud.get("source"),
            lip_sync={key: float(value) for key, value in measured.get("lip_sync", {}).items()
                      if isinstance(value, int | float)}, unheard=unheard, unprinted=unprinted)

    def _line(self, row: Line, measured: dict[str, Any]) -> QcLine:
        one, take = row.utterance, row.take
        return QcLine(
            id=one.id, speaker=one.speaker, start_ms=one.start_ms, end_ms=one.end_ms, source=marks.spoken(one.text),
            target=marks.spoken(row.translation.text) if row.translation else "",
            take_ms=take.duration_ms if take else None, tempo=take.tempo if take else None,
            take_is_stale=row.take_is_stale, heard=measured.get("heard"), words=measured.get("words", 0),
            wrong_words=measured.get("wrong", 0), letter_errors=measured.get("letter_errors", 0.0),
            onset_ms=measured.get("onset_ms"), silent_ms=measured.get("silent_ms", 0),
            left_over_ms=measured.get("left_over_ms", 0), clipped_samples=measured.get("clipped_samples", 0),
            voice=f"{take.engine}/{take.voice}" if take else "", voice_print=tuple(measured.get("print", ())))

    def _keep(self, checked: QcDub, found: Sequence[Finding]) -> None:
        texts = {line.id: f"{line.source}\n{line.target}" for line in checked.lines}
        self._storage.findings.replace(self._project.id, checked.language, found, texts)
        Derived(self._runner.store.root.parent, self._project.id).set_quality(checked.language, {
            "made_at": datetime.now(UTC).isoformat(), "figures": report.figures(checked),
            "of": state_of_dub(self._storage, self._project.id, checked.language), "skipped": report.skipped(checked)})


def _engine(kind: str, wanted: str) -> tuple[Any, Reason]:
    """An engine, or why there is none: a dub is not lost because nobody can judge it."""
    try:
        return registry.choose(kind, wanted), NO_REASON
    except DubbingError as error:
        return None, Reason(error.message)


def _cues(rows: Sequence[Line]) -> tuple[QcCue, ...]:
    """The subtitles of the dub, as an export writes them."""
    found = []
    for row in rows:
        one, text = row.utterance, marks.shown(row.translation.text.strip()) if row.translation else ""
        if text:
            end_ms = one.start_ms + row.take.duration_ms if row.take and row.take.duration_ms else one.end_ms
            found += [QcCue(one.id, cue.start_ms, cue.end_ms, cue.text)
                      for cue in subtitles.split_cue(subtitles.Cue(one.start_ms, end_ms, text))]
    return tuple(sorted(found, key=lambda cue: (cue.start_ms, cue.end_ms)))
