"""One page of a project in a made home, without the menu around it."""

from __future__ import annotations

import re
from unittest.mock import patch

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from tests.ui.factory import Home

_SCRIPT = """
from ui.widgets.errors import show_flashes, told
from ui.pages.{name} import page

show_flashes()
with told():
    page()
"""


def opened(home: Home, name: str, login: str = "ada", *, locale: str = "en", **query: str) -> AppTest:
    """The page ``name`` after its first run, for ``login``, on the home's first project."""
    app = AppTest.from_string(_SCRIPT.format(name=name), default_timeout=60.0)
    app.session_state["session_token"] = home.token(login)
    app.session_state["locale"] = locale
    for key, value in {"project": home.project.id, **query}.items():
        app.query_params[key] = value
    # A first run looks through every installed package for components of others: a third of a second for nothing.
    with patch("streamlit.components.v2.manifest_scanner.scan_component_manifests", return_value=[]):
        app.run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    """All that the page says outside of its fields, without the signs that keep Markdown from reading it."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.info, app.success, app.warning, app.error,
             app.toast, app.get("html"))
    said = "\n".join([*(str(one.value) for kind in kinds for one in kind),
                      *(str(one.text) for one in app.get("progress"))])
    return re.sub(r"\\(?=[!-/:-@\[-`{-~])", "", said)


def button(app: AppTest, label: str, *, key: str = "") -> Button:
    """The first button with this label, or whose key begins with ``key``."""
    return next(one for one in app.button if one.label == label and (one.key or "").startswith(key))
