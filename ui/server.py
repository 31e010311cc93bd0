"""The web server: Streamlit's pages and our routes in one process, which computes nothing itself."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from ui.theme import THEME

if TYPE_CHECKING:
    import streamlit as st

APP = Path(__file__).parent / "entry" / "app.py"
#: Piece of a large download or upload in flight when the server is told to stop: so long it may take.
GOODBYE_S = 3
#: Streamlit's own settings.
CONFIG: dict[str, object] = {
    "server.headless": True,
    "server.fileWatcherType": "none",
    "server.runOnSave": False,
    # Videos come through our own route; only subtitles and tables come through Streamlit's.
    "server.maxUploadSize": 20,
    "server.enableCORS": True,
    "server.enableXsrfProtection": True,
    "server.enableStaticServing": False,
    "server.showEmailPrompt": False,
    # Else every request would be written down, tickets in addresses included.
    "logger.level": "warning",
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "minimal",
    "client.showSidebarNavigation": False,
    "client.showErrorLinks": False,
    # A trace is for whoever mends it.
    "client.showErrorDetails": "full" if os.environ.get("DUBBING_DEBUG") else "none",
}


def configure(host: str, port: int) -> None:
    """Set up Streamlit, which reads neither flags nor the environment when an application starts it."""
    from streamlit.web.bootstrap import load_config_options

    from dubbing.api import load_settings

    # Streamlit looks for [auth] (OpenID Connect, for st.login) where its secrets are: ours stand beside the data.
    secrets = load_settings().home / "secrets.toml"
    values = {**CONFIG, **THEME, "server.address": host, "server.port": port, "browser.serverPort": port,
              **({"secrets.files": [str(secrets)]} if secrets.is_file() else {})}
    load_config_options({name.replace(".", "_"): value for name, value in values.items()})


def create_app() -> st.App:
    """The pages with our routes, for any ASGI server: ``uvicorn --factory ui.server:create_app``."""
    import streamlit as st
    from starlette.middleware import Middleware

    from ui import session
    from ui.hosts import LocalHosts
    from ui.routes import all_routes
    from ui.widgets.errors import unexpected

    only_local = [Middleware(LocalHosts)] if session.doors().is_single_user else []
    return st.App(APP, routes=all_routes(), middleware=only_local, on_script_error=unexpected)


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
