"""OPUS-MT as the model hub has it, with two layers."""

from __future__ import annotations

import json
from pathlib import Path

from tests.tiny.vocabulary import train, words


def build(folder: Path) -> None:
    """Write a Marian model of transformers with its two vocabularies."""
    import torch
    from transformers import MarianConfig, MarianMTModel

    folder.mkdir(parents=True)
    pieces = words(train(folder, "source"))
    (folder / "source.model").rename(folder / "source.spm")
    (folder / "target.spm").write_bytes((folder / "source.spm").read_bytes())
    vocabulary = {token: index for index, token in enumerate(["</s>", "<unk>", *pieces, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "MarianTokenizer", "source_lang": "spa", "target_lang": "eng"}))
    torch.manual_seed(0)
    pad = vocabulary["<pad>"]
    MarianMTModel(MarianConfig(
        vocab_size=len(vocabulary), d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, pad_token_id=pad, eos_token_id=0,
        decoder_start_token_id=pad, forced_eos_token_id=0, max_position_embeddings=128)).save_pretrained(folder)
