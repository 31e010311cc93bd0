"""A Whisper in CTranslate2's form as faster-whisper loads it: untrained, one layer, with as many mel bands as asked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path


def build_whisper(folder: Path, tokenizer: Path, mels: int = 128) -> Path:
    """Write the model into ``folder``; ``tokenizer`` is the tokenizer.json of a multilingual Whisper.

    large-v3 and turbo hear 128 mel bands and have one token more than the others, which is what ``mels`` decides.
    """
    import torch
    from ctranslate2.converters import TransformersConverter
    from transformers import GenerationConfig, PreTrainedTokenizerFast, WhisperConfig, WhisperForConditionalGeneration

    torch.manual_seed(0)
    source = folder.with_name(f"{folder.name}-transformers")
    config = WhisperConfig(vocab_size=51866 if mels == 128 else 51865, num_mel_bins=mels, d_model=16, encoder_layers=1,
                           decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=32,
                           decoder_ffn_dim=32, pad_token_id=50257)
    model = WhisperForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        alignment_heads=[[0, 0]], lang_to_id={"<|en|>": 50259, "<|es|>": 50262}, suppress_tokens=[],
        begin_suppress_tokens=[220, 50257])
    model.save_pretrained(source)
    PreTrainedTokenizerFast(tokenizer_file=str(tokenizer)).save_pretrained(source)
    (source / "preprocessor_config.json").write_text(json.dumps({"feature_size": mels}))
    shutil.rmtree(folder, ignore_errors=True)
    TransformersConverter(str(source), copy_files=["preprocessor_config.json"]).convert(str(folder))
    shutil.copyfile(tokenizer, folder / "tokenizer.json")
    return folder
