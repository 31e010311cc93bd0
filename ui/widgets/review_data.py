"""What the review component is given: lines as plain values, what may be done with each, paces, addresses, texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from dubbing.domain.estimate import pace_of
from dubbing.domain.isochrony import colour
from dubbing.domain.lines import doubtful_words
from dubbing.domain.project import JobStatus
from dubbing.domain.review import TRANSITIONS, Action, Layer, ReviewState, action_for, is_editable
from dubbing.domain.workspace import JobView, LinePage, LineView, Pace, ProjectCard, Rights
from ui.sentences import said
from ui.session import desk
from ui.text import language_name, locale, t, texts
from ui.urls import file_url
from ui.widgets.choices import told_apart
from ui.widgets.review_bench import Bench

#: Order in which the moves of a layer are offered: the verdict first.
_MOVES = (ReviewState.APPROVED, ReviewState.CHANGES_REQUESTED, ReviewState.NEEDS_REVIEW, ReviewState.DRAFT,
          ReviewState.LOCKED)
#: A clip shows the line and so much before and after it.
CLIP_MARGIN_MS = 1000
_HUES = (210, 28, 150, 330, 265, 60, 180, 0, 100, 300)


def component_data(card: ProjectCard, held: Bench, page: LinePage, *, is_busy: bool = False) -> dict[str, Any]:
    """Everything that the component shows, ready for JSON; ``ui/components/review/session.js`` hands it on.

    ``is_busy``: workers have something to do for the project.
    """
    here = desk()
    rights = here.seat.rights(card.id, held.language)
    speakers = held.keep("paces", lambda: here.lines.pace(card.id, held.language))
    names = speaker_names(held)
    hues = {speaker: _HUES[n % len(_HUES)] for n, speaker in enumerate(sorted(names))}
    usual = pace_of(held.language)
    line = partial(line_data, card=card, language=held.language, rights=rights, hues=hues)
    everything = page.total == page.all_lines
    lines = [line(view) | {"has_previous": not everything or page.offset + n > 0,
                           "has_next": not everything or page.offset + n + 1 < page.total}
             for n, view in enumerate(page.lines)]
    return {
        "project": card.id, "language": held.language, "locale": locale(), "duration": card.duration_ms,
        "source_language": card.source_language or "", "source_name": language_name(card.source_language),
        "target_name": language_name(held.language), "layer": held.layer.value,
        "media": media_data(card, held.language),
        "speakers": [{"id": key, "name": name} for key, name in names.items()],
        "pace": asdict(usual), "source_pace": asdict(pace_of(card.source_language or "")),
        "paces": {speaker: _own_pace(pace, usual) for speaker, pace in speakers.items()},
        "lines": lines, "offset": page.offset, "total": page.total,
        "has_more": page.offset + len(page.lines) < page.total,
        "empty": t("review.no_match") if page.all_lines else t("review.no_lines"),
        "busy": is_busy, "command": held.command, "results": dict(held.results), "texts": texts("review.js"),
    }


def speaker_names(held: Bench) -> dict[str, str]:
    """What people call each speaker."""
    found = held.keep("speakers", lambda: desk().speakers.all(held.project_id))
    return told_apart({one.id: one.character or one.name or one.id for one in found})


def line_data(view: LineView, *, card: ProjectCard, language: str, rights: Rights,
              hues: Mapping[str, int]) -> dict[str, Any]:
    """One line. ``can`` holds by deed why it may not be done, "" where it may."""
    line, utterance, take = view.line, view.line.utterance, view.line.take
    # A clip of a line that was moved since shows other moments than it would say.
    clip = bool(take is not None and take.details.get("clip") and take.utterance_revision >= utterance.cast_revision)
    address = partial(file_url, card.id, v=take.id[-6:] if take else "")
    return {
        "id": utterance.id, "n": number(utterance.id), "start": utterance.start_ms, "end": utterance.end_ms,
        "speaker": utterance.speaker, "speaker_name": view.speaker_name, "hue": hues.get(utterance.speaker, 210),
        "source": utterance.text, "target": line.translation.text if line.translation else "",
        "source_language": card.source_language or "", "target_language": language,
        "revision": utterance.revision, "translation_revision": line.translation.revision if line.translation else 0,
        "mark": utterance.on_camera, "camera": view.on_camera, "lip": view.lip_sync,
        "lip_reason": view.lip_sync_reason, "low": view.low_confidence,
        "doubts": [[word.text, word.confidence] for word in doubtful_words(utterance)], "limit": view.slot_limit_ms,
        "states": {layer.value: state_of(view, layer).value for layer in Layer},
        "moves": {layer.value: moves(view, layer, rights) for layer in Layer},
        "can": reasons(view, rights), "stale_translation": line.translation_is_stale,
        "stale_take": line.take_is_stale, "fit": _fit(view),
        "target_ms": take.duration_ms if take else view.estimate.target_ms if view.estimate else 0,
        "takes": view.takes, "comments": view.open_comments, "job": _job(view.job),
        "clip": address("clip", take.id) if clip and take else "",
        "side": address("clip-side", take.id) if clip and take else "",
        "clip_start": max(0, utterance.start_ms - CLIP_MARGIN_MS),
        "take_peaks": address("peaks/take", take.id) if take else "",
    }


def media_data(card: ProjectCard, language: str) -> dict[str, str]:
    """Addresses of what there is of the video; "" where there is nothing yet."""
    versions = desk().files.versions(card.id)

    def url(kind: str) -> str:
        return file_url(card.id, kind, v=versions[kind]) if kind in versions else ""

    return {"source": url("source"), "dub": url(f"dub/{language}"), "poster": url("poster"),
            "source_peaks": url("peaks/source"), "dub_peaks": url(f"peaks/dub/{language}")}


def number(utterance_id: str) -> str:
    """What people call a line: its id without the letter and zeros, which never changes."""
    return utterance_id.lstrip("u").lstrip("0") or utterance_id


def state_of(view: LineView, layer: Layer) -> ReviewState:
    return view.line.states.get(layer, ReviewState.DRAFT)


def moves(view: LineView, layer: Layer, rights: Rights) -> list[str]:
    """Where this person may move a layer; to "approved" also past the handing in, where both are theirs to do."""
    state = state_of(view, layer)
    missing = {Layer.TRANSCRIPT: False, Layer.TRANSLATION: view.line.translation is None,
               Layer.DUB: view.line.take is None}[layer]
    found = {to for to in TRANSITIONS[state] if rights.may(action_for(layer, state, to))}
    waiting = ReviewState.NEEDS_REVIEW
    if waiting in found and state is not ReviewState.APPROVED \
            and rights.may(action_for(layer, waiting, ReviewState.APPROVED)):
        found.add(ReviewState.APPROVED)
    return [to.value for to in _MOVES if to in found and not (missing and to is ReviewState.APPROVED)]


def reasons(view: LineView, rights: Rights) -> dict[str, str]:
    """Why something may not be done with a line, by deed; "" where it may."""
    source, target = rights.may(Action.EDIT_TRANSCRIPT), rights.may(Action.EDIT_TRANSLATION)
    dub, role = rights.may(Action.EDIT_DUB), t("review.why.role")
    free = {layer: is_editable(state_of(view, layer)) for layer in Layer}

    def why(allowed: bool, reason: str, *layers: Layer) -> str:
        if not allowed:
            return role if not (source or target or dub) else t(f"review.why.{reason}")
        return "" if all(free[layer] for layer in layers) else t("review.why.locked")

    return {"source": why(source, "role_source", Layer.TRANSCRIPT),
            "target": why(target, "role_target", Layer.TRANSLATION),
            "camera": why(source or dub, "role_source", Layer.TRANSCRIPT),
            "take": why(target or dub, "role_take", Layer.DUB), "insert": why(source, "role_source"),
            "structure": why(source, "role_source", *Layer)}


def _own_pace(pace: Pace, usual: Pace) -> dict[str, Any]:
    """What of a voice's pace differs from the usual one: patterns are long, and all the same."""
    own, common = asdict(pace), asdict(usual)
    return {name: value for name, value in own.items() if value != common[name]}


def _fit(view: LineView) -> dict[str, Any] | None:
    """The fit of the take where it is fresh, else of the text."""
    take = view.line.take
    if take is not None and not view.line.take_is_stale:
        return {"word": colour(take.tempo).value, "tempo": take.tempo, "predicted": False}
    if view.estimate is not None and view.estimate.natural_ms:
        return {"word": view.estimate.fit.value, "tempo": view.estimate.tempo, "predicted": True}
    return None


def _job(job: JobView | None) -> dict[str, Any] | None:
    """A take on its way, or one that failed."""
    if job is None or job.status in (JobStatus.DONE, JobStatus.CANCELLED):
        return None
    running = job.status is JobStatus.RUNNING
    share = min(1.0, job.progress.done / job.progress.total) if job.progress.total > 0 else 0.0
    error = f"{said(job.error)} {said(job.hint)}".strip() if job.status is JobStatus.FAILED else ""
    return {"over": job.status is JobStatus.FAILED, "share": round(share, 2) if running else None, "error": error}
