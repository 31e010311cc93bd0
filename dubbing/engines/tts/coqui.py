"""coqui-tts: XTTS v2, which speaks like the person whom it hears, and other models in its formats.

It runs on request only: to imitate somebody takes a consent, and XTTS v2's licence (CPML) leaves commercial use out.
Autoregressive voices sometimes stammer, skip or babble; every piece is laid onto its text, said again with another
seed where it does not fit, and cut where its text ends.
"""

from __future__ import annotations

import gc
import json
import re
import threading
import zlib
from collections.abc import Mapping
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from dubbing.domain.marks import spoken, without_ipa
from dubbing.engines.base import CLONE, Sound, Speech, Voice
from dubbing.engines.tts.aligned import Aligned, Hear, align, without_edges
from dubbing.engines.tts.timing import join
from dubbing.errors import DubbingError, UnavailableError

if TYPE_CHECKING:
    from dubbing.engines.tts.coqui_models import Model, Person
    from dubbing.weights.store import Store

#: A folder of any coqui-tts model that the user supplies; it goes before XTTS v2.
OWN_MODEL, XTTS = "coqui-model", "xtts-v2"
XTTS_LANGUAGES = ("en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru", "nl", "cs", "ar", "zh", "ja", "hu", "ko", "hi")
#: What reading a language takes beside coqui-tts.
_NEEDS = {"ja": "cutlet", "zh": "pypinyin", "ko": "ko_speech_tools"}
#: Longer pieces are cut off by XTTS; its own limits by language.
_MOST_LETTERS: Mapping[str, int] = {"zh": 82, "ja": 71, "ko": 95, "hi": 150, "ar": 166, "ru": 182, "cs": 186, "pt": 203,
                                    "it": 213, "pl": 224, "hu": 224, "tr": 226}
_USUAL_LETTERS = 235
#: How often a piece is said until it says its text.
TRIES = 3
_PAUSE_MS = {".": 300.0, "!": 300.0, "?": 300.0, "…": 400.0, ",": 130.0, ";": 200.0, ":": 200.0}
_HIGHEST_PEAK = 0.98


class CoquiSynthesizer:
    """Cloner of :mod:`dubbing.engines.base`.

    folder: of a model (config.json, weights); by default the store's. device: "cpu" or "cuda", by default what there
    is. hear: who lays sound onto text, by default the embedded aligner.
    """

    id: ClassVar[str] = "coqui"
    version: ClassVar[str] = "1"
    licence: ClassVar[str] = "MPL-2.0 (coqui-tts); CPML, no commercial use (XTTS v2)"
    is_fake: ClassVar[bool] = False
    on_request_only: ClassVar[bool] = True
    clones: ClassVar[bool] = True
    #: XTTS v2 in float32 with what it needs to speak.
    memory_mb: ClassVar[int] = 4200

    def __init__(self, folder: Path | None = None, device: str = "", store: Store | None = None,
                 hear: Hear | None = None) -> None:
        self._given, self._device, self._own_store, self._hear = folder, device, store, hear
        self._model: Model | None = None
        self._people: dict[tuple[str, int, int], Person] = {}
        self._lock = threading.Lock()

    def why_unavailable(self) -> str | None:
        if find_spec("TTS") is None:
            return "coqui-tts is not installed; install the packages coqui-tts and six."
        if self._folder is not None:
            return None if (self._folder / "config.json").is_file() else f"{self._folder} holds no config.json."
        reason = self._store.why_unavailable(XTTS)
        return None if reason is None else f"{reason} `dubbing models pull {XTTS}` adds it when the hub answers, and " \
                                           "DUBBING_MODEL_COQUI_MODEL names a folder of a model that is here."

    def load(self) -> None:
        with self._lock:
            if self._model is None:
                from dubbing.engines.tts import coqui_models

                folder = self._folder or self._store.fetch(XTTS)
                self._model = coqui_models.load(Path(folder), self._kind, self._device or _best_device())

    def release(self) -> None:
        with self._lock:
            self._model = None
            self._people.clear()
            gc.collect()

    def languages(self) -> tuple[str, ...]:
        config = self._config
        names = config.get("languages") or list(XTTS_LANGUAGES) if self._kind == "xtts" else \
            _languages_of(config)
        codes = dict.fromkeys(str(name).split("-")[0] for name in names)
        return tuple(code for code in codes if code not in _NEEDS or find_spec(_NEEDS[code]) is not None)

    def voices(self, language: str) -> tuple[Voice, ...]:
        """The speaker's own voice, and those that come with the model, of which nothing but the name is known."""
        languages = self.languages()
        if language not in languages:
            return ()
        own = [Voice(name, languages, "unknown", 0.0) for name in self._names]
        return (Voice(CLONE, languages, "unknown", 0.0), *own) if self._can_clone else tuple(own)

    def synthesize(self, text: str, language: str, voice: str, *, speed: float = 1.0) -> Speech:
        """Speak ``text`` in one of the model's own voices. Raises DubbingError when there is nothing to say."""
        if voice == CLONE:
            raise UnavailableError("To imitate somebody, this voice engine has to hear them.",
                                   "Choose one of its own voices, or a project in which the speaker is heard.")
        self.load()
        assert self._model is not None
        return self._speak(text, language, self._model.own(voice if voice != "default" else ""), voice, speed)

    def imitate(self, text: str, language: str, reference: Path, *, speed: float = 1.0) -> Speech:
        """Speak ``text`` in the voice of ``reference`` (WAV, 6 to 15 s of one person)."""
        self.load()
        assert self._model is not None
        stat = reference.stat()
        key = (str(reference), stat.st_mtime_ns, stat.st_size)
        if key not in self._people:
            self._people[key] = self._model.like(reference)
        return self._speak(text, language, self._people[key], "", speed)

    def _speak(self, text: str, language: str, person: Person, voice: str, speed: float) -> Speech:
        if language not in self.languages():
            raise UnavailableError(f"The voice model does not speak {language!r}.",
                                   f"It speaks {', '.join(self.languages())}.")
        parts = []
        plain = " ".join(without_ipa(spoken(text)).split())
        for piece in self._pieces(plain, language, _MOST_LETTERS.get(language, _USUAL_LETTERS)):
            sound, phonemes = self._said(piece, language, person, voice, speed)
            if len(sound):
                parts.append((sound, phonemes, _PAUSE_MS.get(piece[-1], 60.0) / speed))
        if not parts:
            raise DubbingError(f"There is nothing to say in {text[:40]!r}.", "Write at least one word.")
        assert self._model is not None
        whole, joined = join(parts, self._model.sample_rate)
        peak = float(np.abs(whole).max())
        whole = whole * np.float32(_HIGHEST_PEAK / peak) if peak > _HIGHEST_PEAK else whole
        return Speech(whole, self._model.sample_rate, joined)

    def _pieces(self, text: str, language: str, most: int) -> list[str]:
        """``text`` in pieces that the model can say at once."""
        assert self._model is not None
        found: list[str] = []
        for piece in cut(text, most):
            can_be_said = len(piece) < 2 or self._model.fits(piece, language)
            found += [piece] if can_be_said else self._pieces(piece, language, (len(piece) + 1) // 2)
        return found

    def _said(self, piece: str, language: str, person: Person, voice: str, speed: float) -> tuple[Sound, Any]:
        """One piece; another try with another seed where the sound does not say it."""
        assert self._model is not None
        # XTTS reads a full stop out ("punto") in some languages.
        wanted = piece.rstrip(". ") if self._kind == "xtts" else piece
        best: tuple[Sound, Aligned] | None = None
        for attempt in range(TRIES):
            seed = zlib.crc32(f"{piece}|{language}|{voice}|{attempt}".encode())
            sound = self._model.say(wanted, language, person, speed, seed)
            aligned = align(sound, self._model.sample_rate, piece, language, self._hear)
            best = (sound, aligned) if best is None or aligned.says_it else best
            if aligned.says_it:
                break
        assert best is not None
        return without_edges(best[0], self._model.sample_rate, best[1])

    @cached_property
    def _store(self) -> Store:
        from dubbing.weights.store import Store

        return self._own_store or Store()

    @property
    def _folder(self) -> Path | None:
        """Where the model is now; None where it is still to be fetched."""
        return self._given or self._store.find(OWN_MODEL) or self._store.find(XTTS)

    @property
    def _config(self) -> dict[str, Any]:
        path = self._folder / "config.json" if self._folder is not None else None
        if path is None or not path.is_file():
            return {"model": "xtts"}
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    @property
    def _kind(self) -> str:
        return str(self._config.get("model", ""))

    @property
    def _can_clone(self) -> bool:
        args = self._config.get("model_args") or {}
        return self._kind == "xtts" or bool(args.get("use_d_vector_file") and args.get("speaker_encoder_model_path"))

    @property
    def _names(self) -> list[str]:
        """The model's own voices; "default" where it has one that has no name."""
        if self._folder is None:
            return []
        if self._kind == "xtts":
            from dubbing.engines.tts.speaker_file import speaker_names

            path = self._folder / "speakers_xtts.pth"
            return speaker_names(path) if path.is_file() else []
        args = self._config.get("model_args") or {}
        file = self._folder / Path(str(args.get("speakers_file") or "speakers.json")).name
        if file.suffix == ".json" and file.is_file():
            return list(json.loads(file.read_text(encoding="utf-8")))
        return [] if args.get("use_speaker_embedding") or args.get("use_d_vector_file") else ["default"]


def cut(text: str, most: int) -> list[str]:
    """``text`` in sentences of at most ``most`` characters; longer ones are cut at commas, then at words."""
    found: list[str] = []
    for sentence in re.split(r"(?<=[.!?…。！？])\s*(?=\S)", text):
        for part in _shorter(sentence.strip(), most, (r"(?<=[,;:、，])\s*", r"\s+")):
            if any(char.isalnum() for char in part):
                found.append(part)
    return found


def _shorter(text: str, most: int, separators: tuple[str, ...]) -> list[str]:
    if len(text) <= most:
        return [text]
    if not separators:
        return [text[start: start + most] for start in range(0, len(text), most)]
    found: list[str] = []
    for part in re.split(separators[0], text):
        for piece in _shorter(part, most, separators[1:]):
            if found and len(found[-1]) + 1 + len(piece) <= most:
                found[-1] += f" {piece}"
            else:
                found.append(piece)
    return found


def _languages_of(config: Mapping[str, Any]) -> list[str]:
    """What a configuration says about the languages of a model that is not XTTS."""
    told = [config.get("phoneme_language"), *(data.get("language") for data in config.get("datasets") or ()
                                              if isinstance(data, dict))]
    return [str(name) for name in told if name]


def _best_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
