"""What the server answers beside the pages: the door, files, uploads, health."""

from __future__ import annotations

from starlette.routing import BaseRoute

from ui.routes import door, files, health, uploads


def all_routes() -> list[BaseRoute]:
    """Every route of ours, in the order in which they are tried."""
    return [*door.routes(), *files.routes(), *uploads.routes(), *health.routes()]
