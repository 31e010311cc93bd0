"""What a recognizer invents where nobody speaks, and how it is told from speech.

Whisper was trained on subtitles, so that music, noise and silence make it write credits and thanks, or repeat
itself. A phrase of that kind is dropped only when the evidence for it is weak: people do say "thank you".
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from dubbing.domain.speech import Word

#: Subtitle credits: nobody says them, so a short text that holds one is dropped whatever the evidence.
_CREDITS = re.compile(
    r"amara\s?\.?\s?org|subt[ií]tulos? (por|realizados|de la comunidad)|legendas? pela comunidade|"
    r"sous-titr(es|age)\b.*(communaut|soci[ée]t|radio-canada|st' 501)|"
    r"untertitel(ung)?\b.*(amara|zdf|funk|ard|swr|\d{4})|sottotitoli (creati|e revisione|a cura)|"
    r"субтитры (сделал|создавал|делал|подогнал)|редактор субтитров|字幕(由|by|製作|志愿|组)|字幕視聴|請不吝點贊|"
    r"请不吝点赞|明鏡與點點|ご視聴ありがとうございました|チャンネル登録|시청해\s?주셔서 감사합니다|구독과 좋아요|"
    r"napisy (stworzone|by|wykonane)|ondertitel(ing|d) (door|ingediend)|altyaz[ıi] m\.k|"
    r"(subtitles|captions|transcription|captioning) (by|provided|made) |transcribed by",
    re.IGNORECASE)

#: What Whisper writes over silence and music, by language; also said by people, so evidence decides.
_FILLERS: dict[str, tuple[str, ...]] = {
    "en": ("thank you", "thanks", "thank you for watching", "thanks for watching", "thank you very much", "you", "bye",
           "bye bye", "okay", "so", "oh", "the end", "please subscribe", "see you next time", "i'm sorry", "music",
           "applause", "silence", "yeah", "hmm", "i'll see you next time", "we'll be right back"),
    "es": ("gracias", "muchas gracias", "gracias por ver el video", "suscribete", "hasta la proxima", "musica",
           "adios"),
    "pt": ("obrigado", "obrigada", "muito obrigado", "tchau", "ate a proxima", "musica", "e ai"),
    "fr": ("merci", "merci beaucoup", "merci d'avoir regarde cette video", "au revoir", "musique", "abonnez-vous"),
    "de": ("danke", "vielen dank", "vielen dank fur's zuschauen", "tschuss", "musik", "bis zum nachsten mal"),
    "it": ("grazie", "grazie mille", "ciao", "grazie per aver guardato il video", "musica"),
    "ru": ("спасибо", "спасибо за просмотр", "спасибо за внимание", "музыка", "пока", "до свидания",
           "продолжение следует"),
    "ja": ("ありがとうございました", "ありがとうございます", "おやすみなさい", "音楽"),
    "ko": ("감사합니다", "고맙습니다", "음악", "네"),
    "zh": ("谢谢", "谢谢大家", "謝謝", "謝謝觀看", "谢谢观看", "音乐", "音樂", "嗯"),
    "pl": ("dziekuje", "dziekuje za uwage", "muzyka"),
    "nl": ("bedankt", "dank je wel", "bedankt voor het kijken", "muziek"),
}

_MARKS = re.compile(r"^[\s\W_]*$")
_NON_SPEECH = re.compile(r"^\s*[\[(*♪♫].*[\])*♪♫]\s*$")


@dataclass(frozen=True, slots=True)
class Evidence:
    """How sure the models are of one piece of text; every value but the last two is in [0, 1].

    ``voice`` is the mean voice-activity score while the piece lasts, ``no_speech`` Whisper's own doubt,
    ``language`` the probability of the detected language (1 when it was given), ``word_confidence`` the mean
    probability of its words, ``logprob`` the mean log probability of its tokens.
    """

    voice: float
    no_speech: float
    language: float
    word_confidence: float
    logprob: float
    seconds: float

    @property
    def is_weak(self) -> bool:
        """Two models doubt it, or one strongly does."""
        doubts = (self.voice < 0.75, self.no_speech > 0.35, self.word_confidence < 0.5, self.logprob < -0.8,
                  self.language < 0.5)
        return sum(doubts) >= 2 or self.voice < 0.55 or self.no_speech > 0.6

    @property
    def is_hopeless(self) -> bool:
        """Nothing like speech: whatever the text says, it was made up."""
        return (self.no_speech > 0.6 and self.logprob < -1.0) or (self.voice < 0.6 and self.logprob < -1.0) \
            or (self.word_confidence < 0.25 and self.logprob < -0.8) \
            or (self.no_speech > 0.4 and self.language < 0.4 and self.logprob < -0.6)


def is_invented(text: str, language: str, evidence: Evidence) -> bool:
    """Whether ``text`` (a sentence or a whole piece) is the recognizer's invention."""
    plain = _plain(text)
    if _MARKS.match(text) or _NON_SPEECH.match(text) or (len(text) < 100 and _CREDITS.search(text)):
        return True
    if evidence.is_hopeless:
        return True
    if not evidence.is_weak:
        return False
    fillers = {_plain(filler) for filler in _FILLERS.get(language, ()) + _FILLERS["en"]}
    too_sparse = evidence.seconds > 4.0 and len(plain) < 1.5 * evidence.seconds
    too_dense = len(plain) > 45 * max(evidence.seconds, 0.2)
    return plain in fillers or too_sparse or too_dense or compression_ratio(text) > 2.4


def compression_ratio(text: str) -> float:
    """Length over zlib-compressed length: above 2.4 the text repeats itself (the measure is Whisper's own)."""
    data = text.encode("utf-8")
    return len(data) / len(zlib.compress(data)) if data else 0.0


def without_loops(words: Sequence[Word], repeats: int = 5) -> list[Word]:
    """Keep one round of any phrase of up to eight words that comes ``repeats`` times or more in a row."""
    plain = [_plain(word.text) for word in words]
    kept: list[Word] = []
    index = 0
    while index < len(words):
        size, rounds = _loop_at(plain, index)
        if rounds >= repeats:
            kept.extend(words[index:index + size])
            index += size * rounds
        else:
            kept.append(words[index])
            index += 1
    return kept


def _loop_at(plain: Sequence[str], index: int) -> tuple[int, int]:
    best = (1, 1)
    for size in range(1, 9):
        phrase, rounds = plain[index:index + size], 1
        if len(phrase) < size:
            break
        while plain[index + rounds * size:index + (rounds + 1) * size] == phrase:
            rounds += 1
        if rounds > 1 and rounds * size > best[0] * best[1]:
            best = (size, rounds)
    return best


def _plain(text: str) -> str:
    """Case, accents and punctuation do not matter when phrases are compared."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    composed = unicodedata.normalize("NFC", letters)
    return re.sub(r"\s+", " ", re.sub(r"[^\w' -]", "", composed)).strip()
