"""Names, labels and messages in the languages of the workspace, from one catalogue.

``ui/catalogue/AREA.toml`` holds an area's texts. An entry is a table with every language,
``new = { en = "New project", es = "Proyecto nuevo" }``, and its key is "AREA.new"; tables nest ("AREA.state.draft").
Values are put in with ``str.format``. Where a number named ``n`` has another form for one, the entry gives it as
``en_one`` and ``es_one``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

#: Languages of the workspace itself, each under its own name.
LOCALES: Mapping[str, str] = {"en": "English", "es": "Español"}
DEFAULT_LOCALE = "en"
CATALOGUE = Path(__file__).parent / "catalogue"

_LOCALE_KEY = "locale"


def t(key: str, /, **values: Any) -> str:
    """The text of ``key`` in the person's language, with ``values`` put in. Raises KeyError for an unknown key."""
    entry = _catalogue()[key]
    code = locale()
    text = entry[code]
    if values.get("n") == 1:
        text = entry.get(f"{code}_one", text)
    return text.format(**values) if values else text


def texts(prefix: str) -> dict[str, str]:
    """Every text below ``prefix`` ("review" or "review.keys") by the rest of its key: what a component is given."""
    code = locale()
    start = f"{prefix}."
    found = {key.removeprefix(start): entry[code] for key, entry in _catalogue().items() if key.startswith(start)}
    if not found:
        raise KeyError(prefix)
    return found


def language_name(code: str | None) -> str:
    """What people call a language; its code where the catalogue has no name for it."""
    entry = _catalogue().get(f"languages.{code}")
    return entry[locale()] if entry else (code or t("common.unknown"))


def languages() -> dict[str, str]:
    """Every language that has a name here, code to name, in alphabetical order of the names."""
    named = texts("languages")
    return dict(sorted(named.items(), key=lambda item: item[1].casefold()))


def locale() -> str:
    """The language of the person at this session: chosen, or else the browser's, or else English."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return DEFAULT_LOCALE
    chosen = st.session_state.get(_LOCALE_KEY)
    if chosen in LOCALES:
        return str(chosen)
    wished = str(st.context.locale or "")[:2]
    return wished if wished in LOCALES else DEFAULT_LOCALE


def set_locale(code: str) -> None:
    """Speak ``code`` in this session from now on. Raises ValueError for a language that the catalogue has not."""
    if code not in LOCALES:
        raise ValueError(code)
    st.session_state[_LOCALE_KEY] = code


@lru_cache(maxsize=1)
def _catalogue() -> dict[str, dict[str, str]]:
    """All entries by key."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(CATALOGUE.glob("*.toml")):
        _flatten(path.stem, tomllib.loads(path.read_text(encoding="utf-8")), found)
    return found


def _flatten(prefix: str, table: Mapping[str, Any], found: dict[str, dict[str, str]]) -> None:
    for name, value in table.items():
        key = f"{prefix}.{name}"
        if not isinstance(value, dict):
            raise ValueError(f"{key} is a text without a language")
        if isinstance(value.get(DEFAULT_LOCALE), str):
            found[key] = value
        else:
            _flatten(key, value, found)
