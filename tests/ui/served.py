"""Our routes behind a real HTTP server in this process, and requests to them as a browser would send them."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette

from ui.routes import all_routes
from ui.urls import SESSION_COOKIE, WRITE_HEADER


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Served:
    """A running server."""

    port: int

    def ask(self, method: str, path: str, body: bytes | None = None, *, token: str | None = None,
            headers: dict[str, str] | None = None, own: bool = True) -> Answer:
        """One request; ``own`` sends the header of our pages. The path goes out exactly as it is given."""
        sent = {**({WRITE_HEADER: "1"} if own else {}), **({"Cookie": f"{SESSION_COOKIE}={token}"} if token else {}),
                **(headers or {})}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def post(self, path: str, value: Any, **rest: Any) -> Answer:
        return self.ask("POST", path, json.dumps(value).encode(), **rest)

    def break_off(self, path: str, token: str, offset: int, announced: int, sent: bytes) -> None:
        """Begin to send a piece of ``announced`` bytes and hang up after ``sent``."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall((f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {SESSION_COOKIE}={token}\r\n"
                                f"{WRITE_HEADER}: 1\r\nUpload-Offset: {offset}\r\n"
                                f"Content-Length: {announced}\r\n\r\n").encode() + sent)


@contextmanager
def serving(application: Any = None) -> Iterator[Served]:
    """The routes (or ``application``) on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(application or Starlette(routes=all_routes()), log_level="error", lifespan="off",
                                timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        until = time.monotonic() + 10
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        try:
            yield Served(listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(timeout=10)
