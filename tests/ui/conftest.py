"""Pages run on a home of their own: the settings of this process are those of the home until the test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from dubbing.config import load_settings
from tests.ui.factory import Home, make_home


@pytest.fixture
def open_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Home]]:
    """``make_home`` on the test's own folder, with the application looking into that home."""

    def opened(**wanted: Any) -> Home:
        monkeypatch.setenv("DUBBING_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("DUBBING_SINGLE_USER", "true" if wanted.get("single_user") else "false")
        monkeypatch.setenv("DUBBING_SETTINGS_FILE", str(tmp_path / "settings.toml"))
        forget()
        return make_home(tmp_path, **wanted)

    yield opened
    forget()


def forget() -> None:
    """Let go of what a process opens once."""
    load_settings.cache_clear()
    st.cache_resource.clear()
    st.cache_data.clear()
