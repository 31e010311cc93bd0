"""MADLAD-400, which is a T5 whose sources begin with the target language, with two layers."""

from __future__ import annotations

from pathlib import Path

from tests.tiny.vocabulary import train


def build(folder: Path) -> None:
    import torch
    from transformers import T5Config, T5ForConditionalGeneration, T5Tokenizer

    folder.mkdir(parents=True)
    train(folder, "spiece", pad_id=1, eos_id=2, unk_id=0, bos_id=-1, pad_piece="<pad>",
          user_defined_symbols=["<2en>", "<2es>", "<2fr>"])
    (folder / "spiece.model").rename(folder / "made.model")
    tokenizer = T5Tokenizer(str(folder / "made.model"), extra_ids=0, legacy=False)
    tokenizer.save_pretrained(folder)
    (folder / "made.model").unlink()
    torch.manual_seed(0)
    T5ForConditionalGeneration(T5Config(
        vocab_size=len(tokenizer), d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2, pad_token_id=1,
        eos_token_id=2, decoder_start_token_id=0, feed_forward_proj="gated-gelu",
        tie_word_embeddings=False)).save_pretrained(folder)
