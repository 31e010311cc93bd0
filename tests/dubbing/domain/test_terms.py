"""Terms in texts: words, not parts of words; projects before the world; respelled IPA."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubbing.domain.respelling import respelled
from dubbing.domain.terms import (
    applied,
    breaches,
    contains,
    missed,
    notes,
    protect,
    restore,
    rules,
    without_forbidden,
)
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


def test_rules_of_a_line_are_its_terms_the_longest_first() -> None:
    held = rules("The new deal is a deal with Harbour.", [
        _term("deal", "trato"), _term("deal", "acuerdo", "p"), _term("new deal", "nuevo trato"), _term("Harbour", None),
        _term("void", "nulo")])
    assert [(rule.source, rule.target) for rule in held] == [
        ("new deal", "nuevo trato"), ("Harbour", None), ("deal", "acuerdo")]
    assert [rule.source for rule in missed("El nuevo trato con Harbour.", held)] == ["deal"]
    assert breaches("El puto trato.", held, [("puto", "")]) == 4


def test_a_missed_term_is_put_where_its_rendering_stands() -> None:
    held = rules("Contract law. Harbour pays.", [_term("contract", "contrato"), _term("Harbour", "Puerto Azul")])
    known = {"contract": ["convenio", "acuerdo"]}
    assert applied("Acuerdo legal. Harbour paga.", held, known) == "Contrato legal. Puerto Azul paga."
    assert applied("Acuerdos legales.", held, known) == "Acuerdos legales."      # inflected: another form may be due
    assert applied("Contratos. Puerto Azul paga.", held, known) == "Contratos. Puerto Azul paga."


def test_forbidden_words_give_way_to_what_was_named() -> None:
    banned = [("rollo", "asunto"), ("coger", ""), ("Madre mía", "vaya")]
    assert without_forbidden("Madre mía, qué rollo coger el enrollo.", banned) == "Vaya, qué asunto coger el enrollo."


def test_stand_ins_come_back_as_the_words_they_stood_for() -> None:
    text, tokens = protect("Blue Harbour owns Harbour Blue.", ["Harbour", "Blue Harbour", "missing"])
    assert "Harbour" not in text and len(tokens) == 2
    assert restore(text.replace("owns", "posee"), tokens) == "Blue Harbour posee Harbour Blue."
    assert restore("Nada.", tokens) is None
    assert restore("Nada.", ()) == "Nada."


@given(st.text(alphabet="abXq ñ.,", max_size=40),
       st.lists(st.text(alphabet="abX q", min_size=1, max_size=6), max_size=4))
def test_protecting_and_restoring_changes_nothing(text: str, words: list[str]) -> None:
    protected, tokens = protect(text, words)
    restored = restore(protected, tokens)
    assert restored is not None and restored.casefold().split() == text.casefold().split()
