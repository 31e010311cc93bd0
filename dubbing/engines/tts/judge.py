"""Judge a synthesizer's languages: say sentences, let Whisper write them down, count the words that changed.

``python -m dubbing.engines.tts.judge --language es [--voice jm_kumo] [--json]``. A language is offered when its word
error rate (character error rate for Japanese and Chinese, which write no spaces) stays at or below 15 %. Some errors
are the recognizer's own; the figures are an upper bound.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dubbing.engines.base import Sound
from dubbing.errors import UnavailableError, UsageError
from dubbing.pipeline.word_errors import error_rate

LIMIT = 0.15
_SENTENCES = Path(__file__).with_name("sentences")


@dataclass(frozen=True, slots=True)
class Verdict:
    """How well one voice is understood in one language. ``speed`` is seconds of sound a second of work."""

    engine: str
    language: str
    voice: str
    error_rate: float
    sentences: int
    speed: float
    worst: tuple[tuple[str, str], ...]


class Listener:
    """Embedded Whisper base as a judge of intelligibility."""

    def __init__(self, folder: Path | None = None) -> None:
        from faster_whisper import WhisperModel

        if folder is None:
            from dubbing.weights.store import Store

            folder = Path(Store().fetch("whisper-base"))
        self._model = WhisperModel(str(folder), "cpu", compute_type="int8", cpu_threads=2)

    def write_down(self, sound: Sound, sample_rate: int, language: str) -> str:
        import soxr

        sound_16k = np.asarray(soxr.resample(sound, sample_rate, 16_000), np.float32)
        segments, _ = self._model.transcribe(sound_16k, language=language, beam_size=5)
        return " ".join(segment.text.strip() for segment in segments)


def sentences(language: str) -> list[str]:
    """The sentences that a language is judged by."""
    path = _SENTENCES / f"{language}.txt"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in _SENTENCES.glob("*.txt")))
        raise UsageError(f"There are no sentences for {language!r}.", f"Choose one of {known}.")
    return path.read_text(encoding="utf-8").splitlines()


def judge(engine: Any, language: str, voice: str, listener: Listener, limit: int | None = None) -> Verdict:
    """Let ``voice`` say every sentence and count what ``listener`` got wrong."""
    said = sentences(language)[:limit]
    speak = getattr(engine, "speak", engine.synthesize)
    engine.load()
    heard, spent, spoken = [], 0.0, 0.0
    for text in said:
        begin = time.perf_counter()
        speech = speak(text, language, voice)
        spent += time.perf_counter() - begin
        spoken += len(speech.sound) / speech.sample_rate
        heard.append(listener.write_down(speech.sound, speech.sample_rate, language))
    rates = [error_rate([a], [b], language) for a, b in zip(said, heard, strict=True)]
    worst = sorted(zip(rates, said, heard, strict=True), reverse=True)
    return Verdict(engine.id, language, voice, round(error_rate(said, heard, language), 4), len(said),
                   round(spoken / spent, 2), tuple((a, b) for rate, a, b in worst[:5] if rate > 0))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m dubbing.engines.tts.judge", description=__doc__)
    parser.add_argument("--language", action="append", required=True)
    parser.add_argument("--voice", action="append", help="all voices when not given")
    parser.add_argument("--engine", choices=("kokoro", "hibari"), default="kokoro")
    parser.add_argument("--sentences", type=int, help="only the first so many")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    engine = _engine(options.engine)
    try:
        listener = Listener()
        verdicts = []
        for language in options.language:
            for voice in options.voice or engine.all_voices():
                verdicts.append(judge(engine, language, voice, listener, options.sentences))
                if not options.json:
                    _print(verdicts[-1])
    except (UnavailableError, UsageError) as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if options.json:
        print(json.dumps([asdict(verdict) for verdict in verdicts], ensure_ascii=False))
    return 0


def _engine(name: str) -> Any:
    if name == "hibari":
        from dubbing.engines.tts.hibari import HibariSynthesizer

        return HibariSynthesizer()
    from dubbing.engines.tts.kokoro import KokoroSynthesizer

    return KokoroSynthesizer()


def _print(verdict: Verdict) -> None:
    mark = "offered" if verdict.error_rate <= LIMIT else "too many errors"
    figures = f"{verdict.error_rate:6.1%}  {verdict.speed:5.2f} x real time"
    print(f"{verdict.language} {verdict.voice:16} {figures}  {mark}", flush=True)
    for said, heard in verdict.worst:
        print(f"     said  {said}\n     heard {heard}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
