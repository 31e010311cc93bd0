"""How routes know who asks, and how they say no."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dubbing.api import Desk, ForbiddenError
from dubbing.errors import ConflictError, DubbingError, StorageError, UsageError
from ui import session
from ui.urls import SESSION_COOKIE, WRITE_HEADER

#: What never goes without saying for an answer of ours: it is private, and is what its type says.
PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


class Refused(Exception):
    """An answer other than what was asked for."""

    def __init__(self, status: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.hint = status, message, hint


def desk_of(request: Request) -> Desk:
    """The desk of whoever sends ``request``. Raises Refused (401). Reads the database: call it in a thread."""
    found = session.desk_of(request.cookies.get(SESSION_COOKIE))
    if found is None:
        raise Refused(401, "You are not signed in.", "Sign in, then try again.")
    return found


def require_own_page(request: Request) -> None:
    """Raises Refused (403) for a write that a foreign page could have started.

    A browser sends our header to another origin only after asking it, and this server never says yes.
    """
    if not request.headers.get(WRITE_HEADER) or is_foreign(request):
        raise Refused(403, "This request did not come from a page of the workspace.",
                      f"Send the header {WRITE_HEADER}: 1.")


def is_foreign(request: Request) -> bool:
    """Whether a browser says that another site made it ask."""
    return request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def refusal(error: Refused | DubbingError, *, usage: int = 404) -> Response:
    """The answer for a failure, with its sentence and hint; ``usage`` is what a UsageError means here."""
    if isinstance(error, Refused):
        return JSONResponse({"error": error.message, "hint": error.hint}, error.status, PRIVATE)
    status = 500
    if isinstance(error, ForbiddenError):
        status = 403
    elif isinstance(error, ConflictError):
        status = 409
    elif isinstance(error, UsageError):
        status = usage
    elif isinstance(error, StorageError):
        status = 507
    return JSONResponse({"error": error.message, "hint": error.hint}, status, PRIVATE)


def answered(work: Callable[[Request], Response], *, usage: int = 404) -> Callable[[Request], Awaitable[Response]]:
    """``work`` as an endpoint: in a thread, because it reads the database, with failures as answers."""

    async def endpoint(request: Request) -> Response:
        try:
            return await run_in_threadpool(work, request)
        except (Refused, DubbingError) as error:
            return refusal(error, usage=usage)

    return endpoint
