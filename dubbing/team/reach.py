"""Which languages of a project a person sees, and what is kept from those who do not manage it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dubbing.domain.project import Edit
from dubbing.domain.review import Action
from dubbing.team.seat import Seat

#: Where files lie on the server, and how a project is set up, is for those who manage it.
_FOR_MANAGERS = frozenset({"source_path", "settings"})


def languages_of(seat: Seat, project_id: str) -> frozenset[str] | None:
    """The languages of a project that a person has a role in; None for all of them."""
    if seat.person.roles:
        return None
    held = {member.language for member in seat.workspace.storage.memberships.of(project_id, seat.person.id)}
    return None if "" in held else frozenset(held)


def sees(languages: frozenset[str] | None, language: str) -> bool:
    """Whether what is kept under ``language`` ("" for all) is among what ``languages_of`` said."""
    return languages is None or not language or language in languages


def told_to(seat: Seat, edit: Edit) -> Edit:
    """An edit as this person may see it."""
    if edit.entity != "project" or seat.may(Action.MANAGE_PROJECT, edit.project_id):
        return edit
    return replace(edit, before=_without(edit.before), after=_without(edit.after))


def _without(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else {key: value for key, value in values.items() if key not in _FOR_MANAGERS}
