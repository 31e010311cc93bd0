"""The workspace in the browser: who comes in, then the page they asked for inside the shell."""

from __future__ import annotations

import streamlit as st

from ui import session, shell
from ui.navigation import HOME, pages
from ui.text import t
from ui.widgets.errors import show_flashes


def main() -> None:
    """One run: a door to those who are not in, else the page."""
    st.set_page_config(page_title=t("shell.name"), page_icon=str(shell.LOGO), layout="wide")
    shell.dress()
    person = session.person()
    if person is None:
        _door()
        return
    shell.speak_for(person)
    known = pages()
    page = st.navigation(list(known.values()), position="hidden")
    name = page.url_path or HOME
    open_now, problem = shell.opened()
    shell.menu(person, open_now)
    show_flashes()
    shell.show(page, name, open_now, problem)


def _door() -> None:
    """Sign-in, or the making of the first account, at every address, so that a sent link still leads somewhere."""
    from ui.pages import first_run, sign_in

    door = first_run.page if session.doors().needs_first_run else sign_in.page
    st.navigation(list(pages(door).values()), position="hidden").run()


if __name__ == "__main__":
    main()
