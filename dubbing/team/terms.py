"""Glossary, forbidden words and pronunciations at the desk. ``project_id`` None is for what holds everywhere."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dubbing.domain.review import Action
from dubbing.domain.terms import notes
from dubbing.domain.workspace import ForbiddenTerm, JobView, Pronunciation, Term, TermNote
from dubbing.errors import UsageError
from dubbing.series import hear_again, new_names
from dubbing.team.jobs import Jobs

if TYPE_CHECKING:
    from dubbing.team.seat import Seat

COLUMNS = ("source_language", "target_language", "source", "target", "case_sensitive", "note")
_YES, _NO = frozenset({"1", "true", "yes", "sí", "si", "x"}), frozenset({"", "0", "false", "no"})
_LONGEST = 255


class Terms:
    """What the team has agreed about words; reading is for all who see the project, changing for MANAGE_TERMS."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._storage = seat.workspace.storage

    # glossary -----------------------------------------------------------------------------------------------------

    def all(self, project_id: str | None) -> list[Term]:
        """The glossary of a project with what holds everywhere; for None only the latter."""
        self._view(project_id)
        return self._storage.terms.all(project_id)

    def save_term(self, project_id: str | None, source_language: str, target_language: str, source: str,
                  target: str | None = None, case_sensitive: bool = False, note: str = "", *,
                  id: str | None = None) -> Term:
        """A new entry, or with ``id`` a changed one; ``target`` None keeps the source's word in the translation."""
        self._manage(project_id)
        if id:
            self._manage(self._storage.terms.get(id).project_id)
        term = _checked(Term(id or "", project_id, source_language, target_language, source, target, case_sensitive,
                             note))
        if any(_key(other) == _key(term) for other in self._storage.terms.all(project_id)
               if other.project_id == project_id and other.id != term.id):
            raise UsageError(f"“{term.source}” is in the glossary already.", "Change the entry that is there.")
        return self._storage.terms.save([term], actor=self._seat.actor)[0]

    def new_names(self, project_id: str) -> list[str]:
        """Names of the glossary, and of the series, that came up since the video was heard."""
        self._view(project_id)
        return list(new_names(self._storage, self._storage.projects.get(project_id)))

    def hear_again(self, project_id: str) -> JobView:
        """Recognize the video anew with all names that are known by now, as the beginning of a dub; what people edited
        stays. Raises UsageError when no name is new, and while a dub runs that has heard the video already."""
        self._seat.require(Action.EDIT_TRANSCRIPT, project_id)
        self._seat.require(Action.RUN, project_id)
        project = self._storage.projects.get(project_id)
        if not new_names(self._storage, project):
            raise UsageError("The video was heard with these names already.", "Add names to the glossary first.")
        jobs = Jobs(self._seat)
        if jobs.is_running(project_id):
            raise UsageError("The dub is being made.", "Wait until it is done, then hear the video again.")
        hear_again(self._storage, project, actor=self._seat.actor)
        return jobs.start(project_id)

    def delete_term(self, id: str) -> None:
        """Raises UsageError when the entry is gone already."""
        self._manage(self._storage.terms.get(id).project_id)
        self._storage.terms.delete(id)

    def export_csv(self, project_id: str | None) -> str:
        """The entries of ``project_id`` itself as a table with a head row; an empty target keeps the source's word."""
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\n")
        table.writerow(COLUMNS)
        for term in self.all(project_id):
            if term.project_id == project_id:
                table.writerow([term.source_language, term.target_language, term.source, term.target or "",
                                "yes" if term.case_sensitive else "no", term.note])
        return out.getvalue()

    def import_csv(self, project_id: str | None, data: bytes) -> list[Term]:
        """Take over a table as ``export_csv`` writes it (commas, semicolons or tabs; UTF-8), all of it or nothing.

        An entry whose languages and source are known already is changed. Raises UsageError that names the row.
        """
        self._manage(project_id)
        known = {_key(term): term.id for term in self._storage.terms.all(project_id) if term.project_id == project_id}
        rows = {}
        for term in _read_csv(project_id, data):
            rows[_key(term)] = term
        named = [Term(known.get(key, ""), term.project_id, term.source_language, term.target_language, term.source,
                      term.target, term.case_sensitive, term.note) for key, term in rows.items()]
        return self._storage.terms.save(named, actor=self._seat.actor)

    # forbidden words ----------------------------------------------------------------------------------------------

    def forbidden(self, project_id: str | None) -> list[ForbiddenTerm]:
        """Words that translations must not have: of a project and everywhere."""
        self._view(project_id)
        return self._storage.terms.forbidden(project_id)

    def save_forbidden(self, project_id: str | None, language: str, term: str, instead: str = "", note: str = "", *,
                       id: str | None = None) -> ForbiddenTerm:
        self._manage(project_id)
        if id:
            self._manage(self._storage.terms.get_forbidden(id).project_id)
        _check_language(language)
        return self._storage.terms.save_forbidden(
            ForbiddenTerm(id or "", project_id, language, _word(term), instead.strip()[:_LONGEST], note.strip()))

    def delete_forbidden(self, id: str) -> None:
        """Raises UsageError when the entry is gone already."""
        self._manage(self._storage.terms.get_forbidden(id).project_id)
        self._storage.terms.delete_forbidden(id)

    # pronunciations -----------------------------------------------------------------------------------------------

    def pronunciations(self, project_id: str | None) -> list[Pronunciation]:
        """How words are spoken: in a project and everywhere."""
        self._view(project_id)
        return self._storage.terms.pronunciations(project_id)

    def save_pronunciation(self, project_id: str | None, language: str, word: str, ipa: str = "", spelling: str = "",
                           *, id: str | None = None) -> Pronunciation:
        """Exactly one of ``ipa`` and ``spelling`` says how ``word`` is spoken in takes made from now on."""
        self._manage(project_id)
        if id:
            self._manage(self._storage.terms.get_pronunciation(id).project_id)
        _check_language(language)
        ipa, spelling = ipa.strip().strip("/[]"), spelling.strip()
        if bool(ipa) == bool(spelling):
            raise UsageError("A pronunciation is either IPA or another spelling.", "Fill in one of the two.")
        if max(len(ipa), len(spelling)) > _LONGEST:
            raise UsageError("This pronunciation is too long.", f"{_LONGEST} characters are enough for a word.")
        return self._storage.terms.save_pronunciation(
            Pronunciation(id or "", project_id, language, _word(word), ipa, spelling))

    def delete_pronunciation(self, id: str) -> None:
        """Raises UsageError when the entry is gone already."""
        self._manage(self._storage.terms.get_pronunciation(id).project_id)
        self._storage.terms.delete_pronunciation(id)

    # a line's terms -----------------------------------------------------------------------------------------------

    def notes_for(self, project_id: str, language: str, utterance_id: str | None = None, *,
                  source_text: str | None = None, target_text: str | None = None) -> list[TermNote]:
        """What the texts of a line do with the terms; texts that are given stand for those that are saved."""
        self._seat.require(Action.VIEW, project_id, language)
        if utterance_id is not None and (source_text is None or target_text is None):
            line = self._storage.lines.some(project_id, language, [utterance_id], deleted=True).get(utterance_id)
            if line is None:
                raise UsageError(f"There is no line {utterance_id} in this project.", "Reload the list of lines.")
            saved = "" if line.translation is None else line.translation.text
            source_text = line.utterance.text if source_text is None else source_text
            target_text = saved if target_text is None else target_text
        source_language = self._storage.projects.get(project_id).source_language or ""
        terms = self._storage.terms.all(project_id, source_language=source_language, target_language=language)
        return notes(source_text or "", target_text or "", terms,
                     self._storage.terms.forbidden(project_id, language=language))

    def _view(self, project_id: str | None) -> None:
        """What holds everywhere is for everybody who may come in."""
        if project_id is not None:
            self._seat.require(Action.VIEW, project_id)

    def _manage(self, project_id: str | None) -> None:
        if project_id is None:
            self._seat.require_everywhere(Action.MANAGE_TERMS)
        else:
            self._seat.require(Action.MANAGE_TERMS, project_id)


def _checked(term: Term) -> Term:
    """The entry as it is kept. Raises UsageError."""
    for language in (term.source_language, term.target_language):
        _check_language(language)
    target = None if term.target is None or not term.target.strip() else _word(term.target)
    return Term(term.id, term.project_id, term.source_language, term.target_language, _word(term.source), target,
                term.case_sensitive, term.note.strip())


def _word(text: str) -> str:
    word = " ".join(text.split())
    if not word:
        raise UsageError("A term cannot be empty.", "Type the word.")
    if len(word) > _LONGEST:
        raise UsageError("This term is too long.", f"A term has at most {_LONGEST} characters.")
    return word


def _check_language(language: str) -> None:
    if not (len(language) == 2 and language.isascii() and language.isalpha() and language.islower()):
        raise UsageError(f"“{language}” is not a language.", "Use two-letter codes, such as en, es, de.")


def _key(term: Term) -> tuple[str, str, str]:
    return term.source_language, term.target_language, term.source if term.case_sensitive else term.source.casefold()


def _read_csv(project_id: str | None, data: bytes) -> Iterable[Term]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError("The table is not UTF-8 text.", "Save it as CSV UTF-8.") from error
    head = text.partition("\n")[0]
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    missing = [name for name in COLUMNS[:4] if name not in (table.fieldnames or ())]
    if missing:
        raise UsageError(f"The table has no column {', '.join(missing)}.", f"Its head row is {', '.join(COLUMNS)}.")
    try:
        for row in table:
            yield _term_of(project_id, row, table.line_num)
    except csv.Error as error:
        raise UsageError(f"Line {table.line_num} of the table cannot be read: {error}.", "Correct it there.") from error


def _term_of(project_id: str | None, row: dict[str, str | None], line: int) -> Term:
    cell = {name: (row.get(name) or "").strip() for name in COLUMNS}
    exact = cell["case_sensitive"].casefold()
    if exact not in _YES | _NO:
        raise UsageError(f"Line {line} of the table: “{exact}” is neither yes nor no.", "Write yes or no.")
    try:
        return _checked(Term("", project_id, cell["source_language"], cell["target_language"], cell["source"],
                             cell["target"] or None, exact in _YES, cell["note"]))
    except UsageError as error:
        raise UsageError(f"Line {line} of the table: {error.message}", error.hint) from error
