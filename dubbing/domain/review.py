"""Review: the states that a line goes through, and who may move it.

Every utterance has a state in each *layer* (its transcript, its translation, its dub), the last two
once a target language. "Stale" is not a state: it says that an output is older than what it was made
from, and is derived from revisions (see ``dubbing.domain.project``).
"""

from __future__ import annotations

from enum import StrEnum


class Layer(StrEnum):
    """What of a line is reviewed."""

    TRANSCRIPT = "transcript"
    TRANSLATION = "translation"
    DUB = "dub"


class ReviewState(StrEnum):
    """How far the review of one layer of a line has come."""

    DRAFT = "draft"
    NEEDS_REVIEW = "needs_review"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    LOCKED = "locked"


class Role(StrEnum):
    """What a person is in a project."""

    PROJECT_MANAGER = "project_manager"
    TRANSLATOR = "translator"
    REVIEWER = "reviewer"
    AUDIO_MIXER = "audio_mixer"
    CLIENT = "client"
    ADMINISTRATOR = "administrator"


class Action(StrEnum):
    """What a person may be allowed to do in a project."""

    VIEW = "view"
    COMMENT = "comment"
    EDIT_TRANSCRIPT = "edit_transcript"
    EDIT_TRANSLATION = "edit_translation"
    EDIT_DUB = "edit_dub"
    REVIEW = "review"
    LOCK = "lock"
    RUN = "run"
    EXPORT = "export"
    MANAGE_TERMS = "manage_terms"
    MANAGE_CONSENT = "manage_consent"
    MANAGE_PROJECT = "manage_project"
    ADMINISTER = "administer"


_S = ReviewState

#: From each state, the states that can follow; no way leads to "approved" past a review.
TRANSITIONS: dict[ReviewState, frozenset[ReviewState]] = {
    _S.DRAFT: frozenset({_S.NEEDS_REVIEW}),
    _S.NEEDS_REVIEW: frozenset({_S.DRAFT, _S.CHANGES_REQUESTED, _S.APPROVED}),
    _S.CHANGES_REQUESTED: frozenset({_S.NEEDS_REVIEW}),
    _S.APPROVED: frozenset({_S.NEEDS_REVIEW, _S.CHANGES_REQUESTED, _S.LOCKED}),
    _S.LOCKED: frozenset({_S.APPROVED}),
}

_EVERYTHING = frozenset(Action)
_READING = frozenset({Action.VIEW, Action.COMMENT})

PERMISSIONS: dict[Role, frozenset[Action]] = {
    Role.ADMINISTRATOR: _EVERYTHING,
    Role.PROJECT_MANAGER: _EVERYTHING - {Action.ADMINISTER},
    Role.REVIEWER: _READING
    | {
        Action.EDIT_TRANSCRIPT,
        Action.EDIT_TRANSLATION,
        Action.EDIT_DUB,
        Action.REVIEW,
        Action.RUN,
        Action.EXPORT,
        Action.MANAGE_TERMS,
    },
    Role.TRANSLATOR: _READING
    | {Action.EDIT_TRANSCRIPT, Action.EDIT_TRANSLATION, Action.RUN, Action.EXPORT, Action.MANAGE_TERMS},
    Role.AUDIO_MIXER: _READING | {Action.EDIT_DUB, Action.RUN, Action.EXPORT},
    Role.CLIENT: _READING | {Action.REVIEW},
}

_EDITING: dict[Layer, Action] = {
    Layer.TRANSCRIPT: Action.EDIT_TRANSCRIPT,
    Layer.TRANSLATION: Action.EDIT_TRANSLATION,
    Layer.DUB: Action.EDIT_DUB,
}


def may(role: Role, action: Action) -> bool:
    """Whether a person with ``role`` may do ``action``."""
    return action in PERMISSIONS[role]


def may_edit(role: Role, layer: Layer, state: ReviewState) -> bool:
    """Whether ``role`` may change a layer's content while it is in ``state``; locked means nobody."""
    return is_editable(state) and may(role, _EDITING[layer])


def is_editable(state: ReviewState) -> bool:
    """Whether content in ``state`` can be changed at all, by a person or by a machine."""
    return state is not ReviewState.LOCKED


def is_protected(state: ReviewState) -> bool:
    """Whether a machine must leave content in ``state`` alone: a person has accepted it."""
    return state in (ReviewState.APPROVED, ReviewState.LOCKED)


def is_transition(before: ReviewState, after: ReviewState) -> bool:
    """Whether ``after`` can follow ``before``; staying is no transition."""
    return after in TRANSITIONS[before]


def action_for(layer: Layer, before: ReviewState, after: ReviewState) -> Action:
    """The permission that a transition asks for.

    Handing in and taking back belong to whoever edits the layer, a verdict to whoever reviews, the lock
    to whoever locks. Raises ValueError when ``after`` cannot follow ``before``.
    """
    if not is_transition(before, after):
        raise ValueError(f"A line that is {before.value} cannot become {after.value}.")
    if ReviewState.LOCKED in (before, after):
        return Action.LOCK
    if after in (ReviewState.APPROVED, ReviewState.CHANGES_REQUESTED) or before is ReviewState.APPROVED:
        return Action.REVIEW
    return _EDITING[layer]


def may_move(role: Role, layer: Layer, before: ReviewState, after: ReviewState) -> bool:
    """Whether ``role`` may move ``layer`` of a line from ``before`` to ``after``."""
    return is_transition(before, after) and may(role, action_for(layer, before, after))


def after_edit(state: ReviewState) -> ReviewState:
    """The state that an edit leaves behind: what was approved is no longer what stands there.

    Raises ValueError for a locked line, which cannot be edited.
    """
    if not is_editable(state):
        raise ValueError("A locked line cannot be edited.")
    return ReviewState.NEEDS_REVIEW if state is ReviewState.APPROVED else state
