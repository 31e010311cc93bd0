"""Lines at the desk: read in pages, saved on top of what was seen, cut, joined, reviewed, searched and replaced."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dubbing.domain.isochrony import Fit
from dubbing.domain.project import UNCHANGED, Project, Unchanged, Utterance
from dubbing.domain.review import Action, Layer, ReviewState, action_for, is_protected
from dubbing.domain.speech import SpokenLine
from dubbing.domain.workspace import Alternative, FitEstimate, LinePage, LineQuery, LineView, Pace, Replacement, Rights
from dubbing.errors import ConflictError, UsageError
from dubbing.storage.line_edits import CutAt
from dubbing.storage.reviews import language_of, steps_to
from dubbing.team.line_views import LineViews
from dubbing.team.seat import ForbiddenError

if TYPE_CHECKING:
    from dubbing.team.seat import Seat

_SPOKEN = (Layer.TRANSLATION, Layer.DUB)
_ACCEPTING = (ReviewState.APPROVED, ReviewState.LOCKED)
_EVERYTHING = LineQuery()
#: Characters of a text. What is said in one breath has some three hundred.
_LONGEST = 2000


class Lines:
    """The lines of projects as a person may read and change them. ``language`` "" shows the source alone."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._storage = seat.workspace.storage

    # reading ------------------------------------------------------------------------------------------------------

    def page(self, project_id: str, language: str, query: LineQuery = _EVERYTHING, *, offset: int = 0,
             limit: int = 100) -> LinePage:
        """Lines ``offset`` and following that ``query`` wants, at most ``limit`` (500), in the order of their start."""
        return self._views(project_id, language).page(query, offset, limit)

    def get(self, project_id: str, language: str, utterance_id: str) -> LineView:
        """One line, a deleted one too. Raises UsageError when there is none."""
        return self._only(self._views(project_id, language), utterance_id)

    def pace(self, project_id: str, language: str) -> dict[str, Pace]:
        """How each speaker's voice speaks the language, by speaker id; every speaker is there."""
        views = self._views(project_id, language)
        return {one.id: views.pace(one.id) for one in self._storage.speakers.all(project_id)}

    def estimate(self, project_id: str, language: str, utterance_id: str, text: str) -> FitEstimate:
        """What ``text`` would take as the line's translation, and how it would fit."""
        views = self._views(project_id, language)
        return views.estimate(self._only(views, utterance_id).line, text)

    def alternatives(self, project_id: str, language: str, utterance_id: str) -> list[Alternative]:
        """The texts that a machine weighed for a line, best first, and what the line says now; none where no machine
        translated it, or where the source is another by now. To take one is to save it."""
        line = self._only(self._views(project_id, language), utterance_id).line
        if line.translation is None or line.translation_is_stale:
            return []
        told = line.translation.details.get("candidates", ())
        return [Alternative(one["text"], one["engine"], one["how"], one["tempo"], Fit(one["fit"]), one["meaning"],
                            one["mouth"], one["text"] == line.translation.text) for one in told]

    # changing -----------------------------------------------------------------------------------------------------

    def save(self, project_id: str, language: str, utterance_id: str, *, source_text: str | None = None,
             target_text: str | None = None, speaker: str | None = None, start_ms: int | None = None,
             end_ms: int | None = None, on_camera: bool | None | Unchanged = UNCHANGED,
             seen_revision: int | None = None, seen_translation: int | None = None) -> LineView:
        """Save what is given of a line, all of it or nothing; None leaves a field as it is.

        ``seen_revision`` is the utterance's revision that the person looked at, ``seen_translation`` the
        translation's (0: there was none). When either is no longer current, ConflictError tells what stands there
        now (``saved``, a LineView) and what was to be saved (``attempted``, by argument name).
        """
        given = {"source_text": source_text, "target_text": target_text, "speaker": speaker, "start_ms": start_ms,
                 "end_ms": end_ms}
        attempted: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if not isinstance(on_camera, Unchanged):
            attempted["on_camera"] = on_camera
        project = self._project(project_id, language)
        self._check_save(project, language, attempted)
        values = {"text" if name == "source_text" else name: _plain(value) if isinstance(value, str) else value
                  for name, value in attempted.items() if name != "target_text"}
        with self._conflicts(project_id, language, utterance_id, attempted):
            self._storage.line_edits.save(
                project_id, language, utterance_id, values=values,
                target=None if target_text is None else _plain(target_text), seen_revision=seen_revision,
                seen_translation=seen_translation, actor=self._seat.actor)
        return self.get(project_id, language, utterance_id)

    def insert(self, project_id: str, speaker: str, start_ms: int, end_ms: int, text: str) -> str:
        """A new line that a person heard; an unknown speaker is created. Returns its id."""
        self._seat.require(Action.EDIT_TRANSCRIPT, project_id)
        self._seat.workspace.check_times(self._storage.projects.get(project_id), start_ms, end_ms)
        if not _plain(text) or not _plain(speaker):
            raise UsageError("A line needs a speaker and a text.", "Give both.")
        line = SpokenLine(_plain(speaker), _plain(text), start_ms, end_ms)
        return self._storage.utterances.add(project_id, line, actor=self._seat.actor).id

    def split(self, project_id: str, utterance_id: str, revision: int, *, at_char: int | None = None,
              at_ms: int | None = None, language: str | None = None,
              target_at_char: int | None = None) -> tuple[str, str]:
        """Cut a line in two, at a character of its text or at a time of the video, whichever is given.

        Cuts fall between words. Translations are cut at the same share of their length, that of ``language`` at
        ``target_at_char`` when that is given; with nothing else given the source follows it. Returns both ids.
        """
        self._require_shape(project_id, [utterance_id])
        targets = {} if language is None or target_at_char is None else {language: target_at_char}
        if at_char is None and at_ms is None:
            at_char = self._followed(project_id, utterance_id, targets)
        with self._conflicts(project_id, language or "", utterance_id, {"at_char": at_char, "at_ms": at_ms}):
            return self._storage.line_edits.split(project_id, utterance_id, revision, CutAt(at_char, at_ms, targets),
                                                  actor=self._seat.actor)

    def merge(self, project_id: str, first_id: str, second_id: str, revisions: tuple[int, int]) -> str:
        """Join two lines, and their translations in every language, into the earlier one. Returns its id."""
        self._require_shape(project_id, [first_id, second_id])
        with self._conflicts(project_id, "", first_id, {"merge": [first_id, second_id]}):
            return self._storage.line_edits.merge(project_id, (first_id, revisions[0]), (second_id, revisions[1]),
                                                  actor=self._seat.actor)

    def delete(self, project_id: str, utterance_id: str, revision: int) -> None:
        """Take a line out; ``undelete`` brings it back with everything that it had."""
        self._require_shape(project_id, [utterance_id])
        with self._conflicts(project_id, "", utterance_id, {"deleted": True}):
            self._storage.line_edits.delete(project_id, utterance_id, revision, actor=self._seat.actor)

    def undelete(self, project_id: str, utterance_id: str) -> None:
        """Bring a deleted line back; one that is there stays."""
        self._seat.require(Action.EDIT_TRANSCRIPT, project_id)
        self._storage.line_edits.undelete(project_id, utterance_id, actor=self._seat.actor)

    def move(self, project_id: str, language: str, utterance_ids: Sequence[str], layer: Layer, to: ReviewState) -> int:
        """Move lines to a review state, all or none; the steps between are taken where the person may take them.

        Approved translations go into the memory. Returns how many lines are there now. Raises ForbiddenError,
        UsageError for a way that the review does not know, or when nothing is there to approve.
        """
        rights = self._seat.require(Action.VIEW, project_id, language)
        project = self._project(project_id, language)
        self._check_move(project_id, language, utterance_ids, layer, to, rights)
        count = self._storage.reviews.move(project_id, utterance_ids, layer, to, language=language,
                                           roles=rights.roles, on_the_way=True, actor=self._seat.actor)
        if layer is Layer.TRANSLATION and to is ReviewState.APPROVED and project.source_language:
            lines = self._storage.lines.some(project_id, language, utterance_ids)
            self._storage.memory.remember(
                project.source_language, language,
                [(line.utterance.text, line.translation.text) for line in lines.values()
                 if line.translation is not None and not line.translation_is_stale],
                project_id=project_id, actor=self._seat.actor)
        return count

    # find and replace ---------------------------------------------------------------------------------------------

    def find(self, project_id: str, language: str, find: str, replacement: str, *, source: bool = False,
             target: bool = True, match_case: bool = False, whole_words: bool = False) -> list[Replacement]:
        """What ``replace`` with the same arguments would do; ``skipped`` says why it would leave a text: "locked",
        or "empty" where nothing would be left."""
        self._seat.require(Action.VIEW, project_id, language)
        self._project(project_id, language)
        pattern = _pattern(find, match_case, whole_words)
        layers = [*([Layer.TRANSCRIPT] if source else []), *([Layer.TRANSLATION] if target and language else [])]
        found = []
        for line in self._storage.lines.facts(project_id, language):
            for layer in layers:
                before = line.text if layer is Layer.TRANSCRIPT else line.target or ""
                text, count = pattern.subn(lambda _: replacement, before)
                after = _plain(text) if count else before
                if after != before:
                    is_locked = line.state(layer) is ReviewState.LOCKED
                    skipped = "locked" if is_locked else "" if after else "empty"
                    found.append(Replacement(line.id, layer, before, after, skipped))
        return found

    def replace(self, project_id: str, language: str, find: str, replacement: str, *, source: bool = False,
                target: bool = True, match_case: bool = False, whole_words: bool = False) -> list[Replacement]:
        """Replace in every line, in one transaction; what had to be left says why in ``skipped``."""
        if source:
            self._seat.require(Action.EDIT_TRANSCRIPT, project_id, language)
        if target:
            self._seat.require(Action.EDIT_TRANSLATION, project_id, language)
        found = self.find(project_id, language, find, replacement, source=source, target=target,
                          match_case=match_case, whole_words=whole_words)
        return self._storage.line_edits.replace(project_id, language, found, actor=self._seat.actor)

    # checks -------------------------------------------------------------------------------------------------------

    def _project(self, project_id: str, language: str) -> Project:
        project = self._storage.projects.get(project_id)
        if language and language not in project.targets:
            raise UsageError(f"{project.name} is not dubbed into {language}.",
                             f"Its languages are {', '.join(project.targets) or 'none yet'}.")
        return project

    def _views(self, project_id: str, language: str) -> LineViews:
        self._seat.require(Action.VIEW, project_id, language)
        return LineViews(self._seat, self._project(project_id, language), language)

    def _only(self, views: LineViews, utterance_id: str) -> LineView:
        found = views.of([utterance_id])
        if not found:
            raise UsageError(f"There is no line {utterance_id} in this project.", "Reload the list of lines.")
        return found[0]

    def _require_shape(self, project_id: str, utterance_ids: Sequence[str]) -> None:
        """Cutting, joining and deleting change a line in every language: what is accepted in a language needs a
        person who may edit it there. Raises ForbiddenError."""
        self._seat.require(Action.EDIT_TRANSCRIPT, project_id)
        for language in self._storage.projects.get(project_id).targets:
            if self._seat.may(Action.EDIT_TRANSLATION, project_id, language):
                continue
            states = self._storage.reviews.states(project_id, language)
            accepted = [one for one in utterance_ids
                        if any(is_protected(states.get(one, {}).get(layer, ReviewState.DRAFT)) for layer in _SPOKEN)]
            if accepted:
                raise ForbiddenError(f"Line {accepted[0]} is approved in {language}, which you may not edit.",
                                     "Ask somebody who may, or have the approval taken back first.")

    def _check_save(self, project: Project, language: str, attempted: dict[str, Any]) -> None:
        """Rights and values of a save. Raises ForbiddenError and UsageError."""
        if attempted.keys() & {"source_text", "speaker", "start_ms", "end_ms"}:
            self._seat.require(Action.EDIT_TRANSCRIPT, project.id, language)
        if "target_text" in attempted:
            self._seat.require(Action.EDIT_TRANSLATION, project.id, language)
        if "on_camera" in attempted and not self._seat.may(Action.EDIT_DUB, project.id, language):
            self._seat.require(Action.EDIT_TRANSCRIPT, project.id, language)
        if not attempted:
            self._seat.require(Action.VIEW, project.id, language)
        if any(not _plain(value) for value in attempted.values() if isinstance(value, str)):
            raise UsageError("The text and the speaker of a line cannot be empty.",
                             "Give the words that are to be heard, or delete the line.")
        if "target_text" in attempted and not language:
            raise UsageError("A translation needs a language.", "Choose one of the project's languages.")
        self._seat.workspace.check_times(project, attempted.get("start_ms"), attempted.get("end_ms"))

    @contextmanager
    def _conflicts(self, project_id: str, language: str, utterance_id: str,
                   attempted: dict[str, Any]) -> Iterator[None]:
        """A conflict is told with the line as it stands now, and with what was to be saved."""
        try:
            yield
        except ConflictError as error:
            changed = error.saved.id if isinstance(error.saved, Utterance) else utterance_id
            raise ConflictError(error.message, error.hint, saved=self.get(project_id, language, changed),
                                attempted=attempted) from error

    def _followed(self, project_id: str, utterance_id: str, targets: dict[str, int]) -> int:
        """The place in the source that is as far as the cut in the translation."""
        for language, place in targets.items():
            held = self._storage.translations.get(project_id, utterance_id, language)
            if held is not None and held.text:
                source = self._storage.utterances.get(project_id, utterance_id).text
                return round(len(source) * place / len(held.text))
        raise UsageError("Nobody said where to split.", "Give a place in the text or a time.")

    def _check_move(self, project_id: str, language: str, utterance_ids: Sequence[str], layer: Layer, to: ReviewState,
                    rights: Rights) -> None:
        """Raises ForbiddenError when a step on a line's way is not the person's to take, UsageError when a
        translation or dub that is to be accepted is not there."""
        states = self._storage.reviews.states(project_id, language_of(layer, language))
        missing = to in _ACCEPTING and layer is not Layer.TRANSCRIPT
        lines = self._storage.lines.some(project_id, language, utterance_ids) if missing else {}
        for utterance_id in utterance_ids:
            before = states.get(utterance_id, {}).get(layer, ReviewState.DRAFT)
            for step in () if before is to else steps_to(before, to):
                if not rights.may(action_for(layer, before, step)):
                    raise ForbiddenError(
                        f"You may not take the {layer.value} of line {utterance_id} from "
                        f"“{_said(before)}” to “{_said(step)}”.",
                        "Ask somebody who may." if before is not ReviewState.DRAFT else
                        "Whoever edits it has to hand it in for review first.")
                before = step
            line = lines.get(utterance_id)
            if line is not None and (line.translation if layer is Layer.TRANSLATION else line.take) is None:
                raise UsageError(f"Line {utterance_id} has no {layer.value} that could be accepted.",
                                 "Translate it or let it be spoken first.")


def _plain(text: str) -> str:
    """``text`` as it is kept: composed characters, one line, no control characters. Raises UsageError for a novel."""
    if len(text) > _LONGEST:
        raise UsageError(f"A text of {len(text)} characters is no line.", f"Give at most {_LONGEST}; split it.")
    kept = (" " if char in "\r\n\t" else char for char in unicodedata.normalize("NFC", text))
    return "".join(char for char in kept if unicodedata.category(char) != "Cc").strip()


def _said(state: ReviewState) -> str:
    return state.value.replace("_", " ")


def _pattern(find: str, match_case: bool, whole_words: bool) -> re.Pattern[str]:
    if not find:
        raise UsageError("There is nothing to look for.", "Type the text to find.")
    text = rf"(?<!\w){re.escape(find)}(?!\w)" if whole_words else re.escape(find)
    return re.compile(text, 0 if match_case else re.IGNORECASE)
