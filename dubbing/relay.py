"""Translation over a third language: where no translator knows a pair (Spanish speech into English, English into
Portuguese), and where the way round is the better one (English into Portuguese by a network, on into Spanish by rules
that are good between languages so close).

Each leg is one of the other translators. What is lost on the way adds up, so that the first kind comes after every
translator that knows the pair itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from dubbing import registry
from dubbing.domain.translation import Brief, Candidate
from dubbing.engines.base import Report, TranslationRequest, silent

#: Most translators know English; Spanish is close to the other Romance languages. The first that leads there is taken.
OVER = ("en", "es", "pt")
#: What is left of a meaning that went a way round which is known to be good.
_LOST = 0.9
#: So many readings of the first leg are followed further.
_READINGS = 2


class RelayTranslator:
    """Two translators, one after the other. It listens where the first does."""

    id: ClassVar[str] = "relay"
    licence: ClassVar[str] = "as the translators that it asks"
    is_fake: ClassVar[bool] = False
    needs_sound: ClassVar[bool] = True
    quality: ClassVar[int] = 20

    @property
    def version(self) -> str:
        """Changes with the translators that it can ask."""
        able = [f"{one.id} {one.version}" for one in self._others() if one.why_unavailable() is None]
        return f"3 {', '.join(able)}"

    def why_unavailable(self) -> str | None:
        able = [one for one in self._others() if one.why_unavailable() is None]
        return None if len(able) > 1 else "It needs two other translators, and there are not as many."

    def load(self) -> None:
        """Each leg's translator loads what it needs."""

    def release(self) -> None:
        for engine in self._others():
            engine.release()

    def supports(self, source: str, target: str) -> bool:
        return self._legs(source, target) is not None

    def translate(self, request: TranslationRequest, source: str, target: str) -> str:
        found = self.candidates([request], Brief(source, target))[0]
        return found[0].text if found else ""

    def candidates(self, requests: Sequence[TranslationRequest], brief: Brief, report: Report = silent,
                   ) -> list[tuple[Candidate, ...]]:
        """What the second translator makes of the first's best readings; the more sure the two are, the higher."""
        legs = self._legs(brief.source, brief.target)
        if legs is None:
            return [()] * len(requests)
        over, first, second = legs
        # Terms and budgets are of the target language; between the legs they mean nothing.
        plain = [replace(request, wanted=_READINGS, terms=(), budget=None, examples=()) for request in requests]
        readings = first.candidates(plain, Brief(brief.source, over), report)
        asked = [replace(request, text=reading.text, sound_16k=None, before=(), after=(), examples=(), terms=())
                 for request, own in zip(requests, readings, strict=True) for reading in own[:_READINGS]]
        answers = iter(second.candidates(asked, replace(brief, source=over), report) if asked else ())
        found = []
        for request, own in zip(requests, readings, strict=True):
            made = [replace(one, meaning=round(self._together(reading.meaning, one.meaning), 3), engine=self.id,
                            how=f"over {over}: {reading.text}")
                    for reading in own[:_READINGS] for one in next(answers)]
            unlike = {one.text: one for one in sorted(made, key=lambda one: one.meaning)}
            best = sorted(unlike.values(), key=lambda one: -one.meaning)
            found.append(tuple(best[:max(1, request.wanted)]))
        return found

    def _together(self, first: float, second: float) -> float:
        """How sure both legs are."""
        return first * second

    def _others(self) -> list[Any]:
        engines = [registry.create("translate", name) for name in registry.names("translate")]
        return [one for one in engines if not one.is_fake and not isinstance(one, RelayTranslator)]

    def _legs(self, source: str, target: str) -> tuple[str, Any, Any] | None:
        """(language between, translator into it, translator out of it): of those that lead there, the best together."""
        able = [one for one in self._others() if registry.why_not_here(one) is None]
        found = []
        for rank, over in enumerate(OVER):
            if over in (source.split("-")[0], target.split("-")[0]):
                continue
            first = next((one for one in able if one.supports(source, over)), None)
            second = next((one for one in able if not one.needs_sound and one.supports(over, target)), None)
            if first is not None and second is not None:
                least = min(quality_for(first, source, over), quality_for(second, over, target))
                found.append((least, -rank, (over, first, second)))
        return max(found, key=lambda each: each[:2])[2] if found else None


class BridgeTranslator(RelayTranslator):
    """The way round where it is better than the direct one: only by translators that read, and only for pairs that
    none of them knows as well itself."""

    id: ClassVar[str] = "bridge"
    needs_sound: ClassVar[bool] = False
    quality: ClassVar[int] = 40

    def _together(self, first: float, second: float) -> float:
        """Between the two: the product would put it behind the direct way, which is measurably worse, and the lesser
        of the two would not tell the second leg's readings apart."""
        return _LOST * math.sqrt(first * second)

    def _others(self) -> list[Any]:
        return [one for one in super()._others() if not one.needs_sound]

    def _legs(self, source: str, target: str) -> tuple[str, Any, Any] | None:
        legs = super()._legs(source, target)
        if legs is None:
            return None
        over, first, second = legs
        direct = [quality_for(one, source, target) for one in self._others()
                  if registry.why_not_here(one) is None and one.supports(source, target)]
        worst = min(quality_for(first, source, over), quality_for(second, over, target))
        return legs if direct and worst > max(direct) else None


def quality_for(engine: Any, source: str, target: str) -> int:
    """How good a translator is, for one pair where it tells them apart."""
    own = getattr(engine, "quality_for", None)
    return int(own(source, target) if own is not None else engine.quality)
