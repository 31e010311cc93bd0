"""Two translators, one after the other: which are asked, what each is told, what comes of their doubts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from dubbing import registry
from dubbing.domain.translation import Brief, Budget, Candidate, TermRule
from dubbing.engines.base import TranslationRequest
from dubbing.relay import BridgeTranslator, RelayTranslator


class Leg:
    """Translates one pair by marking its text; tells what it was asked."""

    is_fake = False
    version = "1"

    def __init__(self, name: str, pair: tuple[str, str], *, quality: int = 50, needs_sound: bool = False,
                 texts: int = 2) -> None:
        self.id, self._pair, self.quality, self.needs_sound, self._texts = name, pair, quality, needs_sound, texts
        self.asked: list[TranslationRequest] = []
        self.briefs: list[Brief] = []

    def why_unavailable(self) -> str | None:
        return None

    def release(self) -> None:
        """Nothing to release."""

    def supports(self, source: str, target: str) -> bool:
        return (source, target) == self._pair

    def candidates(self, requests: Sequence[TranslationRequest], brief: Brief, _report: Any = None,
                   ) -> list[tuple[Candidate, ...]]:
        self.asked += requests
        self.briefs.append(brief)
        return [tuple(Candidate(f"{request.text}>{self.id}{rank}", 0.8 - 0.2 * rank, self.id)
                      for rank in range(self._texts)) if request.text else () for request in requests]


def relay(monkeypatch: pytest.MonkeyPatch, *legs: Leg) -> RelayTranslator:
    made = RelayTranslator()
    monkeypatch.setattr(made, "_others", lambda: list(legs))
    return made


def test_both_legs_are_told_what_concerns_them(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Leg("w", ("es", "en"), needs_sound=True), Leg("b", ("en", "pt"))
    engine = relay(monkeypatch, first, second)
    assert engine.supports("es", "pt") and not engine.supports("es", "en") and not engine.supports("pt", "es")
    request = TranslationRequest("Hola", 1000, np.zeros(10, np.float32), terms=(TermRule("a", "b"),), wanted=3,
                                 before=("antes",), budget=Budget(1, 2, 3, 4))
    brief = Brief("es", "pt", style="warm", forbidden=(("x", "y"),))
    found, empty = engine.candidates([request, TranslationRequest("", 1000)], brief)
    assert not empty and found[0].text == "Hola>w0>b0" and len(found) == 3
    assert [one.meaning for one in found] == sorted((one.meaning for one in found), reverse=True)
    assert found[0].meaning == pytest.approx(0.64) and found[0].how == "over en: Hola>w0"
    assert {one.engine for one in found} == {"relay"}
    assert first.asked[0].sound_16k is not None and not first.asked[0].terms and first.asked[0].before == ("antes",)
    assert first.briefs == [Brief("es", "en")]
    assert second.briefs == [Brief("en", "pt", "warm", (("x", "y"),))]
    assert all(one.sound_16k is None and one.budget == request.budget and not one.before for one in second.asked)


def test_the_better_way_is_taken_and_a_listener_is_never_second(monkeypatch: pytest.MonkeyPatch) -> None:
    ways = [Leg("e1", ("it", "en"), quality=50), Leg("e2", ("en", "pt"), quality=20),
            Leg("s1", ("it", "es"), quality=30), Leg("s2", ("es", "pt"), quality=30)]
    assert relay(monkeypatch, *ways).candidates([TranslationRequest("Ciao", 1)], Brief("it", "pt"))[0][0].how == \
        "over es: Ciao>s10"
    deaf = relay(monkeypatch, Leg("a", ("it", "en")), Leg("b", ("en", "pt"), needs_sound=True))
    assert not deaf.supports("it", "pt")
    assert deaf.candidates([TranslationRequest("Ciao", 1)], Brief("it", "pt")) == [()]


def test_it_needs_two_others(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "two other" in (relay(monkeypatch, Leg("a", ("it", "en"))).why_unavailable() or "")
    assert registry.names("translate")[-2:] == ("relay", "fake"), "whatever knows the pair itself comes before"


def bridge(monkeypatch: pytest.MonkeyPatch, *legs: Leg) -> BridgeTranslator:
    made = BridgeTranslator()
    monkeypatch.setattr(made, "_others", lambda: [leg for leg in legs if not leg.needs_sound])
    return made


def test_the_way_round_is_taken_only_where_it_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    legs = Leg("n", ("en", "pt"), quality=60), Leg("r", ("pt", "es"), quality=45)
    worse, better = Leg("d", ("en", "es"), quality=30), Leg("d", ("en", "es"), quality=45)
    assert bridge(monkeypatch, *legs, worse).supports("en", "es")
    assert not bridge(monkeypatch, *legs, better).supports("en", "es")
    # Where no reader knows the pair, the relay is there, which may listen as well.
    assert not bridge(monkeypatch, *legs).supports("en", "es")
    found = bridge(monkeypatch, *legs, worse).candidates([TranslationRequest("Hi", 1)], Brief("en", "es"))[0]
    assert found[0].text == "Hi>n0>r0" and found[0].engine == "bridge" and found[0].meaning == pytest.approx(0.72)
    assert found[0].how == "over pt: Hi>n0"


def test_a_bridge_never_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    legs = Leg("w", ("en", "pt"), quality=60, needs_sound=True), Leg("r", ("pt", "es"), quality=45)
    assert not bridge(monkeypatch, *legs, Leg("d", ("en", "es"), quality=30)).supports("en", "es")
