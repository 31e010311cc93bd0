"""Glossary, forbidden words and pronunciations at the desk."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dubbing.api import Desk, Workspace
from dubbing.domain.project import Project
from dubbing.domain.review import Role
from dubbing.errors import UsageError
from dubbing.team.seat import ForbiddenError
from dubbing.team.speaking import spoken_text

At = Callable[..., Desk]


@pytest.fixture
def terms(desk: At):  # type: ignore[no-untyped-def]
    return desk("ada", Role.ADMINISTRATOR).terms


def test_terms_are_kept_changed_and_deleted(terms, project: Project) -> None:  # type: ignore[no-untyped-def]
    everywhere = terms.save_term(None, "en", "es", " old  friend ", "viejo amigo", note="always")
    own = terms.save_term(project.id, "en", "es", "Morning", None, case_sensitive=True)
    assert (everywhere.source, everywhere.project_id, own.target) == ("old friend", None, None)
    assert {term.id for term in terms.all(project.id)} == {everywhere.id, own.id}
    assert [term.id for term in terms.all(None)] == [everywhere.id]
    changed = terms.save_term(project.id, "en", "es", "Morning", "mañana", id=own.id)
    assert changed.id == own.id and not changed.case_sensitive
    with pytest.raises(UsageError, match="already"):
        terms.save_term(project.id, "en", "es", "MORNING", "madrugada")
    terms.save_term(None, "en", "es", "Morning", "mañana")
    terms.delete_term(own.id)
    with pytest.raises(UsageError):
        terms.save_term(project.id, "en", "es", "Morning", "mañana", id=own.id)
    for source, language in ((" ", "en"), ("x" * 256, "en"), ("word", "english")):
        with pytest.raises(UsageError):
            terms.save_term(None, language, "es", source, "algo")


def test_a_table_goes_out_and_comes_back(terms, project: Project) -> None:  # type: ignore[no-untyped-def]
    terms.save_term(project.id, "en", "es", 'a "quoted", word', "una; palabra", note="two\nlines")
    terms.save_term(project.id, "en", "es", "Harbour", None, case_sensitive=True)
    table = terms.export_csv(project.id)
    before = terms.all(project.id)
    assert terms.import_csv(project.id, table.encode()) and terms.all(project.id) == before
    semicolons = "\ufeffsource_language;target_language;source;target\nen;es;harbour;puerto\nen;es;Void;nulo\n"
    assert len(terms.import_csv(project.id, semicolons.encode())) == 2
    assert {(term.source, term.target) for term in terms.all(project.id)} >= {("Void", "nulo"), ("harbour", "puerto")}


@pytest.mark.parametrize(("table", "told"), [
    (b"source,target\na,b\n", "no column source_language"),
    (b"source_language,target_language,source,target\nen,es,a,b\nen,es,,b\n", "Line 3"),
    (b"source_language,target_language,source,target,case_sensitive\nen,es,a,b,perhaps\n", "Line 2"),
    (b"\xff\xfe", "not UTF-8"),
    (b'source_language,target_language,source,target\nen,es,"a,b\n', "Line"),
])
def test_a_bad_table_changes_nothing(terms, project: Project, table: bytes, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=told):
        terms.import_csv(project.id, table)
    assert terms.all(project.id) == []


def test_notes_of_a_line(terms, project: Project) -> None:  # type: ignore[no-untyped-def]
    terms.save_term(None, "en", "es", "friend", "compañero")
    terms.save_term(None, "en", "de", "friend", "Kumpel")
    terms.save_forbidden(project.id, "es", "amigo", "compañero")
    assert [(note.kind, note.wanted) for note in terms.notes_for(project.id, "es", "u0003")] == [
        ("forbidden", "compañero"), ("missing", "compañero")]
    assert [note.kind for note in terms.notes_for(project.id, "es", "u0003", target_text="Un compañero.")] == ["used"]
    assert [note.wanted for note in terms.notes_for(project.id, "de", "u0003")] == ["Kumpel"]
    assert terms.notes_for(project.id, "es", source_text="Nobody.", target_text="Nadie.") == []


def test_pronunciations_are_spoken(terms, workspace: Workspace, project: Project) -> None:  # type: ignore[no-untyped-def]
    terms.save_pronunciation(None, "es", "Nike", spelling="naik")
    terms.save_pronunciation(project.id, "es", "nike", ipa="/ˈnaɪki/")
    terms.save_pronunciation(None, "es", "Air Nike", spelling="er náiki")
    terms.save_pronunciation(None, "de", "Nike", spelling="Neiki")
    say = lambda text: spoken_text(workspace.storage, project.id, "es", text)  # noqa: E731
    assert say("NIKE, Air  Nike y niket.") == "náiki, er náiki y niket."
    assert say("Nada.") == "Nada."
    # A synthesizer that reads IPA is given it; what a mark says is no word.
    read = spoken_text(workspace.storage, project.id, "es", "*NIKE* [pause] y Air Nike", takes_ipa=True)
    assert read == "*{NIKE|ˈnaɪki}* [pause] y er náiki"
    terms.save_pronunciation(None, "es", "pause", spelling="poz")
    assert say("[pause] pause") == "[pause] poz"
    for ipa, spelling in (("", ""), ("a", "b")):
        with pytest.raises(UsageError):
            terms.save_pronunciation(None, "es", "Nike", ipa=ipa, spelling=spelling)


def test_who_may_change_terms(desk: At, member: At, project: Project) -> None:
    clara, tom = member("clara", Role.CLIENT), member("tom", Role.TRANSLATOR)
    term = tom.terms.save_term(project.id, "en", "es", "friend", "amigo")
    assert clara.terms.all(project.id) == [term]
    for refused in (lambda: clara.terms.save_term(project.id, "en", "es", "a", "b"),
                    lambda: clara.terms.delete_term(term.id),
                    lambda: clara.terms.import_csv(project.id, b""),
                    lambda: tom.terms.save_term(None, "en", "es", "a", "b", id=term.id),
                    lambda: tom.terms.save_forbidden(None, "es", "a"),
                    lambda: desk("eve").terms.all(project.id),
                    lambda: desk("eve").terms.save_pronunciation(project.id, "es", "a", spelling="b")):
        with pytest.raises(ForbiddenError):
            refused()
    admin = desk("ada", Role.ADMINISTRATOR)
    forbidden = admin.terms.save_forbidden(None, "es", "rollo", "asunto")
    said = admin.terms.save_pronunciation(None, "es", "a", spelling="b")
    assert tom.terms.forbidden(project.id) == [forbidden] and tom.terms.pronunciations(None) == [said]
    for refused in (lambda: tom.terms.delete_forbidden(forbidden.id), lambda: tom.terms.delete_pronunciation(said.id)):
        with pytest.raises(ForbiddenError):
            refused()
    admin.terms.delete_forbidden(forbidden.id)
    admin.terms.delete_pronunciation(said.id)
    assert tom.terms.forbidden(project.id) == [] and tom.terms.pronunciations(None) == []
