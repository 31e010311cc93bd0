"""A deterministic translator for tests: it marks the text with the target language, and can be undone."""

from __future__ import annotations

from typing import ClassVar

from dubbing.engines.base import TranslationRequest


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
