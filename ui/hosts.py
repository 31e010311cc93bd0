"""Which names a server without sign-in answers to."""

from __future__ import annotations

import re

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_PORT = re.compile(r":\d*$")
LOCAL = {"localhost", "127.0.0.1", "[::1]"}


class LocalHosts:
    """Answers this machine's own names only.

    In single-user mode nobody signs in. Without this a web page elsewhere could point a name of its own at
    127.0.0.1 (DNS rebinding) and then talk to the workspace as its own origin.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            if _PORT.sub("", host).lower() not in LOCAL:
                await PlainTextResponse("This workspace answers to this machine only.", 400)(scope, receive, send)
                return
        await self.app(scope, receive, send)
