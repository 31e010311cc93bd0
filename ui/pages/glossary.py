"""Glossary and memory: terms of a language pair, forbidden terms, pronunciations, and what was translated before."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dubbing.domain.review import Action
from dubbing.domain.workspace import MemoryHit, ProjectCard, Rights
from ui.session import desk, open_project
from ui.text import language_name, t
from ui.widgets.errors import escaped, flash, nothing_here, told
from ui.widgets.place import may
from ui.widgets.remarks import remark
from ui.widgets.row_tables import Row
from ui.widgets.term_editor import EVERYWHERE, PROJECT, TermTable, term_editor
from ui.widgets.times import ago

_NAMES_SHOWN = 8


def page() -> None:
    """The page; the shell says so where no project is open."""
    st.title(t("shell.page.glossary"))
    here = open_project()
    if here is None:
        return
    card, language = here
    remark(t("glossary.pair", source=language_name(card.source_language), target=language_name(language)))
    may_edit = may(Action.MANAGE_TERMS, card, language)
    if not may_edit:
        remark(t("glossary.forbidden_role"), "lock")
    tables = (_terms(card, language), _forbidden(card, language), _pronunciations(card, language))
    tabs = st.tabs([*(t(f"glossary.{table.name}.tab") for table in tables), t("glossary.memory.tab")])
    for tab, table in zip(tabs, tables, strict=False):
        with tab, told():
            if table.name == "terms" and not card.source_language:
                nothing_here(t("glossary.no_source"), t("glossary.no_source_hint"), ":material/hearing:")
            else:
                remark(t(f"glossary.{table.name}.what"))
                term_editor(table, card, language, may_edit=may_edit)
                if table.name == "terms":
                    _new_names(card)
    with tabs[-1], told():
        _memory(card, language, may_edit)


def _terms(card: ProjectCard, language: str) -> TermTable:
    terms = desk().terms

    def load() -> list[Row]:
        return [{"id": one.id, "source": one.source, "target": one.target or "", "case_sensitive": one.case_sensitive,
                 "note": one.note, "scope": _scope(one.project_id)} for one in terms.all(card.id)
                if (one.source_language, one.target_language) == (card.source_language, language)]

    def save(row: Row) -> Any:
        return terms.save_term(project_id=_project(row, card), source_language=card.source_language or "",
                               target_language=language, source=row["source"], target=row["target"] or None,
                               case_sensitive=bool(row["case_sensitive"]), note=row["note"], id=row["id"] or None)

    return TermTable("terms", ("source", "target", "note"), ("source",), load, save, terms.delete_term,
                     check="case_sensitive", csv_out=lambda: terms.export_csv(card.id).encode("utf-8-sig"),
                     csv_in=lambda data: len(terms.import_csv(card.id, data)), scopes=_scopes())


def _new_names(card: ProjectCard) -> None:
    """Names that the recognizer was not told of, and hearing the video again with them."""
    names = desk().terms.new_names(card.id)
    if not names:
        return
    shown = ", ".join(names[:_NAMES_SHOWN]) + (" …" if len(names) > _NAMES_SHOWN else "")
    allowed = may(Action.EDIT_TRANSCRIPT, card) and may(Action.RUN, card)
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="new_names"):
        st.markdown(f":material/hearing: {t('glossary.names.new', n=len(names), names=escaped(shown))}")
        if st.button(t("glossary.names.again"), key="hear_again", disabled=not allowed,
                     help=t("glossary.names.again_help") if allowed else t("common.job.may_not_run")):
            with told() as outcome:
                desk().terms.hear_again(card.id)
            if outcome.is_ok:
                flash(t("glossary.names.started"), ":material/hourglass_top:")
                st.rerun()


def _forbidden(card: ProjectCard, language: str) -> TermTable:
    terms = desk().terms

    def load() -> list[Row]:
        return [{"id": one.id, "term": one.term, "instead": one.instead, "note": one.note,
                 "scope": _scope(one.project_id)} for one in terms.forbidden(card.id) if one.language == language]

    def save(row: Row) -> Any:
        return terms.save_forbidden(project_id=_project(row, card), language=language, term=row["term"],
                                    instead=row["instead"], note=row["note"], id=row["id"] or None)

    return TermTable("forbidden", ("term", "instead", "note"), ("term",), load, save, terms.delete_forbidden,
                     scopes=_scopes())


def _pronunciations(card: ProjectCard, language: str) -> TermTable:
    terms = desk().terms

    def load() -> list[Row]:
        return [{"id": one.id, "word": one.word, "spelling": one.spelling, "ipa": one.ipa,
                 "scope": _scope(one.project_id)} for one in terms.pronunciations(card.id) if one.language == language]

    def save(row: Row) -> Any:
        return terms.save_pronunciation(project_id=_project(row, card), language=language, word=row["word"],
                                        ipa=row["ipa"], spelling=row["spelling"], id=row["id"] or None)

    return TermTable("pronunciations", ("word", "spelling", "ipa"), ("word", "spelling|ipa"), load, save,
                     terms.delete_pronunciation, scopes=_scopes())


def _scopes() -> tuple[str, ...]:
    """Where the person may let terms hold: everywhere asks for a role that holds everywhere."""
    everywhere = Rights(desk().person.roles).may(Action.MANAGE_TERMS)
    return (PROJECT, EVERYWHERE) if everywhere else (PROJECT,)


def _scope(project_id: str | None) -> str:
    return EVERYWHERE if project_id is None else PROJECT


def _project(row: Row, card: ProjectCard) -> str | None:
    return None if row["scope"] == EVERYWHERE else card.id


def _memory(card: ProjectCard, language: str, may_edit: bool) -> None:
    if not may(Action.EDIT_TRANSLATION, card, language):
        st.info(t("glossary.memory.forbidden"), icon=":material/lock:")
        return
    remark(t("glossary.memory.what", n=desk().memory.count()))
    text = st.text_input(t("glossary.memory.search"), key="memory_search", icon=":material/search:",
                         placeholder=t("glossary.memory.search_hint")).strip()
    if not card.source_language:
        nothing_here(t("glossary.no_source"), t("glossary.no_source_hint"), ":material/hearing:")
        return
    hits = desk().memory.search(text, card.source_language, language)
    if not hits:
        nothing_here(*((t("glossary.memory.none"), t("glossary.memory.none_hint")) if text else
                       (t("glossary.memory.empty"), t("glossary.memory.empty_hint"))), ":material/psychology:")
    for hit in hits:
        _hit(hit, may_edit)


def _hit(hit: MemoryHit, may_edit: bool) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center", key=f"unit_{hit.unit_id}"):
        used = t("glossary.memory.used", when=ago(hit.used_at)) if hit.used_at else ""
        origin = " · ".join(part for part in (escaped(hit.actor), used) if part)
        st.markdown(f"{escaped(hit.source)}  \n**{escaped(hit.target)}**  \n:small[{origin}]")
        if may_edit:
            with st.popover(t("glossary.memory.delete"), icon=":material/delete:", type="tertiary",
                            key=f"unit_delete_{hit.unit_id}"):
                st.markdown(t("glossary.memory.sure"))
                if st.button(t("glossary.memory.delete"), key=f"unit_sure_{hit.unit_id}", type="primary"):
                    with told() as outcome:
                        desk().memory.delete(hit.unit_id)
                    if outcome.is_ok:
                        st.rerun()
