"""Speech recognition with WhisperX: voice activity, batched Whisper, and times for every word."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dubbing.domain.speech import Segment, Transcript, Word
from dubbing.engines.asr import models
from dubbing.engines.asr.decoder import SAMPLE_RATE, Decoded, WhisperDecoder, is_spaceless, whisper_languages
from dubbing.engines.asr.guards import Evidence, is_invented, without_loops
from dubbing.engines.asr.names import clean, merged, merged_characters, snapped
from dubbing.engines.asr.timing import TimedText, fill_gaps, glue, leave_pauses, loud_parts, sentences, to_words
from dubbing.engines.asr.voice import VoiceActivity, stretches
from dubbing.engines.base import Report, Sound, silent
from dubbing.errors import UnavailableError
from dubbing.weights.store import Store

UNKNOWN = "und"
_CHUNK_S = 28.0
_JOIN_GAP_S = 3.0
_EDGE_S = 0.15
_SURE_LANGUAGE = 0.8


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece that Whisper hears at once; ``voiced`` are the stretches of voice inside. In seconds."""

    start: float
    end: float
    voiced: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class _Heard:
    """What Whisper made of one chunk."""

    chunk: Chunk
    words: list[TimedText]
    no_speech: float
    logprob: float


class WhisperXRecognizer:
    """WhisperX on the embedded Whisper base, or on any faster-whisper model.

    ``model``: a name ("large-v3", "turbo", "distil-large-v3", "base", or one of the catalog), a folder in CTranslate2's
    form, or "auto"; without one the setting ``recognition_model`` is asked. See :mod:`dubbing.engines.asr.models`.
    ``alignment``: "attention" takes word times from Whisper's cross-attention, "wav2vec2" from a phoneme
    model of the language (catalog: align-<language>), "auto" from wav2vec2 where its weights are present.
    """

    id: ClassVar[str] = "whisperx"
    licence: ClassVar[str] = "BSD-2-Clause (WhisperX), MIT (Whisper)"
    is_fake: ClassVar[bool] = False
    version: str = "1"

    def __init__(self, model: str | Path | None = None, alignment: str = "auto", device: str | None = None,
                 store: Store | None = None, batch_size: int = 4) -> None:
        self._store = store or Store()
        self._device = device or ""
        self._name = models.wanted() if model is None else str(model)
        self._alignment = alignment
        self._batch_size = batch_size
        self._decoder: Any = None
        self._voice: Any = None
        self._aligners: dict[str, Any] = {}
        self.version = f"1 {models.label(self._chosen())} {alignment}"

    @property
    def memory_mb(self) -> int:
        """What the loaded models take, roughly."""
        return models.memory_mb(self._chosen(), self._wants_gpu())

    def why_unavailable(self) -> str | None:
        chosen = self._chosen()
        if (reason := models.why_unavailable(chosen, self._store)) is not None:
            return reason
        return self._store.why_unavailable("pyannote-segmentation")

    def load(self) -> None:
        if self._decoder is not None:
            return
        segmentation = self._store.fetch("pyannote-segmentation")
        chosen = self._chosen()
        folder = Path(chosen) if models.is_folder(chosen) else self._store.fetch(chosen)
        decoder = WhisperDecoder(folder, self._device)
        self._device = decoder.device
        self._voice, self._decoder = VoiceActivity(segmentation, self._device), decoder

    def release(self) -> None:
        self._decoder = self._voice = None
        self._aligners.clear()
        gc.collect()

    def transcribe(self, sound_16k: Sound, *, language: str | None, names: Sequence[str] = (),
                   report: Report = silent) -> Transcript:
        """Words with times; what Whisper invents over music and silence is left out. See ``Recognizer``."""
        wanted = clean(names)
        self.load()
        sound = np.ascontiguousarray(sound_16k, dtype=np.float32)
        total = len(sound) / SAMPLE_RATE
        if total < 0.1:
            return Transcript(_primary(language) or UNKNOWN, 0.0, ())
        report(0, total, "finding speech")
        scores, step = self._voice.scores(sound)
        chunks = make_chunks(scores, step, total)
        if not chunks:
            return Transcript(_primary(language) or UNKNOWN, 0.0, ())
        code, certainty = _primary(language), 1.0
        if code is not None and code not in whisper_languages():
            raise UnavailableError(f"Whisper does not know the language {code}.",
                                   "Leave the source language to detection or give another code.")
        models.check_language(self._chosen(), code)
        heard: list[_Heard] = []
        done = 0.0
        for batch in _spread_first(chunks, self._batch_size):
            if code is None:
                code, certainty, found = self._hear(batch, sound, None, wanted)
            else:
                _, _, found = self._hear(batch, sound, code, wanted)
            heard += found
            done += sum(chunk.end - chunk.start for chunk in batch)
            report(min(done, total), total, "recognizing speech")
        assert code is not None
        segments: list[Segment] = []
        for item in sorted(heard, key=lambda each: each.chunk.start):
            segments += self._segments(item, code, certainty, sound, scores, step)
        report(total, total, "recognizing speech")
        if not segments and language is None:  # what was detected was not speech
            return Transcript(UNKNOWN, 0.0, ())
        return Transcript(code, round(certainty, 3), tuple(segments))

    def _chosen(self) -> str:
        """The catalog name or folder to use; "auto" is the best that was pulled and suits this machine, else base."""
        return models.best(self._store, self._wants_gpu()) if self._name == models.AUTO else models.resolve(self._name)

    def _wants_gpu(self) -> bool:
        return self._device == "cuda" or (not self._device and Path("/dev/nvidia0").exists())

    def _hear(self, batch: Sequence[Chunk], sound: Sound, language: str | None,
              names: Sequence[str]) -> tuple[str, float, list[_Heard]]:
        """Language, its probability and what was heard.

        An unknown language is the likeliest over all chunks. Where that is not sure, the likeliest three are
        tried and the one in which Whisper is surest of its words is taken.
        """
        pieces = [sound[int(chunk.start * SAMPLE_RATE):int(chunk.end * SAMPLE_RATE)] for chunk in batch]
        encoded = self._decoder.encode(pieces)
        certainty = 1.0
        if language is not None:
            found = self._decoder.decode(encoded, len(batch), language)
        else:
            likely = self._decoder.languages(encoded)
            likely = likely[:1] if likely[0][1] >= _SURE_LANGUAGE else [each for each in likely[:3] if each[1] > 0.02]
            tried = [(code, p, self._decoder.decode(encoded, len(batch), code)) for code, p in likely]
            language, certainty, found = max(tried, key=_plausibility)
        timed = self._align(encoded, batch, pieces, found, language)
        if names:
            told = self._decoder.decode_told(encoded, len(batch), language, names)
            better = [self._named(plain, words, other, language, names)
                      for plain, words, other in zip(found, timed, told, strict=True)]
            if better != found:
                found, timed = better, self._align(encoded, batch, pieces, better, language)
            timed = [words if is_spaceless(language) else snapped(words, names) for words in timed]
        return language, certainty, [_Heard(chunk, words, text.no_speech, text.logprob)
                                     for chunk, words, text in zip(batch, timed, found, strict=True)]

    def _align(self, encoded: Any, batch: Sequence[Chunk], pieces: Sequence[Sound], found: Sequence[Decoded],
               language: str) -> list[list[TimedText]]:
        timed: list[list[TimedText]] = self._decoder.align(
            encoded, found, [len(piece) for piece in pieces], [chunk.start for chunk in batch], language)
        return timed if is_spaceless(language) else [glue(words) for words in timed]

    def _named(self, found: Decoded, words: Sequence[TimedText], told: str, language: str,
               names: Sequence[str]) -> Decoded:
        """What was heard, with the names that are heard once Whisper is shown them."""
        text = merged_characters(found.text, told, names) if is_spaceless(language) else merged(words, told, names)
        return found if text is None else self._decoder.spelled(found, text, language)

    def _segments(self, heard: _Heard, language: str, certainty: float, sound: Sound, scores: np.ndarray,
                  step: float) -> list[Segment]:
        chunk = heard.chunk
        timed = self._refine(heard, language, sound)
        fill_gaps(timed, chunk.start, chunk.end)
        leave_pauses(timed, loud_parts(sound, chunk.voiced, SAMPLE_RATE))
        words = without_loops(to_words(timed, len(sound) / SAMPLE_RATE))

        def evidence(part: Sequence[Word]) -> Evidence:
            begin, end = part[0].start_ms / 1000, part[-1].end_ms / 1000
            voice = scores[int(begin / step):int(end / step) + 1]
            return Evidence(float(voice.mean()) if len(voice) else 0.0, heard.no_speech, certainty,
                            float(np.mean([word.confidence for word in part])), heard.logprob, end - begin)

        join = "" if is_spaceless(language) else " "
        if not words or is_invented(join.join(word.text for word in words), language, evidence(words)):
            return []
        return [s for s in sentences(words, join) if not is_invented(s.text, language, evidence(s.words))]

    def _refine(self, heard: _Heard, language: str, sound: Sound) -> list[TimedText]:
        """The words with wav2vec2 times where those are wanted and work, else as they are."""
        aligner = self._aligner(language)
        if aligner is None or not heard.words:
            return heard.words
        chunk = heard.chunk
        piece = sound[int(chunk.start * SAMPLE_RATE):int(chunk.end * SAMPLE_RATE)]
        aligned = aligner.align([word.text.strip() for word in heard.words], piece, chunk.start)
        if aligned is None:
            return heard.words
        for word, original in zip(aligned, heard.words, strict=True):
            word.confidence = original.confidence  # Whisper's own certainty of the word, not of its place
        return aligned

    def _aligner(self, language: str) -> Any:
        if self._alignment == "attention":
            return None
        if language not in self._aligners:
            name = f"align-{language}"
            known = any(entry.name == name for entry in self._store.entries())
            folder = self._store.find(name) if known else None
            if folder is None and self._alignment == "wav2vec2":
                folder = self._store.fetch(name)
            if folder is not None:
                from dubbing.engines.asr.wav2vec2 import Aligner

                self._aligners[language] = Aligner(folder, self._device)
            else:
                self._aligners[language] = None
        return self._aligners[language]


def make_chunks(scores: np.ndarray, step_s: float, total_s: float) -> list[Chunk]:
    """Cut sound into pieces of at most 28 s around its voice, joining stretches less than 3 s apart.

    ``scores`` is voice activity as ``[frames]``. A stretch longer than a piece is cut where voice is weakest.
    """
    pieces = [part for stretch in stretches(scores, step_s, total_s, edge_s=_EDGE_S)
              for part in _cut(stretch, scores, step_s)]
    chunks: list[Chunk] = []
    voiced: list[tuple[float, float]] = []
    for start, end in pieces:
        if voiced and (end - voiced[0][0] > _CHUNK_S or start - voiced[-1][1] > _JOIN_GAP_S):
            chunks.append(Chunk(voiced[0][0], voiced[-1][1], tuple(voiced)))
            voiced = []
        voiced.append((start, end))
    if voiced:
        chunks.append(Chunk(voiced[0][0], voiced[-1][1], tuple(voiced)))
    return chunks


def _cut(stretch: tuple[float, float], scores: np.ndarray, step_s: float) -> list[tuple[float, float]]:
    start, end = stretch
    parts = []
    while end - start > _CHUNK_S:
        low, high = int((start + _CHUNK_S / 2) / step_s), int((start + _CHUNK_S) / step_s)
        where = (low + int(np.argmin(scores[low:high]))) * step_s
        parts.append((start, where))
        start = where
    return [*parts, (start, end)]


def _spread_first(chunks: Sequence[Chunk], size: int) -> list[list[Chunk]]:
    """Batches; the first takes chunks from all over the sound, because the language is found from it."""
    if len(chunks) > size:
        first = [chunks[index * len(chunks) // size] for index in range(size)]
        rest = [chunk for chunk in chunks if chunk not in first]
        return [first, *(rest[index:index + size] for index in range(0, len(rest), size))]
    return [list(chunks)]


def _primary(language: str | None) -> str | None:
    return language.replace("_", "-").split("-")[0].lower() if language else None



def _plausibility(tried: tuple[str, float, list[Decoded]]) -> float:
    _, probability, found = tried
    return float(np.mean([each.logprob for each in found]) + 0.1 * np.log(probability))
