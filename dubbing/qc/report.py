"""All checks together, and a report as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dubbing.domain.isochrony import Fit, colour
from dubbing.domain.quality import Finding, Severity
from dubbing.domain.workspace import QcReport
from dubbing.qc import hearing, lip_sync, names, numbers, sound, subtitles, terms, timing, untranslated, voice
from dubbing.qc.values import NO_REASON, QcDub, Reason

Check = Callable[[QcDub], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class CheckGroup:
    """A check with the names of its findings, and why it cannot be made of a dub."""

    names: tuple[str, ...]
    run: Check
    why_not: Callable[[QcDub], Reason] = lambda _dub: NO_REASON


def _unheard(dub: QcDub) -> Reason:
    return dub.unheard


def _unprinted(dub: QcDub) -> Reason:
    return dub.unprinted


def _unmeasured(dub: QcDub) -> Reason:
    return NO_REASON if dub.loudness is not None else Reason("The loudness of the mix was not measured.")


def _unpainted(dub: QcDub) -> Reason:
    return NO_REASON if dub.lip_sync else Reason("No mouth was repainted.")


#: In the order in which a report tells of them.
GROUPS: tuple[CheckGroup, ...] = (
    CheckGroup((timing.NO_TRANSLATION, timing.NO_TAKE, timing.OLD_TAKE), timing.missing),
    CheckGroup((hearing.NOT_HEARD,), hearing.not_heard, _unheard),
    CheckGroup((hearing.WORD_ERRORS,), hearing.word_errors, _unheard),
    CheckGroup((hearing.SAID_TWICE,), hearing.said_twice, _unheard),
    CheckGroup((timing.REPEATED,), timing.repeated),
    CheckGroup((numbers.NUMBERS,), numbers.numbers),
    CheckGroup((names.NAMES,), names.names),
    CheckGroup((untranslated.UNTRANSLATED,), untranslated.untranslated),
    CheckGroup((terms.GLOSSARY,), terms.glossary),
    CheckGroup((terms.FORBIDDEN,), terms.forbidden),
    CheckGroup((timing.FIT,), timing.fit),
    CheckGroup((timing.ONSET,), timing.onset),
    CheckGroup((timing.OVERLAP,), timing.overlap),
    CheckGroup((timing.SILENCE,), timing.silence),
    CheckGroup((timing.LEFT_OVER,), timing.left_over),
    CheckGroup((voice.DRIFT,), voice.drift, _unprinted),
    CheckGroup((voice.OTHER_VOICE,), voice.other_voice),
    CheckGroup((sound.CLIPPING,), sound.clipping),
    CheckGroup((sound.LOUDNESS,), sound.loudness, _unmeasured),
    CheckGroup((sound.TRUE_PEAK,), sound.true_peak, _unmeasured),
    CheckGroup((subtitles.SPEED,), subtitles.reading_speed),
    CheckGroup((subtitles.LENGTH,), subtitles.length),
    CheckGroup((subtitles.LINES,), subtitles.lines),
    CheckGroup((subtitles.DURATION,), subtitles.duration),
    CheckGroup((subtitles.GAP,), subtitles.gap),
    CheckGroup((lip_sync.LIP_SYNC,), lip_sync.lip_sync, _unpainted),
)
#: Names of all checks.
CHECKS: tuple[str, ...] = tuple(name for group in GROUPS for name in group.names)


def findings(dub: QcDub) -> list[Finding]:
    """What all checks find, in the order of ``CHECKS``."""
    return [finding for group in GROUPS if not group.why_not(dub) for finding in group.run(dub)]


def skipped(dub: QcDub) -> dict[str, Reason]:
    """Checks that could not be made, with the reason."""
    return {name: reason for group in GROUPS if (reason := group.why_not(dub)) for name in group.names}


def figures(dub: QcDub) -> dict[str, float | int | str | None]:
    """What was measured of the whole dub.

    lines, in_window (share of takes inside the comfortable tempo window), word_error_rate (of the lines that were
    heard), onset_ms (median, without sign), silent_ms (sum), voice_likeness, integrated and dialogue (LUFS), true_peak
    (dBTP), loudness_range (LU), preset, and those of the lip-sync as lip_sync_NAME.
    """
    spoken = [line for line in dub.lines if line.tempo is not None]
    heard = [line for line in dub.lines if line.heard is not None and line.words]
    onsets = sorted(abs(line.onset_ms) for line in dub.lines if line.onset_ms is not None)
    words = sum(line.words for line in heard)
    found: dict[str, float | int | str | None] = {
        "lines": len(dub.lines),
        "in_window": round(sum(colour(line.tempo or 1.0) is Fit.GREEN for line in spoken) / len(spoken), 4)
        if spoken else None,
        "word_error_rate": round(sum(line.wrong_words for line in heard) / words, 4) if words else None,
        "onset_ms": round(onsets[len(onsets) // 2], 1) if onsets else None,
        "silent_ms": sum(line.silent_ms for line in dub.lines if line.silent_ms >= timing.SILENT_MS[0]),
        "voice_likeness": voice.likeness_within(dub), "preset": dub.preset.id}
    if dub.loudness is not None:
        told = dub.loudness.to_json()
        found |= {"integrated": told["integrated"], "dialogue": told["dialogue"], "true_peak": told["true_peak"],
                  "loudness_range": told["range"]}
    return found | {f"lip_sync_{name}": value for name, value in dub.lip_sync.items()}


def counts(found: Iterable[Severity]) -> dict[Severity, int]:
    """How many there are of each severity."""
    listed = list(found)
    return {severity: listed.count(severity) for severity in Severity}


def report_json(report: QcReport, name: str, texts: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """The report as plain values; ``texts`` are (source, target) by utterance id, ``name`` is the project's."""
    return {
        "project": report.project_id, "name": name, "language": report.language,
        "made_at": None if report.made_at is None else report.made_at.isoformat(), "is_stale": report.is_stale,
        "counts": {severity.value: report.counts.get(severity, 0) for severity in Severity},
        "figures": dict(report.figures), "skipped": dict(report.skipped), "checks": list(CHECKS),
        "findings": [{
            "id": one.id, "check": one.check, "severity": one.severity.value, "line": one.utterance_id,
            "at_ms": one.at_ms, "speaker": one.speaker_name, "message": one.message, "value": one.value,
            "limit": one.limit, "unit": one.unit, "source": texts.get(one.utterance_id, ("", ""))[0],
            "target": texts.get(one.utterance_id, ("", ""))[1],
            "dismissed": {"by": one.dismissed_by, "reason": one.dismissed_reason} if one.is_dismissed else None}
            for one in report.findings]}
