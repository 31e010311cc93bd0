"""Whisper itself, as the recognizer and the speech translator use it: encode, detect, decode, align.

Decoding is beam search only, so that the same sound always gives the same text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dubbing.engines.asr.guards import compression_ratio
from dubbing.engines.asr.timing import TimedText
from dubbing.engines.base import Sound

SAMPLE_RATE = 16000
_REPETITIVE = 2.4
_SPACELESS = ("ja", "zh", "yue", "th", "lo", "my", "km")
_PREPENDED, _APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of one piece with Whisper's own doubts: P(no speech) and the mean log probability of a token."""

    tokens: list[int]
    text: str
    no_speech: float
    logprob: float


class WhisperDecoder:
    """A Whisper model in CTranslate2 form; int8 on the CPU, float16 on a GPU.

    Pieces of at most 30 s are handed over together and answered in order.
    """

    def __init__(self, folder: Path, device: str = "") -> None:
        from dubbing.weights.segmentation import quiet_pyannote

        quiet_pyannote()
        import torch
        from whisperx.asr import WhisperModel

        from dubbing.config import load_settings

        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self._model = WhisperModel(str(folder), device=self.device, cpu_threads=load_settings().cpu_threads,
                                   compute_type="float16" if self.device == "cuda" else "int8", local_files_only=True)

    def encode(self, pieces: Sequence[Sound]) -> Any:
        """Encoder states of ``[samples]`` pieces at 16 kHz, each padded to 30 s."""
        import torch
        from whisperx.audio import N_SAMPLES, log_mel_spectrogram

        mels = self._model.feat_kwargs.get("feature_size") or 80
        features = [log_mel_spectrogram(piece, n_mels=mels, padding=N_SAMPLES - len(piece)) for piece in pieces]
        return self._model.encode(torch.stack(features).numpy())

    def languages(self, encoded: Any) -> list[tuple[str, float]]:
        """Languages of all pieces together, likeliest first."""
        totals: dict[str, float] = {}
        results = self._model.model.detect_language(encoded)
        for result in results:
            for token, probability in result:
                totals[token[2:-2]] = totals.get(token[2:-2], 0.0) + probability / len(results)
        return sorted(totals.items(), key=lambda item: -item[1])

    def decode(self, encoded: Any, count: int, language: str, task: str = "transcribe",
               **options: Any) -> list[Decoded]:
        """Text of ``count`` encoded pieces; a text that repeats itself is decoded again without repetition."""
        tokenizer = self._tokenizer(language, task)
        found = self._search(tokenizer, encoded, count, **options)
        if any(compression_ratio(each.text) > _REPETITIVE for each in found):
            again = self._search(tokenizer, encoded, count, repetition_penalty=1.2, no_repeat_ngram_size=4, **options)
            found = [second if compression_ratio(first.text) > _REPETITIVE else first
                     for first, second in zip(found, again, strict=True)]
        return found

    def hypotheses(self, encoded: Any, language: str, task: str, wanted: int, **options: Any) -> list[Decoded]:
        """Up to ``wanted`` different texts of one encoded piece, Whisper's favourite first.

        Where each of them repeats itself, they are searched again without repetition.
        """
        tokenizer = self._tokenizer(language, task)
        options["beam_size"] = max(int(options.get("beam_size", 5)), wanted)
        tries: tuple[dict[str, Any], ...] = ({}, {"repetition_penalty": 1.2, "no_repeat_ngram_size": 4})
        for more in tries:
            found = self._hypotheses(tokenizer, encoded, 1, num_hypotheses=wanted, **more, **options)[0]
            fluent = {each.text.strip(): each for each in reversed(found)
                      if compression_ratio(each.text) <= _REPETITIVE}
            if fluent:
                break
        return list(reversed(fluent.values()))

    def align(self, encoded: Any, found: Sequence[Decoded], lengths: Sequence[int], starts: Sequence[float],
              language: str) -> list[list[TimedText]]:
        """Words of each piece with times from cross-attention; ``lengths`` in samples, ``starts`` in seconds."""
        from faster_whisper.transcribe import merge_punctuations

        frames = [max(2, length // 160) for length in lengths]
        pieces = self._model.find_alignment(self._tokenizer(language, "transcribe"), [each.tokens for each in found],
                                            encoded, frames)
        words = []
        for start, items in zip(starts, pieces, strict=True):
            merge_punctuations(items, _PREPENDED, _APPENDED)
            words.append([TimedText(item["word"], start + float(item["start"]), start + float(item["end"]),
                                    float(item["probability"])) for item in items if item["word"].strip()])
        return words

    def _tokenizer(self, language: str, task: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer

        return Tokenizer(self._model.hf_tokenizer, self._model.model.is_multilingual, task=task, language=language)

    def decode_told(self, encoded: Any, count: int, language: str, names: Sequence[str]) -> list[str]:
        """What Whisper hears in ``count`` encoded pieces when it is shown names beforehand."""
        told = self._search(self._tokenizer(language, "transcribe"), encoded, count, hotwords=", ".join(names))
        return [each.text for each in told]

    def spelled(self, found: Decoded, text: str, language: str) -> Decoded:
        """``found`` with another text."""
        text = text if is_spaceless(language) else f" {text}"
        return replace(found, tokens=self._tokenizer(language, "transcribe").encode(text), text=text)

    def _search(self, tokenizer: Any, encoded: Any, count: int, **options: Any) -> list[Decoded]:
        return [best for best, *_others in self._hypotheses(tokenizer, encoded, count, **options)]

    def _hypotheses(self, tokenizer: Any, encoded: Any, count: int, hotwords: str | None = None,
                    **options: Any) -> list[list[Decoded]]:
        prompt = self._model.get_prompt(tokenizer, [], without_timestamps=True, hotwords=hotwords)
        results = self._model.model.generate(
            encoded, [prompt] * count, max_length=self._model.max_length, suppress_blank=True, suppress_tokens=[-1],
            return_scores=True, return_no_speech_prob=True, **{"beam_size": 5, **options})
        penalty = float(options.get("length_penalty", 1.0))
        return [[_decoded(tokenizer, tokens, float(score), penalty, float(result.no_speech_prob))
                 for tokens, score in zip(result.sequences_ids, result.scores, strict=True)] for result in results]


def _decoded(tokenizer: Any, found: Sequence[int], score: float, penalty: float, no_speech: float) -> Decoded:
    """``score`` is the sum of log probabilities over length to the power of ``penalty``."""
    tokens = [token for token in found if token < tokenizer.eot]
    return Decoded(tokens, tokenizer.decode(tokens), no_speech, score * len(found) ** penalty / (len(found) + 1))


def is_spaceless(language: str) -> bool:
    """Whether a language is written without blanks between its words."""
    return language in _SPACELESS


def whisper_languages() -> frozenset[str]:
    """The language codes that Whisper knows."""
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    return frozenset(_LANGUAGE_CODES)
