"""In and out: a ticket of the sign-in page becomes a cookie, and the cookie goes again."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from dubbing.api import ForbiddenError
from ui import session
from ui.routes.answers import PRIVATE, Refused, answered, is_foreign
from ui.urls import SESSION_COOKIE, is_local_path

#: A session token is good for so long after it was last used; the cookie goes with it.
COOKIE_S = 30 * 24 * 3600


def enter(request: Request) -> Response:
    """``GET /enter?ticket=…&to=…``: a single-use ticket for the cookie. A wrong or used one leads to the front page."""
    if is_foreign(request):
        # Else another site could sign somebody in as its own user and watch what they upload.
        raise Refused(403, "Sign in on the workspace's own page.", "Open the workspace's address yourself.")
    to = request.query_params.get("to", "/")
    try:
        token = session.doors().redeem(request.query_params.get("ticket", ""))
    except ForbiddenError:
        return RedirectResponse("/", 303, PRIVATE)
    answer = RedirectResponse(to if is_local_path(to) else "/", 303, PRIVATE)
    answer.set_cookie(SESSION_COOKIE, token, max_age=COOKIE_S, path="/", httponly=True, samesite="lax",
                      secure=request.url.scheme == "https")
    return answer


def leave(request: Request) -> Response:
    """``GET /leave``: ends the session for good, not only in this browser."""
    if is_foreign(request):
        raise Refused(403, "Sign out on the workspace's own page.", "Open the workspace's address yourself.")
    token = request.cookies.get(SESSION_COOKIE)
    if token:
        session.doors().sign_out(token)
    answer = RedirectResponse("/", 303, PRIVATE)
    answer.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax")
    return answer


def routes() -> list[BaseRoute]:
    return [Route("/enter", answered(enter), methods=["GET"]), Route("/leave", answered(leave), methods=["GET"])]
