"""What the people of a corpus say: a few seconds of speech and pauses with the time of every phoneme."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from samples import phone_corpus as phones_of
from samples.corpus_formant import FreshVoices
from samples.face_motion import TARGETS
from samples.rooms import RATE, decaying_noise
from samples.voices import PAUSES, Phone, _close_gaps

Sound = npt.NDArray[np.float32]
_FEMALE_VARIANTS = ("f1", "f2", "f3", "f4", "f5", "Annie", "anika", "belinda", "linda", "steph")
_MALE_VARIANTS = tuple(v for v in phones_of._VARIANTS if v not in _FEMALE_VARIANTS)
_MALE_VOICE = "jm_kumo"
#: Languages that only the formant voices speak are drawn more often there.
_FORMANT_CHANCES = {"fr": 3, "nl": 3, "pl": 3, "ru": 3, "ko": 2, "zh": 2, "en": 1, "es": 1, "de": 1, "it": 1, "pt": 1}
#: Sounds that `face_motion.TARGETS` does not have, as the one that looks most like them.
_LOOKS_LIKE = {"y": "u", "ʏ": "ʊ", "ø": "o", "œ": "ɔ", "ɵ": "ʊ", "ɨ": "ɪ", "ɯ": "ᵻ", "ɤ": "ʌ", "ɞ": "ɜ", "ɕ": "ʃ",
               "ʑ": "ʒ", "ʂ": "ʃ", "ʐ": "ʒ", "ç": "j", "ʁ": "x", "χ": "x", "ʀ": "x", "q": "k", "c": "k", "ɟ": "ɡ",
               "g": "ɡ", "ɸ": "β", "ɫ": "l", "ɭ": "l", "ɻ": "ɹ", "ʈ": "t", "ɖ": "d", "ɳ": "n", "ɴ": "ŋ", "ʦ": "s",
               "ʣ": "z", "ʨ": "ʃ", "ʥ": "ʒ", "S": "s", "ɬ": "l", "ħ": "h", "ɦ": "h"}


@dataclass(frozen=True)
class Voice:
    """kind: "kokoro", "hibari" or "formant". weights: of Kokoro's voices. variant, pitch: of espeak-ng."""

    kind: str
    speed: float
    weights: dict[str, float]
    variant: str = ""
    pitch: int = 50
    pitch_range: int = 50


@dataclass(frozen=True)
class Speech:
    """sound: float32 [seconds * 16,000]; phones: (symbol, start_ms, end_ms) as the synthesizer names them."""

    sound: Sound
    phones: list[tuple[str, float, float]]
    text: list[str]


def draw_voice(rng: np.random.Generator, female: bool) -> Voice:
    """A voice that fits: of one synthesizer, mostly a mixture of several of its voices."""
    speed = round(float(rng.uniform(0.85, 1.3)), 3)
    pick = rng.random()
    if pick < 0.12:
        return Voice("hibari", speed, {"hibari": 1.0})
    if pick < 0.50:
        variants = _FEMALE_VARIANTS if female else _MALE_VARIANTS
        variant = variants[rng.integers(len(variants))]
        return Voice("formant", speed, {variant: 1.0}, variant, int(rng.integers(25, 75)), int(rng.integers(30, 90)))
    women = ["jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro"]
    if female:
        chosen = [str(n) for n in rng.choice(women, int(rng.integers(1, 4)), replace=False)]
        share = rng.dirichlet(np.full(len(chosen), 1.5))
        return Voice("kokoro", speed, {n: round(float(s), 3) for n, s in zip(chosen, share, strict=True)})
    own = round(float(rng.uniform(0.6, 1.0)), 3)
    return Voice("kokoro", speed, {_MALE_VOICE: own, str(rng.choice(women)): round(1 - own, 3)})


def draw_language(rng: np.random.Generator, voice: Voice) -> str:
    """A language that this voice speaks."""
    if voice.kind == "hibari":
        return "en"
    chances = _FORMANT_CHANCES if voice.kind == "formant" else phones_of.SHARES
    share = np.array(list(chances.values()), float)
    return list(chances)[rng.choice(len(chances), p=share / share.sum())]


class Speakers:
    """All synthesizers; each is loaded when it is first needed."""

    @cached_property
    def _neural(self) -> phones_of.Speaker:
        return phones_of.Speaker(threads=1)

    @cached_property
    def _formant(self) -> FreshVoices:
        return FreshVoices()

    def say(self, voice: Voice, language: str, rng: np.random.Generator) -> tuple[Sound, list, str]:
        """One sentence, or nonsense of its language: sound at 16 kHz, phones, what was said."""
        from dubbing.engines.tts.judge import sentences

        known = phones_of._MORE_SENTENCES.get(language) or sentences(language)
        text = known[rng.integers(len(known))]
        free = rng.random() < 0.5
        if voice.kind == "formant":
            return self._say_formant(voice, language, text, known if free and language != "zh" else None, rng)
        symbols = self._neural.sentences(text, language)
        if free:
            words = " ".join(self._neural.sentences(s, language) for s in known).split()
            marks = phones_of._MARKS + phones_of._STRESS
            symbols = phones_of.nonsense([w for w in (word.strip(marks) for word in words) if w], rng)
        if voice.kind == "hibari":
            return *self._neural.hibari(symbols, voice.speed), symbols
        return *self._neural.kokoro(symbols, voice.weights, voice.speed), symbols

    def _say_formant(self, voice: Voice, language: str, text: str, known: list[str] | tuple[str, ...] | None,
                     rng: np.random.Generator) -> tuple[Sound, list, str]:
        import soxr

        if known:
            words = [w.strip(phones_of._MARKS) for s in known for w in s.split()]
            text = " ".join(words[i] for i in rng.integers(0, len(words), int(rng.integers(4, 10))))
        name = f"{phones_of._FORMANT_LANGUAGES[language]}+{voice.variant}"
        sound, phones = self._formant.speak(text, name, int(165 * voice.speed), voice.pitch, voice.pitch_range)
        return np.asarray(soxr.resample(sound, self._formant.rate, RATE), np.float32), phones, text


def speak(speakers: Speakers, voice: Voice, language: str, seconds: float, silence_s: tuple[float, float],
          rng: np.random.Generator) -> Speech:
    """Sentences until ``seconds`` are full, the last one cut off. silence_s: before the first, between two."""
    total = round(seconds * RATE)
    sound, phones, text = np.zeros(total, np.float32), [], []
    at = round(silence_s[0] * RATE)
    while at < total - RATE // 3:
        said, spoken, words = speakers.say(voice, language, rng)
        peak = float(np.abs(said).max(initial=0.0))
        if peak < 1e-4:
            continue
        part = said[: total - at] * (0.6 / peak)
        fade = min(len(part), RATE // 50) if len(part) < len(said) else 0
        if fade:
            part = np.concatenate([part[:-fade], part[-fade:] * np.linspace(1, 0, fade, dtype=np.float32)])
        sound[at: at + len(part)] += part
        start_ms, end_ms = at * 1000 / RATE, total * 1000 / RATE
        phones += [(symbol, round(start_ms + a, 1), round(min(start_ms + b, end_ms), 1)) for symbol, a, b in spoken
                   if start_ms + a < end_ms]
        text.append(words)
        at += len(said) + round(silence_s[1] * rng.uniform(0.5, 1.3) * RATE)
    return Speech(sound, phones, text)


def in_a_room(sound: Sound, rng: np.random.Generator) -> Sound:
    """The sound as a microphone in some room hears it: reverberation, noise, level."""
    from scipy.signal import fftconvolve

    out = sound.astype(np.float64)
    if rng.random() < 0.5:
        room = decaying_noise(float(rng.uniform(0.15, 0.7)), float(rng.uniform(3, 14)), int(rng.integers(1 << 30)))
        out = fftconvolve(out, room.answer)[: len(out)]
    level = float(np.sqrt(np.mean(out**2))) + 1e-6
    if rng.random() < 0.6:
        hiss = np.cumsum(rng.standard_normal(len(out))) if rng.random() < 0.4 else rng.standard_normal(len(out))
        hiss -= np.convolve(hiss, np.ones(200) / 200, "same")
        out += hiss / (hiss.std() + 1e-9) * level * 10 ** (-rng.uniform(18, 45) / 20)
    return np.asarray(np.clip(out * (rng.uniform(0.03, 0.13) / level), -0.98, 0.98), np.float32)


def mouth_phones(phones: list[tuple[str, float, float]]) -> list[Phone]:
    """Phones in the symbols of `face_motion`: diphthongs and affricates in parts, unknown sounds as their likeness."""
    out = []
    for symbol, start, end in phones:
        if symbol.strip(PAUSES) == "":
            out.append(Phone(" ", start, end))
            continue
        parts = [_LOOKS_LIKE.get(c, c) for c in symbol]
        parts = [c for c in parts if c in TARGETS] or ["ʔ"]
        if symbol == "h" or (len(parts) > 1 and parts[-1] == "h"):
            parts = parts[:-1] or ["h"]
        step = (end - start) / len(parts)
        out += [Phone(c, start + i * step, start + (i + 1) * step) for i, c in enumerate(parts)]
    return list(_close_gaps(out)) if out else []
