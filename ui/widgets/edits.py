"""Entries of the history in words: what somebody did, to what, and every field before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from dubbing.domain.project import Edit
from ui.text import language_name, t, texts
from ui.widgets.review_data import number
from ui.widgets.times import timecode

Side = Literal["before", "after"]
#: Kinds of entries that can be filtered by, in the order they are offered.
KINDS = ("utterance", "translation", "take", "review", "speaker", "member", "project")
#: Kinds whose entries carry something that can be put back.
RESTORABLE = frozenset({"utterance", "translation", "take", "review", "speaker", "member", "project"})
_LINE_KINDS = frozenset({"utterance", "translation", "take", "review"})
_ICONS = {"utterance": "subtitles", "translation": "translate", "take": "graphic_eq", "review": "fact_check",
          "speaker": "record_voice_over", "member": "group", "project": "movie"}
#: Fields that count versions: they say nothing to a reader.
_COUNTERS = frozenset({"revision", "source_revision", "engine", "take", "utterance_revision", "text_revision",
                       "transcript_key", "consent", "consent_revoked", "login", "tracks"})
#: From this many entries of one kind in a row on, they are told as one.
_RUN = 4


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field before and after, as people read it; "" where there was nothing. ``is_text`` asks for a word diff.

    ``label`` is "" where the sentence of the entry names the field already.
    """

    label: str
    before: str
    after: str
    is_text: bool = False


def verb(edit: Edit) -> str:
    """What was done, as the last part of its text's key (``activity.did.KIND.VERB``)."""
    if edit.before is None:
        return "split" if "split_from" in (edit.after or {}) else "created"
    if edit.after is None:
        return "deleted"
    for mark, past in (("deleted", "deleted"), ("deleted_at", "deleted"), ("archived_at", "archived")):
        if mark in edit.after:
            return past if edit.after[mark] else f"un{past}"
    if edit.entity == "translation":
        return "text" if "text" in edit.after else "confirmed"
    if edit.entity == "review":
        return next(iter(edit.after), "changed")
    if edit.entity == "take":
        return "chosen"
    if "merged_into" in edit.after:
        return "merged" if edit.after["merged_into"] else "undeleted"
    if "consent" in edit.after and edit.entity == "speaker":
        return "revoked" if edit.after.get("consent_revoked") else "linked" if edit.after["consent"] else "unlinked"
    if "consent_revoked" in edit.after:
        return "revoked"
    told = {"start_ms": "times", "end_ms": "times"}
    fields = {told.get(name, name) for name in edit.after if name not in _COUNTERS}
    only = fields.pop() if len(fields) == 1 else "changed"
    return only if f"{edit.entity}.{only}" in _OWN_WORDS else "changed"


_OWN_WORDS = frozenset({"utterance.text", "utterance.times", "utterance.speaker", "utterance.on_camera",
                        "speaker.name", "speaker.character", "speaker.voice", "project.name", "project.targets",
                        "project.settings"})
_KNOWN = frozenset({"created", "deleted", "undeleted", "changed"})


def sentence(edit: Edit, speakers: Mapping[str, str] | None = None) -> str:
    """What was done and to what, without the person: "changed the translation of line 4".

    ``speakers`` gives names by id, as they are now.
    """
    kind, done = edit.entity, verb(edit)
    if kind not in _ICONS:
        generic = done if done in _KNOWN else "changed"
        return t(f"activity.did.other.{generic}", kind=kind.replace("_", " "), id=edit.entity_id)
    return t(f"activity.did.{kind}.{done}", id=_called(edit, speakers or {}))


def _called(edit: Edit, speakers: Mapping[str, str]) -> str:
    """What people call the thing that an entry is about."""
    if line_of(edit):
        return number(edit.entity_id)
    if edit.entity == "member":
        return str((edit.after or edit.before or {}).get("login") or edit.entity_id)
    return speakers.get(edit.entity_id, edit.entity_id)


def icon(edit: Edit) -> str:
    return f":material/{_ICONS.get(edit.entity, 'history')}:"


def line_of(edit: Edit) -> str:
    """The line that an entry is about; "" where it is about none."""
    return edit.entity_id if edit.entity in _LINE_KINDS else ""


def can_restore(edit: Edit) -> bool:
    """Whether there is a state before or after this entry that could be put back."""
    return edit.entity in RESTORABLE and (edit.before is not None or edit.entity in ("utterance", "translation"))


def sides(edit: Edit) -> tuple[Side, ...]:
    """Which states of an entry can be put back: "before", "after" or both."""
    if not can_restore(edit):
        return ()
    states: tuple[tuple[Side, Mapping[str, Any] | None], ...] = (("before", edit.before), ("after", edit.after))
    return tuple(side for side, fields in states if fields)


def is_worth_telling(edit: Edit) -> bool:
    """Whether an entry says anything to a reader: what the machine notes for itself in a project does not."""
    return edit.entity != "project" or verb(edit) not in ("settings", "changed") or bool(field_changes(edit, {}))


def field_changes(edit: Edit, speakers: Mapping[str, str]) -> list[FieldChange]:
    """Every field that differs, worded. ``speakers`` gives names by id."""
    before, after = edit.before or {}, edit.after or {}
    found: list[FieldChange] = []
    for name, old, new in _flat(before, after):
        if name in _COUNTERS or old == new or name in ("deleted", "deleted_at", "archived_at"):
            continue
        change = FieldChange(_label(edit, name), _value(edit, name, old, speakers), _value(edit, name, new, speakers),
                             is_text=name == "text")
        if change.before != change.after:
            found.append(change)
    return found


def by_day(edits: Sequence[Edit], day_of: Mapping[str, date]) -> list[tuple[date, list[list[Edit]]]]:
    """Entries (newest first) by day; long runs of one actor doing the same thing stay together in one list.

    ``day_of`` gives the local day of an entry by its id.
    """
    days: list[tuple[date, list[list[Edit]]]] = []
    for run in _runs(edits, day_of):
        day = day_of[run[0].id]
        if not days or days[-1][0] != day:
            days.append((day, []))
        days[-1][1].extend([run] if len(run) >= _RUN else [[edit] for edit in run])
    return days


def run_sentence(run: Sequence[Edit], speakers: Mapping[str, str] | None = None) -> str:
    """A long run in words: "wrote 12 translations"."""
    kind, done = run[0].entity, verb(run[0])
    if f"{kind}.{done}" in _MANY:
        return t(f"activity.many.{kind}.{done}", n=len(run))
    return t("activity.many.other", n=len(run), sentence=sentence(run[0], speakers))


_MANY = frozenset({"utterance.created", "utterance.deleted", "translation.created", "translation.text",
                   "take.created", "take.chosen", "review.transcript", "review.translation", "review.dub",
                   "speaker.created"})


def _runs(edits: Sequence[Edit], day_of: Mapping[str, date]) -> Iterator[list[Edit]]:
    run: list[Edit] = []
    for edit in edits:
        if run and _likeness(edit, day_of) != _likeness(run[0], day_of):
            yield run
            run = []
        run.append(edit)
    if run:
        yield run


def _likeness(edit: Edit, day_of: Mapping[str, date]) -> tuple[object, ...]:
    return edit.actor, edit.entity, verb(edit), edit.language, day_of[edit.id]


def _flat(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Fields with their values; of nested settings each entry counts as a field."""
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) or isinstance(new, Mapping):
            yield from _flat(old if isinstance(old, Mapping) else {}, new if isinstance(new, Mapping) else {})
        else:
            yield name, old, new


_LABELS = frozenset({"text", "speaker", "start_ms", "end_ms", "on_camera", "name", "character", "voice",
                     "source_language", "targets", "source_path", "consent_required", "merged_into", "split_from",
                     "role", "retention_days", "lipsync", "translator", "synthesizer", "keep_original", "use_memory",
                     "style", "prosody", "room", "loudness", "duck_db", "series", "names", "adapt",
                     "adapt_minutes"})


def _label(edit: Edit, name: str) -> str:
    if edit.entity == "review":
        return ""
    return t(f"activity.field.{name}") if name in _LABELS else name.replace("_", " ")


def _value(edit: Edit, name: str, value: Any, speakers: Mapping[str, str]) -> str:
    """A field's value as people read it."""
    if edit.entity == "review" and isinstance(value, str):
        return t(f"common.state.{value}")
    if name == "on_camera":
        return t({True: "activity.on_camera", False: "activity.off_camera"}.get(value, "activity.camera_by_tracker"))
    if value is None:
        return t("activity.by_machine") if name == "voice" else ""
    if isinstance(value, bool):
        return t("activity.yes" if value else "activity.no")
    if name in ("start_ms", "end_ms"):
        return timecode(int(value))
    if name == "role":
        return t(f"common.role.{value}")
    if name == "loudness":
        return texts("settings.loudness").get(str(value).replace("-", "_"), str(value))
    if name in ("speaker", "merged_into", "split_from"):
        return speakers.get(str(value), str(value))
    if name in ("source_language", "targets"):
        return ", ".join(language_name(code) for code in ([value] if isinstance(value, str) else value))
    return " · ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
