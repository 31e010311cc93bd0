"""Large files in pieces that go on where they stopped: begin, ask how far it is, send the next piece, finish.

======  =======================  =====================================================================
POST    /uploads                 JSON name, size, purpose -> 201 and the upload
GET     /uploads/{id}            the upload; ``received`` is where the next piece begins
PATCH   /uploads/{id}            bytes, with ``Upload-Offset``; 409 with the right offset where it is wrong
POST    /uploads/{id}/finish     the whole is there: 200
DELETE  /uploads/{id}            204
======  =======================  =====================================================================

Every write needs ``X-Dubbing: 1``. A piece goes to disk as it comes in, so that what arrived before a connection
broke is kept and the server never holds more than ``BUFFER`` bytes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from dubbing.api import Desk
from dubbing.domain.workspace import Upload
from dubbing.errors import ConflictError, DubbingError
from ui.routes.answers import PRIVATE, Refused, answered, desk_of, refusal, require_own_page

#: Longest piece of one request, and how much of it waits in memory before it goes to disk.
PIECE = 16 * 1024 * 1024
BUFFER = 1024 * 1024
OFFSET = "Upload-Offset"
#: What cannot be taken in, for a reason that is said.
UNFIT = 422


def shown(upload: Upload, status: int = 200) -> Response:
    body = {"id": upload.id, "name": upload.name, "size": upload.size_bytes, "received": upload.received_bytes,
            "purpose": upload.purpose, "finished": upload.finished_at is not None}
    return JSONResponse(body, status, {**PRIVATE, OFFSET: str(upload.received_bytes)})


async def begin(request: Request) -> Response:
    """``POST /uploads``."""
    try:
        require_own_page(request)
        asked = await _json(request)
        name, size, purpose = asked.get("name"), asked.get("size"), asked.get("purpose", "video")
        if not (isinstance(name, str) and isinstance(size, int) and isinstance(purpose, str)) or size <= 0:
            raise Refused(400, "An upload needs a name, a size in bytes and a purpose.")
        return shown(await run_in_threadpool(lambda: desk_of(request).uploads.begin(name, size, purpose)), 201)
    except (Refused, DubbingError) as error:
        return refusal(error, usage=UNFIT)


async def _json(request: Request) -> dict[str, Any]:
    if int(request.headers.get("content-length") or 0) > BUFFER:
        raise Refused(413, "That is too much for a request.")
    try:
        body = await request.json()
    except ValueError as error:
        raise Refused(400, "The request is not JSON.") from error
    if not isinstance(body, dict):
        raise Refused(400, "The request is not a JSON object.")
    return body


def status(request: Request) -> Response:
    """``GET /uploads/{id}``."""
    return shown(desk_of(request).uploads.get(request.path_params["id"]))


async def append(request: Request) -> Response:
    """``PATCH /uploads/{id}``: the piece that begins at ``Upload-Offset``."""
    upload_id = request.path_params["id"]
    try:
        require_own_page(request)
        offset = request.headers.get(OFFSET, "")
        if not offset.isdigit():
            raise Refused(400, f"The header {OFFSET} says where the piece begins.")
        if int(request.headers.get("content-length") or 0) > PIECE:
            raise Refused(413, f"A piece may have {PIECE} bytes.", "Send smaller ones.")
        desk = await run_in_threadpool(desk_of, request)
        return shown(await _take_in(request, desk, upload_id, int(offset)))
    except ConflictError as error:
        right = error.saved.received_bytes
        return JSONResponse({"error": error.message, "hint": error.hint, "received": right}, 409,
                            {**PRIVATE, OFFSET: str(right)})
    except ClientDisconnect:
        # Nobody is there to read it; what came in before is on disk.
        return Response(status_code=400)
    except (Refused, DubbingError) as error:
        return refusal(error, usage=UNFIT)


async def _take_in(request: Request, desk: Desk, upload_id: str, offset: int) -> Upload:
    """Write the body as it comes; the rest of a piece whose sender went away is written, too."""
    keep: Callable[[int, bytes], Any] = partial(_keep, desk, upload_id)
    upload: Upload | None = None
    waiting, taken = bytearray(), 0
    try:
        async for part in request.stream():
            waiting += part
            taken += len(part)
            if taken > PIECE:
                waiting.clear()
                raise Refused(413, f"A piece may have {PIECE} bytes.", "Send smaller ones.")
            if len(waiting) >= BUFFER:
                upload = await run_in_threadpool(keep, offset, bytes(waiting))
                offset += len(waiting)
                waiting.clear()
    finally:
        if waiting or not taken:
            upload = await run_in_threadpool(keep, offset, bytes(waiting))
    assert upload is not None
    return upload


def _keep(desk: Desk, upload_id: str, offset: int, piece: bytes) -> Upload:
    return desk.uploads.append(upload_id, offset, [piece])


def finish(request: Request) -> Response:
    """``POST /uploads/{id}/finish``."""
    require_own_page(request)
    return shown(desk_of(request).uploads.finish(request.path_params["id"]))


def cancel(request: Request) -> Response:
    """``DELETE /uploads/{id}``."""
    require_own_page(request)
    desk_of(request).uploads.cancel(request.path_params["id"])
    return Response(status_code=204, headers=PRIVATE)


def routes() -> list[BaseRoute]:
    return [Route("/uploads", begin, methods=["POST"]),
            Route("/uploads/{id}", answered(status), methods=["GET"]),
            Route("/uploads/{id}", append, methods=["PATCH"]),
            Route("/uploads/{id}", answered(cancel), methods=["DELETE"]),
            Route("/uploads/{id}/finish", answered(finish, usage=UNFIT), methods=["POST"])]
