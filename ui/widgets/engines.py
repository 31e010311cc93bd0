"""Choosing engines: those that run here, with "the best there is" first."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dubbing.domain.workspace import EngineView
from ui import session
from ui.text import t
from ui.widgets.errors import told

AUTO, OFF = "auto", "off"
#: What the options of a dub call the kinds of engines.
OPTION_OF = {"asr": "recognizer", "diarize": "diarizer", "translate": "translator", "tts": "synthesizer",
             "separate": "separator", "lipsync": "lipsync"}


def engine_choices(key: str, now: Mapping[str, str] | None = None, *, only: tuple[str, ...] = tuple(OPTION_OF),
                   disabled: bool = False) -> dict[str, str]:
    """A box for each kind of engine; the choice by the name of its option. ``now`` is what is chosen so far."""
    with told():
        by_kind: dict[str, list[EngineView]] = {}
        for engine in session.desk().system.engines():
            by_kind.setdefault(engine.kind, []).append(engine)
        columns = st.columns(2)
        chosen = {}
        for number, kind in enumerate(kind for kind in only if kind in OPTION_OF):
            option = OPTION_OF[kind]
            with columns[number % 2]:
                chosen[option] = _choice(kind, by_kind.get(kind, []), f"{key}_{option}", (now or {}).get(option, AUTO),
                                         disabled)
        return chosen
    return {}


def _choice(kind: str, engines: list[EngineView], key: str, now: str, disabled: bool) -> str:
    usable = [engine.name for engine in engines if engine.is_available and not engine.is_fake]
    offered = [AUTO, *([OFF] if kind == "lipsync" else []), *usable]
    if now not in offered:
        offered.append(now)
    return st.selectbox(t(f"engines.kind.{kind}"), offered, index=offered.index(now), key=key, disabled=disabled,
                        format_func=lambda name: t(f"engines.{name}") if name in (AUTO, OFF) else name)
