"""Speech with exactly known phoneme times: a small driver of the Kokoro voices.

The duration of every phoneme is an inner result of the synthesizer, so the times are exact to its 25 ms grid.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 24_000
STEP_MS = 25.0
MARKS = "ˈˌːʰʲ̃"
"""Symbols that belong to the phoneme before or after them and have no sound of their own."""
PAUSES = " ,.;:!?…—\"()“”^$"


@dataclass(frozen=True)
class Phone:
    """An IPA symbol with its time from the start of the line; pauses are " "."""

    symbol: str
    start_ms: float
    end_ms: float


@dataclass(frozen=True)
class SpokenWord:
    text: str
    start_ms: float
    end_ms: float


@dataclass(frozen=True)
class Take:
    """One spoken line: mono float32 samples at `RATE`, phonemes without gaps, words."""

    samples: npt.NDArray[np.float32]
    phones: tuple[Phone, ...]
    words: tuple[SpokenWord, ...]

    @property
    def duration_ms(self) -> float:
        return len(self.samples) * 1000 / RATE


def default_voice_folder() -> Path:
    """The folder of the Kokoro model, fetched by the weight store when it is not there yet."""
    from dubbing.weights.store import Store

    return Store().fetch("kokoro")


@cache
def _session(folder: Path):  # noqa: ANN202 - onnxruntime is imported late
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    model = onnx.load(folder / "model.onnx")
    durations = helper.make_tensor_value_info("/encoder/Clip_output_0", TensorProto.FLOAT, None)
    if all(out.name != durations.name for out in model.graph.output):
        model.graph.output.append(durations)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _phonemize(words: list[str], language: str) -> list[str]:
    import espeakng_loader
    from phonemizer.backend import EspeakBackend
    from phonemizer.backend.espeak.wrapper import EspeakWrapper

    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    name = {"en": "en-us"}.get(language, language)
    backend = EspeakBackend(name, preserve_punctuation=True, with_stress=True)
    return backend.phonemize([" ".join(words)])[0].strip().split()


def speak(text: str, language: str, voice: str, folder: Path, speed: float = 1.0) -> Take:
    """Synthesize one line.

    voice: a name in ``voices_ja.npz``, or "a+b:0.5" for a blend of two (a third person's voice).
    Raises FileNotFoundError when the folder lacks the model.
    """
    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))["vocab"]
    words = text.split()
    spoken = _phonemize(words, language)
    if len(spoken) != len(words):
        spoken = [" ".join(_phonemize([word], language)) for word in words]
    symbols: list[tuple[str, int]] = []
    for number, part in enumerate(spoken):
        if number:
            symbols.append((" ", number - 1))
        symbols.extend((symbol, number) for symbol in part if symbol in vocabulary)
    ids = [vocabulary[symbol] for symbol, _ in symbols]
    style = _style(folder / "voices_ja.npz", voice, len(ids))
    feeds = {"tokens": np.array([[0, *ids, 0]], np.int64), "style": style, "speed": np.array([speed], np.float32)}
    audio, durations = _session(folder).run([_session(folder).get_outputs()[0].name, "/encoder/Clip_output_0"], feeds)
    edges = np.concatenate([[0.0], np.cumsum(durations.ravel())]) * STEP_MS
    return Take(audio.ravel().astype(np.float32), *_timeline(symbols, edges, words))


def _style(path: Path, voice: str, length: int) -> npt.NDArray[np.float32]:
    with np.load(path, allow_pickle=False) as voices:
        if "+" not in voice:
            return voices[voice][length].reshape(1, 256).astype(np.float32)
        pair, share = voice.split(":")
        one, two = pair.split("+")
        mixed = voices[one][length] * float(share) + voices[two][length] * (1 - float(share))
        return mixed.reshape(1, 256).astype(np.float32)


def _timeline(symbols: list[tuple[str, int]], edges: npt.NDArray[np.float64], words: list[str],
              ) -> tuple[tuple[Phone, ...], tuple[SpokenWord, ...]]:
    """Phonemes (stress and length marks folded into their sound) and words."""
    phones = [Phone(" ", 0.0, float(edges[1]))]
    spans: dict[int, list[float]] = {}
    lead: float | None = None
    for k, (symbol, word) in enumerate(symbols):
        start, end = float(edges[k + 1]), float(edges[k + 2])
        if symbol in "ˈˌ":
            lead = start if lead is None else lead
            continue
        start, lead = (start if lead is None else lead), None
        if symbol in MARKS and phones:
            phones[-1] = Phone(phones[-1].symbol, phones[-1].start_ms, end)
        elif symbol in PAUSES:
            phones.append(Phone(" ", start, end))
            continue
        else:
            phones.append(Phone(symbol, start, end))
        span = spans.setdefault(word, [start, end])
        span[1] = end
    phones.append(Phone(" ", float(edges[-2]), float(edges[-1])))
    return _close_gaps(phones), tuple(SpokenWord(words[w], *span) for w, span in sorted(spans.items()))


def _close_gaps(phones: list[Phone], shortest_pause_ms: float = 160.0) -> tuple[Phone, ...]:
    """Give the short boundaries between words, which are no pauses, to the sounds beside them."""
    merged: list[Phone] = []
    for phone in phones:
        if merged and phone.symbol == " " == merged[-1].symbol:
            merged[-1] = Phone(" ", merged[-1].start_ms, phone.end_ms)
        else:
            merged.append(phone)
    for k in range(1, len(merged) - 1):
        gap = merged[k]
        if gap.symbol == " " and gap.end_ms - gap.start_ms < shortest_pause_ms:
            middle = (gap.start_ms + gap.end_ms) / 2
            merged[k - 1] = Phone(merged[k - 1].symbol, merged[k - 1].start_ms, middle)
            merged[k + 1] = Phone(merged[k + 1].symbol, middle, merged[k + 1].end_ms)
            merged[k] = Phone(" ", middle, middle)
    return tuple(phone for phone in merged if phone.end_ms > phone.start_ms)
