"""Review states: where a line can go, and who may take it there."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubbing.domain.review import (
    PERMISSIONS,
    TRANSITIONS,
    Action,
    Layer,
    ReviewState,
    Role,
    action_for,
    after_edit,
    is_editable,
    is_protected,
    is_transition,
    may,
    may_edit,
    may_move,
)

STATES = st.sampled_from(ReviewState)
ROLES = st.sampled_from(Role)
LAYERS = st.sampled_from(Layer)


@given(st.lists(STATES, max_size=12))
def test_nothing_is_approved_without_a_review_nor_locked_without_approval(wishes: list[ReviewState]) -> None:
    path = [ReviewState.DRAFT]
    for wish in wishes:
        if is_transition(path[-1], wish):
            path.append(wish)
    for before, after in itertools.pairwise(path):
        if after is ReviewState.APPROVED:
            assert before in (ReviewState.NEEDS_REVIEW, ReviewState.LOCKED)
        if after is ReviewState.LOCKED:
            assert before is ReviewState.APPROVED
        if before is ReviewState.LOCKED:
            assert after is ReviewState.APPROVED


@given(STATES)
def test_every_state_can_be_reached_from_every_other(start: ReviewState) -> None:
    reached, edge = {start}, {start}
    while edge:
        edge = {after for before in edge for after in TRANSITIONS[before]} - reached
        reached |= edge
    assert reached == set(ReviewState)


@given(STATES)
def test_staying_is_no_transition(state: ReviewState) -> None:
    assert not is_transition(state, state)


@given(ROLES, LAYERS, STATES, STATES)
def test_a_move_needs_a_known_step_and_its_permission(
    role: Role, layer: Layer, before: ReviewState, after: ReviewState
) -> None:
    if is_transition(before, after):
        assert may_move(role, layer, before, after) == may(role, action_for(layer, before, after))
    else:
        assert not may_move(role, layer, before, after)
        with pytest.raises(ValueError, match="cannot become"):
            action_for(layer, before, after)


@given(LAYERS, STATES, STATES)
def test_whoever_may_do_a_step_project_managers_may_too(layer: Layer, before: ReviewState, after: ReviewState) -> None:
    if any(may_move(role, layer, before, after) for role in Role):
        assert may_move(Role.PROJECT_MANAGER, layer, before, after)
        assert may_move(Role.ADMINISTRATOR, layer, before, after)


@given(ROLES, LAYERS)
def test_nobody_edits_what_is_locked(role: Role, layer: Layer) -> None:
    assert not may_edit(role, layer, ReviewState.LOCKED)


@given(STATES)
def test_an_edit_takes_the_approval_back_and_changes_nothing_else(state: ReviewState) -> None:
    if not is_editable(state):
        with pytest.raises(ValueError, match="locked"):
            after_edit(state)
        return
    following = after_edit(state)
    assert not is_protected(following)
    assert following is state or is_transition(state, following)


def test_roles_do_their_own_work_only() -> None:
    draft, ready = ReviewState.DRAFT, ReviewState.NEEDS_REVIEW
    approved, locked, changes = ReviewState.APPROVED, ReviewState.LOCKED, ReviewState.CHANGES_REQUESTED
    assert may_move(Role.TRANSLATOR, Layer.TRANSLATION, draft, ready)
    assert not may_move(Role.TRANSLATOR, Layer.TRANSLATION, ready, approved)
    assert not may_move(Role.TRANSLATOR, Layer.DUB, draft, ready)
    assert may_move(Role.AUDIO_MIXER, Layer.DUB, changes, ready)
    assert not may_move(Role.AUDIO_MIXER, Layer.TRANSLATION, changes, ready)
    assert may_move(Role.REVIEWER, Layer.DUB, ready, changes)
    assert may_move(Role.CLIENT, Layer.DUB, ready, approved)
    assert not may_edit(Role.CLIENT, Layer.TRANSLATION, draft)
    assert not may_move(Role.REVIEWER, Layer.DUB, approved, locked)
    assert may_move(Role.PROJECT_MANAGER, Layer.DUB, approved, locked)


def test_only_administrators_administer_and_everybody_may_look() -> None:
    assert {role for role in Role if may(role, Action.ADMINISTER)} == {Role.ADMINISTRATOR}
    assert all(may(role, Action.VIEW) and may(role, Action.COMMENT) for role in Role)
    assert PERMISSIONS.keys() == set(Role)
    assert TRANSITIONS.keys() == set(ReviewState)
