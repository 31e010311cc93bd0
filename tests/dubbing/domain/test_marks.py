"""Marks in a line: what they are, what is said without them, and that translating keeps them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubbing.domain import marks
from dubbing.domain.marks import PAUSE_MS, Pause, Sound, Words, parse, protect, restore, silence_ms, spoken, written


@pytest.mark.parametrize(("text", "expected"), [
    ("Hello there.", (Words("Hello there."),)),
    ("Well [pause] yes.", (Words("Well"), Pause(PAUSE_MS), Words("yes."))),
    ("Well [pause 250] yes", (Words("Well"), Pause(250), Words("yes"))),
    ("Well [Pause 1.5 s] yes", (Words("Well"), Pause(1500), Words("yes"))),
    ("Well [pausa 2] sí", (Words("Well"), Pause(2000), Words("sí"))),
    ("[pause 99999] no", (Pause(10_000), Words("no"))),
    ("(laughs) Stop it.", (Sound("laugh"), Words("Stop it."))),
    ("[LAUGHTER]", (Sound("laugh"),)),
    ("No [se ríe], no.", (Words("No,"), Sound("laugh"), Words("no."))),
    ("Ach (seufzt schwer) ja.", (Words("Ach"), Sound("sigh"), Words("ja."))),
    ("[both laugh] Ah. [coughs]", (Sound("laugh"), Words("Ah."), Sound("cough"))),
    ("行く（笑）ね", (Words("行く"), Sound("laugh"), Words("ね"))),
    ("[clears throat] So.", (Sound("throat"), Words("So."))),
    ("That is *not* it", (Words("That is not it", ((8, 11),)),)),
    ("*Run*! *right now*!", (Words("Run! right now!", ((0, 3), (5, 14))),)),
])
def test_texts_are_cut_at_their_marks(text: str, expected: tuple[marks.Piece, ...]) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize("text", [
    "2*3*4 is 24", "a * b * c", "He said (and I quote) no.", "See [1] and [sic].", "(pause the video)", "**", "* *",
    "The pause was long; she laughs.", "(he knows that laughter is the best medicine of all)", "{tomato|təˈmɑːtəʊ}"])
def test_other_brackets_and_stars_are_text(text: str) -> None:
    assert parse(text) == (Words(text),) or not any(c.isalnum() for c in text)
    assert spoken(text) == text


def test_what_is_said_and_what_is_silent() -> None:
    text = "[sighs] Well [pause 300], *never* [laughs] mind. [pause 2000]"
    assert spoken(text) == "Well, never mind."
    assert silence_ms(text) == 300 + PAUSE_MS  # At the edges nothing waits.
    assert spoken("行く（笑）ね") == "行くね"
    assert spoken("[laughs]") == "" and silence_ms("[laughs]") == 0
    assert marks.without_ipa("Call {Nguyen|ŋwiən} now") == "Call Nguyen now"


def test_subtitles_show_sounds_and_nothing_else() -> None:
    assert marks.shown("Well [pause 300], *never* mind.\n(laughs) No [pause].") == "Well, never mind.\n(laughs) No."
    assert marks.shown("2*3 (aside)  x") == "2*3 (aside)  x" and marks.shown("[pause]") == ""


def test_marks_are_worded_in_the_language_of_the_text() -> None:
    assert written(Sound("laugh"), "es") == "[ríe]" and written(Pause(250), "de") == "[pause 250]"
    assert written(Sound("sigh"), "xx") == "[sighs]"
    for kind, words in marks._SOUNDS.items():
        for language in words:
            assert parse(written(Sound(kind), language)) == (Sound(kind),), (kind, language)


@pytest.mark.parametrize(("source", "translation", "expected"), [
    ("[laughs] Come on.", "Vamos.", "[ríe] Vamos."),
    ("I know. [sighs]", "Lo sé.", "Lo sé. [suspira]"),
    ("Well, [pause 300] I do not know.", "Bueno, no lo sé.", "Bueno, [pausa 300] no lo sé."),
    ("Stop. [pause] Now go, please.", "Para. Ahora vete, por favor.", "Para. [pausa] Ahora vete, por favor."),
    ("We have waited [pause] for years", "Hemos esperado durante años", "Hemos esperado [pausa] durante años"),
    ("It is *impossible* for me", "Es imposible para mí", "Es *imposible* para mí"),
    ("Call *Martha* at once", "Llama enseguida a Martha", "Llama enseguida a *Martha*"),
    ("*Do not touch that!*", "¡No toque eso!", "*¡No toque eso!*"),
    ("[laughs]", "", "[ríe]"),
])
def test_a_translation_gets_the_marks_back(source: str, translation: str, expected: str) -> None:
    plain, tokens = protect(source)
    assert not marks.has_marks(plain)
    assert restore(translation, tokens, "es") == expected


_TEXT = st.lists(st.sampled_from(["yes", "No,", "stop.", "[pause]", "[pause 300]", "(laughs)", "*really*", "¿Qué?",
                                  "[sighs]", "行く"]), max_size=10).map(" ".join)


@given(_TEXT, st.lists(st.sampled_from(["ja", "nein,", "gut.", "so", "immer"]), min_size=1, max_size=8).map(" ".join))
def test_no_mark_is_lost_and_no_word_changes(source: str, translation: str) -> None:
    plain, tokens = protect(source)
    whole = restore(translation, tokens, "de")
    assert spoken(whole).split() == translation.split()
    told = [piece for piece in parse(source) if not isinstance(piece, Words)]
    kept = [piece for piece in parse(whole) if not isinstance(piece, Words)]
    assert sorted(map(repr, kept)) == sorted(map(repr, told))
    assert spoken(plain) == plain


@given(st.text(max_size=80))
def test_any_text_can_be_cut(text: str) -> None:
    for piece in parse(text):
        if isinstance(piece, Words):
            assert piece.text
            assert all(0 <= start < end <= len(piece.text) for start, end in piece.emphasised)
    spoken(text)
    protect(text)
