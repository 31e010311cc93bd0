"""Review states of lines. A layer without a row is a draft."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dubbing.domain.review import (
    Layer,
    ReviewState,
    Role,
    after_edit,
    is_editable,
    is_transition,
    may_move,
)
from dubbing.errors import UsageError
from dubbing.storage.base import utc_now
from dubbing.storage.history import note_edit
from dubbing.storage.session import Database
from dubbing.storage.tables import ReviewRow, UtteranceRow

#: So many lines are named in a query; more are read with all the others of their layer.
_FEW = 100
_ACCEPTED = (ReviewState.APPROVED.value, ReviewState.LOCKED.value)


def state_of(session: Session, project_id: str, utterance_id: str, layer: Layer, language: str, *,
             must_be_editable: bool = False) -> ReviewState:
    """The state of a layer, its row held. Raises UsageError when it is locked and must not be."""
    row = session.get(ReviewRow, (project_id, utterance_id, layer.value, language), with_for_update=True)
    state = ReviewState.DRAFT if row is None else ReviewState(row.state)
    if must_be_editable and not is_editable(state):
        raise UsageError(f"The {layer.value} of line {utterance_id} is locked.",
                         "Ask a project manager to unlock it; nothing was changed.")
    return state


def set_state(session: Session, project_id: str, utterance_id: str, layer: Layer, language: str,
              state: ReviewState, actor: str) -> None:
    """Write a state and its history; whether it may follow the present one is the caller's to check."""
    row = session.get(ReviewRow, (project_id, utterance_id, layer.value, language))
    _write(session, row, project_id, utterance_id, layer, language, state, actor)


def _write(session: Session, row: ReviewRow | None, project_id: str, utterance_id: str, layer: Layer, language: str,
           state: ReviewState, actor: str) -> ReviewRow:
    before = ReviewState.DRAFT.value if row is None else row.state
    if row is None:
        row = ReviewRow(project_id=project_id, utterance_id=utterance_id, layer=layer.value, language=language)
        session.add(row)
    row.state, row.actor, row.updated_at = state.value, actor, utc_now()
    note_edit(session, project_id, "review", utterance_id, language=language, actor=actor,
              before={layer.value: before}, after={layer.value: state.value})
    return row


def mark_edited(session: Session, project_id: str, utterance_id: str, layer: Layer, language: str,
                actor: str) -> None:
    """What an edit does to the state of what was edited. Raises UsageError when it is locked."""
    state = state_of(session, project_id, utterance_id, layer, language, must_be_editable=True)
    if (following := after_edit(state)) is not state:
        set_state(session, project_id, utterance_id, layer, language, following, actor)


def protected_utterances(session: Session, project_id: str, layer: Layer | None = None,
                         language: str | None = None) -> set[str]:
    """Ids of utterances that a person has approved or locked, in any layer and language unless given."""
    query = select(ReviewRow.utterance_id).where(
        ReviewRow.project_id == project_id, ReviewRow.state.in_(_ACCEPTED)
    )
    if layer is not None:
        query = query.where(ReviewRow.layer == layer.value)
    if language is not None:
        query = query.where(ReviewRow.language == language)
    return set(session.scalars(query))


def steps_to(before: ReviewState, to: ReviewState) -> tuple[ReviewState, ...]:
    """The states from ``before`` on to ``to``: one step where the review knows it, else the way forward.

    What is a draft is handed in before it is approved; nothing is unlocked or taken back on the way. Empty when
    there is no such way.
    """
    if is_transition(before, to):
        return (to,)
    if to is ReviewState.CHANGES_REQUESTED:
        return (ReviewState.NEEDS_REVIEW, to) if before is ReviewState.DRAFT else ()
    forward = (ReviewState.DRAFT, ReviewState.NEEDS_REVIEW, ReviewState.APPROVED, ReviewState.LOCKED)
    place = 0 if before is ReviewState.CHANGES_REQUESTED else forward.index(before)
    return forward[place + 1:forward.index(to) + 1] if to in forward else ()


def language_of(layer: Layer, language: str) -> str:
    """The language under which a layer's state is kept: the transcript has one state for all languages."""
    return "" if layer is Layer.TRANSCRIPT else language


class Reviews:
    """Moves lines through their review and counts how far it has come."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def states(self, project_id: str, language: str) -> dict[str, dict[Layer, ReviewState]]:
        """The states of every layer by utterance id; a layer that is missing is a draft."""
        query = select(ReviewRow.utterance_id, ReviewRow.layer, ReviewRow.state).where(
            ReviewRow.project_id == project_id, ReviewRow.language.in_(("", language))
        )
        found: dict[str, dict[Layer, ReviewState]] = {}
        with self._database.read() as session:
            for utterance_id, layer, state in session.execute(query).tuples():
                found.setdefault(utterance_id, {})[Layer(layer)] = ReviewState(state)
        return found

    def move(self, project_id: str, utterance_ids: Sequence[str], layer: Layer, to: ReviewState, *,
             language: str = "", role: Role | None = None, roles: Collection[Role] | None = None,
             on_the_way: bool = False, actor: str = "") -> int:
        """Move lines to a state, all of them or none; lines that are there already count as moved.

        ``role``, or one of ``roles``, is checked when given. With ``on_the_way`` the steps between are taken too
        (see ``steps_to``), each of which must be allowed. Raises UsageError for a step that the review does not
        know or that nobody of these roles may take.
        """
        where = language_of(layer, language)
        allowed = roles if role is None else (role,)
        with self._database.write() as session:
            known = set(session.scalars(select(UtteranceRow.id).where(UtteranceRow.project_id == project_id)))
            held = select(ReviewRow).with_for_update().where(
                ReviewRow.project_id == project_id, ReviewRow.layer == layer.value, ReviewRow.language == where)
            if len(utterance_ids) <= _FEW:
                held = held.where(ReviewRow.utterance_id.in_(utterance_ids))
            rows = {row.utterance_id: row for row in session.scalars(held)}
            for utterance_id in dict.fromkeys(utterance_ids):
                if utterance_id not in known:
                    raise UsageError(f"There is no utterance {utterance_id} in this project.",
                                     "Reload the list of lines.")
                row = rows.get(utterance_id)
                before = ReviewState.DRAFT if row is None else ReviewState(row.state)
                if before is to:
                    continue
                for step in (steps_to(before, to) if on_the_way else ()) or (to,):
                    _check_move(utterance_id, layer, before, step, allowed)
                    row = _write(session, row, project_id, utterance_id, layer, where, step, actor)
                    before = step
        return len(utterance_ids)

    def counts(self, project_id: str, language: str) -> dict[Layer, dict[ReviewState, int]]:
        """How many live lines are in each state, by layer; every layer and state is present."""
        live = (UtteranceRow.project_id == project_id, UtteranceRow.deleted_at.is_(None))
        query = (
            select(ReviewRow.layer, ReviewRow.state, func.count())
            .join(UtteranceRow, (UtteranceRow.project_id == ReviewRow.project_id)
                  & (UtteranceRow.id == ReviewRow.utterance_id))
            .where(*live, ReviewRow.language.in_(("", language)))
            .group_by(ReviewRow.layer, ReviewRow.state)
        )
        counts = {layer: dict.fromkeys(ReviewState, 0) for layer in Layer}
        with self._database.read() as session:
            lines = session.scalar(select(func.count()).select_from(UtteranceRow).where(*live)) or 0
            for layer, state, count in session.execute(query):
                counts[Layer(layer)][ReviewState(state)] = count
        for of_layer in counts.values():
            of_layer[ReviewState.DRAFT] = lines - sum(
                count for state, count in of_layer.items() if state is not ReviewState.DRAFT
            )
        return counts


def _check_move(utterance_id: str, layer: Layer, before: ReviewState, to: ReviewState,
                roles: Collection[Role] | None) -> None:
    """Raises UsageError for a step that the review does not know or that none of the roles may take."""
    if not is_transition(before, to):
        raise UsageError(
            f"The {layer.value} of line {utterance_id} is {_said(before)} and cannot become {_said(to)}.",
            "Take the steps between: draft, needs review, approved, locked.",
        )
    if roles is not None and not any(may_move(role, layer, before, to) for role in roles):
        raise UsageError(
            f"A {' or '.join(_said(role) for role in sorted(roles))} may not take the {layer.value} of a line "
            f"from {_said(before)} to {_said(to)}.",
            "Ask somebody who may.",
        )


def _said(value: ReviewState | Role) -> str:
    return f'"{value.value.replace("_", " ")}"'
