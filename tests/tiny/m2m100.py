"""M2M-100 and NLLB, which is an M2M-100 with another tokenizer, with two layers."""

from __future__ import annotations

import json
from pathlib import Path

from tests.tiny.vocabulary import train, words


def build(folder: Path) -> None:
    from transformers import M2M100Tokenizer

    folder.mkdir(parents=True)
    pieces = words(train(folder, "sentencepiece.bpe"))
    vocabulary = {token: index for index, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *pieces])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    tokenizer = M2M100Tokenizer(str(folder / "vocab.json"), str(folder / "sentencepiece.bpe.model"))
    tokenizer.save_pretrained(folder)
    _model(folder, max(tokenizer.lang_token_to_id.values()) + 9)


def build_nllb(folder: Path) -> None:
    from transformers import NllbTokenizer

    folder.mkdir(parents=True)
    train(folder, "sentencepiece.bpe")
    tokenizer = NllbTokenizer(str(folder / "sentencepiece.bpe.model"))
    tokenizer.save_pretrained(folder)
    _model(folder, len(tokenizer))


def _model(folder: Path, size: int) -> None:
    import torch
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    torch.manual_seed(0)
    M2M100ForConditionalGeneration(M2M100Config(
        vocab_size=size, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64,
        max_position_embeddings=128)).save_pretrained(folder)
