"""Whether the server and its database answer. Tells nothing else, because everybody may ask."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ui import session
from ui.routes.answers import PRIVATE, answered


def health(_request: Request) -> Response:
    """``GET /health``."""
    session.doors().person_of("nobody")
    return JSONResponse({"status": "ok"}, headers=PRIVATE)


def routes() -> list[BaseRoute]:
    return [Route("/health", answered(health), methods=["GET"])]
