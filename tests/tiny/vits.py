"""A tiny VITS of one language with random weights, in coqui-tts' own files: config.json and model.pth."""

from __future__ import annotations

from pathlib import Path


def build_vits(folder: Path, language: str = "es") -> Path:
    """Write the model into ``folder``: one voice, which reads letters."""
    import torch
    from TTS.tts.configs.shared_configs import CharactersConfig
    from TTS.tts.configs.vits_config import VitsConfig
    from TTS.tts.models.vits import Vits, VitsArgs

    folder.mkdir(parents=True, exist_ok=True)
    letters = "abcdefghijklmnopqrstuvwxyzáéíóúñ"
    args = VitsArgs(hidden_channels=16, hidden_channels_ffn_text_encoder=16, num_layers_text_encoder=1,
                    num_heads_text_encoder=2, num_layers_flow=1, num_layers_posterior_encoder=1,
                    upsample_initial_channel_decoder=32, use_sdp=False)
    config = VitsConfig(
        model_args=args, text_cleaner="basic_cleaners", use_phonemes=False, datasets=[{"language": language}],
        characters=CharactersConfig(characters_class="TTS.tts.models.vits.VitsCharacters", pad="_", eos="", bos="",
                                    blank="-", characters=letters, punctuations="!?.,;: ", phonemes=""))
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = Vits(config)
        torch.save({"model": model.state_dict()}, folder / "model.pth")
    config.save_json(str(folder / "config.json"))
    return folder
