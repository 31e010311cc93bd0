"""Saves of a whole line: source and translation in one transaction, cuts and joins in all languages, replacements.

A save names what it was made on. When either side has changed since, nothing is written and the caller is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from dubbing.domain.cutting import Cut, cut_line, cut_text, join_texts
from dubbing.domain.project import Utterance
from dubbing.domain.review import Layer, ReviewState, after_edit, is_protected
from dubbing.domain.speech import SpokenLine, Word
from dubbing.domain.workspace import Replacement
from dubbing.errors import ConflictError, UsageError
from dubbing.storage.base import utc_now
from dubbing.storage.mapping import to_utterance, words_to_json
from dubbing.storage.projects import locked_project
from dubbing.storage.reviews import set_state, state_of
from dubbing.storage.session import Database
from dubbing.storage.tables import ReviewRow, TranslationRow, UtteranceRow
from dubbing.storage.tables_people import CommentRow
from dubbing.storage.translations import BY_PERSON, write_text
from dubbing.storage.utterances import (
    add_row,
    apply_values,
    check_revision,
    delete_row,
    ensure_speakers,
    find_utterance,
)

#: What a joined line is called when its two halves differ: the least finished of them.
_LEAST_FIRST = (ReviewState.CHANGES_REQUESTED, ReviewState.DRAFT, ReviewState.NEEDS_REVIEW)


@dataclass(frozen=True, slots=True)
class CutAt:
    """Where a line is cut: at a character of its text or at a time; ``targets`` are places in translations."""

    char: int | None = None
    ms: int | None = None
    targets: Mapping[str, int] | None = None


class LineEdits:
    """Changes lines as a person does. ``actor`` is the person's name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, project_id: str, language: str, utterance_id: str, *, values: Mapping[str, Any],
             target: str | None, seen_revision: int | None, seen_translation: int | None, actor: str) -> None:
        """Save the source's ``values`` (as of ``Utterances.update``) and the translation, both or nothing.

        Revisions that are None are not checked. A target text that stands there already says, when nothing of the
        source's text is changed with it, that it fits the present source. Raises ConflictError and UsageError.
        """
        with self._database.write() as session:
            row = find_utterance(session, project_id, utterance_id, hold=True)
            held = session.get(TranslationRow, (project_id, utterance_id, language), with_for_update=True)
            if seen_revision is not None:
                check_revision(row, seen_revision, {})
            if seen_translation is not None and (0 if held is None else held.revision) != seen_translation:
                raise ConflictError(f"Somebody else changed the {language} text of line {utterance_id} since you "
                                    "opened it.", "Compare both texts, then save the one you want.")
            if row.deleted_at is not None:
                raise UsageError(f"Line {utterance_id} has been deleted.", "Take it back first.")
            has_new_source = values.get("text", row.text) != row.text
            if "speaker" in values:
                ensure_speakers(session, project_id, [values["speaker"]])
            apply_values(session, row, dict(values), actor)
            if target is not None and (held is None or held.text != target or not has_new_source):
                is_new = held is None or held.text != target or held.source_revision < row.text_revision
                if is_new:
                    write_text(session, row, held, language, target, BY_PERSON, row.revision, actor)

    def delete(self, project_id: str, utterance_id: str, expected_revision: int, *, actor: str) -> None:
        """Mark a line as deleted, unless any layer of it is locked."""
        with self._database.write() as session:
            row = find_utterance(session, project_id, utterance_id, hold=True)
            check_revision(row, expected_revision, {"deleted": True})
            check_unlocked(session, row)
            delete_row(session, row, utc_now(), actor)

    def undelete(self, project_id: str, utterance_id: str, *, actor: str) -> None:
        """Take a deleted line back, with its translations, takes and states."""
        with self._database.write() as session:
            row = find_utterance(session, project_id, utterance_id, hold=True)
            if row.deleted_at is not None:
                delete_row(session, row, None, actor)

    def split(self, project_id: str, utterance_id: str, expected_revision: int, at: CutAt, *,
              actor: str) -> tuple[str, str]:
        """Cut a line and all of its translations in two; the first keeps the id, the takes and the comments.

        Both halves have the review states that an edit leaves behind. Raises ConflictError, and UsageError when
        there is nothing to cut or a layer is locked.
        """
        with self._database.write() as session:
            project = locked_project(session, project_id)
            row = find_utterance(session, project_id, utterance_id, hold=True)
            check_revision(row, expected_revision, {"at_char": at.char, "at_ms": at.ms})
            check_unlocked(session, row)
            whole = to_utterance(row)
            cut = _cut(whole, at)
            second = add_row(session, project, SpokenLine(
                whole.speaker, cut.rest, cut.second_start_ms, whole.end_ms, cut.rest_words,
                _confidence(cut.rest_words, whole.confidence)), actor)
            # Revision 2, so that a translation that was stale can be older than its source here too.
            second.revision = second.text_revision = second.cast_revision = 2
            second.on_camera = whole.on_camera
            session.flush()
            kept = {held.language: _kept(session, row, held) for held in _translations(session, row)}
            apply_values(session, row, {"text": cut.text, "end_ms": cut.first_end_ms}, actor)
            row.words, row.confidence = words_to_json(cut.words), _confidence(cut.words, whole.confidence)
            for held in _translations(session, row):
                place = (at.targets or {}).get(held.language)
                text, rest = cut_text(held.text, cut.share, ends_clause=cut.ends_clause, at_char=place)
                _rewrite(session, row, held, text, kept[held.language], actor)
                if rest:
                    _add_text(session, second, held, rest, kept[held.language], actor)
            session.flush()
            _copy_states(session, row, second, actor)
            return row.id, second.id

    def merge(self, project_id: str, first: tuple[str, int], second: tuple[str, int], *, actor: str) -> str:
        """Join two lines, each (id, expected revision), into the one that starts first; the other is deleted.

        Translations are joined in every language, open and resolved comments move along, a translation that lacks
        a half is stale. Raises ConflictError, and UsageError when a line of that speaker lies between them or a
        layer is locked.
        """
        with self._database.write() as session:
            locked_project(session, project_id)
            pair = []
            for utterance_id, revision in (first, second):
                row = find_utterance(session, project_id, utterance_id, hold=True)
                check_revision(row, revision, {"merge": [first[0], second[0]]})
                check_unlocked(session, row)
                if row.deleted_at is not None:
                    raise UsageError(f"Line {utterance_id} has been deleted.", "Take it back first.")
                pair.append(row)
            one, two = sorted(pair, key=lambda row: (row.start_ms, row.end_ms, row.id))
            _check_neighbours(session, one, two)
            _join(session, one, two, actor)
            return one.id

    def replace(self, project_id: str, language: str, changes: Sequence[Replacement], *,
                actor: str) -> list[Replacement]:
        """Write what a find-and-replace found, all in one transaction; what is locked, or is not any more what it
        was, is skipped and says so in ``skipped`` ("locked", "changed")."""
        with self._database.write() as session:
            return [change if change.skipped else
                    replace(change, skipped=_replace_one(session, project_id, language, change, actor))
                    for change in changes]


def _cut(whole: Utterance, at: CutAt) -> Cut:
    try:
        return cut_line(whole.text, whole.words, whole.start_ms, whole.end_ms, at_char=at.char, at_ms=at.ms)
    except ValueError as error:
        raise UsageError("There is nothing to split here.", "A line needs at least two words.") from error


def _confidence(words: Sequence[Word], whole: float) -> float:
    """Of a piece: the mean of its words, or what was known of the whole."""
    return round(sum(word.confidence for word in words) / len(words), 3) if words else whole


def _translations(session: Session, row: UtteranceRow) -> list[TranslationRow]:
    return list(session.scalars(select(TranslationRow).with_for_update().where(
        TranslationRow.project_id == row.project_id, TranslationRow.utterance_id == row.id
    ).order_by(TranslationRow.language)))


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a translation keeps when it is cut or joined: whether it is stale, and whether a person stands behind it.

    A machine's halves stay a machine's: the next run translates them anew, each for itself.
    """

    is_stale: bool
    is_persons: bool


def _kept(session: Session, row: UtteranceRow, held: TranslationRow) -> _Kept:
    state = state_of(session, row.project_id, row.id, Layer.TRANSLATION, held.language)
    return _Kept(held.source_revision < row.text_revision, held.edited_by_person or is_protected(state))


def _rewrite(session: Session, row: UtteranceRow, held: TranslationRow, text: str, kept: _Kept, actor: str) -> None:
    """Change a translation together with its source."""
    stale_at = max(1, min(held.source_revision, row.text_revision - 1))
    write_text(session, row, held, held.language, text, held.engine, stale_at if kept.is_stale else row.revision,
               actor)
    held.edited_by_person = kept.is_persons


def _add_text(session: Session, row: UtteranceRow, like: TranslationRow, text: str, kept: _Kept, actor: str) -> None:
    made = write_text(session, row, None, like.language, text, like.engine,
                      max(1, row.text_revision - 1) if kept.is_stale else row.revision, actor)
    made.edited_by_person = kept.is_persons


def _copy_states(session: Session, row: UtteranceRow, second: UtteranceRow, actor: str) -> None:
    """The second half of a line stands where the first does; it has no take, so nothing is said of its dub."""
    for held in session.scalars(select(ReviewRow).where(
            ReviewRow.project_id == row.project_id, ReviewRow.utterance_id == row.id,
            ReviewRow.layer != Layer.DUB.value, ReviewRow.state != ReviewState.DRAFT.value)).all():
        if held.language == "" or session.get(TranslationRow, (row.project_id, second.id, held.language)) is not None:
            set_state(session, row.project_id, second.id, Layer(held.layer), held.language, ReviewState(held.state),
                      actor)


def check_unlocked(session: Session, row: UtteranceRow) -> None:
    """Raises UsageError when any layer of the line is locked in any language."""
    locked = session.scalars(select(ReviewRow).where(
        ReviewRow.project_id == row.project_id, ReviewRow.utterance_id == row.id,
        ReviewRow.state == ReviewState.LOCKED.value)).first()
    if locked is not None:
        what = f"{locked.language} {locked.layer}".strip()
        raise UsageError(f"The {what} of line {row.id} is locked.",
                         "Ask a project manager to unlock it; nothing was changed.")


def _check_neighbours(session: Session, one: UtteranceRow, two: UtteranceRow) -> None:
    if one.id == two.id:
        raise UsageError("A line cannot be merged with itself.", "Choose the line before or after it.")
    between = session.scalars(select(UtteranceRow.id).where(
        UtteranceRow.project_id == one.project_id, UtteranceRow.deleted_at.is_(None),
        UtteranceRow.speaker_id.in_((one.speaker_id, two.speaker_id)), UtteranceRow.id.not_in((one.id, two.id)),
        UtteranceRow.start_ms > one.start_ms, UtteranceRow.start_ms < two.start_ms)).first()
    if between is not None:
        raise UsageError(f"Line {between} lies between these two.", "Merge lines that follow each other.")


def _join(session: Session, one: UtteranceRow, two: UtteranceRow, actor: str) -> None:
    first, second = to_utterance(one), to_utterance(two)
    halves = {held.language: held for held in _translations(session, two)}
    wholes = {held.language: held for held in _translations(session, one)}
    languages = sorted(halves.keys() | wholes.keys())
    kept = {language: _kept_of_both(session, (one, wholes.get(language)), (two, halves.get(language)))
            for language in languages}
    states = {(Layer.TRANSCRIPT, ""): _least_state(session, one, two, Layer.TRANSCRIPT, "")}
    states |= {(Layer.TRANSLATION, language): _least_state(session, one, two, Layer.TRANSLATION, language)
               for language in languages}
    apply_values(session, one, {"text": join_texts(first.text, second.text),
                                "end_ms": max(first.end_ms, second.end_ms)}, actor)
    one.words = words_to_json(sorted(first.words + second.words, key=lambda word: (word.start_ms, word.end_ms)))
    one.confidence = min(first.confidence, second.confidence)
    for language in languages:
        whole, half = wholes.get(language), halves.get(language)
        if whole is None:
            assert half is not None
            _add_text(session, one, half, half.text, kept[language], actor)
        else:
            _rewrite(session, one, whole, join_texts(whole.text, "" if half is None else half.text),
                     kept[language], actor)
    session.flush()
    for (layer, language), state in states.items():
        if state_of(session, one.project_id, one.id, layer, language) is not state:
            set_state(session, one.project_id, one.id, layer, language, state, actor)
    session.execute(update(CommentRow).where(
        CommentRow.project_id == one.project_id, CommentRow.utterance_id == two.id).values(utterance_id=one.id))
    delete_row(session, two, utc_now(), actor)


def _kept_of_both(session: Session, *halves: tuple[UtteranceRow, TranslationRow | None]) -> _Kept:
    """Of a joined translation: stale when a half is, or is missing; a person's when a half is."""
    kept = [None if held is None else _kept(session, row, held) for row, held in halves]
    return _Kept(any(one is None or one.is_stale for one in kept),
                 any(one is not None and one.is_persons for one in kept))


def _least_state(session: Session, one: UtteranceRow, two: UtteranceRow, layer: Layer, language: str) -> ReviewState:
    states = [after_edit(state_of(session, row.project_id, row.id, layer, language)) for row in (one, two)]
    return min(states, key=_LEAST_FIRST.index)


def _replace_one(session: Session, project_id: str, language: str, change: Replacement, actor: str) -> str:
    """Write one replacement; why it was not, or ""."""
    row = find_utterance(session, project_id, change.utterance_id, hold=True)
    of_source = change.layer is Layer.TRANSCRIPT
    held = session.get(TranslationRow, (project_id, row.id, language), with_for_update=True)
    stands = row.text if of_source else None if held is None else held.text
    if stands != change.before or row.deleted_at is not None:
        return "changed"
    if state_of(session, project_id, row.id, change.layer, "" if of_source else language) is ReviewState.LOCKED:
        return "locked"
    if of_source:
        apply_values(session, row, {"text": change.after}, actor)
    else:
        assert held is not None
        write_text(session, row, held, language, change.after, BY_PERSON, held.source_revision, actor)
    return ""
