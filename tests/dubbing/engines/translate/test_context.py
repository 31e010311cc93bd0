"""The line before decides between candidates that are alike by themselves; without it nothing changes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from dubbing.domain.translation import Brief, Candidate
from dubbing.engines.base import TranslationRequest
from dubbing.engines.translate.bergamot import BergamotTranslator
from dubbing.engines.translate.context import in_context
from dubbing.engines.translate.nbest import STUDENT, Scale
from dubbing.engines.translate.transformers_mt import TransformersTranslator
from dubbing.weights.store import Store
from tests.dubbing.engines.translate.test_transformers_mt import MODELS, keep

SCALE = Scale(2.0, -1.0)
FIRST = TranslationRequest("El coche.", 1000)
FOUND = (Candidate("The car.", 0.8, "m"),)
IT, HE = Candidate("He is there.", 0.6, "m"), Candidate("It is there.", 0.55, "m")


def second(*before: str) -> TranslationRequest:
    return TranslationRequest("Está ahí.", 1000, before=before)


def likes_it(pairs: Sequence[tuple[str, str]]) -> list[tuple[float, int]]:
    """A model that finds a car to be an it."""
    assert all(source == "El coche. Está ahí." and said.startswith("The car. ") for source, said in pairs)
    return [(-2.0 if "It" in said else -6.0, 4) for _source, said in pairs]


def test_what_follows_better_comes_first() -> None:
    weighed = in_context([FIRST, second("x", "El coche.")], [FOUND, (IT, HE)], "es", "en", likes_it, SCALE)
    assert weighed[0] == FOUND
    assert [one.text for one in weighed[1]] == ["It is there.", "He is there."]
    # The favourite's meaning stays, the other's odds rise by e^(slope * a token's gain).
    assert weighed[1][1].meaning == pytest.approx(0.6)
    assert weighed[1][0].meaning == pytest.approx(1 / (1 + (1 / 0.55 - 1) * 2.718281828 ** -2), abs=1e-3)


def test_without_the_line_before_nothing_is_weighed() -> None:
    def never(_pairs: Sequence[tuple[str, str]]) -> list[tuple[float, int]]:
        raise AssertionError("there is no context")

    for request in (second(), second("Another line.")):
        assert in_context([FIRST, request], [FOUND, (IT, HE)], "es", "en", never, SCALE) == [FOUND, (IT, HE)]
    assert in_context([FIRST, second("El coche.")], [(), (IT, HE)], "es", "en", never, SCALE) == [(), (IT, HE)]
    assert in_context([FIRST, second("El coche.")], [FOUND, (IT,)], "es", "en", never, SCALE) == [FOUND, (IT,)]


@pytest.mark.parametrize("name", MODELS)
def test_given_translations_are_scored_alike_in_any_company(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                     ) -> None:
    from dubbing.engines.translate import seq2seq

    monkeypatch.setattr(seq2seq, "_LONGEST", 36)
    (tmp_path / "cache").mkdir()
    store = Store(tmp_path / "cache", offline=True)
    MODELS[name](tmp_path / "made")
    keep(store, name, tmp_path / "made")
    model = TransformersTranslator(device="cpu", store=store)._model(name, "es", "en")
    alone = model.score([("el perro duerme", "the dog sleeps")])
    together = model.score([("el perro duerme", "the dog sleeps"), ("gracias", "thank you very much"),
                            ("buenos días", "good morning")])
    assert together[0][0] == pytest.approx(alone[0][0], abs=0.01), "padding counts for nothing"
    assert together[0][1] == alone[0][1]
    assert all(logprob < 0 and tokens > 0 for logprob, tokens in together)


@pytest.mark.real
def test_a_real_model_tells_a_bank_from_a_seat() -> None:
    engine = BergamotTranslator("cpu")
    if engine.why_unavailable() is not None:
        pytest.skip("the models cannot be fetched here")
    before, line = "Vi o banco do rio ao fim da tarde.", "O banco estava molhado."
    alone, shown = (engine.candidates([TranslationRequest(before, 2000, wanted=5),
                                       TranslationRequest(line, 2000, wanted=5, before=own)], Brief("pt", "en"))[1]
                    for own in ((), (before,)))
    assert alone[0].text == "The seat was wet." and shown[0].text == "The bank was wet."
    assert {one.text for one in alone} == {one.text for one in shown} and STUDENT.moved(0.5, 0.0) == 0.5
    engine.release()
