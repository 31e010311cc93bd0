"""What happened in a project, and how to get back what stood there before.

Restoring never rewrites the past: what an entry holds is saved again, as a new revision, by a person who may
edit that layer, under the same rules as any edit (nothing locked changes, what was approved is reviewed again).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from dubbing.domain.project import Edit
from dubbing.domain.review import Action, Layer, ReviewState, Role
from dubbing.domain.workspace import VoiceOption
from dubbing.errors import UsageError
from dubbing.team.accounts import Accounts
from dubbing.team.lines import Lines
from dubbing.team.reach import languages_of, sees, told_to
from dubbing.team.seat import Seat
from dubbing.team.speakers import Speakers
from dubbing.team.takes import Takes

Side = Literal["before", "after"]
Values = Mapping[str, Any]

#: How many entries are read at most at once.
_MOST = 10_000
#: Of a project's settings, what people choose; the rest is what the machine keeps of files and transcripts.
_CHOSEN = ("options", "rules")


class Activity:
    """The history of the projects that a person sees."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._storage = seat.workspace.storage

    def latest(self, project_id: str, *, entity: str | None = None, entity_id: str | None = None,
               actor: str | None = None, language: str | None = None, before_id: str | None = None,
               limit: int = 100) -> list[Edit]:
        """Edits, newest first, of what this person sees; ``before_id`` goes on after that entry.

        ``language`` "" asks for what belongs to no language, ``actor`` "" for what machines did.
        """
        self._seat.require(Action.VIEW, project_id, language or "")
        seen = languages_of(self._seat, project_id)
        found = self._storage.history.latest(
            project_id, entity=entity, entity_id=entity_id, actor=actor, language=language, before_id=before_id,
            languages=None if seen is None else seen | {""}, limit=max(1, min(limit, _MOST)))
        return [told_to(self._seat, edit) for edit in found]

    def may_restore(self, edit: Edit, side: Side = "before") -> bool:
        """Whether this person has the right that restoring an entry asks for; it can still be impossible."""
        values = edit.before if side == "before" else edit.after
        actions = {
            "utterance": _for_lines(values), "translation": (Action.EDIT_TRANSLATION,),
            "take": (Action.EDIT_DUB, Action.EDIT_TRANSLATION), "project": (Action.MANAGE_PROJECT,),
            "speaker": (_for_speakers(edit),),
            "review": (Action.REVIEW, Action.EDIT_TRANSCRIPT, Action.EDIT_TRANSLATION, Action.EDIT_DUB),
            "member": (Action.MANAGE_PROJECT,),
        }.get(edit.entity, ())
        return any(self._seat.may(action, edit.project_id, edit.language) for action in actions)

    def restore(self, edit_id: str, side: Side = "before") -> None:
        """Put back what stood there before an entry, or with ``side`` "after" what the entry made.

        A deleted line comes back, one that the entry made goes. Raises ForbiddenError without the right to edit
        that layer; UsageError for what is locked, gone or has nothing before it.
        """
        edit = self._storage.history.get(edit_id)
        seen = languages_of(self._seat, edit.project_id)
        if not self._seat.may(Action.VIEW, edit.project_id) or not sees(seen, edit.language):
            raise UsageError(f"There is no entry {edit_id} in the history.", "Reload the history.")
        ways: dict[str, Callable[[Edit, Side, Values | None], None]] = {
            "utterance": self._utterance, "translation": self._translation, "take": self._take,
            "speaker": self._speaker, "review": self._review, "project": self._project, "member": self._member,
        }
        if edit.entity not in ways:
            raise UsageError("Entries of this kind cannot be restored.", "Make the change again by hand.")
        ways[edit.entity](edit, side, edit.before if side == "before" else edit.after)

    # by kind ------------------------------------------------------------------------------------------------------

    def _utterance(self, edit: Edit, side: Side, values: Values | None) -> None:
        self._require_any(_for_lines(values), edit)
        self._storage.restoring.line(edit, after=side == "after", actor=self._seat.actor)

    def _translation(self, edit: Edit, side: Side, values: Values | None) -> None:
        self._seat.require(Action.EDIT_TRANSLATION, edit.project_id, edit.language)
        if values is None:
            raise UsageError("This was the first text of the line in this language.", "There is nothing before it.")
        now = self._storage.translations.get(edit.project_id, edit.entity_id, edit.language)
        if now is None:
            raise UsageError("There is no text of this line to put it in the place of.", "Write it by hand.")
        # An entry holds only what it changed: whether the text was stale then is known from those before it.
        then = self._storage.history.as_of(edit, after=side == "after")
        self._storage.translations.save(
            edit.project_id, edit.entity_id, edit.language, then.get("text", now.text), now.revision,
            source_revision=then.get("source_revision", now.source_revision), engine=then.get("engine", now.engine),
            actor=self._seat.actor)

    def _take(self, edit: Edit, _side: Side, values: Values | None) -> None:
        if values is None or values.get("take") is None:
            raise UsageError("There was no take before this one.", "Choose among the takes of the line.")
        kept = {take.id for take in self._storage.takes.all(edit.project_id, edit.language, edit.entity_id)}
        if values["take"] not in kept:
            raise UsageError("This take was deleted.", "Choose another one, or speak the line again.")
        Takes(self._seat).choose(values["take"])

    def _speaker(self, edit: Edit, side: Side, values: Values | None) -> None:
        told = {**(edit.before or {}), **(edit.after or {})}
        if edit.language:
            self._voice(edit, None if values is None else values.get("voice"))
        elif "consent" in told or "consent_revoked" in told:
            self._consent(edit, values or {})
        elif "merged_into" in told or "split_from" in told:
            self._cast(edit, told, is_undone=side == "before")
        else:
            self._name(edit, values)

    def _name(self, edit: Edit, values: Values | None) -> None:
        if values is None:
            raise UsageError("The speaker was heard here for the first time.", "There is nothing before that.")
        speakers = Speakers(self._seat)
        speakers.rename(edit.project_id, edit.entity_id, values.get("name"), values.get("character"))

    def _voice(self, edit: Edit, voice: Sequence[str] | None) -> None:
        option = None if voice is None else VoiceOption(voice[0], voice[1], voice[1], edit.language)
        Speakers(self._seat).assign_voice(edit.project_id, edit.entity_id, edit.language, option)

    def _consent(self, edit: Edit, values: Values) -> None:
        self._seat.require(Action.MANAGE_CONSENT, edit.project_id)
        consent_id = (edit.before or {}).get("consent") or (edit.after or {}).get("consent")
        if not consent_id:
            raise UsageError("A consent that was withdrawn stays so.", "Record the new one, with its evidence.")
        Speakers(self._seat).link_consent(edit.project_id, edit.entity_id, consent_id, bool(values.get("consent")))

    def _cast(self, edit: Edit, told: Values, *, is_undone: bool) -> None:
        """Part speakers who were merged, or merge who was split; lines that went elsewhere since stay there."""
        speakers, was_merged = Speakers(self._seat), "merged_into" in told
        if was_merged == is_undone:
            at, given_to = (told["merged_into"],) * 2 if was_merged else (told["split_from"], edit.entity_id)
            new = speakers.split(edit.project_id, at, self._given_with(edit, given_to))
            known = self._storage.history.as_of(edit, after=not is_undone)
            speakers.rename(edit.project_id, new, known.get("name", edit.entity_id), known.get("character", ""))
        else:
            other, into = (edit.entity_id, told["merged_into"]) if was_merged else (edit.entity_id, told["split_from"])
            speakers.merge(edit.project_id, into, other)

    def _given_with(self, edit: Edit, speaker: str) -> list[str]:
        """Lines that were given to a speaker in the transaction of an entry."""
        return [one.entity_id for one in self._storage.history.together(edit)
                if one.entity == "utterance" and (one.after or {}).get("speaker") == speaker]

    def _review(self, edit: Edit, _side: Side, values: Values | None) -> None:
        for layer, state in (values or {}).items():
            Lines(self._seat).move(edit.project_id, edit.language, [edit.entity_id], Layer(layer), ReviewState(state))

    def _project(self, edit: Edit, _side: Side, values: Values | None) -> None:
        self._seat.require(Action.MANAGE_PROJECT, edit.project_id)
        projects, actor = self._storage.projects, self._seat.actor
        if values is None:
            raise UsageError("The project was made here.", "There is nothing before that; delete it instead.")
        if "archived_at" in values:
            projects.archive(edit.project_id, values["archived_at"], actor=actor)
        if "deleted_at" in values:
            projects.delete(edit.project_id, values["deleted_at"], actor=actor)
        changed = {name: values[name] for name in ("name", "targets", "source_language") if values.get(name)}
        if "settings" in values:
            changed["settings"] = _chosen(values["settings"], projects.get(edit.project_id).settings)
        if changed:
            projects.update(edit.project_id, **changed, actor=actor)

    def _member(self, edit: Edit, _side: Side, values: Values | None) -> None:
        role = Role((edit.before or edit.after or {})["role"])
        accounts = Accounts(self._seat)
        change = accounts.remove_member if values is None else accounts.add_member
        change(edit.project_id, edit.entity_id, role, edit.language)

    def _require_any(self, actions: Sequence[Action], edit: Edit) -> None:
        if not any(self._seat.may(action, edit.project_id, edit.language) for action in actions[1:]):
            self._seat.require(actions[0], edit.project_id, edit.language)


def _chosen(then: Values, now: Values) -> dict[str, Any]:
    """The settings of now with what people chose then."""
    rest = {key: value for key, value in now.items() if key not in _CHOSEN}
    return {**rest, **{key: then[key] for key in _CHOSEN if key in then}}


def _for_speakers(edit: Edit) -> Action:
    if edit.language:
        return Action.EDIT_DUB
    is_about_consent = any(name.startswith("consent") for name in edit.after or {})
    return Action.MANAGE_CONSENT if is_about_consent else Action.EDIT_TRANSCRIPT


def _for_lines(values: Values | None) -> tuple[Action, ...]:
    """The rights, one of which is asked for: whether a mouth is repainted is a matter of the dub, too."""
    if values is not None and values.keys() <= {"on_camera", "revision"}:
        return Action.EDIT_TRANSCRIPT, Action.EDIT_DUB
    return (Action.EDIT_TRANSCRIPT,)
