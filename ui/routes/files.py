"""Media and documents of a project, in ranges, for those who may have them.

The request names a project, a kind and an id; which file that is, and whether this person may have it, is the desk's
to say. No part of a path comes from the request.
"""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from dubbing.domain.workspace import StoredFile
from ui.routes.answers import Refused, answered, desk_of

#: What a browser may show in place. All else is handed over as a download: an evidence file may be a web page.
SHOWN = ("video/", "audio/", "image/png", "image/jpeg", "image/webp", "application/octet-stream", "application/json")
#: A version in the address (``v=``) names these very bytes.
KEPT = "private, max-age=31536000, immutable"
CHECKED = "private, no-cache"


class MediaResponse(FileResponse):
    """A file in pieces that are worth a thread's while."""

    chunk_size = 256 * 1024


def send(request: Request) -> Response:
    """``GET /files/{project}/{kind}/{rest}``: 401, 403 and 404 where it may not be had; 206 for a range."""
    parts = [part for part in request.path_params.get("rest", "").split("/") if part]
    found = desk_of(request).files.find(request.path_params["project"], request.path_params["kind"], *parts)
    path = Path(found.path)
    try:
        stat = path.stat()
    except OSError as error:
        raise Refused(404, "This file is not there any more.", "Make it again.") from error
    headers = _headers(found, is_versioned="v" in request.query_params)
    answer = MediaResponse(path, media_type=found.media_type, filename=found.name, headers=headers, stat_result=stat,
                           content_disposition_type=_disposition(found, "download" in request.query_params))
    if request.headers.get("if-none-match") == answer.headers["etag"]:
        return Response(status_code=304, headers={**headers, "ETag": answer.headers["etag"]})
    return answer


def _headers(found: StoredFile, *, is_versioned: bool) -> dict[str, str]:
    return {"Cache-Control": KEPT if is_versioned or found.is_immutable else CHECKED,
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; media-src 'self'; img-src 'self'; sandbox",
            "Cross-Origin-Resource-Policy": "same-origin"}


def _disposition(found: StoredFile, is_download: bool) -> str:
    return "inline" if not is_download and found.media_type.startswith(SHOWN) else "attachment"


def routes() -> list[BaseRoute]:
    endpoint = answered(send)
    return [Route("/files/{project}/{kind}/{rest:path}", endpoint, methods=["GET", "HEAD"]),
            Route("/files/{project}/{kind}", endpoint, methods=["GET", "HEAD"])]
