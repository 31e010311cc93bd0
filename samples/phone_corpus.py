"""A corpus of speech with exactly known phoneme times, spoken by the embedded synthesizers: what the phone network of
``lipsync_core.speech`` is trained on.

``python -m samples.phone_corpus FOLDER [--minutes 22] [--english-minutes 8] [--formant-minutes 14] [--seed 0]`` writes
``takes.jsonl`` (one take a line: file, split, language, voice, speed, ``phones`` as [symbol, start_ms, end_ms]) and
16 kHz mono WAV files. Kokoro is most of the work; Hibari's English and espeak-ng's own voices cost next to nothing.
The same seed gives the same takes. Nobody is recorded: the voices are Kokoro's and Hibari's (Apache-2.0), mixtures of
them, and espeak-ng's formant voices.

Half of the takes are real sentences, half are nonsense made of their words and halves of words, so that sounds meet in
more ways than forty sentences have. The split ``test`` holds one voice and every fifth sentence that ``train`` never
hears.
"""

from __future__ import annotations

import argparse
import json
import os
import wave
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 16_000
#: Share of the corpus that each language has; Hibari speaks a third of the English.
SHARES = {"en": 0.27, "es": 0.17, "de": 0.16, "it": 0.14, "pt": 0.13, "ja": 0.13}
HELD_OUT_VOICE = "jf_tebukuro"
_HELD_OUT_SENTENCE = 5
_TEST_SHARE = 0.1
_MIXTURE = "mixture"
_VOWELS = frozenset("aeiouyæɑɐɒɔəɚɛɜɤɨɪɯøœʊʌAIOQWYᵊᵻ")
_MARKS, _STRESS = ".!?…,;:—", "ˈˌ"
#: espeak-ng's own voices: languages that no other voice here speaks come twice, and its variants of man and woman.
_FORMANT_LANGUAGES = {"en": "en-us", "es": "es", "de": "de", "it": "it", "pt": "pt-br", "fr": "fr", "nl": "nl",
                      "pl": "pl", "ru": "ru", "ko": "ko", "zh": "cmn"}
_VARIANTS = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5", "klatt", "klatt2", "klatt4",
             "klatt6", "Andy", "Annie", "Michael", "adam", "anika", "belinda", "boris", "david", "linda", "steph")
_MORE_SENTENCES = {
    "ru": ("Доброе утро, меня зовут Анна, и я работаю в больнице.", "Поезд отправляется через двадцать пять минут.",
           "Мой дедушка родился в маленькой деревне.", "Пожалуйста, сделай музыку потише.",
           "Мы купили хлеб, молоко и немного масла.", "Она любит плавать в тёплом море летом."),
    "ko": ("안녕하세요, 저는 병원에서 일합니다.", "다음 기차는 이십오 분 후에 출발합니다.",
           "음악 소리를 조금 줄여 주세요.", "우리는 빵과 버터를 샀습니다.",
           "할아버지는 작은 마을에서 태어나셨습니다.", "비가 와서 밖에 나가지 못했어요."),
    "zh": ("早上好，我在医院工作。", "下一班火车二十五分钟后出发。", "请把音乐声音调小一点。",
           "我们买了面包、牛奶和一些黄油。", "我爷爷出生在一个小村子里。", "他们明天坐飞机去北京旅行。"),
}

Sound = npt.NDArray[np.float32]
Phones = list[tuple[str, float, float]]


class Speaker:
    """Both synthesizers, told what to say in their own symbols."""

    def __init__(self, threads: int = 1) -> None:
        from dubbing.engines.tts.hibari import HibariSynthesizer
        from dubbing.engines.tts.kokoro import KokoroSynthesizer

        self._kokoro, self._hibari = KokoroSynthesizer(threads=threads), HibariSynthesizer(threads=threads)
        self._kokoro.load()
        self._hibari.load()
        self._pure = dict(self._kokoro._styles)

    def sentences(self, text: str, language: str) -> str:
        return " ".join(self._kokoro.sentences(text, language))

    def voices(self) -> tuple[str, ...]:
        return tuple(self._pure)

    def kokoro(self, symbols: str, weights: dict[str, float], speed: float) -> tuple[Sound, Phones]:
        """``symbols`` in a voice between Kokoro's voices: a weighted mean of their style vectors; 16 kHz."""
        shortest = min(len(style) for style in self._pure.values())
        mixed = sum(weight * self._pure[name][:shortest] for name, weight in weights.items())
        self._kokoro._styles[_MIXTURE] = np.asarray(mixed, np.float32)
        return _at_16k(*self._kokoro._render(symbols, _MIXTURE, speed))

    def hibari(self, symbols: str, speed: float) -> tuple[Sound, Phones]:
        known = "".join(c for c in symbols if c in self._hibari._vocabulary)
        return _at_16k(*self._hibari._render(known, speed))


def _at_16k(sound: Sound, phonemes: list) -> tuple[Sound, Phones]:
    import soxr

    resampled = np.asarray(soxr.resample(sound, 24_000, RATE), np.float32)
    return resampled, [(p.symbol, round(float(p.start_ms), 1), round(float(p.end_ms), 1)) for p in phonemes]


def nonsense(words: list[str], random: np.random.Generator) -> str:
    """Five to twelve words in no order, every third of them made of the halves of two."""
    chosen: list[str] = []
    for _ in range(int(random.integers(5, 13))):
        word = words[random.integers(len(words))]
        if random.random() < 0.35:
            word = _head(word, random) + _tail(words[random.integers(len(words))], random)
        chosen.append(word)
        if random.random() < 0.1:
            chosen[-1] += ","
    return " ".join(chosen).rstrip(",") + "."


def _cuts(word: str) -> list[int]:
    """Where a word can be cut: before a consonant that follows a vowel."""
    return [i for i in range(1, len(word)) if word[i - 1] in _VOWELS | {"ː"} and word[i].isalpha()
            and word[i] not in _VOWELS]


def _head(word: str, random: np.random.Generator) -> str:
    cuts = _cuts(word)
    return word[: cuts[random.integers(len(cuts))]] if cuts else word


def _tail(word: str, random: np.random.Generator) -> str:
    cuts = _cuts(word)
    return word[cuts[random.integers(len(cuts))]:] if cuts else word


def takes(speaker: Speaker, minutes: float, seed: int) -> Iterator[tuple[dict, Sound]]:
    """Takes until ``minutes`` are spoken: their line of ``takes.jsonl`` (without the file) and their sound."""
    from dubbing.engines.tts.judge import sentences

    random = np.random.default_rng(seed)
    spoken = {code: [speaker.sentences(text, code) for text in sentences(code)] for code in SHARES}
    words = {code: [w.strip(_MARKS + _STRESS) for i, s in enumerate(all_) if i % _HELD_OUT_SENTENCE for w in s.split()]
             for code, all_ in spoken.items()}
    ordinary = [name for name in speaker.voices() if name != HELD_OUT_VOICE]
    codes, shares = list(SHARES), np.array(list(SHARES.values()))
    done_s = 0.0
    while done_s < minutes * 60:
        language = codes[random.choice(len(codes), p=shares / shares.sum())]
        is_test = random.random() < _TEST_SHARE
        all_ = spoken[language]
        if is_test:
            voice = HELD_OUT_VOICE if random.random() < 0.6 else ordinary[random.integers(len(ordinary))]
            held = [s for i, s in enumerate(all_) if i % _HELD_OUT_SENTENCE == 0]
            symbols, weights = held[random.integers(len(held))], {voice: 1.0}
        else:
            weights = _voice(ordinary, random)
            known = [s for i, s in enumerate(all_) if i % _HELD_OUT_SENTENCE]
            symbols = known[random.integers(len(known))] if random.random() < 0.5 else nonsense(words[language], random)
        speed = round(float(random.uniform(0.8, 1.35)), 3)
        if language == "en" and not is_test and random.random() < 0.35:
            weights = {"hibari": 1.0}
            sound, phones = speaker.hibari(symbols, speed)
        else:
            sound, phones = speaker.kokoro(symbols, weights, speed)
        if len(sound) < RATE // 2:
            continue
        done_s += len(sound) / RATE
        yield {"split": "test" if is_test else "train", "language": language, "speed": speed,
               "voice": {name: round(weight, 3) for name, weight in weights.items()}, "symbols": symbols,
               "phones": phones}, sound


def english_takes(speaker: Speaker, minutes: float, seed: int) -> Iterator[tuple[dict, Sound]]:
    """Hibari's English, all of the split ``train``."""
    from dubbing.engines.tts.judge import sentences

    random, done_s = np.random.default_rng([seed, 2]), 0.0
    known = [speaker.sentences(s, "en") for i, s in enumerate(sentences("en")) if i % _HELD_OUT_SENTENCE]
    words = [word.strip(_MARKS + _STRESS) for sentence in known for word in sentence.split()]
    while done_s < minutes * 60:
        symbols = known[random.integers(len(known))] if random.random() < 0.3 else nonsense(words, random)
        speed = round(float(random.uniform(0.8, 1.35)), 3)
        sound, phones = speaker.hibari(symbols, speed)
        done_s += len(sound) / RATE
        yield {"split": "train", "language": "en", "speed": speed, "voice": {"hibari": 1.0}, "symbols": symbols,
               "phones": phones}, sound


def formant_takes(minutes: float, seed: int) -> Iterator[tuple[dict, Sound]]:
    """Takes of espeak-ng's own voices, all of the split ``train``."""
    import soxr

    from dubbing.engines.tts.judge import sentences
    from samples.formant_voices import FormantVoices

    voices, random, done_s = FormantVoices(), np.random.default_rng([seed, 1]), 0.0
    codes = list(_FORMANT_LANGUAGES)
    while done_s < minutes * 60:
        language = codes[random.integers(len(codes))]
        known = _MORE_SENTENCES.get(language) or sentences(language)
        known = [s for i, s in enumerate(known) if language in _MORE_SENTENCES or i % _HELD_OUT_SENTENCE]
        text = known[random.integers(len(known))]
        if random.random() < 0.5 and language != "zh":
            words = [w.strip(_MARKS) for s in known for w in s.split()]
            text = " ".join(words[i] for i in random.integers(0, len(words), int(random.integers(4, 10))))
        voice = f"{_FORMANT_LANGUAGES[language]}+{_VARIANTS[random.integers(len(_VARIANTS))]}"
        speed = int(random.integers(125, 220))
        sound, phones = voices.speak(text, voice, speed, int(random.integers(20, 80)), int(random.integers(30, 90)))
        done_s += len(sound) / voices.rate
        yield {"split": "train", "language": language, "speed": speed, "voice": {voice: 1.0}, "symbols": text,
               "phones": [(s, round(a, 1), round(b, 1)) for s, a, b in phones]}, \
            np.asarray(soxr.resample(sound, voices.rate, RATE), np.float32)


def _voice(names: list[str], random: np.random.Generator) -> dict[str, float]:
    """One voice, or two or three of them mixed."""
    if random.random() < 0.4:
        # The only man speaks as often as all the women together.
        return {"jm_kumo" if random.random() < 0.5 else names[random.integers(len(names))]: 1.0}
    chosen = random.choice(len(names), int(random.integers(2, 4)), replace=False)
    weights = random.dirichlet(np.full(len(chosen), 1.5))
    return {names[i]: float(w) for i, w in zip(chosen, weights, strict=True)}


def write(folder: Path, minutes: float, english_minutes: float, formant_minutes: float, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    speaker = Speaker()
    parts = (takes(speaker, minutes, seed), english_takes(speaker, english_minutes, seed),
             formant_takes(formant_minutes, seed))
    for number, (row, sound) in enumerate(chain(*parts)):
        name = f"{number:05d}.wav"
        with wave.open(str(folder / name), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
        lines.append(json.dumps({"file": name, **row}, ensure_ascii=False))
        if number % 50 == 49:
            _save(folder, lines)
            print(f"{number + 1} takes", flush=True)
    _save(folder, lines)


def _save(folder: Path, lines: list[str]) -> None:
    temporary = folder / "takes.jsonl.part"
    temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.replace(temporary, folder / "takes.jsonl")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m samples.phone_corpus", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=22.0)
    parser.add_argument("--english-minutes", type=float, default=8.0)
    parser.add_argument("--formant-minutes", type=float, default=14.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    write(options.folder, options.minutes, options.english_minutes, options.formant_minutes, options.seed)
