"""A tiny XTTS v2 with random weights, saved in the model's own files: config.json, model.pth, vocab.json, speakers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

LANGUAGES = ("en", "es", "de", "zh-cn")
SPEAKERS = ("Ana Florence", "Viktor Eka")
_WIDTH = 64


def build_xtts(folder: Path, audio_tokens: int = 24) -> Path:
    """Write the model into ``folder``; it makes ``audio_tokens`` (43 ms each) at most, and only noise."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from TTS.tts.configs.xtts_config import XttsArgs, XttsConfig
    from TTS.tts.models.xtts import Xtts

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["[STOP]", "[UNK]", "[SPACE]", "[START]", *(f"[{language}]" for language in LANGUAGES)]
    tokenizer.train_from_iterator(["the quick brown fox, jumps over; a lazy dog! áéíóúñ äöüß?"] * 2,
                                  trainers.BpeTrainer(special_tokens=special, vocab_size=120, show_progress=False))
    tokenizer.save(str(folder / "vocab.json"))
    args = XttsArgs(
        gpt_layers=2, gpt_n_model_channels=_WIDTH, gpt_n_heads=2, gpt_max_audio_tokens=audio_tokens,
        gpt_max_text_tokens=60, gpt_max_prompt_tokens=40, gpt_num_audio_tokens=34, gpt_start_audio_token=32,
        gpt_stop_audio_token=33, gpt_use_perceiver_resampler=True, decoder_input_dim=_WIDTH,
        gpt_number_text_tokens=tokenizer.get_vocab_size(), gpt_start_text_token=tokenizer.token_to_id("[START]"),
        gpt_stop_text_token=tokenizer.token_to_id("[STOP]"), tokenizer_file="vocab.json")
    config = XttsConfig(model_args=args, languages=list(LANGUAGES), temperature=0.7, repetition_penalty=2.0,
                        max_ref_len=10, gpt_cond_len=6, gpt_cond_chunk_len=4)
    config.save_json(str(folder / "config.json"))
    with _seeded():
        model = Xtts(config)
        # Half as large a file; loading makes float32 of it.
        torch.save({"model": {name: value.half() if value.is_floating_point() else value
                              for name, value in model.state_dict().items()}}, folder / "model.pth")
        voices = {name: {"gpt_cond_latent": 0.1 * torch.randn(1, 32, _WIDTH),
                         "speaker_embedding": torch.nn.functional.normalize(torch.randn(1, 512, 1), dim=1)}
                  for name in SPEAKERS}
    torch.save(voices, folder / "speakers_xtts.pth")
    return folder


@contextlib.contextmanager
def _seeded() -> Iterator[None]:
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(5)
        yield
