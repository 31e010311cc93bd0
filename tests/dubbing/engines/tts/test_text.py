"""What is said for what is written, and how it is spelt for the model."""

from __future__ import annotations

import pytest

from dubbing.engines.tts.alphabet import to_ipa, to_kokoro
from dubbing.engines.tts.japanese import kana_to_phonemes
from dubbing.engines.tts.script import MOST_SYMBOLS, pieces
from dubbing.engines.tts.text import Clause, clauses, speakable


@pytest.mark.parametrize(("language", "written", "said"), [
    ("en", "It costs $45.50.", "It costs 45 dollars 50."),
    ("en", "only $1", "only 1 dollar"),
    ("en", "born in 1948", "born in 19 48"),
    ("de", "3,50 €", "3 Euro 50"),
    ("de", "am 12. März um 8:30 Uhr", "am zwölften März um 8 Uhr 30"),
    ("de", "im Jahr 1998", "im Jahr 19 hundert 98"),
    ("es", "1.250 €", "1250 euros"),
    ("es", "a las 8:30", "a las 8 y 30"),
    ("pt", "R$ 12,50", "12 reais e 50"),
    ("fr", "à 9:15", "à 9 heures 15"),
    ("xx", "plain 12 text", "plain 12 text"),
])
def test_numbers_are_said_as_people_say_them(language: str, written: str, said: str) -> None:
    assert speakable(written, language) == said


def test_clauses_keep_decimals_and_abbreviations_whole() -> None:
    assert clauses("Dr. Smith paid 3.5, not 4! Right?", "en") == [
        Clause("Dr. Smith paid 3.5", ","), Clause("not 4", "!"), Clause("Right", "?"),
    ]
    spanish = [Clause("Qué", "?"), Clause("Nada", "…"), Clause("de verdad", ",")]
    assert clauses("¿Qué? «Nada»… (de verdad)", "es") == spanish
    assert clauses("今日は。はい！", "ja") == [Clause("今日は", "."), Clause("はい", "!")]
    assert clauses("... !!! —", "en") == []


def test_ipa_becomes_the_models_symbols() -> None:
    known = frozenset("hˈloəOʤIYʧpfɪʃ ɔtuːɛ\u0303n")
    assert to_kokoro("həlˈo͡ʊ", "en", known) == "həlˈO"
    assert to_kokoro("(en)d͡ʒˈɔ͡ɪ(es)", "es", known) == "ʤˈY"
    assert to_kokoro("(\u0361e\u0361n)tˈiːm(\u0361d\u0361e)", "de", known | set("imt()end")) == "tˈiːm"
    assert to_kokoro("œ\u0303", "fr", known) == "ɛ\u0303"
    assert to_kokoro("ʘʘ", "es", known) == ""


def test_symbols_become_ipa_again() -> None:
    assert to_ipa("O") == ("o", "ʊ")
    assert to_ipa("ʧ") == ("tʃ",)
    assert to_ipa("m") == ("m",)


@pytest.mark.parametrize(("kana", "symbols"), [
    ("トーキョー", "toːkʲoː"), ("シンブン", "ɕimbɯɴ"), ("ガッコー", "ɡaʔkoː"), ("ニンギョー", "ɲiŋɡʲoː"),
    ("ファイル", "ɸaiɾɯ"),
])
def test_kana(kana: str, symbols: str) -> None:
    assert kana_to_phonemes(kana) == symbols


def test_long_texts_are_cut_where_one_breathes() -> None:
    sentence = "la la la, " * 30 + "la."
    found = pieces([sentence, sentence, "a" * 1200])
    assert all(len(piece) <= MOST_SYMBOLS for piece in found)
    assert "".join(found).replace(" ", "") == (sentence * 2 + "a" * 1200).replace(" ", "")
    assert all(piece.endswith((",", ".")) for piece in found[:-3])
