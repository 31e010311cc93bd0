"""A server that speaks the OpenAI protocol on this machine, and misbehaves when told to.

Each question takes the next behaviour from ``behave`` (the good one when there is none): a function of the question's
lines that gives back (status, headers, body) or a completion's text.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: What this model knows.
KNOWN = {
    "Buenos días a todos.": ["Good morning, everybody.", "A very good morning to all of you who are here.",
                             "Morning, all."],
    "¿Dónde están las llaves de la casa?": ["Where are the keys of the house?", "Where are the house keys?"],
    "Mi abuela hace el mejor pan.": ["My grandmother makes the best bread.", "Grandma bakes the best bread."],
    "No puedo ir con ustedes mañana.": ["I can't go with you tomorrow.", "I cannot come with you tomorrow."],
    "Zenobia": ["Zenobia"],
}
#: A status with headers and a body, or the text of a completion.
Reply = tuple[int, dict[str, str], Any] | str
Behaviour = Callable[[dict[str, Any]], Reply]


def lines_of(question: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines that a question asks for."""
    return list(material_of(question)["lines"])


def material_of(question: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(question["messages"][-1]["content"]))


def texts_for(line: dict[str, Any], wanted: int = 8) -> list[str]:
    return KNOWN.get(line["original"], [f"This is what the line {line['id']} says."])[:wanted]


def answer(lines: Sequence[dict[str, Any]]) -> str:
    """What a good model says to lines."""
    return json.dumps({"lines": [{"id": line["id"], "texts": texts_for(line)} for line in lines]})


def good(question: dict[str, Any]) -> Reply:
    return answer(lines_of(question))


def completion(text: str | None, end: str = "stop", **message: Any) -> Reply:
    return 200, {}, {"choices": [{"message": {"role": "assistant", "content": text, **message},
                                  "finish_reason": end}]}


def failing(status: int, message: str = "no", **headers: str) -> Behaviour:
    return lambda _question: (status, {name.replace("_", "-"): value for name, value in headers.items()},
                              {"error": {"message": message}})


def saying(text: str) -> Behaviour:
    return lambda _question: text


@dataclass
class Server:
    """url: its address. questions: all that it was asked. keys: the Authorization headers. behave: what comes next;
    always: what it does when nothing comes next."""

    url: str
    behave: list[Behaviour] = field(default_factory=list)
    always: Behaviour = good
    questions: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


def slow(seconds: float) -> Behaviour:
    def behaviour(question: dict[str, Any]) -> Reply:
        time.sleep(seconds)
        return good(question)

    return behaviour


@contextmanager
def serving() -> Iterator[Server]:
    """A server on a free port of this machine, for as long as the block lasts."""
    handler = type("Handler", (_Handler,), {})
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http.daemon_threads = True
    server = Server(f"http://127.0.0.1:{http.server_address[1]}/v1")
    handler.server_state = server  # type: ignore[attr-defined]
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: Server

    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        state = self.server_state
        state.questions.append(question)
        state.keys.append(self.headers.get("Authorization"))
        if self.path != "/v1/chat/completions":
            return self._send(404, {}, {"error": {"message": "not here"}})
        behaviour = state.behave.pop(0) if state.behave else state.always
        reply = behaviour(question)
        status, headers, body = completion(reply) if isinstance(reply, str) else reply
        self._send(status, headers, body)

    def _send(self, status: int, headers: dict[str, str], body: Any) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            pass  # whoever asked has given up

    def log_message(self, *_args: object) -> None:
        """Tests are quiet."""
