"""Translation by a language model on any server that speaks the OpenAI protocol: Ollama, vLLM, hosted ones.

Nothing is contacted unless an address is set, and nothing but that address. Lines go in batches, with what is said
around them; every answer is checked, and what fails is asked again with the complaint. A line that the model refuses
or garbles time and again has no candidates; the others have theirs.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from dubbing.domain.translation import Brief, Candidate
from dubbing.engines.base import Report, TranslationRequest, silent
from dubbing.engines.translate.chat_answers import faults, texts_by_id, tidied, wishes
from dubbing.engines.translate.chat_client import ChatClient, Declined, is_loopback, shown
from dubbing.engines.translate.chat_prompt import SCHEMA, question
from dubbing.engines.translate.common import different, primary

if TYPE_CHECKING:
    from dubbing.config import Settings

_BATCH_LINES, _BATCH_LETTERS = 12, 1800
#: A model does not say how sure it is. These are for texts that passed every check: its first, its others, those that
#: were rewritten. Agreement among candidates tells the rest.
_FIRST, _OTHER, _REWRITTEN = 0.85, 0.8, 0.75
_PROBE_S, _REMEMBER_S = 1.5, 60.0


@dataclass(slots=True)
class _Line:
    """A line on its way: what it is asked as, what was found, what was wrong."""

    name: str
    request: TranslationRequest
    text: str = ""
    good: list[Candidate] = field(default_factory=list)
    imperfect: list[Candidate] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)

    def candidates(self) -> tuple[Candidate, ...]:
        return different([*self.good, *self.imperfect], self.request.wanted)


class OpenAITranslator:
    """``url``, ``model`` and ``key`` default to the settings. sleep: how pauses are made, for tests."""

    id: ClassVar[str] = "openai"
    is_fake: ClassVar[bool] = False
    needs_sound: ClassVar[bool] = False
    rewrites: ClassVar[bool] = True
    quality: ClassVar[int] = 90

    def __init__(self, url: str = "", model: str = "", key: str = "", *,
                 sleep: Callable[[float], None] = time.sleep) -> None:
        self._given, self._sleep = (url, model, key), sleep
        self._client: ChatClient | None = None
        self._reached: tuple[float, bool] | None = None
        #: Answers of this process, so that a job that goes on after a break does not pay twice.
        self._answers: dict[tuple[Brief, TranslationRequest, str], tuple[Candidate, ...]] = {}

    @property
    def version(self) -> str:
        url, model, _key = self._access()
        return f"1 {model} {shown(url) if url else ''}".strip()

    @property
    def licence(self) -> str:
        """Says where texts go: this is the column that people read before they choose an engine."""
        url = self._access()[0]
        return f"the terms of the server and its model; texts are sent to {shown(url)}" if url \
            else "the terms of the server and its model"

    @property
    def on_request_only(self) -> bool:
        """Without an address it is no engine that anybody should be told to miss."""
        return not self._access()[0]

    def why_unavailable(self) -> str | None:
        url, model, _key = self._access()
        if not url:
            return "No server is set: DUBBING_OPENAI_URL (such as http://localhost:11434/v1) and " \
                   "DUBBING_OPENAI_MODEL name one that translates, Ollama, vLLM or a hosted one."
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            return f"DUBBING_OPENAI_URL is no web address: {shown(url)}."
        if not model:
            return f"The server {shown(url)} is set, but no model: DUBBING_OPENAI_MODEL names it."
        if self._settings().offline and not is_loopback(url):
            return f"The network is switched off, and {shown(url)} is not on this machine."
        return None if self._answers_at_all(url) else f"Nothing answers at {shown(url)} (DUBBING_OPENAI_URL)."

    def load(self) -> None:
        """Opens nothing yet: the first question connects."""
        if self._client is None:
            url, model, key = self._access()
            self._client = ChatClient(url, model, key, sleep=self._sleep)

    def release(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def supports(self, source: str, target: str) -> bool:
        return bool(self._access()[0]) and primary(source) != primary(target)

    def translate(self, request: TranslationRequest, source: str, target: str) -> str:
        """One line. Raises UnavailableError when the server cannot be used."""
        found = self.candidates([request], Brief(source, target))[0]
        return found[0].text if found else ""

    def candidates(self, requests: Sequence[TranslationRequest], brief: Brief, report: Report = silent,
                   ) -> list[tuple[Candidate, ...]]:
        """Several wordings of every line, read in context; () for a line that the model does not translate."""
        return self._ask_all([(request, "") for request in requests], brief, report)

    def rewrite(self, requests: Sequence[tuple[TranslationRequest, str]], brief: Brief, report: Report = silent,
                ) -> list[tuple[Candidate, ...]]:
        """Texts of the same meaning within each line's budget; those that miss it are left out."""
        due = [(request, text) if request.budget is not None else (request, "") for request, text in requests]
        found = self._ask_all(due, brief, report)
        return [own if text else () for own, (_request, text) in zip(found, due, strict=True)]

    def _settings(self) -> Settings:
        from dubbing.config import load_settings

        return load_settings()

    def _access(self) -> tuple[str, str, str]:
        url, model, key = self._given
        settings = self._settings()
        return (url or settings.openai_url, model or settings.openai_model,
                key or settings.openai_key.get_secret_value())

    def _answers_at_all(self, url: str) -> bool:
        """Whether anybody listens there; remembered for a minute."""
        now = time.monotonic()
        if self._reached is None or now - self._reached[0] > _REMEMBER_S:
            parts = urlsplit(url)
            try:
                port = parts.port or (443 if parts.scheme == "https" else 80)
                socket.create_connection((parts.hostname or "", port), timeout=_PROBE_S).close()
                self._reached = (now, True)
            except (OSError, ValueError):
                self._reached = (now, False)
        return self._reached[1]

    def _ask_all(self, due: Sequence[tuple[TranslationRequest, str]], brief: Brief, report: Report,
                 ) -> list[tuple[Candidate, ...]]:
        self.load()
        # Sound is nothing that this server is sent.
        due = [(replace(request, sound_16k=None), text) for request, text in due]
        lines = [_Line("", request, text) for request, text in due
                 if request.text.strip() and (brief, request, text) not in self._answers]
        done = len(due) - len(lines)
        for batch in _batches(lines):
            report(done, len(due), "")
            self._answer_batch(batch, brief)
            for line in batch:
                if line.candidates():
                    self._answers[brief, line.request, line.text] = line.candidates()
            done += len(batch)
        report(len(due), len(due), "")
        return [self._answers.get((brief, request, text), ()) for request, text in due]

    def _answer_batch(self, batch: Sequence[_Line], brief: Brief) -> None:
        """Ask, ask again for what is missing or could be better, and once more for what is missing still."""
        self._ask(batch, brief, may_split=True)
        if left := [line for line in batch if not line.good]:
            self._ask(left, brief)
        if left := [line for line in left if not line.candidates()]:
            self._ask(left, brief)

    def _ask(self, lines: Sequence[_Line], brief: Brief, *, may_split: bool = False) -> None:
        """One question. may_split: where an answer lacks lines, these are asked in smaller questions, until the line is
        found that the model, or a filter, refuses."""
        assert self._client is not None
        for number, line in enumerate(lines, 1):
            line.name = str(number)
        messages = question([(line.name, line.request, line.text) for line in lines], brief,
                            is_rewrite=bool(lines[0].text),
                            rejected={line.name: line.rejected[-4:] for line in lines if line.rejected})
        try:
            found = texts_by_id(self._client.ask(messages, SCHEMA).text)
        except Declined:
            found = {}
        missing = [line for line in lines if line.name not in found]
        for line in lines:
            self._take(line, found.get(line.name, []), brief)
        if missing and may_split and len(lines) > 1:
            half = (len(missing) + 1) // 2 if len(missing) == len(lines) else len(missing)
            for part in (missing[:half], missing[half:]):
                if part:
                    self._ask(part, brief, may_split=True)

    def _take(self, line: _Line, texts: Sequence[str], brief: Brief) -> None:
        """Keep the usable texts of an answer, and what to tell the model of the others."""
        for rank, given in enumerate(texts):
            text = tidied(given, line.request.text)
            if fault := next(faults(text, line.request, brief), None):
                line.rejected.append((text, fault))
                continue
            missed = list(wishes(text, line.request, brief))
            how = _how(line, rank, is_again=bool(line.rejected))
            if missed:
                line.rejected.append((text, "; ".join(missed)))
            meaning = _REWRITTEN if line.text else _OTHER if rank else _FIRST
            kept = line.imperfect if missed else line.good
            if not (missed and line.text):
                kept.append(Candidate(text, meaning, self.id, how))


def _how(line: _Line, rank: int, *, is_again: bool) -> str:
    if line.text:
        return "rewritten"
    return "asked again" if is_again else f"wording {rank + 1}" if rank else ""


def _batches(lines: Sequence[_Line]) -> Iterator[list[_Line]]:
    """Lines that follow each other, as many as a model keeps apart; texts to rewrite never with others."""
    batch: list[_Line] = []
    letters = 0
    for line in lines:
        size = len(line.request.text) + len(line.text)
        if batch and (len(batch) == _BATCH_LINES or letters + size > _BATCH_LETTERS
                      or bool(line.text) != bool(batch[0].text)):
            yield batch
            batch, letters = [], 0
        batch.append(line)
        letters += size
    if batch:
        yield batch
