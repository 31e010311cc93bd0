"""Speech of espeak-ng's formant synthesizer with the time of every phoneme, in any of its languages.

It sounds like a machine, but its phoneme times are exact, its hundred languages have every vowel and consonant, and it
costs nothing: a part of the corpus that the phone network is trained on (``samples.phone_corpus``).
"""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt

#: Synchronous: the sound is made in the calling thread. espeak-ng's own queue and thread (mode 1) lose their wake-ups
#: when it is started twice, and then wait for ever.
_SYNCHRONOUS, _PHONEME_EVENTS_IN_IPA = 2, 3
_RATE_WPM, _PITCH, _RANGE = 1, 3, 4
_UTF8, _ENDS, _PHONEME = 1, 0, 7
_LONGEST_CLOSURE_MS = 90


class _Event(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("identifier", ctypes.c_uint), ("text_position", ctypes.c_int),
                ("length", ctypes.c_int), ("audio_ms", ctypes.c_int), ("sample", ctypes.c_int),
                ("user", ctypes.c_void_p), ("name", ctypes.c_char * 8)]


class FormantVoices:
    """One espeak-ng. Several in one process share the library, so only one thread may speak."""

    def __init__(self) -> None:
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self.rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS_IN_IPA))
        if self.rate <= 0:
            raise RuntimeError("espeak-ng does not start")
        self._sound: list[npt.NDArray[np.int16]] = []
        self._events: list[tuple[str, float]] = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
        self._callback = kind(self._collect)

    def _collect(self, samples: ctypes._Pointer, count: int, events: ctypes._Pointer) -> int:
        if samples and count > 0:
            self._sound.append(np.ctypeslib.as_array(samples, (count,)).copy())
        i = 0
        while events[i].type != _ENDS:
            if events[i].type == _PHONEME:
                self._events.append((events[i].name.decode("utf-8", "ignore"), events[i].sample * 1000 / self.rate))
            i += 1
        return 0

    def speak(self, text: str, voice: str, words_per_minute: int, pitch: int,
              pitch_range: int) -> tuple[npt.NDArray[np.float32], list[tuple[str, float, float]]]:
        """``text`` in ``voice`` ("fr", "pl+f2"); pitch and its range 0 to 99. Sound at ``rate`` and its phones."""
        self._sound, self._events = [], []
        # The library keeps one callback for the whole process: another instance may have put its own there.
        self._library.espeak_SetSynthCallback(self._callback)
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}")
        for parameter, value in ((_RATE_WPM, words_per_minute), (_PITCH, pitch), (_RANGE, pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        encoded = text.encode()
        self._library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, _UTF8, None, None)
        sound = np.concatenate(self._sound).astype(np.float32) / 32768 if self._sound else np.zeros(0, np.float32)
        starts = [self._onset(sound, name, at) for name, at in self._events]
        edges = [*starts, len(sound) * 1000 / self.rate]
        return sound, [(name.strip("ˈˌ") or " ", begin, end)
                       for (name, _), begin, end in zip(self._events, starts, edges[1:], strict=True) if end > begin]

    def _onset(self, sound: npt.NDArray[np.float32], name: str, at_ms: float) -> float:
        """espeak-ng names a voiceless stop at its burst; its closure is the quiet before."""
        if name[:1] not in ("p", "t", "k", "c", "q"):
            return at_ms
        step = int(self.rate * 0.005)
        at, quiet = int(at_ms * self.rate / 1000), 0.02 * float(np.abs(sound).max(initial=0.0))
        for back in range(1, _LONGEST_CLOSURE_MS // 5 + 1):
            piece = sound[max(at - back * step, 0): at - (back - 1) * step]
            if not len(piece) or np.abs(piece).max() > quiet:
                return at_ms - (back - 1) * 5.0
        return at_ms - _LONGEST_CLOSURE_MS
