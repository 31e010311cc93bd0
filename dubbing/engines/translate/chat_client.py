"""A chat of one question and one answer with a server that speaks the OpenAI protocol.

Busy servers are asked again after a pause (theirs, where they name one); features that a server does not have are left
out of later questions. The key goes into the header of a request and nowhere else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from dubbing.errors import UnavailableError

_TRIES = 5
_LONGEST_PAUSE_S = 60.0
_CONNECT_S, _ANSWER_S = 5.0, 180.0
#: Worth another try: too many requests, or the server's own trouble.
_BUSY = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said. ``is_cut``: it ran into its limit; ``is_refused``: it, or a filter, would not say more."""

    text: str
    is_cut: bool = False
    is_refused: bool = False


class Declined(Exception):
    """The server takes this question not at all (too long, filtered); another may be fine."""


def is_loopback(url: str) -> bool:
    """Whether an address never leaves this machine."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def shown(url: str) -> str:
    """An address without the name and password that may stand in it."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


class ChatClient:
    """``ask`` one question after the other. sleep: how pauses are made, for tests."""

    def __init__(self, url: str, model: str, key: str = "", *, answer_s: float = _ANSWER_S,
                 sleep: Callable[[float], None] = time.sleep) -> None:
        import httpx

        self._model, self._key, self._sleep = model, key, sleep
        self._url = url.rstrip("/")
        self._at = shown(self._url)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # What is on this machine is not asked for through a proxy.
        self._http = httpx.Client(headers=headers, timeout=httpx.Timeout(answer_s, connect=_CONNECT_S),
                                  trust_env=not is_loopback(url), follow_redirects=False)
        #: What the server has not refused yet, the first to be given up last.
        self._features = ["temperature", "json_object", "json_schema"]

    def close(self) -> None:
        self._http.close()

    def ask(self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any]) -> Answer:
        """The model's answer, in JSON of ``schema`` where the server can see to that.

        Raises UnavailableError when the server cannot be used at all, Declined when it does not take this question.
        """
        before = list(self._features)
        while True:
            status, body = self._post({"model": self._model, "messages": list(messages), **self._options(schema)})
            if status == 200:
                return _answer(body)
            if status in (400, 415, 422) and self._gives_up_a_feature(body):
                continue
            self._features = before  # none of them was what it complained about
            raise self._trouble(status, body)

    def _options(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        options: dict[str, Any] = {"stream": False}
        if "temperature" in self._features:
            options["temperature"] = 0.2
        if "json_schema" in self._features:
            options["response_format"] = {"type": "json_schema", "json_schema": {
                "name": "lines", "strict": True, "schema": dict(schema)}}
        elif "json_object" in self._features:
            options["response_format"] = {"type": "json_object"}
        return options

    def _gives_up_a_feature(self, body: bytes) -> bool:
        """Whether there is one left that this complaint can be about."""
        said = body[:4000].decode(errors="replace").casefold()
        if not self._features or _is_filtered(said) or ("context" in said and "length" in said):
            return False
        if "temperature" in said and "temperature" in self._features:
            self._features.remove("temperature")
        else:
            self._features.pop()
        return True

    def _post(self, body: Mapping[str, Any]) -> tuple[int, bytes]:
        """(status, body); asks again while the server is busy or a connection breaks."""
        import httpx

        reason = ""
        for attempt in range(_TRIES):
            asked = None
            try:
                found = self._http.post(f"{self._url}/chat/completions", json=dict(body))
                if found.status_code not in _BUSY:
                    return found.status_code, found.content
                reason, asked = f"it answers with {found.status_code}", _retry_after(found.headers)
            except httpx.ConnectError as error:
                reason = "nothing answers there"
                if attempt >= 1:  # a server that is not there does not come back within a minute
                    raise self._gone(reason) from error
            except httpx.TimeoutException:
                reason = "it takes too long to answer"
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                reason = f"the connection failed ({type(error).__name__})"
            if attempt + 1 < _TRIES:
                self._sleep(min(_LONGEST_PAUSE_S, 2.0 ** attempt if asked is None else asked))
        raise self._gone(reason)

    def _gone(self, reason: str) -> UnavailableError:
        return UnavailableError(f"The translation server {self._at} cannot be used: {reason}.",
                                "Start it or check DUBBING_OPENAI_URL, or choose another translator.")

    def _trouble(self, status: int, body: bytes) -> Exception:
        said = _complaint(body)
        if self._key:
            said = said.replace(self._key, "…")
        if status in (401, 403) and not self._key:
            return UnavailableError(f"The translation server {self._at} wants a key ({status}).",
                                    "Set DUBBING_OPENAI_KEY.")
        if status in (401, 403):
            return UnavailableError(f"The translation server {self._at} refuses the key that it was given ({status}).",
                                    "Set DUBBING_OPENAI_KEY to a valid one.")
        if status == 404:
            return UnavailableError(f"The translation server {self._at} has no model {self._model}, or no chat there.",
                                    "Correct DUBBING_OPENAI_MODEL or DUBBING_OPENAI_URL, which usually ends in /v1.")
        if status in (400, 413, 422):
            return Declined(said)
        return UnavailableError(f"The translation server {self._at} answers with {status}: {said}",
                                "Check DUBBING_OPENAI_URL and the server.")


def _answer(body: bytes) -> Answer:
    """The first choice of a completion; whatever has not its form counts as an empty answer."""
    try:
        choice = json.loads(body)["choices"][0]
        message = choice["message"]
        content, end = message.get("content"), choice.get("finish_reason")
    except (ValueError, LookupError, TypeError, AttributeError):
        return Answer("")
    if isinstance(content, list):  # some servers answer in parts
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return Answer(content if isinstance(content, str) else "", end == "length",
                  bool(message.get("refusal")) or end == "content_filter")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait: a number, or a date."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _complaint(body: bytes) -> str:
    """What a server says is wrong, in at most a line."""
    try:
        error = json.loads(body)["error"]
        said = error.get("message", "") if isinstance(error, dict) else error
    except (ValueError, LookupError, TypeError):
        said = body[:300].decode(errors="replace")
    return " ".join(str(said).split())[:200]


def _is_filtered(said: str) -> bool:
    return "content_filter" in said or "content filter" in said or "content management policy" in said
