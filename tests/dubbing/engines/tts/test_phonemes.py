"""Text becomes words of IPA symbols that the lips know, in every language that espeak-ng or Open JTalk reads."""

from __future__ import annotations

import pytest

from dubbing.engines.tts.judge import sentences
from dubbing.engines.tts.kokoro import OFFERED
from dubbing.engines.tts.phonemes import language_of, phonemes_of, symbols
from dubbing.errors import UnavailableError
from lipsync_core.speech.phones import classes_of, is_listed
from lipsync_core.speech.visemes import is_known, is_modifier

MORE = {
    "ru": ["Доброе утро, меня зовут Анна, и я работаю в больнице.", "Мы купили щуку, хлеб и жёлтые яблоки."],
    "ko": ["안녕하세요, 저는 병원에서 일합니다.", "의사 선생님은 왜 뒤에 계세요?"],
    "zh": ["早上好，我在医院工作。", "女人知道四十去学校。", "妈妈买八本新书，朋友跑步。"],
    "fr": ["Un bon vin blanc, huit agneaux, les yeux et le feu, quatre œufs brun."],
    "nl": ["Een vrouw ui neus, schrijven, vreugde en jouw huis."],
    "pl": ["Źdźbło, szczęście, dżem, chrząszcz brzmi w trzcinie."],
    "en": ["The button of the bottle: would you measure the church, mother?"],
}
LANGUAGES = ("en", "es", "it", "pt", "de", "ja", "fr", "nl", "pl", "ko", "zh", "ru")


def read(language: str) -> list[str]:
    return [*(sentences(language) if language not in ("ru", "ko", "zh") else []), *MORE.get(language, [])]


def test_every_offered_language_is_walked() -> None:
    assert set(OFFERED) <= set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_symbol_of_a_language_has_lips_and_a_class(language: str) -> None:
    words = [word for text in read(language) for word in phonemes_of(text, language)]
    assert len(words) > 8
    for symbol in {symbol for word in words for symbol in word}:
        assert is_known(symbol), symbol
        assert classes_of(symbol), symbol
        assert all(is_listed(c) for c in symbol if not is_modifier(c)), symbol
    bilabials = {symbol[0] for word in words for symbol in word} & set("pbm")
    assert "m" in bilabials and len(bilabials) > 1


def test_diphthongs_are_two_symbols_and_affricates_one() -> None:
    assert symbols("t͡ʃˈa͡ɪ") == ["tʃ", "a", "ɪ"]
    assert symbols("pˈit͡sːa") == ["p", "i", "tsː", "a"]
    assert symbols("bɔ̃") == ["b", "ɔ̃"]
    assert symbols("χˈɑ͡u2") == ["χ", "ɑ", "u"]


def test_what_espeak_writes_in_its_own_way_is_put_right() -> None:
    assert phonemes_of("noite", "pt") == [["n", "o", "ɪ", "tʃ", "i"]]
    assert phonemes_of("мы", "ru") == [["m", "ɨ"]]
    assert phonemes_of("Team", "de") == [["t", "iː", "m"]]
    assert "ʂ" in phonemes_of("上", "zh")[0]


def test_a_language_that_nobody_speaks_is_refused_with_a_hint() -> None:
    with pytest.raises(UnavailableError, match="ISO 639-1"):
        phonemes_of("hello", "qq-nowhere")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_told_from_a_few_sentences(language: str) -> None:
    assert language_of(" ".join(read(language)[:6])) == language


def test_no_language_is_told_from_nothing() -> None:
    assert language_of("12 34 !") == ""
