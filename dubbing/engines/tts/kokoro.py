"""Kokoro-82M (Apache-2.0) with its Japanese voices, run by ONNX Runtime, with the exact time of every phoneme.

The model predicts how long each token lasts before it renders the sound; that tensor is made an output of the graph
when the model is loaded, so phoneme times are the model's own and not an alignment's guess.
"""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dubbing.engines.base import Sound, Speech, Voice
from dubbing.engines.tts.alphabet import to_kokoro
from dubbing.engines.tts.espeak import Espeak
from dubbing.engines.tts.japanese import Japanese
from dubbing.engines.tts.text import clauses
from dubbing.engines.tts.timing import EDGE, join, timeline, trim
from dubbing.errors import DubbingError, UnavailableError

SAMPLE_RATE = 24_000
_DURATIONS = "/encoder/Clip_output_0"
_UNIT_MS = 25.0
#: The decoder renders a token this much before its durations say: vowel, sibilant and closure tokens of eight sentences
#: in three languages and three voices fit the sound best when moved by 50 to 60 ms, at any speed.
_LEAD_MS = 55.0
_MOST_TOKENS = 500
#: Longer inputs are spoken hurriedly; a text is cut at sentence ends before it gets there.
_COMFORTABLE_TOKENS = 260
_PAUSE_MS = {".": 320.0, "!": 320.0, "?": 320.0, "…": 420.0, ",": 140.0, ";": 220.0, ":": 220.0, "—": 220.0, "": 0.0}

_SEXES = {"jf_alpha": "female", "jf_gongitsune": "female", "jf_nezumi": "female", "jf_tebukuro": "female",
          "jm_kumo": "male"}
#: Median pitch of one fixed Spanish sentence (WORLD, harvest); tests/dubbing/engines/tts measures one of them again.
PITCH_HZ = {"jf_alpha": 220.0, "jf_gongitsune": 220.0, "jf_nezumi": 220.0, "jf_tebukuro": 220.0, "jm_kumo": 120.0}
#: Voices by language: only those whose speech is understood (docs/voices.md has the figures).
OFFERED: dict[str, tuple[str, ...]] = {
    language: tuple(_SEXES) for language in ("en", "es", "it", "pt", "de", "ja")
}


class KokoroSynthesizer:
    """Synthesizer of :mod:`dubbing.engines.base`. ``folder`` holds the model; by default the weight store fetches it."""

    id: ClassVar[str] = "kokoro"
    version: ClassVar[str] = "1"
    licence: ClassVar[str] = "Apache-2.0 (model), GPL-3.0 (espeak-ng)"
    is_fake: ClassVar[bool] = False

    def __init__(self, folder: Path | None = None, threads: int = 2) -> None:
        self._folder = folder
        self._threads = threads
        self._session: Any = None
        self._vocabulary: dict[str, int] = {}
        self._styles: dict[str, np.ndarray] = {}
        self._espeak = Espeak()
        self._japanese = Japanese()
        self._lock = threading.Lock()

    def why_unavailable(self) -> str | None:
        from importlib.util import find_spec

        for module, package in (("onnxruntime", "onnxruntime"), ("onnx", "onnx"), ("espeakng_loader", "espeakng-loader"),
                                ("phonemizer", "phonemizer-fork")):
            if find_spec(module) is None:
                return f"The package {package} is not installed."
        return None

    def load(self) -> None:
        with self._lock:
            if self._session is not None:
                return
            folder = self._folder or _from_store()
            self._vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))["vocab"]
            with np.load(folder / "voices_ja.npz", allow_pickle=False) as voices:
                self._styles = {name: voices[name].reshape(-1, 256) for name in voices.files}
            self._espeak.load()
            self._session = _session_with_durations(folder / "model.onnx", self._threads)

    def release(self) -> None:
        with self._lock:
            self._session = None
            self._styles = {}
            self._espeak.release()

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
            raise UnavailableError(f"Kokoro has no voice {voice!r}.", f"Its voices are {', '.join(sorted(self._styles))}.")
        parts: list[tuple[Sound, list[Any], float]] = []
        for chunk in self._chunks(self.sentences(text, language)):
            sound, phonemes = self._render(chunk, voice, speed)
            if len(sound):
                parts.append((sound, phonemes, _PAUSE_MS.get(chunk[-1], 60.0) / speed))
        if not parts:
            raise DubbingError(f"There is nothing to say in {text[:40]!r}.", "Write at least one word.")
        sound, phonemes = join(parts, SAMPLE_RATE)
        return Speech(sound, SAMPLE_RATE, phonemes)

    def sentences(self, text: str, language: str) -> list[str]:
        """Kokoro's symbols for each sentence of ``text``."""
        known = frozenset(self._vocabulary)
        found: list[str] = []
        current = ""
        for clause in clauses(text, language):
            if language == "ja":
                symbols = "".join(c for c in self._japanese.phonemes(clause.words) if c in known)
            else:
                symbols = to_kokoro(self._espeak.phonemes(clause.words, language), language, known)
            if not re.search(r"\w", symbols):
                continue
            current = f"{current} {symbols}{clause.mark}".strip()
            if clause.ends_sentence:
                found.append(current)
                current = ""
        return [*found, current] if current else found

    @staticmethod
    def _chunks(sentences: list[str]) -> list[str]:
        """Sentences packed to a comfortable length; one that is too long is cut at clauses, then at words."""
        packed: list[str] = []
        for sentence in sentences:
            if packed and len(packed[-1]) + 1 + len(sentence) <= _COMFORTABLE_TOKENS:
                packed[-1] += f" {sentence}"
            else:
                packed.extend(_cut(sentence, r"(?<=[,;:—])\s") if len(sentence) > _MOST_TOKENS else [sentence])
        return packed

    def _render(self, symbols: str, voice: str, speed: float) -> tuple[Sound, list[Any]]:
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


def _cut(sentence: str, separator: str) -> list[str]:
    pieces: list[str] = []
    for piece in re.split(separator, sentence):
        if pieces and len(pieces[-1]) + 1 + len(piece) <= _COMFORTABLE_TOKENS:
            pieces[-1] += f" {piece}"
        elif len(piece) > _MOST_TOKENS:
            halves = _cut(piece, r"\s") if " " in piece else [piece[i: i + _MOST_TOKENS] for i in range(0, len(piece), _MOST_TOKENS)]
            pieces.extend(halves)
        else:
            pieces.append(piece)
    return pieces


def _from_store() -> Path:
    from dubbing.weights.store import Store

    return Path(Store().fetch("kokoro"))


def _session_with_durations(path: Path, threads: int) -> Any:
    import onnx
    import onnxruntime

    model = onnx.load(str(path))
    model.graph.output.append(onnx.helper.make_tensor_value_info(_DURATIONS, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # other stages work at the same time
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
