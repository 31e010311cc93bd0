"""Kokoro-82M (Apache-2.0) with its Japanese voices, run by ONNX Runtime, with the exact time of every phoneme.

The model predicts how long each token lasts before it renders the sound; that tensor is made an output of the graph
when the model is loaded, so phoneme times are the model's own and not an alignment's guess.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dubbing.domain.speech import Phoneme
from dubbing.engines.base import Sound, Speech, Voice
from dubbing.engines.tts.script import Speller, say
from dubbing.engines.tts.timing import EDGE, timeline, trim
from dubbing.errors import UnavailableError

SAMPLE_RATE = 24_000
_DURATIONS = "/encoder/Clip_output_0"
_UNIT_MS = 25.0
#: The decoder renders a token this much before its durations say: vowel, sibilant and closure tokens of eight sentences
#: in three languages and three voices fit the sound best when moved by 50 to 60 ms, at any speed.
_LEAD_MS = 55.0

_SEXES = {"jf_alpha": "female", "jf_gongitsune": "female", "jf_nezumi": "female", "jf_tebukuro": "female",
          "jm_kumo": "male"}
#: Median pitch of PITCH_SENTENCE (WORLD); a test measures one of them again.
PITCH_SENTENCE = ("es", "Buenos días, me llamo Carmen y trabajo en el hospital desde hace mucho tiempo.")
PITCH_HZ = {"jf_alpha": 252.0, "jf_gongitsune": 216.0, "jf_nezumi": 233.0, "jf_tebukuro": 312.0, "jm_kumo": 90.0}
#: Voices by language: only those whose speech is understood (docs/voices.md has the figures).
OFFERED: dict[str, tuple[str, ...]] = {
    "en": ("jm_kumo", "jf_alpha", "jf_nezumi", "jf_gongitsune", "jf_tebukuro"),
    "es": ("jm_kumo", "jf_alpha", "jf_nezumi", "jf_gongitsune", "jf_tebukuro"),
    "pt": ("jm_kumo", "jf_nezumi", "jf_gongitsune"),
    "it": ("jm_kumo",),
    "de": ("jm_kumo",),
    "ja": ("jm_kumo", "jf_alpha", "jf_nezumi", "jf_gongitsune"),
}


class KokoroSynthesizer:
    """Synthesizer of :mod:`dubbing.engines.base`. ``folder`` holds the model; by default the store fetches it."""

    id: ClassVar[str] = "kokoro"
    version: ClassVar[str] = "2"
    licence: ClassVar[str] = "Apache-2.0 (model), GPL-3.0 (espeak-ng)"
    is_fake: ClassVar[bool] = False
    takes_ipa: ClassVar[bool] = True

    def __init__(self, folder: Path | None = None, threads: int = 2) -> None:
        self._folder = folder
        self._threads = threads
        self._session: Any = None
        self._vocabulary: dict[str, int] = {}
        self._styles: dict[str, np.ndarray] = {}
        self._speller = Speller()
        self._lock = threading.Lock()

    def why_unavailable(self) -> str | None:
        from dubbing.engines.tts.onnx_graph import missing_package

        return missing_package()

    def load(self) -> None:
        from dubbing.engines.tts.onnx_graph import session_with_output

        with self._lock:
            if self._session is not None:
                return
            folder = self._folder or _from_store()
            self._vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))["vocab"]
            with np.load(folder / "voices_ja.npz", allow_pickle=False) as voices:
                self._styles = {name: voices[name].reshape(-1, 256) for name in voices.files}
            self._speller.load()
            self._session = session_with_output(folder / "model.onnx", _DURATIONS, self._threads)

    def release(self) -> None:
        with self._lock:
            self._session = None
            self._styles = {}
            self._speller.release()

    def languages(self) -> tuple[str, ...]:
        from importlib.util import find_spec

        return tuple(code for code in OFFERED if code != "ja" or find_spec("pyopenjtalk") is not None)

    def voices(self, language: str) -> tuple[Voice, ...]:
        return tuple(
            Voice(name, tuple(code for code, names in OFFERED.items() if name in names), _SEXES[name], PITCH_HZ[name])
            for name in OFFERED.get(language, ())
        )

    def all_voices(self) -> tuple[str, ...]:
        """Every voice of the model, offered or not."""
        return tuple(_SEXES)

    def synthesize(self, text: str, language: str, voice: str, *, speed: float = 1.0) -> Speech:
        """Speak ``text``; 24 kHz. Raises DubbingError when nothing in it can be spoken or the voice is unknown."""
        if language not in OFFERED:
            raise UnavailableError(
                f"Kokoro does not speak {language!r} well enough to be used.", f"It speaks {', '.join(OFFERED)}."
            )
        return self.speak(text, language, voice, speed=speed)

    def speak(self, text: str, language: str, voice: str, *, speed: float = 1.0) -> Speech:
        """As ``synthesize``, in any language of espeak-ng: what the judge of languages uses."""
        self.load()
        if voice not in self._styles:
            names = ", ".join(sorted(self._styles))
            raise UnavailableError(f"Kokoro has no voice {voice!r}.", f"Its voices are {names}.")
        sentences = self.sentences(text, language)
        return say(text, sentences, lambda piece: self._render(piece, voice, speed), SAMPLE_RATE, speed)

    def sentences(self, text: str, language: str) -> list[str]:
        """Kokoro's symbols for each sentence of ``text``."""
        self.load()
        return self._speller.sentences(text, language, frozenset(self._vocabulary))

    def _render(self, symbols: str, voice: str, speed: float) -> tuple[Sound, list[Phoneme]]:
        ids = [self._vocabulary[symbol] for symbol in symbols]
        styles = self._styles[voice]
        feeds = {
            "tokens": np.array([[0, *ids, 0]], np.int64),
            "style": styles[min(len(ids), len(styles)) - 1].reshape(1, 256).astype(np.float32),
            "speed": np.array([speed], np.float32),
        }
        sound, units = self._session.run(["audio", _DURATIONS], feeds)
        sound = np.asarray(sound, np.float32).ravel()
        durations_ms = np.asarray(units, np.float64).ravel() * _UNIT_MS
        phonemes = timeline([EDGE, *symbols, EDGE], durations_ms, sound, SAMPLE_RATE, _LEAD_MS)
        return trim(sound, phonemes, SAMPLE_RATE)


def _from_store() -> Path:
    from dubbing.weights.store import Store

    return Path(Store().fetch("kokoro"))
