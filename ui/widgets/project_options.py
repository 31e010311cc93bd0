"""Fields of a project's settings: engines of single languages, how is translated, how it sounds, its series."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dubbing.domain.loudness import PRESETS
from dubbing.domain.workspace import EngineView, ProjectCard, ProjectSettings
from ui import session
from ui.text import language_name, t
from ui.widgets.engines import OPTION_OF

_LONGEST_STYLE = 2000
_MOST_DUCKING_DB = 24
_ADAPT_MINUTES = 1, 240
_OWN = ("translate", "tts")


def own_engines(card: ProjectCard, now: ProjectSettings, off: bool) -> dict[str, dict[str, str]]:
    """Another translator or voice engine for single languages; languages that are not shown keep theirs."""
    chosen = {language: dict(own) for language, own in now.by_language.items() if language not in card.targets}
    if not card.targets:
        return chosen
    engines = session.desk().system.engines()
    with st.expander(t("settings.project.own_engines"), icon=":material/tune:", expanded=bool(now.by_language)):
        st.caption(t("settings.project.own_engines_help"))
        for language in card.targets:
            columns = st.columns(2)
            own = {OPTION_OF[kind]: _own(columns[place], kind, engines, language, now, card.id, off)
                   for place, kind in enumerate(_OWN)}
            own = {option: name for option, name in own.items() if name}
            if own:
                chosen[language] = own
    return chosen


def _own(place: Any, kind: str, engines: list[EngineView], language: str, now: ProjectSettings, project_id: str,
         off: bool) -> str:
    """The engine of one kind for one language; "" for that of all languages."""
    option = OPTION_OF[kind]
    is_now = now.by_language.get(language, {}).get(option, "")
    offered = ["", *(one.name for one in engines if one.kind == kind and one.is_available and not one.is_fake)]
    if is_now not in offered:
        offered.append(is_now)
    found: str = place.selectbox(
        f"{t(f'engines.kind.{kind}')}: {language_name(language)}", offered, index=offered.index(is_now), disabled=off,
        key=f"own_{project_id}_{language}_{option}_{is_now}",
        format_func=lambda name: name or t("settings.project.as_above"))
    return found


def words_options(card: ProjectCard, now: ProjectSettings, off: bool) -> dict[str, Any]:
    """Notes for translators, and whether the memory comes first."""
    st.markdown(f"**{t('settings.project.words')}**")
    use_memory = st.toggle(t("settings.project.use_memory"), value=now.use_memory, disabled=off,
                           help=t("settings.project.use_memory_help"))
    style = st.text_area(t("settings.project.style"), now.style, max_chars=_LONGEST_STYLE, disabled=off, height=90,
                         placeholder=t("settings.project.style_hint"), help=t("settings.project.style_help"),
                         key=f"style_{card.id}_{hash(now.style)}")
    return {"use_memory": use_memory, "style": style.strip()}


def series_choice(now: ProjectSettings, off: bool) -> str:
    """The series of the project: one that there is, or a new one by its name; "" for none."""
    names = sorted({*session.desk().series.names(), *([now.series] if now.series else [])})
    found = st.selectbox(t("settings.project.series"), names, index=names.index(now.series) if now.series else None,
                         placeholder=t("settings.project.series_hint"), help=t("settings.project.series_help"),
                         accept_new_options=True, disabled=off, key=f"series_{now.series}")
    return found or ""


def mouth_options(now: ProjectSettings, off: bool) -> dict[str, Any]:
    """Whether the generator is adapted to the speakers, and how long that may take."""
    st.markdown(f"**{t('settings.project.mouths')}**")
    adapt = st.toggle(t("settings.project.adapt"), value=now.adapt, disabled=off, help=t("settings.project.adapt_help"))
    minutes = st.number_input(t("settings.project.adapt_minutes"), *_ADAPT_MINUTES, round(now.adapt_minutes),
                              disabled=off)
    return {"adapt": adapt, "adapt_minutes": float(minutes)}


def sound_options(now: ProjectSettings, off: bool) -> dict[str, Any]:
    """What is taken over of the original's sound, and how loud it all is."""
    st.markdown(f"**{t('settings.project.voices_and_sound')}**")
    prosody = st.toggle(t("settings.project.prosody"), value=now.prosody, disabled=off,
                        help=t("settings.project.prosody_help"))
    room = st.toggle(t("settings.project.room"), value=now.room, disabled=off, help=t("settings.project.room_help"))
    presets = list(PRESETS)
    loudness = st.selectbox(t("settings.project.loudness"), presets, index=presets.index(now.loudness), disabled=off,
                            format_func=lambda one: t(f"settings.loudness.{one.replace('-', '_')}"))
    duck = st.number_input(t("settings.project.duck"), 0, _MOST_DUCKING_DB, round(now.duck_db), disabled=off,
                           help=t("settings.project.duck_help"))
    return {"prosody": prosody, "room": room, "loudness": loudness, "duck_db": float(duck)}
