"""The neural translator on models that are built here and saved in the real formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dubbing.domain.translation import Brief, Budget, TermRule
from dubbing.engines.base import TranslationRequest
from dubbing.engines.translate import transformers_mt
from dubbing.engines.translate.nbest import Wish
from dubbing.engines.translate.transformers_mt import TransformersTranslator
from dubbing.weights.integrity import sha256_of, write_manifest
from dubbing.weights.store import Store
from tests.tiny import m2m100, madlad, marian

LINES = ["hola amigo. el perro duerme", "buenos dias a todos", "hola amigo", " "]
MODELS: dict[str, Callable[[Path], object]] = {
    "opus-mt-es-en": marian.build, "m2m100_418M": m2m100.build, "nllb-200-distilled-600M": m2m100.build_nllb,
    "madlad400-3b-mt": madlad.build}


def keep(store: Store, name: str, folder: Path) -> None:
    """Put a model into the cache as a fetch leaves it."""
    hashes = {path.name: sha256_of(path) for path in folder.iterdir() if path.is_file()}
    write_manifest(folder, name, hashes)
    folder.rename(store._folder(store.entry(name)))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "cache").mkdir()
    return Store(tmp_path / "cache", offline=True)


@pytest.fixture(scope="module", params=MODELS)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TransformersTranslator:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "cache").mkdir()
    store = Store(folder / "cache", offline=True)
    MODELS[request.param](folder / "made")
    keep(store, request.param, folder / "made")
    return TransformersTranslator(device="cpu", store=store)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that know nothing never come to an end."""
    from dubbing.engines.translate import seq2seq

    monkeypatch.setattr(seq2seq, "_LONGEST", 36)


def ask(text: str, wanted: int = 1, **more: object) -> TranslationRequest:
    return TranslationRequest(text, 2000, wanted=wanted, **more)  # type: ignore[arg-type]


def test_a_model_in_the_cache_translates(engine: TransformersTranslator) -> None:
    assert engine.why_unavailable() is None and engine.supports("es", "en") and not engine.supports("es", "es")
    name = engine._present("es", "en")
    assert name in MODELS and engine.supports("en", "fr") == (name != "opus-mt-es-en")
    text = engine.translate(ask(LINES[0]), "es", "en")
    assert text and not text.startswith(("__", "<")), "neither control symbols nor the language's token are text"
    assert engine.translate(ask(LINES[0]), "es", "en") == text, "the same text gives the same translation"
    assert engine.translate(ask(" "), "es", "en") == ""
    engine.release()
    assert not engine._loaded and engine.translate(ask(LINES[0]), "es", "en") == text, "it is loaded again"


def test_lines_in_a_batch_are_translated_as_alone(engine: TransformersTranslator) -> None:
    """Padding, sorting by length and sentences that occur twice change nothing."""
    brief = Brief("es", "en")
    seen: list[float] = []
    together = engine.candidates([ask(text, 2) for text in LINES], brief, lambda done, _all, _text: seen.append(done))
    assert seen[-1] == len(LINES) and together[-1] == ()
    for text, own in zip(LINES, together, strict=True):
        alone, = engine.candidates([ask(text, 2)], brief)
        assert [one.text for one in alone] == [one.text for one in own]
        assert [one.meaning for one in own] == pytest.approx([one.meaning for one in alone], abs=0.002)
        assert all(0 <= one.meaning < 1 and one.engine == "transformers" for one in own)
        assert len({one.text.casefold() for one in own}) == len(own) <= 2
    assert any(len(own) > 1 for own in together)


def test_the_log_probability_is_the_models_own(engine: TransformersTranslator) -> None:
    """That of what it says token by token, without what a search adds or forces."""
    import torch

    model = engine._model(engine._present("es", "en") or "", "es", "en")
    batch = model._tokenizer([model._prefix + text for text in ("el perro duerme", "gracias")], return_tensors="pt",
                             padding=True)
    first = {} if model._first is None else {"forced_bos_token_id": model._first}
    with torch.inference_mode():
        said = model._model.generate(**batch, num_beams=1, do_sample=False, max_length=None, max_new_tokens=12,
                                     forced_eos_token_id=None, output_logits=True, return_dict_in_generate=True,
                                     **first)
        told, counts = model._scored(batch, said.sequences, 1)
    logs = torch.stack(said.logits, dim=1).log_softmax(-1)
    for row, tokens in enumerate(said.sequences[:, 1:].tolist()):
        counted = [place for place, token in enumerate(tokens)
                   if token != model._model.config.pad_token_id and not (first and place == 0)]
        assert counts[row] == len(counted)
        assert told[row] == pytest.approx(sum(float(logs[row, place, tokens[place]]) for place in counted), abs=0.01)


def test_a_budget_brings_other_beginnings(engine: TransformersTranslator) -> None:
    model = engine._model(engine._present("es", "en") or "", "es", "en")
    starts = model.search(["gracias por venir"], Wish(2, starts=6))[0]
    assert len({each.text for each in starts}) > 1
    plain, = engine.candidates([ask("gracias por venir", 8)], Brief("es", "en"))
    fitted, = engine.candidates([ask("gracias por venir", 8, budget=Budget(1, 1, 300, 400))], Brief("es", "en"))
    assert fitted[0].text == plain[0].text, "the favourite stays the first"


def test_forbidden_words_are_not_written_and_the_glossarys_are_sought(engine: TransformersTranslator) -> None:
    brief = Brief("es", "en", forbidden=(("perro", ""), ("casa", "")))
    terms = (TermRule("duerme", "perro"), TermRule("el", "hola"))
    own, = engine.candidates([ask("el perro duerme", 4, terms=terms)], brief)
    assert own and not any(word in one.text.split() for one in own for word in ("perro", "Perro", "casa"))
    model = engine._model(engine._present("es", "en") or "", "es", "en")
    ids = model._spellings("perro")
    assert ids and all(ids)


def test_the_best_model_present_comes_first(store: Store, tmp_path: Path) -> None:
    for name in ("opus-mt-es-en", "m2m100_418M"):
        (tmp_path / "made").mkdir()
        (tmp_path / "made" / "config.json").write_text("{}")
        keep(store, name, tmp_path / "made")
    engine = TransformersTranslator(store=store)
    assert engine._present("es", "en") == "opus-mt-es-en" and engine._present("en", "es") == "m2m100_418M"
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "config.json").write_text("{}")
    keep(store, "madlad400-3b-mt", tmp_path / "made")
    assert engine._present("es", "en") == "opus-mt-es-en" and engine._present("en", "es") == "madlad400-3b-mt"


def test_without_models_it_says_what_adds_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = TransformersTranslator(store=store)
    assert "models pull" in (engine.why_unavailable() or "") and not engine.supports("es", "en")
    store.offline = False
    monkeypatch.setattr(transformers_mt, "hub_answers", lambda: True)
    assert engine.why_unavailable() is None and engine.supports("es", "en") and not engine.supports("es", "xx")
