"""Rule-based translation with Apertium, where its language pairs are installed (on Debian: make apertium)."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from typing import ClassVar

from dubbing.domain.translation import Brief, Candidate
from dubbing.engines.base import Report, TranslationRequest, silent
from dubbing.engines.translate.common import one_by_one, primary
from dubbing.errors import UnavailableError
from dubbing.media.languages import iso639_2

_TIMEOUT_S = 30
#: Apertium reads these as its own notation or as formatting; none of them is ever spoken.
_NOTATION = re.compile(r"[\[\]{}<>^$@\\|*#~]")
#: What Apertium puts before a word that it does not know (*) or cannot inflect (@, #).
_MARK = re.compile(r"(?<!\w)[*@#](?=\w)")
#: How far a translation is trusted in which every word was known; between close languages.
_TRUST, _TRUST_CLOSE = 0.45, 0.65
#: Quality between close languages, where rules do better (chrF++ 63 to 69 on our texts, against 54 to 60).
_CLOSE = 45
_ROMANCE = frozenset({"ca", "es", "fr", "gl", "it", "oc", "pt", "ro"})


class ApertiumTranslator:
    """The ``apertium`` command with the pairs that ``apertium -l`` lists."""

    id: ClassVar[str] = "apertium"
    version: ClassVar[str] = "3"
    licence: ClassVar[str] = "GPL-2.0-or-later (a separate program)"
    is_fake: ClassVar[bool] = False
    needs_sound: ClassVar[bool] = False
    #: A word in no dictionary comes out as it went in, so that another may stand in for one.
    keeps_unknown_words: ClassVar[bool] = True
    quality: ClassVar[int] = 30

    def __init__(self, command: str = "apertium") -> None:
        self._command = command
        self._known: tuple[str, ...] | None = None

    def why_unavailable(self) -> str | None:
        if shutil.which(self._command) is None:
            return "Apertium is not installed; on Debian and Ubuntu `make apertium` adds it."
        if not self._pairs():
            return "Apertium has no language pair installed; on Debian and Ubuntu `make apertium` adds some."
        return None

    def load(self) -> None:
        """Nothing to load: every translation is a process of its own."""

    def release(self) -> None:
        """Nothing to release."""

    def quality_for(self, source: str, target: str) -> int:
        """``quality``, and more between the Romance languages."""
        return _CLOSE if _are_close(source, target) else self.quality

    def supports(self, source: str, target: str) -> bool:
        return self._mode(source, target) is not None

    def translate(self, request: TranslationRequest, source: str, target: str) -> str:
        """Translate one utterance. Raises UnavailableError when the pair is missing or Apertium fails."""
        return self._ask(request.text, source, target)[0]

    def candidates(self, requests: Sequence[TranslationRequest], brief: Brief, report: Report = silent,
                   ) -> list[tuple[Candidate, ...]]:
        """One for each line, trusted less the more of its words Apertium did not know."""
        return one_by_one(requests, brief, report, self._answer)

    def _answer(self, request: TranslationRequest, brief: Brief) -> tuple[Candidate, ...]:
        text, unknown = self._ask(request.text, brief.source, brief.target)
        trust = _TRUST_CLOSE if _are_close(brief.source, brief.target) else _TRUST
        return (Candidate(text, round(trust * (1 - unknown), 3), self.id),)

    def _ask(self, given: str, source: str, target: str) -> tuple[str, float]:
        """The translation and the share of words that Apertium marked."""
        mode = self._mode(source, target)
        if mode is None:
            raise UnavailableError(f"Apertium has no pair {source} to {target} installed.",
                                   "Install the pair, or choose another translator.")
        text = re.sub(r"\s+", " ", _NOTATION.sub(" ", given)).strip()
        if not text:
            return "", 0.0
        # Apertium loses a last sentence that does not end; a full stop is lent to it and taken back.
        lent = not text.endswith((".", "!", "?", "…", ":", ";"))
        try:
            done = subprocess.run([self._command, "-f", "txt", mode], input=text + ("." if lent else "") + "\n",
                                  capture_output=True, text=True, encoding="utf-8", timeout=_TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(f"Apertium did not answer: {error}.", "Check its installation.") from error
        # A part of a pair that is not installed makes the others say nothing, and no error of the whole.
        if done.returncode or not done.stdout.strip():
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise UnavailableError(f"Apertium failed: {reason}.", "Check its installation.")
        unknown = len(_MARK.findall(done.stdout)) / max(1, len(done.stdout.split()))
        return _tidy(done.stdout, text, lent), min(1.0, unknown)

    def _pairs(self) -> tuple[str, ...]:
        if self._known is None:
            self._known = ()
            if shutil.which(self._command):
                done = subprocess.run([self._command, "-l"], capture_output=True, text=True, timeout=_TIMEOUT_S,
                                      check=False)
                self._known = tuple(done.stdout.split())
        return self._known

    def _mode(self, source: str, target: str) -> str | None:
        """The installed mode for a pair; a regional target such as en-US takes its own mode where there is one."""
        pairs = self._pairs()
        region = target.replace("-", "_").partition("_")[2].upper()
        for left in (iso639_2(source), primary(source)):
            for right in (iso639_2(target), primary(target)):
                for mode in (f"{left}-{right}_{region}", f"{left}-{right}"):
                    if mode in pairs:
                        return mode
        return None


def _are_close(source: str, target: str) -> bool:
    return {primary(source), primary(target)} <= _ROMANCE


def _tidy(output: str, source: str, lent: bool) -> str:
    """Remove marks of unknown words, a lent full stop and doubled blanks; restore the first capital."""
    text = re.sub(r"\s+", " ", _MARK.sub("", output)).strip()
    text = re.sub(r"\s+([,.;:!?…])", r"\1", text)
    if lent:
        text = text.removesuffix(".")
    return text[:1].upper() + text[1:] if source[:1].isupper() else text

