"""Hibari: Kokoro's American voice ``af_heart`` distilled to 8 MB (Apache-2.0), with the exact time of every phoneme.

The network predicts a spectrum for every 12.5 ms, and, on the way, how long each token lasts; that tensor is made an
output of the graph. The vocoder follows hibari-tts 0.2 (``hibari/dsp.py``, Apache-2.0): a pulse train filtered by the
harmonic branch, shaped noise, and a free-phase branch, in one inverse STFT.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from dubbing.domain.speech import Phoneme
from dubbing.engines.base import Sound, Speech, Voice
from dubbing.engines.tts.script import Speller, say
from dubbing.engines.tts.timing import EDGE, timeline, trim
from dubbing.errors import UnavailableError

SAMPLE_RATE = 24_000
_VOICE = "af_heart"
_PITCH_HZ = 198.0
_DURATIONS = "/Clip_output_0"
_UNIT_MS = 25.0
#: As in Kokoro, its teacher, a token is heard before its durations say (measured as there).
_LEAD_MS = 50.0
_FFT, _HOP = 1200, 300
_BLOCKS = _FFT // _HOP
_WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)).astype(np.float32)
_LOWEST_HZ, _HIGHEST_HZ = 40.0, 11_000.0
_NOISE_SEED = 0

Frames = npt.NDArray[np.float32]


class HibariSynthesizer:
    """Synthesizer of :mod:`dubbing.engines.base`: English, one female voice, many times faster than real time."""

    id: ClassVar[str] = "hibari"
    version: ClassVar[str] = "2"
    licence: ClassVar[str] = "Apache-2.0 (model), GPL-3.0 (espeak-ng)"
    is_fake: ClassVar[bool] = False
    takes_ipa: ClassVar[bool] = True

    def __init__(self, folder: Path | None = None, threads: int = 1) -> None:
        self._folder = folder
        self._threads = threads
        self._session: Any = None
        self._vocabulary: dict[str, int] = {}
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
            self._vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
            self._speller.load()
            self._session = session_with_output(folder / "hibari.onnx", _DURATIONS, self._threads)

    def release(self) -> None:
        with self._lock:
            self._session = None
            self._speller.release()

    def languages(self) -> tuple[str, ...]:
        return ("en",)

    def all_voices(self) -> tuple[str, ...]:
        """Every voice of the model."""
        return (_VOICE,)

    def voices(self, language: str) -> tuple[Voice, ...]:
        return (Voice(_VOICE, ("en",), "female", _PITCH_HZ),) if language == "en" else ()

    def synthesize(self, text: str, language: str, voice: str, *, speed: float = 1.0) -> Speech:
        """Speak English ``text``; 24 kHz. Raises DubbingError when nothing in it can be spoken."""
        if language != "en" or voice != _VOICE:
            raise UnavailableError(f"Hibari has no voice {voice!r} for {language!r}.",
                                   f"Its only voice is {_VOICE}: English.")
        self.load()
        sentences = self._speller.sentences(text, language, frozenset(self._vocabulary))
        return say(text, sentences, lambda piece: self._render(piece, speed), SAMPLE_RATE, speed)

    def _render(self, symbols: str, speed: float) -> tuple[Sound, list[Phoneme]]:
        ids = np.array([[0, *(self._vocabulary[symbol] for symbol in symbols), 0]], np.int64)
        names = ["lh", "theta", "ln", "lr", "phi", "f0", _DURATIONS]
        *spectra, units = self._session.run(names, {"ids": ids, "speed": np.array([speed], np.float32)})
        sound = vocode(*(part[0] for part in spectra))
        durations_ms = np.asarray(units, np.float64).ravel() * _UNIT_MS
        phonemes = timeline([EDGE, *symbols, EDGE], durations_ms, sound, SAMPLE_RATE, _LEAD_MS)
        return trim(sound, phonemes, SAMPLE_RATE)


def vocode(harmonic: Frames, angle: Frames, noise: Frames, free: Frames, phase: Frames, pitch_hz: Frames) -> Sound:
    """24 kHz sound from spectra (``[601, frames]``: log magnitudes and phases) and pitch (``[frames]``)."""
    spectrum = _stft(_pulses(pitch_hz), harmonic.shape[1])
    spectrum *= _magnitude(harmonic) * np.exp(1j * np.pi * np.tanh(angle))
    random = np.random.default_rng(_NOISE_SEED)
    pairs = random.standard_normal((noise.shape[0], 2 * noise.shape[1]), dtype=np.float32)
    spectrum += _magnitude(noise) * pairs.view(np.complex64)
    spectrum += _magnitude(free) * np.exp(1j * phase)
    return _inverse_stft(spectrum.astype(np.complex64))


def _magnitude(log: Frames) -> Frames:
    return np.exp(np.minimum(log, 7.0), dtype=np.float32)


def _pulses(pitch_hz: Frames) -> npt.NDArray[np.float64]:
    """Every harmonic of the pitch below 11 kHz at unit amplitude, in closed form; silence where there is no pitch."""
    frames = np.arange(len(pitch_hz) * _HOP)
    pitch = np.interp((frames + 0.5) / _HOP - 0.5, np.arange(len(pitch_hz)), pitch_hz)
    is_voiced = pitch > _LOWEST_HZ
    pitch = np.maximum(pitch, _LOWEST_HZ)
    phase = 2 * np.pi * (np.cumsum(pitch / SAMPLE_RATE) % 1.0)
    order = np.floor(_HIGHEST_HZ / pitch) + 0.5
    below = 2 * np.sin(phase / 2)
    is_peak = np.abs(below) <= 2e-3
    ratio = np.where(is_peak, order, np.sin(order * phase) / np.where(is_peak, 1.0, below))
    return np.where(is_voiced, ratio - 0.5, 0.0)


def _stft(sound: npt.NDArray[np.float64], frames: int) -> npt.NDArray[np.complex128]:
    padded = np.pad(sound, _FFT // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP][:frames]
    return np.ascontiguousarray(np.fft.rfft(windows * (_WINDOW / (_FFT / 4)), axis=1).T)


def _inverse_stft(spectrum: npt.NDArray[np.complex64]) -> Sound:
    frames = spectrum.shape[1]
    parts = (np.fft.irfft(spectrum.T, _FFT, axis=1) * _WINDOW).reshape(frames, _BLOCKS, _HOP)
    squared = np.square(_WINDOW).reshape(_BLOCKS, _HOP)
    sound, weight = np.zeros((2, frames + _BLOCKS - 1, _HOP), np.float64)
    for block in range(_BLOCKS):
        sound[block: block + frames] += parts[:, block]
        weight[block: block + frames] += squared[block]
    whole = (sound / np.maximum(weight, 1e-11)).ravel()
    return whole[_FFT // 2: _FFT // 2 + frames * _HOP].astype(np.float32)


def _from_store() -> Path:
    from dubbing.weights.store import Store

    return Path(Store().fetch("hibari"))
