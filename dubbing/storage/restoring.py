"""Putting a line back as an entry of the history has it: its fields, its existence, a split or a merge as a whole.

A split and a merge touch two lines and their translations in one transaction, but each in an entry of its own.
Undoing one entry alone would say words twice or lose them, so the entries that belong together are found again: by
the same person, at the same time to the microsecond, on lines that fit each other in time and text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dubbing.domain.project import Edit
from dubbing.storage.base import utc_now
from dubbing.storage.line_edits import check_unlocked
from dubbing.storage.mapping import to_edit
from dubbing.storage.session import Database
from dubbing.storage.tables import EditRow, TranslationRow, UtteranceRow
from dubbing.storage.translations import write_text
from dubbing.storage.utterances import apply_values, delete_row, ensure_speakers, find_utterance

_FIELDS = ("text", "speaker", "start_ms", "end_ms", "on_camera")


@dataclass(frozen=True, slots=True)
class _Pair:
    """A split or a merge: the entry of the line that stays, the id of the other, and whether a split made that."""

    lead: Edit
    other_id: str
    is_split: bool


class Restoring:
    """Restores lines. ``actor`` is the person's name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def line(self, edit: Edit, *, after: bool, actor: str) -> None:
        """Give a line the values that an entry says stood there before it, or with ``after`` those that it made.

        Raises UsageError for a layer that is locked.
        """
        with self._database.write() as session:
            together = _entries_with(session, edit)
            pair = _pair_of(session, edit, together)
            if pair is None:
                _restore_one(session, edit, after, actor)
            else:
                _restore_pair(session, pair, together, after, actor)


def _restore_one(session: Session, edit: Edit, after: bool, actor: str) -> None:
    row = find_utterance(session, edit.project_id, edit.entity_id, hold=True)
    values = edit.after if after else edit.before
    if values is None or values.get("deleted"):
        _set_deleted(session, row, True, actor)
        return
    changed = {name: values[name] for name in _FIELDS if name in values}
    if "speaker" in changed:
        ensure_speakers(session, row.project_id, [changed["speaker"]])
    apply_values(session, row, changed, actor)
    _set_deleted(session, row, False, actor)


def _restore_pair(session: Session, pair: _Pair, together: Sequence[Edit], after: bool, actor: str) -> None:
    row = find_utterance(session, pair.lead.project_id, pair.lead.entity_id, hold=True)
    other = find_utterance(session, pair.lead.project_id, pair.other_id, hold=True)
    check_unlocked(session, row)
    check_unlocked(session, other)
    other_stays = pair.is_split == after
    values = (pair.lead.after if after else pair.lead.before) or {}
    apply_values(session, row, {name: values[name] for name in _FIELDS if name in values}, actor)
    if other_stays:
        row.words = [word for word in row.words if word[1] < other.start_ms]
    else:
        row.words = sorted({tuple(word) for word in [*row.words, *other.words]}, key=lambda word: word[1:3])
    _set_deleted(session, row, False, actor)
    _set_deleted(session, other, not other_stays, actor)
    for entry in together:
        if entry.entity == "translation" and entry.entity_id == row.id:
            _restore_text(session, row, entry, pair.lead, after, actor)


def _restore_text(session: Session, row: UtteranceRow, entry: Edit, lead: Edit, after: bool, actor: str) -> None:
    """Take a translation along, unless somebody has worked on it since."""
    if entry.before is None or entry.after is None or "text" not in entry.after:
        return
    wanted, left = (entry.after, entry.before) if after else (entry.before, entry.after)
    held = session.get(TranslationRow, (row.project_id, row.id, entry.language), with_for_update=True)
    if held is None or held.text != left["text"]:
        return
    was_fresh = entry.after.get("source_revision") == (lead.after or {}).get("revision")
    source_revision = row.revision if was_fresh else max(1, min(held.source_revision, row.text_revision - 1))
    is_persons = held.edited_by_person
    write_text(session, row, held, entry.language, wanted["text"], held.engine, source_revision, actor)
    held.edited_by_person = is_persons


def _set_deleted(session: Session, row: UtteranceRow, deleted: bool, actor: str) -> None:
    if deleted == (row.deleted_at is not None):
        return
    if deleted:
        check_unlocked(session, row)
    delete_row(session, row, utc_now() if deleted else None, actor)


def _entries_with(session: Session, edit: Edit) -> list[Edit]:
    """What was changed of lines and translations in the same transaction."""
    query = select(EditRow).where(
        EditRow.project_id == edit.project_id, EditRow.actor == edit.actor,
        EditRow.entity.in_(("utterance", "translation")), EditRow.at == edit.at,
    ).order_by(EditRow.at, EditRow.id)
    return [to_edit(row) for row in session.scalars(query)]


def _pair_of(session: Session, edit: Edit, together: Sequence[Edit]) -> _Pair | None:
    """The split or merge that an entry is part of; None for any other edit."""
    if not edit.actor:
        return None
    for other in together:
        if other.entity != "utterance" or other.entity_id == edit.entity_id:
            continue
        for lead, half in ((edit, other), (other, edit)):
            if lead.before is None or lead.after is None or "text" not in lead.after:
                continue
            if _is_split(lead, half):
                return _Pair(lead, half.entity_id, True)
            if _is_merge(session, lead, half):
                return _Pair(lead, half.entity_id, False)
    return None


def _is_split(lead: Edit, half: Edit) -> bool:
    """Whether ``half`` made the line that ``lead`` cut off."""
    if half.before is not None or half.after is None:
        return False
    before, after = lead.before or {}, lead.after or {}
    return ("end_ms" in after and half.after["end_ms"] == before["end_ms"]
            and after["end_ms"] <= half.after["start_ms"] < before["end_ms"]
            and _says(before["text"]) == _says(after["text"], half.after["text"]))


def _is_merge(session: Session, lead: Edit, half: Edit) -> bool:
    """Whether ``half`` deleted the line that ``lead`` took in."""
    if half.before is None or half.after is None or not half.after.get("deleted"):
        return False
    row = find_utterance(session, half.project_id, half.entity_id, hold=False)
    return _says((lead.after or {})["text"]) == _says((lead.before or {})["text"], row.text)


def _says(*texts: str) -> str:
    """Texts one after the other, blanks aside."""
    return "".join("".join(texts).split())
