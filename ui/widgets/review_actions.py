"""What people do in the review component, done at the desk: each action once, each with an answer.

An answer is ``{"ok": True, …}`` or ``{"ok": False, "message", "hint"}``; a save that came too late carries the line as
it stands now under ``conflict``. ``select`` names the line to go on with, ``note`` what to say, ``undo`` how to undo.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dubbing.domain.project import UNCHANGED
from dubbing.domain.review import Layer, ReviewState
from dubbing.domain.workspace import LineQuery, LineView, ProjectCard
from dubbing.errors import ConflictError, DubbingError, UsageError
from ui.sentences import said
from ui.session import desk
from ui.text import t
from ui.widgets.review_bench import PAGE, Bench, place_of
from ui.widgets.review_data import line_data, number

_log = logging.getLogger(__name__)

Action = Mapping[str, Any]
Answer = dict[str, Any]

_INSERTED_MS = 2000
_SHORTEST_MS = 300


def do_all(card: ProjectCard, held: Bench, actions: Sequence[Action]) -> None:
    """Do the actions that have no answer yet, in their order."""
    for action in actions:
        if str(action["id"]) not in held.results:
            held.answer(str(action["id"]), _answer(card, held, action))


def _answer(card: ProjectCard, held: Bench, action: Action) -> Answer:
    after = action.get("after")
    if after and not held.results.get(str(after), {"ok": True})["ok"]:
        return {"ok": False, "message": t("review.did.not_first_saved"), "hint": ""}
    deed = _DEEDS.get(str(action["kind"]))
    if deed is None:
        return {"ok": False, "message": str(action["kind"]), "hint": ""}
    try:
        return {"ok": True, **deed(card, held, action)}
    except ConflictError as error:
        if action["kind"] == "save" and isinstance(error.saved, LineView):
            return {"ok": False, "conflict": _line(card, held, error.saved)}
        return {"ok": False, "message": t("review.did.changed_meanwhile"), "hint": ""}
    except DubbingError as error:
        return {"ok": False, "message": said(error.message), "hint": said(error.hint)}
    except Exception:  # an action without an answer would be sent again for ever, and hold up those after it
        _log.exception("action %s", action["kind"])
        return {"ok": False, "message": t("review.did.failed"), "hint": t("review.did.failed_hint")}


def _line(card: ProjectCard, held: Bench, view: LineView) -> dict[str, Any]:
    rights = desk().seat.rights(card.id, held.language)
    return line_data(view, card=card, language=held.language, rights=rights, hues={})


def _revision(held: Bench, action: Action) -> int:
    """The revision that an action means: that of the save before it, else what the person saw."""
    saved = held.results.get(str(action.get("after") or ""), {}).get("seen")
    return int(saved[0] if saved else action["revision"])


# the text -------------------------------------------------------------------------------------------------------------


def _save(card: ProjectCard, held: Bench, action: Action) -> Answer:
    fields: Mapping[str, Any] = action["fields"]
    seen_revision, seen_translation = action["seen"]
    view = desk().lines.save(
        card.id, held.language, str(action["line"]), source_text=fields.get("source"),
        target_text=fields.get("target"), speaker=fields.get("speaker"), start_ms=fields.get("start"),
        end_ms=fields.get("end"), on_camera=fields.get("mark", UNCHANGED),
        seen_revision=int(seen_revision), seen_translation=int(seen_translation))
    translation = view.line.translation
    return {"seen": [view.line.utterance.revision, translation.revision if translation else 0]}


def _memory(card: ProjectCard, held: Bench, action: Action) -> Answer:
    hits = desk().memory.hits(card.id, held.language, str(action["line"]))
    index = int(action["index"])
    if not 0 <= index < len(hits):
        raise UsageError(t("review.memory.none_at", n=index + 1))
    apply_hit(card, held, str(action["line"]), hits[index].unit_id)
    return {"note": t("review.memory.applied")}


def apply_hit(card: ProjectCard, held: Bench, utterance_id: str, unit_id: str) -> None:
    """Put a text of the memory into the line, on top of what this tab has seen of it."""
    view = held.view(utterance_id) or desk().lines.get(card.id, held.language, utterance_id)
    translation = view.line.translation
    desk().memory.apply(card.id, held.language, utterance_id, unit_id, translation.revision if translation else 0)


# cutting and joining --------------------------------------------------------------------------------------------------


def _split(card: ProjectCard, held: Bench, action: Action) -> Answer:
    where: dict[str, Any] = {}
    if "ms" in action:
        where = {"at_ms": int(action["ms"])}
    elif action["side"] == "source":
        where = {"at_char": int(action["at"])}
    else:
        where = {"language": held.language, "target_at_char": int(action["at"])}
    _, second = desk().lines.split(card.id, str(action["line"]), _revision(held, action), **where)
    return {"select": second, "note": t("review.did.split")}


def _merge(card: ProjectCard, held: Bench, action: Action) -> Answer:
    line, step = str(action["line"]), int(action["step"])
    lines = desk().lines
    at = place_of(held, line, LineQuery())
    if at is None or at + step < 0:
        raise UsageError(t("review.did.no_neighbour"))
    found = lines.page(card.id, held.language, offset=at + step, limit=1).lines
    if not found or found[0].line.utterance.id == line:
        raise UsageError(t("review.did.no_neighbour"))
    own, other = (line, _revision(held, action)), (found[0].line.utterance.id, found[0].line.utterance.revision)
    first, second = (other, own) if step < 0 else (own, other)
    merged = lines.merge(card.id, first[0], second[0], (first[1], second[1]))
    return {"select": merged, "note": t("review.did.merged")}


def _insert(card: ProjectCard, held: Bench, action: Action) -> Answer:
    """A line at the playhead; where somebody speaks there already, after the selected line."""
    own = held.view(action.get("line"))
    speaker = own.line.utterance.speaker if own else next(iter(desk().lines.pace(card.id, held.language)), "")
    start = min(int(action["at"]), card.duration_ms - _SHORTEST_MS)
    spans = [view.line.utterance for view in held.shown]
    if own and any(one.start_ms <= start < one.end_ms for one in spans):
        start = min(own.line.utterance.end_ms, card.duration_ms - _SHORTEST_MS)
    following = min((one.start_ms for one in spans if one.start_ms >= start + _SHORTEST_MS), default=card.duration_ms)
    end = min(start + _INSERTED_MS, following, card.duration_ms)
    made = desk().lines.insert(card.id, speaker or "SPEAKER_00", start, end, t("review.new_line_text"))
    return {"select": made, "note": t("review.did.inserted")}


def _delete(card: ProjectCard, held: Bench, action: Action) -> Answer:
    line = str(action["line"])
    desk().lines.delete(card.id, line, int(action["revision"]))
    return {"note": t("review.did.deleted", n=number(line)), "undo": {"kind": "undelete", "line": line}}


def _undelete(card: ProjectCard, held: Bench, action: Action) -> Answer:
    line = str(action["line"])
    desk().lines.undelete(card.id, line)
    return {"note": t("review.did.restored", n=number(line)), "select": line}


# review and work ------------------------------------------------------------------------------------------------------


def _move(card: ProjectCard, held: Bench, action: Action) -> Answer:
    desk().lines.move(card.id, held.language, [str(action["line"])], Layer(action["layer"]), ReviewState(action["to"]))
    return {}


def _take(card: ProjectCard, held: Bench, action: Action) -> Answer:
    desk().jobs.take(card.id, held.language, str(action["line"]))
    return {"note": t("review.takes.spoken")}


# getting about --------------------------------------------------------------------------------------------------------


def _select(card: ProjectCard, held: Bench, action: Action) -> Answer:
    held.selected = str(action["line"])
    return {}


def _watch(card: ProjectCard, held: Bench, action: Action) -> Answer:
    """Nothing but the run that it causes, which shows what others and the workers have done."""
    return {}


def _page(card: ProjectCard, held: Bench, action: Action) -> Answer:
    forward = int(action["by"]) > 0
    held.offset = max(0, held.offset + (PAGE if forward else -PAGE))
    page = desk().lines.page(card.id, held.language, held.query, offset=held.offset, limit=PAGE)
    if page.lines:
        line = page.lines[0 if forward or "edit" not in action else -1]
        held.tell(line.line.utterance.id, edit=bool(action.get("edit")))
    return {}


def _open(card: ProjectCard, held: Bench, action: Action) -> Answer:
    held.go_to(str(action["line"]), edit=True)
    return {}


def _find(card: ProjectCard, held: Bench, action: Action) -> Answer:
    held.finding = True
    return {}


def _comment(card: ProjectCard, held: Bench, action: Action) -> Answer:
    held.comment_at_ms = int(action["at"])
    held.open_panel("comments")
    return {}


_DEEDS: Mapping[str, Callable[[ProjectCard, Bench, Action], Answer]] = {
    "save": _save, "memory": _memory, "split": _split, "merge": _merge, "insert": _insert, "delete": _delete,
    "undelete": _undelete, "move": _move, "take": _take, "select": _select, "page": _page, "open": _open,
    "find": _find, "comment": _comment, "watch": _watch,
}
