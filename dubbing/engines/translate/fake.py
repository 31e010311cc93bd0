"""A deterministic translator for tests: it marks the text with the target language, and can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from dubbing.domain.translation import Brief, Candidate
from dubbing.engines.base import Report, TranslationRequest, silent
from dubbing.engines.translate.common import one_by_one


class FakeTranslator:
    """"Hola." into English is "[en] Hola."."""

    id: ClassVar[str] = "fake"
    version: ClassVar[str] = "1"
    licence: ClassVar[str] = "Apache-2.0"
    is_fake: ClassVar[bool] = True
    needs_sound: ClassVar[bool] = False
    quality: ClassVar[int] = 0

    def why_unavailable(self) -> str | None:
        return None

    def load(self) -> None:
        """Nothing to load."""

    def release(self) -> None:
        """Nothing to release."""

    def supports(self, source: str, target: str) -> bool:
        return source != target

    def translate(self, request: TranslationRequest, source: str, target: str) -> str:
        return f"[{target}] {request.text}" if request.text.strip() else ""

    def candidates(self, requests: Sequence[TranslationRequest], brief: Brief, report: Report = silent,
                   ) -> list[tuple[Candidate, ...]]:
        return one_by_one(requests, brief, report, self._answer)

    def _answer(self, request: TranslationRequest, brief: Brief) -> tuple[Candidate, ...]:
        return (Candidate(self.translate(request, brief.source, brief.target), 1.0, self.id),)
