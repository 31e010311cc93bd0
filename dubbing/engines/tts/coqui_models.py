"""Models in the formats of coqui-tts, read from a local folder: XTTS v2, and those that make sound in one go (VITS).

Importing this module imports torch and coqui-tts; only the engine does, when it loads. Weights are read as weights:
no pickled code runs, nothing is fetched, and nothing is written into the folder.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dubbing.engines.base import Sound
from dubbing.errors import UnavailableError

_CHECKPOINTS = ("model.pth", "model_file.pth", "best_model.pth", "model_file.pth.tar")
#: Files that a configuration names by where they were when the model was trained.
_BESIDE = ("speakers_file", "language_ids_file", "d_vector_file", "speaker_encoder_config_path",
           "speaker_encoder_model_path")


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a model speaks like: one of its own speakers, or what it made of a reference."""

    name: str = ""
    traits: Any = None


class Model(Protocol):
    sample_rate: int

    def fits(self, text: str, language: str) -> bool: ...

    def own(self, name: str) -> Person: ...

    def like(self, reference: Path) -> Person: ...

    def say(self, text: str, language: str, person: Person, speed: float, seed: int) -> Sound: ...


def load(folder: Path, kind: str, device: str) -> Model:
    """The model in ``folder``; ``kind`` is the "model" of its config.json. Raises UnavailableError."""
    try:
        return Xtts(folder, device) if kind == "xtts" else OneGo(folder, device)
    except (pickle.UnpicklingError, EOFError) as error:
        raise UnavailableError(f"The voice model in {folder.name} is damaged, or holds more than weights.",
                               "Fetch the model again, from whoever made it.") from error
    except (RuntimeError, OSError, KeyError, TypeError, ValueError, ImportError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UnavailableError(f"The voice model in {folder.name} cannot be loaded: {first}",
                               "Give a complete folder of a coqui-tts model.") from error


class Xtts:
    """XTTS v2: speaks 17 languages like whom it hears for some seconds.

    Source: Casanova et al., "XTTS: a Massively Multilingual Zero-Shot Text-to-Speech Model" (Interspeech 2024).
    """

    def __init__(self, folder: Path, device: str) -> None:
        from TTS.tts.configs.xtts_config import XttsConfig
        from TTS.tts.models import xtts

        config = XttsConfig()
        config.load_json(str(folder / "config.json"))
        self._model = xtts.Xtts(config)
        # Its own way of reading an old checkpoint writes a new one over it.
        self._model._load_checkpoint = _weights
        self._model.load_checkpoint(config, checkpoint_dir=str(folder), eval=True)
        self._model.to(device)
        self._config = config
        self.sample_rate = int(config.audio.output_sample_rate)

    def fits(self, text: str, language: str) -> bool:
        """Whether the model can say so much at once."""
        tokens = self._model.tokenizer.encode(text.strip().lower(), lang=language)
        return len(tokens) < int(self._model.args.gpt_max_text_tokens)

    def own(self, name: str) -> Person:
        known = getattr(self._model.speaker_manager, "speakers", None) or {}
        if name not in known:
            raise UnavailableError(f"The voice model has no speaker {name!r}.", "Choose one of its voices.")
        return Person(name, (known[name]["gpt_cond_latent"], known[name]["speaker_embedding"]))

    def like(self, reference: Path) -> Person:
        """What the model hears in ``reference``: how it is said, and whose voice it is."""
        import soundfile
        import torch

        sound, rate = soundfile.read(reference, dtype="float32", always_2d=True)
        mono = torch.from_numpy(np.ascontiguousarray(sound.mean(axis=1)))[None].clamp(-1, 1)
        mono = mono[:, : rate * int(self._config.max_ref_len or 30)].to(self._model.device)
        latents = self._model.get_gpt_cond_latents(mono, rate, length=int(self._config.gpt_cond_len),
                                                   chunk_length=int(self._config.gpt_cond_chunk_len))
        return Person(reference.name, (latents, self._model.get_speaker_embedding(mono, rate)))

    def say(self, text: str, language: str, person: Person, speed: float, seed: int) -> Sound:
        import torch

        latents, embedding = person.traits
        config = self._config
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            out = self._model.inference(
                text, language, latents, embedding, temperature=float(config.temperature),
                length_penalty=float(config.length_penalty), repetition_penalty=float(config.repetition_penalty),
                top_k=int(config.top_k), top_p=float(config.top_p), speed=speed)
        return np.asarray(out["wav"], np.float32).ravel()


class OneGo:
    """Any other model of coqui-tts that makes the sound itself, VITS and YourTTS above all."""

    def __init__(self, folder: Path, device: str) -> None:
        from TTS.config import load_config
        from TTS.tts.models import setup_model

        config = load_config(folder / "config.json")
        for holder in (config, config.model_args if "model_args" in config else config):
            for name in _BESIDE:
                if name in holder and holder[name]:
                    found = folder / Path(str(holder[name])).name
                    holder[name] = str(found) if found.is_file() else None
        path = next((folder / name for name in _CHECKPOINTS if (folder / name).is_file()), None)
        if path is None:
            raise FileNotFoundError(f"none of {', '.join(_CHECKPOINTS)} is in it")
        model: Any = setup_model(config)
        model.load_checkpoint(config, checkpoint_path=str(path), eval=True)
        model.to(device)
        self._model = model
        self._natural_scale = float(getattr(model, "length_scale", 1.0))
        self.sample_rate = int(config.audio["sample_rate"])

    def fits(self, text: str, language: str) -> bool:
        return True

    def own(self, name: str) -> Person:
        return Person(name)

    def like(self, reference: Path) -> Person:
        if getattr(getattr(self._model, "speaker_manager", None), "encoder", None) is None:
            raise UnavailableError("This voice model has no ear for voices: it cannot imitate anybody.",
                                   "Choose one of its own voices, or XTTS v2.")
        return Person(reference.name, reference)

    def say(self, text: str, language: str, person: Person, speed: float, seed: int) -> Sound:
        import torch

        known = getattr(getattr(self._model, "language_manager", None), "language_names", None) or []
        said_in = next((name for name in known if name.split("-")[0] == language), None) if len(known) > 1 else None
        if hasattr(self._model, "length_scale"):
            self._model.length_scale = self._natural_scale / speed
        with torch.random.fork_rng(), torch.inference_mode():
            torch.manual_seed(seed)
            out = self._model.synthesize(text, speaker=None if person.traits else person.name or None,
                                         speaker_wav=person.traits, language=said_in)
        if out["wav"] is None:
            raise UnavailableError("This voice model makes spectra, not sound.",
                                   "Use a model that makes sound itself, such as VITS or XTTS v2.")
        return np.asarray(out["wav"], np.float32).ravel()


def _weights(path: Path) -> dict[str, Any]:
    """The tensors of a checkpoint; of old ones, which hold their configuration as objects, too."""
    import torch
    from TTS.tts.models.xtts import _legacy_safe_globals

    with _legacy_safe_globals():
        found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)["model"]
    return found
