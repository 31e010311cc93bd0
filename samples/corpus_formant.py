"""espeak-ng's voices as if they had never spoken before.

Its synthesizer carries noise and durations over from one call to the next, and nothing resets them; so that a clip
depends on its seed alone, every utterance is spoken in a process of its own, forked from one that has only loaded the
voices (``python -m samples.corpus_formant`` is that process; `FreshVoices` talks to it).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Spoken = tuple[npt.NDArray[np.float32], list[tuple[str, float, float]]]


class FreshVoices:
    """`samples.formant_voices.FormantVoices` whose utterances do not depend on the ones before them."""

    def __init__(self) -> None:
        root = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
        self._process = subprocess.Popen([sys.executable, "-m", "samples.corpus_formant"], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}, cwd=root)
        self.rate = 0

    def __del__(self) -> None:
        process = getattr(self, "_process", None)
        if process is not None and process.stdin is not None and process.stdout is not None:
            process.stdin.close()
            process.stdout.close()
            process.wait()

    def speak(self, text: str, voice: str, words_per_minute: int, pitch: int, pitch_range: int) -> Spoken:
        """As `FormantVoices.speak`; afterwards `rate` is the sound's.

        Raises RuntimeError when there is no such voice or espeak-ng does not start.
        """
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps([text, voice, words_per_minute, pitch, pitch_range]).encode() + b"\n")
        process.stdin.flush()
        head = process.stdout.readline()
        if not head:
            raise RuntimeError(f"espeak-ng could not say {text!r} as {voice!r}")
        answer: dict[str, Any] = json.loads(head)
        self.rate = answer["rate"]
        sound = np.frombuffer(process.stdout.read(4 * answer["count"]), np.float32)
        return sound, [(symbol, start, end) for symbol, start, end in answer["phones"]]


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer request lines until they end, each in a fork of this process; stop at the first that fails."""
    from samples.formant_voices import FormantVoices

    voices = FormantVoices()
    for line in iter(requests.readline, b""):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                sound, phones = voices.speak(*json.loads(line))
                head = {"rate": voices.rate, "count": len(sound), "phones": phones}
                answers.write(json.dumps(head).encode() + b"\n" + sound.astype(np.float32).tobytes())
                answers.flush()
                status = 0
            finally:
                os._exit(status)
        if os.waitpid(child, 0)[1] != 0:
            return


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
