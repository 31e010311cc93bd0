"""The workspace itself: which engines and models there are, what the disk holds, and what is thrown away when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from dubbing.domain.review import Role
from dubbing.domain.workspace import EngineView, StorageUse
from ui import session
from ui.navigation import link_to
from ui.sentences import said
from ui.text import t
from ui.widgets.badges import badge
from ui.widgets.choices import told_apart
from ui.widgets.engines import OPTION_OF
from ui.widgets.errors import escaped, flash, told
from ui.widgets.times import size

_PROJECTS_SHOWN = 12


def _is_administrator() -> bool:
    return Role.ADMINISTRATOR in session.desk().person.roles


# engines ----------------------------------------------------------------------------------------------------------


def engines_box() -> None:
    """Engines by what they do; for one that is missing, the one line that adds it."""
    by_kind: dict[str, list[EngineView]] = {}
    for engine in session.desk().system.engines():
        if not engine.is_fake:
            by_kind.setdefault(engine.kind, []).append(engine)
    st.caption(t("settings.engines.intro"))
    system = session.desk().system
    server = system.text_server()
    words = t("settings.engines.server", address=escaped(server)) if server else t("settings.engines.no_server")
    st.markdown(f":material/{'cloud_upload' if server else 'home'}: {words}")
    st.markdown(f":material/memory: {t('settings.engines.budget', size=size(int(system.memory_budget_gb() * 1e9)))}")
    for kind, engines in by_kind.items():
        st.subheader(t(f"engines.kind.{kind}") if kind in OPTION_OF else kind)
        with st.container(gap="xsmall"):
            for engine in engines:
                _engine(engine)


def _engine(engine: EngineView) -> None:
    with st.container(border=True, key=f"row_engine_{engine.kind}_{engine.name}", gap="xsmall"):
        marks = [badge(t("settings.engines.present"), "green", "check") if engine.is_available
                 else badge(t("settings.engines.missing"), "orange", "add_circle")]
        if engine.is_chosen:
            marks.append(badge(t("settings.engines.chosen"), "blue", "star"))
        st.markdown(f"**{escaped(engine.name)}** {' '.join(marks)} :small[{escaped(said(engine.licence))}]")
        line, _, why = engine.advice.partition("  # ")
        if why:
            st.caption(said(why))
            st.code(line, language=None, wrap_lines=True)
        elif line:
            st.caption(said(line))


# models -----------------------------------------------------------------------------------------------------------


def models_box() -> None:
    """Models with their licences; the switch that keeps out what forbids commercial use."""
    system = session.desk().system
    only = system.commercial_only
    is_admin = _is_administrator()
    wanted = st.toggle(t("settings.models.commercial"), value=only, disabled=not is_admin,
                       help=t("settings.models.commercial_help") if is_admin else t("settings.administrators_only"))
    if wanted != only:
        with told() as outcome:
            system.set_commercial_only(wanted)
        if outcome.is_ok:
            flash(t("common.saved"))
            st.rerun()
    rows = "".join(
        f"<tr><th scope=\"row\">{escape(model.name)}</th><td>{escape(model.licence)}</td>"
        f"<td>{_mark(model.commercial_use, 'allowed', 'forbidden')}</td>"
        f"<td>{escape(size(model.size_bytes) if model.size_bytes else '–')}</td>"
        f"<td>{_mark(model.is_fetched, 'here', 'on_demand')}</td></tr>" for model in system.models())
    _table([t(f"settings.models.column.{name}") for name in ("name", "licence", "commercial", "size", "here")], rows,
           t("settings.part.models"))


def _mark(is_so: bool, yes: str, no: str) -> str:
    word = t(f"settings.models.{yes if is_so else no}")
    return f'<span class="{"dw-yes" if is_so else "dw-no"}">{"✓" if is_so else "–"} {escape(word)}</span>'


def _table(heads: Sequence[str], rows: str, label: str) -> None:
    cells = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    st.html(f'<div class="dw-scroll" role="region" aria-label="{escape(label)}" tabindex="0">'
            f'<table class="dw-table dw-marks"><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>')


# storage ----------------------------------------------------------------------------------------------------------


def storage_box() -> None:
    """What the disk holds, by kind and by project, and how long things are kept."""
    system = session.desk().system
    use = system.storage_use()
    st.markdown(f":material/hard_drive: {t('settings.storage.free', size=size(use.free_bytes))}")
    if use.by_kind:
        _use(use)
    else:
        st.caption(f":material/lock: {t('settings.storage.managers_only')}")
    st.subheader(t("settings.storage.terms"))
    terms = system.retention()
    st.markdown("\n".join(f"- {line}" for line in (
        t("settings.storage.deleted", n=terms.deleted_days), t("settings.storage.uploads", n=terms.upload_days),
        t("settings.storage.exports", n=terms.export_days) if terms.export_days
        else t("settings.storage.exports_stay"), t("settings.storage.superseded", n=terms.superseded_days))))
    st.caption(t("settings.storage.terms_where"))
    is_admin = _is_administrator()
    link_to("projects", t("settings.storage.bin"), query={"view": "deleted"})
    if st.button(t("settings.storage.sweep"), icon=":material/mop:", disabled=not is_admin, key="sweep",
                 help=t("settings.storage.sweep_help") if is_admin else t("settings.administrators_only")):
        _sweep()


def _sweep() -> None:
    with told() as outcome:
        removed = session.desk().system.sweep()
    if outcome.is_ok:
        flash(t("settings.storage.swept", n=sum(n for kind, n in removed.items() if kind != "bytes"),
                size=size(removed["bytes"])))
        st.rerun()


def _use(use: StorageUse) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader(t("settings.storage.by_kind"))
        _sizes({_kind_name(kind): n for kind, n in use.by_kind.items()}, t("settings.storage.by_kind"))
    with right:
        st.subheader(t("settings.storage.by_project"))
        projects = session.desk().projects
        names = told_apart({card.id: card.name for card in (*projects.cards(), *projects.cards(archived=True))})
        known = {names[project]: n for project, n in use.by_project.items() if project in names}
        _sizes(dict(sorted(known.items(), key=lambda item: -item[1])[:_PROJECTS_SHOWN]),
               t("settings.storage.by_project"))


def _kind_name(kind: str) -> str:
    known = ("database", "artifacts", "segments", "uploads", "exports", "previews", "models")
    return t(f"settings.storage.kind.{kind}") if kind in known else kind


def _sizes(sizes: Mapping[str, int], label: str) -> None:
    most = max(sizes.values(), default=0) or 1
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(size(n))}<span class="dw-bar" aria-hidden="true">'
        f'<b style="width:{100 * n / most:.1f}%"></b></span></td></tr>'
        for name, n in sorted(sizes.items(), key=lambda item: -item[1]))
    _table([t("settings.storage.what"), t("settings.storage.size")], rows, label)
