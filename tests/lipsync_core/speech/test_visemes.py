"""Every symbol that espeak-ng writes has lips, and the lips are plausible."""

from __future__ import annotations

import pytest

from lipsync_core.speech.visemes import is_modifier, is_pause, is_stress, viseme

ESPEAK = {
    "es": "bwˈenos ðˈias komplˈaθe mˈutʃo poðˈeɾ aβlˈaɾ muɾθjˈelaɣo kaɾðˈiʎo ˈaɲo ʝˈo pˈaxa palˈɛnke",
    "en": "mˈeɪbiː ʃˌʊd fɹʌm pɹˈɑːbləm bˈɛɾɚ lˈɪɾəl bˈʌʔn̩ tʃˈɜːtʃ dʒˈʌdʒ θˈɪŋ hˈɒt ˌəʊvə",
    "it": "ɲˈokːɪ prˈaŋdzo dˈakːwa vˈɔltɪ dzˈukːeɾo ʃˈɛntsa pˈitsːa",
    "pt": "nˈɐ̃ʊ̃ mˈɐ̃y pˈõj ˌasˈukar tˈɐ̃mæɾæz ʒˌabutʃˈi xˈatʊ",
    "de": "tsvˈœlf bˈɔkskɛmpfɜ kvˈeːɾ ˌyːbɜ zˈʏltɜ mˈɛːdçən vˈøːɡəl ˈapfəl tʃˈʏs",
    "fr": "pɔʁtˈe vjˈø blˈɔ̃ pˈœʁ pˈɛ̃ bʁˈœ̃ yˈit ɡˈaɲ",
    "ja": "kˌo̞nnitɕˈihä ɸɯᵝdʑˈisäɴ tɕˌo̞tto̞mˈätte̞ sˈɯᵝɕi",
    "others": "sjjˈeʒ mʲˈɑxkʲix bˈuɭʌk ɡˈɛɲɕlɔ̃ bʰˈaːɾət mrħbˈaː ɟynajdˈɯn nasˈɯɫsɯnɯz sxˈʉ ˈɐnnjʌŋ χˈə2n",
}


@pytest.mark.parametrize("language", ESPEAK)
def test_every_symbol_is_a_sound_a_mark_or_a_pause(language: str) -> None:
    for symbol in ESPEAK[language]:
        kinds = [is_pause(symbol), is_stress(symbol), is_modifier(symbol), viseme(symbol) is not None]
        assert sum(kinds) == 1, symbol


@pytest.mark.parametrize("symbol", ["p", "b", "m", "pf", "mː", "pʰ"])
def test_bilabials_close_the_lips(symbol: str) -> None:
    found = viseme(symbol)
    assert found is not None and found.is_closure and found.opening == 0


def test_soft_bilabials_and_labiodentals_do_not_count_as_closures() -> None:
    for symbol in "βɸfvʋ":
        found = viseme(symbol)
        assert found is not None and not found.is_closure and found.opening < 0.2


def test_vowels_differ_in_opening_and_rounding() -> None:
    a, e, i, o, u, y = (viseme(s) for s in "aeiouy")
    assert a.opening > e.opening > i.opening and a.opening > o.opening > u.opening
    assert u.width < o.width < a.width < e.width < i.width and y.width < 0
    assert viseme("aɪ").opening < a.opening
    assert viseme("sʷ").width < viseme("s").width
