"""How a phrase is made to take its time: said at another speed, and what is left of it stretched.

A synthesizer's speed is asked for first, and corrected once where the voice does not follow it in proportion; only
then is the sound stretched, where speech gives way (:mod:`dubbing.domain.elastic`), at its own pitch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dubbing.domain import marks
from dubbing.domain.elastic import along, curve
from dubbing.domain.isochrony import colour
from dubbing.domain.phrases import Phrase
from dubbing.domain.speech import Phoneme
from dubbing.engines.base import Sound, Speech
from dubbing.media.wsola import Artefacts, artefacts, warp

#: What a synthesizer is asked for itself; the rest is time-stretch. Voices that hurry swallow sounds: at tempo 1.44 a
#: recognizer misheard 21 % of the words of ten Spanish sentences that a voice hurried itself, 8 % of stretched ones.
SPEED_LIMITS = (0.8, 1.2)
#: Of a stretch that nobody should hear; beyond it only so as not to run into somebody else's words.
STRETCH_LIMITS = (0.8, 1.25)
#: A stretch below this is not worth its artefacts.
STRETCH_FLOOR = 0.01
#: A voice that misses by so much, at first and later, is asked again; and none answers to speed less or more than so.
_MISSED = (STRETCH_FLOOR, 0.03, 0.05)
_RESPONSE_LIMITS = (0.4, 2.5)
#: What is left of the silence before speech and after it.
LEAD_MS, TAIL_MS = 15.0, 30.0
FADE_MS = 8.0
#: What is heard of a sound lies within so much of its loud parts.
_HEARD_DB = 35.0
_FRAME_MS = 5.0

#: Says a phrase at a speed.
Say = Callable[[float], Speech]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A phrase that was said. ``natural_ms`` is its length at speed 1; ``stretch`` the tempo by which the sound was
    changed afterwards."""

    speech: Speech
    natural_ms: float
    speed: float = 1.0
    calls: int = 1
    stretch: float = 1.0
    harm: Artefacts | None = None

    @property
    def duration_ms(self) -> float:
        return duration_ms(self.speech)


def said_naturally(say: Say) -> Spoken:
    """The phrase as the voice says it by itself."""
    speech = trimmed(say(1.0))
    return Spoken(speech, duration_ms(speech))


def said_within(say: Say, spoken: Spoken, target_ms: float) -> Spoken:
    """``spoken`` (at speed 1) said anew at the speed that comes nearest to ``target_ms``.

    Where the voice does not follow in proportion (durations of whole frames do not), the speed is corrected, at most
    twice: by what the calls so far have shown.
    """
    wanted = math.log(spoken.natural_ms / target_ms)
    tried = {1.0: spoken}
    for most in _MISSED:
        if min(abs(_tempo(one) - wanted) for one in tried.values()) <= most:
            break
        speed = _next_speed({math.log(at): _tempo(one) for at, one in tried.items()}, wanted)
        if any(abs(speed / at - 1) <= STRETCH_FLOOR for at in tried):
            break
        tried[speed] = replace(spoken, speech=trimmed(say(speed)), speed=speed)
    best = min(tried.values(), key=lambda one: abs(_tempo(one) - wanted))
    return replace(best, calls=len(tried))


def _tempo(spoken: Spoken) -> float:
    """How much faster than by itself, as a logarithm."""
    return math.log(spoken.natural_ms / spoken.duration_ms)


def _next_speed(known: dict[float, float], wanted: float) -> float:
    """The speed to ask for: between the two (log) speeds whose tempos lie about the ``wanted`` one, else further on
    in the same proportion."""
    below = max((one for one in known.items() if one[1] <= wanted), default=None, key=lambda one: (one[1], one[0]))
    above = min((one for one in known.items() if one[1] > wanted), default=None, key=lambda one: (one[1], one[0]))
    if below is not None and above is not None:
        part = (wanted - below[1]) / (above[1] - below[1])
        return _bounded(math.exp(below[0] + (above[0] - below[0]) * part))
    speed, tempo = max(known.items(), key=lambda one: abs(one[0]))
    response = min(max(tempo / speed, _RESPONSE_LIMITS[0]), _RESPONSE_LIMITS[1]) if speed else 1.0
    return _bounded(math.exp(speed + (wanted - tempo) / response))


def stretched(spoken: Spoken, target_ms: float, limits: tuple[float, float] = STRETCH_LIMITS) -> Spoken:
    """``spoken`` stretched to ``target_ms`` as far as ``limits`` (of tempo) allow, where that is worth it: also by
    little where it would otherwise miss the colour of its fit."""
    now = spoken.duration_ms
    tempo = min(max(now / target_ms, limits[0]), limits[1])
    is_missed = colour(spoken.natural_ms / now) is not colour(spoken.natural_ms / target_ms)
    if tempo == 1 or (abs(tempo - 1) <= STRETCH_FLOOR and not is_missed):
        return spoken
    speech, rate = spoken.speech, spoken.speech.sample_rate
    length_ms = max(1, round(len(speech.sound) / tempo)) * 1000 / rate
    knots = curve(speech.phonemes, now, length_ms)
    sound = warp(speech.sound, rate, knots)
    phonemes = tuple(Phoneme(p.symbol, along(knots, p.start_ms), along(knots, p.end_ms)) for p in speech.phonemes)
    return replace(spoken, speech=Speech(sound, rate, phonemes), stretch=spoken.stretch * tempo,
                   harm=artefacts(speech.sound, sound, rate, knots))


def joined(parts: Sequence[Speech], starts_ms: Sequence[float], end_ms: float | None = None) -> Speech:
    """Phrases at their times, silence between them, cut at ``end_ms``; all have the first one's sample rate."""
    rate = parts[0].sample_rate
    firsts = [round(start * rate / 1000) for start in starts_ms]
    total = max(first + len(part.sound) for first, part in zip(firsts, parts, strict=True))
    if end_ms is not None:
        total = min(total, int(end_ms * rate / 1000))
    sound = np.zeros(total, np.float32)
    phonemes: list[Phoneme] = []
    for first, part in zip(firsts, parts, strict=True):
        own = faded(part.sound, rate)[: max(0, total - first)]
        sound[first: first + len(own)] += own
        shift = first * 1000 / rate
        if phonemes and shift > phonemes[-1].end_ms:
            phonemes.append(Phoneme(" ", phonemes[-1].end_ms, shift))
        phonemes += [Phoneme(p.symbol, p.start_ms + shift, p.end_ms + shift) for p in part.phonemes]
    last_ms = total * 1000 / rate
    return Speech(sound, rate, tuple(replace(p, end_ms=min(p.end_ms, last_ms))
                                     for p in phonemes if p.start_ms < last_ms))


def duration_ms(speech: Speech) -> float:
    return len(speech.sound) * 1000 / speech.sample_rate


def trimmed(speech: Speech) -> Speech:
    """Without the silence before the first and after the last phoneme, but for a small edge."""
    spoken = [p for p in speech.phonemes if p.symbol.strip()]
    if not spoken:
        return speech
    total = duration_ms(speech)
    start, end = max(0.0, spoken[0].start_ms - LEAD_MS), min(total, spoken[-1].end_ms + TAIL_MS)
    first, last = round(start * speech.sample_rate / 1000), round(end * speech.sample_rate / 1000)
    phonemes = tuple(replace(p, start_ms=max(0.0, p.start_ms - start), end_ms=min(end, p.end_ms) - start)
                     for p in speech.phonemes if p.end_ms > start and p.start_ms < end)
    return Speech(speech.sound[first:last], speech.sample_rate, phonemes)


def faded(sound: Sound, sample_rate: int) -> Sound:
    """With a few milliseconds of fade at both edges, so that nothing clicks."""
    n = min(int(FADE_MS * sample_rate / 1000), len(sound) // 2)
    if n == 0:
        return sound
    ramp = np.linspace(0, 1, n, dtype=np.float32)
    out = np.array(sound, np.float32)
    out[:n] *= ramp
    out[-n:] *= ramp[::-1]
    return out


def onset_ms(sound: Sound, sample_rate: int) -> float:
    """When ``sound`` (mono) is first heard; 0 for silence."""
    step = max(1, round(_FRAME_MS * sample_rate / 1000))
    frames = np.asarray(sound[: len(sound) // step * step], np.float64).reshape(-1, step)
    power = np.square(frames).mean(1)
    if not len(power) or power.max() <= 0:
        return 0.0
    loud = np.percentile(power, 95)
    return float(np.argmax(power >= loud * 10 ** (-_HEARD_DB / 10)) * _FRAME_MS)


def emphasised_times(phrase: Phrase, speech: Speech) -> list[tuple[float, float]]:
    """When the emphasised characters of ``phrase`` are said: each letter is taken to be as much of a phone as any."""
    phones = [p for p in speech.phonemes if p.symbol.strip()]
    found = []
    for start, end in phrase.emphasised if phones else ():
        before, until, total = (_letters(phrase.text[:at]) for at in (start, end, len(phrase.text)))
        if total:
            first = min(round(before / total * len(phones)), len(phones) - 1)
            last = min(max(round(until / total * len(phones)) - 1, first), len(phones) - 1)
            found.append((phones[first].start_ms, phones[last].end_ms))
    return found


def _letters(text: str) -> int:
    return sum(char.isalnum() for char in marks.without_ipa(text))


def _bounded(speed: float) -> float:
    return min(max(speed, SPEED_LIMITS[0]), SPEED_LIMITS[1])
