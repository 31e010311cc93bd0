"""Terms in texts: words, not parts of words; projects before the world; respelled IPA."""

from __future__ import annotations

import pytest

from dubbing.domain.respelling import respelled
from dubbing.domain.terms import contains, notes
from dubbing.domain.workspace import ForbiddenTerm, Term, TermNote


@pytest.mark.parametrize(("text", "word", "found"), [
    ("The contract is void.", "contract", True), ("Contractors left.", "contract", False),
    ("the  NEW\ndeal", "new deal", True), ("C++ rules", "C++", True), ("日本語の契約書です", "契約", True),
    ("(void)", "void", True), ("avoid", "void", False), ("x", " ", False),
])
def test_words_are_found_as_words(text: str, word: str, found: bool) -> None:
    assert contains(text, word) is found


def _term(source: str, target: str | None, project: str | None = None, *, exact: bool = False) -> Term:
    return Term(source, project, "en", "es", source, target, exact, "why")


def test_notes_say_what_is_used_missing_and_forbidden() -> None:
    terms = [_term("contract", "contrato"), _term("Harbour", None), _term("void", "nulo"), _term("US", "EE. UU.",
                                                                                                exact=True)]
    found = notes("Contracts? The contract with Harbour is void for us.", "Los contratos con Harbor son un rollo.",
                  terms, [ForbiddenTerm("f", None, "es", "rollo", "asunto"), ForbiddenTerm("g", None, "es", "coger")])
    assert found == [TermNote("forbidden", "rollo", "asunto"), TermNote("missing", "Harbour", "Harbour", "why"),
                     TermNote("missing", "void", "nulo", "why"), TermNote("used", "contract", "contrato", "why")]


def test_a_projects_term_wins() -> None:
    terms = [_term("Contract", "convenio", "p1"), _term("contract", "contrato")]
    assert [note.wanted for note in notes("A contract.", "", terms, [])] == ["convenio"]


@pytest.mark.parametrize(("ipa", "language", "spelled"), [
    ("ˈnaɪki", "es", "náiki"), ("ɡeˈmini", "es", "guemíni"), ("ˈɲoki", "es", "ñóki"), ("ˈɲoki", "it", "gnòki"),
    ("ˈtʃaːo", "it", "ciào"), ("ˈdʒente", "it", "gènte"), ("ɡeˈmini", "it", "ghemìni"), ("ˈtsyːrɪç", "de", "zürich"),
    ("ˈspeɪn", "en", "spayn"), ("ʒɑ̃", "fr", "ja"), ("", "es", ""), ("ǃ", "es", ""),
])
def test_ipa_in_a_languages_letters(ipa: str, language: str, spelled: str) -> None:
    assert respelled(ipa, language) == spelled
