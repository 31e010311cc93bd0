"""The web server: Streamlit's pages and our routes in one process, which computes nothing itself."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from ui.theme import THEME

if TYPE_CHECKING:
    import streamlit as st

APP = Path(__file__).with_name("app.py")
#: Piece of a large download or upload in flight when the server is told to stop: so long it may take.
GOODBYE_S = 3
#: Streamlit's own settings, given through the environment, where a person's own ``STREAMLIT_*`` wins.
CONFIG = {
    "SERVER_HEADLESS": "true",
    "SERVER_FILE_WATCHER_TYPE": "none",
    "SERVER_RUN_ON_SAVE": "false",
    # Videos come through our own route; only subtitles and tables come through Streamlit's.
    "SERVER_MAX_UPLOAD_SIZE": "20",
    "SERVER_ENABLE_CORS": "true",
    "SERVER_ENABLE_XSRF_PROTECTION": "true",
    "SERVER_ENABLE_STATIC_SERVING": "false",
    "SERVER_SHOW_EMAIL_PROMPT": "false",
    # Else every request would be written down, tickets in addresses included.
    "LOGGER_LEVEL": "warning",
    "BROWSER_GATHER_USAGE_STATS": "false",
    "CLIENT_TOOLBAR_MODE": "minimal",
    "CLIENT_SHOW_SIDEBAR_NAVIGATION": "false",
    "CLIENT_SHOW_ERROR_LINKS": "false",
    # A trace is for whoever mends it.
    "CLIENT_SHOW_ERROR_DETAILS": "full" if os.environ.get("DUBBING_DEBUG") else "none",
}


def configure(host: str, port: int) -> None:
    """Set up Streamlit; before it is imported."""
    from dubbing.api import load_settings

    # Streamlit looks for [auth] (OpenID Connect, for st.login) where its secrets are: ours stand beside the data.
    secrets = load_settings().home / "secrets.toml"
    values = {**CONFIG, **THEME, "SERVER_ADDRESS": host, "SERVER_PORT": str(port), "BROWSER_SERVER_PORT": str(port),
              **({"SECRETS_FILES": f'["{secrets}"]'} if secrets.is_file() else {})}
    for name, value in values.items():
        os.environ.setdefault(f"STREAMLIT_{name}", value)


def create_app() -> st.App:
    """The pages with our routes, for any ASGI server: ``uvicorn --factory ui.server:create_app``."""
    import streamlit as st
    from starlette.middleware import Middleware

    from ui import session
    from ui.hosts import LocalHosts
    from ui.routes import all_routes

    only_local = [Middleware(LocalHosts)] if session.doors().is_single_user else []
    return st.App(APP, routes=all_routes(), middleware=only_local)


def serve(listening: socket.socket) -> None:
    """Answer on ``listening`` until SIGINT or SIGTERM."""
    host, port = listening.getsockname()[:2]
    configure(host, port)
    import uvicorn

    config = uvicorn.Config(create_app(), log_level="warning", access_log=False, ws="websockets-sansio",
                            ws_ping_interval=20, ws_ping_timeout=20, timeout_graceful_shutdown=GOODBYE_S,
                            server_header=False)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    import sys

    serve(socket.socket(fileno=int(sys.argv[1])))
