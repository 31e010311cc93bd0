"""The neural translator on models that are built here and saved in the real formats: Marian and M2M-100."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dubbing.engines.base import TranslationRequest
from dubbing.engines.translate import transformers_mt
from dubbing.engines.translate.transformers_mt import TransformersTranslator
from dubbing.weights.integrity import sha256_of, write_manifest
from dubbing.weights.store import Store

SENTENCES = ["hola amigo", "el perro duerme", "la casa es grande", "hello friend", "the dog sleeps", "the house is big",
             "buenos dias a todos", "good morning everyone", "gracias por venir", "thank you for coming"]


def sentencepiece_model(folder: Path, name: str) -> dict[str, int]:
    """Train a tokenizer on a few sentences; returns its pieces."""
    import sentencepiece

    corpus = folder / "corpus.txt"
    corpus.write_text("\n".join(SENTENCES * 20))
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus), model_prefix=str(folder / name), vocab_size=60, hard_vocab_limit=False, minloglevel=2)
    corpus.unlink()
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{name}.model"))
    (folder / f"{name}.vocab").unlink()
    return {processor.id_to_piece(index): index for index in range(processor.get_piece_size())}


def keep(store: Store, name: str, folder: Path) -> None:
    """Put a model into the cache as a fetch leaves it."""
    hashes = {path.name: sha256_of(path) for path in folder.iterdir() if path.is_file()}
    write_manifest(folder, name, hashes)
    folder.rename(store._folder(store.entry(name)))


def marian(folder: Path) -> None:
    import torch
    from transformers import MarianConfig, MarianMTModel

    folder.mkdir(parents=True)
    pieces = sentencepiece_model(folder, "source")
    (folder / "source.model").rename(folder / "source.spm")
    (folder / "target.spm").write_bytes((folder / "source.spm").read_bytes())
    words = [piece for piece in pieces if not piece.startswith("<")]
    vocabulary = {token: index for index, token in enumerate(["</s>", "<unk>", *words, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "MarianTokenizer", "source_lang": "spa", "target_lang": "eng"}))
    torch.manual_seed(0)
    pad = vocabulary["<pad>"]
    MarianMTModel(MarianConfig(
        vocab_size=len(vocabulary), d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, pad_token_id=pad, eos_token_id=0,
        decoder_start_token_id=pad, forced_eos_token_id=0, max_position_embeddings=128)).save_pretrained(folder)


def m2m100(folder: Path) -> None:
    import torch
    from transformers import M2M100Config, M2M100ForConditionalGeneration, M2M100Tokenizer

    folder.mkdir(parents=True)
    pieces = sentencepiece_model(folder, "sentencepiece.bpe")
    words = [piece for piece in pieces if not piece.startswith("<")]
    vocabulary = {token: index for index, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *words])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    tokenizer = M2M100Tokenizer(str(folder / "vocab.json"), str(folder / "sentencepiece.bpe.model"))
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    M2M100ForConditionalGeneration(M2M100Config(
        vocab_size=max(tokenizer.lang_token_to_id.values()) + 9, d_model=32, encoder_layers=2, decoder_layers=2,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64,
        max_position_embeddings=128)).save_pretrained(folder)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "cache").mkdir()
    return Store(tmp_path / "cache", offline=True)


@pytest.mark.parametrize(("build", "name"), [(marian, "opus-mt-es-en"), (m2m100, "m2m100_418M")])
def test_a_model_in_the_cache_translates(store: Store, tmp_path: Path, build: object, name: str) -> None:
    assert callable(build)
    build(tmp_path / "made")
    keep(store, name, tmp_path / "made")
    engine = TransformersTranslator(device="cpu", store=store)
    assert engine.why_unavailable() is None and engine.supports("es", "en") and not engine.supports("es", "es")
    assert engine.supports("en", "fr") == (name == "m2m100_418M")
    request = TranslationRequest("hola amigo. el perro duerme", 2000)
    text = engine.translate(request, "es", "en")
    assert isinstance(text, str) and "<" not in text, "special tokens are not text"
    assert engine.translate(request, "es", "en") == text, "the same text gives the same translation"
    assert engine.translate(TranslationRequest(" ", 100), "es", "en") == ""
    engine.release()
    assert not engine._loaded


def test_the_pairs_own_model_comes_first(store: Store, tmp_path: Path) -> None:
    for name in ("opus-mt-es-en", "m2m100_418M"):
        (tmp_path / "made").mkdir()
        (tmp_path / "made" / "config.json").write_text("{}")
        keep(store, name, tmp_path / "made")
    engine = TransformersTranslator(store=store)
    assert engine._present("es", "en") == "opus-mt-es-en" and engine._present("en", "es") == "m2m100_418M"


def test_without_models_it_says_what_adds_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = TransformersTranslator(store=store)
    assert "models pull" in (engine.why_unavailable() or "") and not engine.supports("es", "en")
    store.offline = False
    monkeypatch.setattr(transformers_mt, "hub_answers", lambda: True)
    assert engine.why_unavailable() is None and engine.supports("es", "en") and not engine.supports("es", "xx")
