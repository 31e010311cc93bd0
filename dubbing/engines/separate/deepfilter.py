"""DeepFilterNet3 (MIT/Apache-2.0) through its C library: speech out of a mix; M&E is what is left.

The network hears 48 kHz mono in frames of 10 ms. Here it hears the middle of a stereo picture (and, of a 5.1 mix, the
centre channel too); what it finds is put back into each channel with the gain that the channel holds it with, so
that a stereo image of music stays whole. Speech is subtracted at the original sample rate, so the two always sum to
the input.

Source: Schröter et al., "DeepFilterNet: Perceptually Motivated Real-Time Speech Enhancement" (Interspeech 2023).
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from dubbing.engines.base import Sound
from dubbing.engines.separate.stream import separated
from dubbing.errors import UnavailableError

_RATE = 48_000
_DELAY_SAMPLES = 1440
_FULL_ATTENUATION_DB = 100.0
_HOP_S = 0.02
_MEMORY_S = 0.4


class DeepFilterSeparator:
    """Separator of :mod:`dubbing.engines.base`. ``folder`` holds library and model; by default the store fetches it."""

    id: ClassVar[str] = "deepfilter"
    version: ClassVar[str] = "1"
    licence: ClassVar[str] = "MIT OR Apache-2.0"
    is_fake: ClassVar[bool] = False

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._library: Any = None
        self._model = b""

    def why_unavailable(self) -> str | None:
        if sys.platform != "linux" or platform.machine() not in ("x86_64", "AMD64"):
            return "The DeepFilterNet library that is used here is for Linux on x86-64 alone."
        return None

    def load(self) -> None:
        if self._library is not None:
            return
        reason = self.why_unavailable()
        if reason:
            raise UnavailableError(reason, "Choose another separator, or upload an M&E track.")
        folder = self._folder or _from_store()
        self._library = _open_library(folder / "libdeepfilter.so")
        self._model = str(folder / "DeepFilterNet3_onnx.tar.gz").encode()

    def release(self) -> None:
        self._library = None

    def separate(self, blocks: Iterator[Sound], sample_rate: int) -> Iterator[tuple[Sound, Sound]]:
        """Stream ``[channels, samples]`` blocks into (speech, M&E); 1, 2 or any other number of channels, any rate."""
        self.load()
        groups: list[_Group] = []

        def groups_for(channels: int) -> list[_Group]:
            groups.extend(_Group(self._library, self._model, members, sample_rate) for members in _groups(channels))
            return groups

        try:
            yield from separated(blocks, sample_rate, groups_for)
        finally:
            for group in groups:
                group.close()


def _groups(channels: int) -> list[tuple[int, ...]]:
    """Channels that share one run of the network; a channel in none of them is all music and effects."""
    if channels >= 5:  # FL FR FC LFE and surrounds: talk is in the middle, or in front
        return [(2,), (0, 1)]
    return [tuple(range(channels))]


class _Group:
    """Some channels of the mix: one mono estimate of their speech, and how much of it each channel holds."""

    def __init__(self, library: Any, model: bytes, members: tuple[int, ...], sample_rate: int) -> None:
        self._members = members
        self._network = _Network(library, model)
        self._to_network, self._from_network = _resampler(sample_rate, _RATE), _resampler(_RATE, sample_rate)
        self._speech = np.zeros(0, np.float32)
        self._hop = max(1, int(_HOP_S * sample_rate))
        self._forget = float(np.exp(-_HOP_S / _MEMORY_S))
        self._own = 1e-6
        self._shared = np.full(len(members), 1e-6)
        self._gains = np.ones(len(members))

    @property
    def ready_samples(self) -> int:
        return len(self._speech)

    def hear(self, mix: Sound) -> None:
        mono = mix[list(self._members)].mean(0)
        self._take(self._network.process(self._to_network(mono, False)), last=False)

    def finish(self, needed: int) -> None:
        """Squeeze out what the network and the resamplers still hold; at least ``needed`` samples are then ready."""
        rest = self._to_network(np.zeros(0, np.float32), True)
        tail = self._network.process(np.concatenate([rest, np.zeros(_DELAY_SAMPLES + 2 * _RATE // 100, np.float32)]))
        self._take(tail, last=True)
        if len(self._speech) < needed:
            self._speech = np.pad(self._speech, (0, needed - len(self._speech)))

    def _take(self, sound: Sound, last: bool) -> None:
        self._speech = np.concatenate([self._speech, self._from_network(sound, last)])

    def speak(self, mix: Sound, speech: Sound) -> None:
        """Add this group's speech for ``mix`` to ``speech``; uses up that many samples of the estimate."""
        count = mix.shape[1]
        estimate, self._speech = self._speech[:count], self._speech[count:]
        if len(self._members) == 1:
            speech[self._members[0]] += estimate
            return
        for start in range(0, count, self._hop):
            part = estimate[start: start + self._hop]
            channels = mix[list(self._members), start: start + self._hop]
            gains = self._updated_gains(channels, part)
            ramp = np.linspace(0, 1, len(part), endpoint=False, dtype=np.float32)
            for row, member in enumerate(self._members):
                curve = self._gains[row] + (gains[row] - self._gains[row]) * ramp
                speech[member, start: start + self._hop] += (curve * part).astype(np.float32)
            self._gains = gains

    def _updated_gains(self, channels: Sound, estimate: Sound) -> npt.NDArray[np.float64]:
        """Least-squares gain of the estimate in each channel, over the last 0.4 s, weighted by energy."""
        own, shared = float(estimate @ estimate), channels @ estimate
        self._own = self._own * self._forget + own
        self._shared = self._shared * self._forget + shared
        # With next to no speech heard lately the gains stay near one: a mono picture is the likeliest.
        return np.clip((self._shared + 1e-4) / (self._own + 1e-4), 0.0, 2.0)

    def close(self) -> None:
        self._network.close()


class _Network:
    """The C library's streaming state: 480 samples in, 480 samples out, 1,440 samples late; lateness is cut off."""

    def __init__(self, library: Any, model: bytes) -> None:
        self._library = library
        self._state = library.df_create(model, _FULL_ATTENUATION_DB, None)
        if not self._state:
            raise UnavailableError("DeepFilterNet could not read its model.",
                                   "Run: dubbing models verify deepfilternet3")
        self._frame = int(library.df_get_frame_length(self._state))
        self._waiting = np.zeros(0, np.float32)
        self._to_drop = _DELAY_SAMPLES

    def process(self, sound: Sound) -> Sound:
        self._waiting = np.concatenate([self._waiting, sound])
        whole = len(self._waiting) // self._frame * self._frame
        heard, self._waiting = np.ascontiguousarray(self._waiting[:whole]), self._waiting[whole:]
        said = np.zeros_like(heard)
        for start in range(0, whole, self._frame):
            at = start * heard.itemsize
            self._library.df_process_frame(self._state, heard.ctypes.data + at, said.ctypes.data + at)
        dropped = min(self._to_drop, len(said))
        self._to_drop -= dropped
        return said[dropped:]

    def close(self) -> None:
        if self._state:
            self._library.df_free(self._state)
            self._state = None


def _resampler(source: int, target: int) -> Any:
    """A streaming resampler ``(sound, last) -> sound`` without delay; the identity for equal rates."""
    if source == target:
        return lambda sound, _last: sound
    import soxr

    stream = soxr.ResampleStream(source, target, 1, dtype="float32")
    return lambda sound, last: stream.resample_chunk(np.ascontiguousarray(sound), last=last)


def _open_library(path: Path) -> Any:
    library = ctypes.CDLL(str(path))
    library.df_create.restype = ctypes.c_void_p
    library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
    library.df_get_frame_length.restype = ctypes.c_size_t
    library.df_get_frame_length.argtypes = [ctypes.c_void_p]
    library.df_process_frame.restype = ctypes.c_float
    library.df_process_frame.argtypes = [ctypes.c_void_p] * 3
    library.df_free.restype = None
    library.df_free.argtypes = [ctypes.c_void_p]
    return library


def _from_store() -> Path:
    from dubbing.weights.store import Store

    return Path(Store().fetch("deepfilternet3"))
