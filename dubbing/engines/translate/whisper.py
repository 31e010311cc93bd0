"""Translation into English by Whisper, from the utterance's own sound."""

from __future__ import annotations

import difflib
import gc
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dubbing.domain.translation import Brief, Candidate
from dubbing.engines.asr.decoder import SAMPLE_RATE, Decoded, WhisperDecoder, whisper_languages
from dubbing.engines.asr.guards import Evidence, compression_ratio, is_invented
from dubbing.engines.base import Report, Sound, TranslationRequest, silent
from dubbing.engines.translate.common import different, one_by_one, ordinal, primary
from dubbing.weights.store import Store

_LONGEST_S = 28.0
_LEAD_SAMPLES = SAMPLE_RATE // 5
_GOOD = 0.75
#: Below this the text is noise; below the other, another translator is worth asking first.
_BELIEVABLE, _SURE = 0.2, 0.42


#: How videos end: what Whisper translates a last line into when it does not understand it.
_FAREWELL = re.compile(r"\b(thanks?( you)?( so| very)?( much)? for (watching|listening|viewing|your attention)"
                       r"|see you (in the )?next (time|video|week|one)|subscribe)\b", re.IGNORECASE)
#: A source that may really say so: video, channel, watch, attention, subscribe, in the languages that are recognized.
_FAREWELL_HEARD = re.compile(r"v[ií]d[eé]o|visto|ver|vu|regard|gesehen|schau|guard|assist|aten[cç]|atten|aufmerk|"
                             r"suscr|abonn|iscri|inscre|просмотр|внимание|подпис|視聴|登録|观看|訂閱|订阅|시청|구독",
                             re.IGNORECASE)


class WhisperTranslator:
    """Whisper's own translation task: any of its languages into English.

    It hears better than it reads, and hears nothing but the utterance; what was recognized serves to judge the
    result. An empty answer means that no attempt gave anything believable: the line is left for a person.
    """

    id: ClassVar[str] = "whisper"
    licence: ClassVar[str] = "MIT"
    is_fake: ClassVar[bool] = False
    needs_sound: ClassVar[bool] = True
    quality: ClassVar[int] = 50
    version: str = "3"

    def __init__(self, model: str | Path = "auto", device: str = "", store: Store | None = None) -> None:
        self._store = store or Store()
        self._device = device
        large = model == "auto" and self._store.find("faster-whisper-large-v3") is not None
        self._model = ("faster-whisper-large-v3" if large else "whisper-base") if model == "auto" else str(model)
        self._decoder: Any = None
        self.version = f"3 {Path(self._model).name}"

    def why_unavailable(self) -> str | None:
        return None if Path(self._model).is_dir() else self._store.why_unavailable(self._model)

    def load(self) -> None:
        if self._decoder is None:
            folder = Path(self._model) if Path(self._model).is_dir() else self._store.fetch(self._model)
            self._decoder = WhisperDecoder(folder, self._device)

    def release(self) -> None:
        self._decoder = None
        gc.collect()

    def supports(self, source: str, target: str) -> bool:
        return primary(target) == "en" and primary(source) != "en" and primary(source) in whisper_languages()

    def translate(self, request: TranslationRequest, source: str, target: str) -> str:
        """English text of ``request.sound_16k``; "" when there is no sound or nothing believable in it."""
        found = self._answer(request, Brief(source, target))
        return found[0].text if found else ""

    def candidates(self, requests: Sequence[TranslationRequest], brief: Brief, report: Report = silent,
                   ) -> list[tuple[Candidate, ...]]:
        """The hypotheses of one or more searches, most believable first; () for a line in which nothing is believed."""
        return one_by_one(requests, brief, report, self._answer)

    def _answer(self, request: TranslationRequest, brief: Brief) -> tuple[Candidate, ...]:
        if request.sound_16k is None or len(request.sound_16k) < SAMPLE_RATE // 10:
            return ()
        self.load()
        least = _SURE if request.must_be_sure else _BELIEVABLE
        parts = [self._translate_part(part, request.text, primary(brief.source), max(1, request.wanted))
                 for part in _parts(request.sound_16k)]
        believed = [part for part in parts if part and part[0][1] > least]
        if not believed:
            return ()
        # Of a line of several parts, the first candidate joins their favourites, the second each part's second, ...
        found = []
        for rank in range(max(len(part) for part in believed)):
            chosen = [part[min(rank, len(part) - 1)] for part in believed]
            scores = [score for _text, score in chosen]
            if min(scores) > _BELIEVABLE:
                found.append(Candidate(" ".join(text for text, _score in chosen), round(float(np.mean(scores)), 3),
                                       self.id, ordinal(rank)))
        return different(found, request.wanted)

    def _translate_part(self, sound: Sound, heard: str, language: str, wanted: int) -> list[tuple[str, float]]:
        """(text, believability) of several searches, tried in turn until one is good; most believable first."""
        scores: dict[str, float] = {}
        for piece, options in _attempts(sound):
            encoded = self._decoder.encode([piece])
            for found in self._decoder.hypotheses(encoded, language, "translate", wanted, **options):
                score = believability(found, heard, len(sound) / SAMPLE_RATE)
                scores[found.text.strip()] = max(score, scores.get(found.text.strip(), 0.0))
            if max(scores.values(), default=0.0) > _GOOD:
                break
        return sorted(((text, score) for text, score in scores.items() if text and score > 0),
                      key=lambda item: -item[1])


def believability(found: Decoded, heard: str, seconds: float) -> float:
    """How far ``found`` can be a translation of ``heard``, in [0, 1].

    Against it count Whisper's own doubt, a length that does not fit the source, repetition, an invented phrase,
    and text that is the source itself: then Whisper wrote down instead of translating.
    """
    text = found.text.strip()
    evidence = Evidence(1.0, found.no_speech, 1.0, float(np.exp(found.logprob)), found.logprob, seconds)
    if not text or is_invented(text, "en", evidence) or compression_ratio(text) > 2.4:
        return 0.0
    if _FAREWELL.search(text) and not _FAREWELL_HEARD.search(heard):
        return 0.0
    score = float(np.exp(found.logprob))
    if heard.strip():
        # a Chinese, Japanese or Korean character says as much as two or three letters
        weight = sum(2.5 if ord(char) > 0x2E7F else 1.0 for char in heard)
        ratio = len(text) / weight
        score *= min(1.0, ratio / 0.5) * min(1.0, 2.2 / ratio)
        alike = difflib.SequenceMatcher(None, text.casefold(), heard.strip().casefold()).ratio()
        score *= 0.3 if alike > 0.8 and len(text) > 12 else 1.0
    return score


def _attempts(sound: Sound) -> Iterator[tuple[Sound, dict[str, Any]]]:
    """As it is, with air around it, louder, and with a wider search: what helps differs from line to line."""
    yield sound, {}
    air = np.zeros(_LEAD_SAMPLES, np.float32)
    padded = np.concatenate([air, sound, air])
    yield padded, {"beam_size": 8}
    peak = float(np.abs(sound).max())
    yield (padded * (0.7 / peak) if peak > 1e-4 else padded), {"beam_size": 5, "length_penalty": 1.3}


def _parts(sound: Sound) -> list[Sound]:
    """Pieces of at most 28 s, cut where the sound is quietest near the end of a piece."""
    parts = []
    limit, hop = int(_LONGEST_S * SAMPLE_RATE), SAMPLE_RATE // 50
    while len(sound) > limit:
        tail = sound[limit // 2:limit]
        frames = tail[:len(tail) // hop * hop].reshape(-1, hop)
        cut = limit // 2 + int(np.argmin(np.mean(frames ** 2, axis=1))) * hop
        parts.append(sound[:cut])
        sound = sound[cut:]
    return [*parts, sound]

