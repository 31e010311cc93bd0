"""A wav2vec2 for forced alignment in its real form: untrained, one layer, letters of English."""

from __future__ import annotations

import json
from pathlib import Path

LETTERS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz'"]


def build_aligner(folder: Path) -> Path:
    """Write the model and its vocabulary into ``folder``."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    torch.manual_seed(0)
    Wav2Vec2ForCTC(Wav2Vec2Config(
        vocab_size=len(LETTERS), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        conv_dim=(16,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4, pad_token_id=0,
    )).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps({letter: index for index, letter in enumerate(LETTERS)}))
    return folder
