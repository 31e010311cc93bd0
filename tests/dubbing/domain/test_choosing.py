"""Choosing among candidates: what fits wins where it says the same, and never because it fits alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubbing.domain.choosing import Place, fit_score, in_window, judge, likeness, tempo_of
from dubbing.domain.closures import Closure
from dubbing.domain.estimate import natural_ms, pace_of
from dubbing.domain.isochrony import Fit, Slot
from dubbing.domain.translation import Candidate

PACE = pace_of("en")


def place(slot_ms: int, source: str = "", room_ms: int | None = None, closures: tuple[Closure, ...] | None = None,
          breaches: Callable[[str], int] = lambda _text: 0) -> Place:
    return Place(source, "es", "en", Slot(0, slot_ms, slot_ms if room_ms is None else room_ms), PACE, closures,
                 breaches)


def made(text: str, meaning: float = 0.8) -> Candidate:
    return Candidate(text, meaning, "test")


def test_of_equals_the_one_that_fits_is_chosen() -> None:
    long, short = made("I open the window and I look at all of the boats."), made("I open the window, look at boats.")
    slot_ms = natural_ms(short.text, PACE)
    best = judge([long, short], place(slot_ms))[0]
    assert best.candidate.text == short.text
    assert best.fit is Fit.GREEN and best.tempo == pytest.approx(1.0)


def test_what_fits_and_says_something_else_is_not_chosen() -> None:
    right = made("In the morning I open the window and look at the boats.", 0.8)
    wrong = made("Tomorrow he is at the harbour.", 0.5)
    near = made("In the morning I open the window and watch the boats.", 0.75)
    assert judge([right, near, wrong], place(natural_ms(wrong.text, PACE)))[0].candidate.text != wrong.text


def test_what_is_much_less_sure_is_no_choice_at_all() -> None:
    ranked = judge([made("A very long and winding sentence that is far too large for its place.", 0.9),
                    made("A long sentence.", 0.5)], place(800))
    assert [one.candidate.meaning for one in ranked] == [0.9, 0.5]


def test_a_lost_denial_costs_more_than_any_fit() -> None:
    ranked = judge([made("I do not know where he is at this moment."), made("I know where he is.")],
                   place(1200, "No sé dónde está."))
    assert "not" in ranked[0].candidate.text
    assert ranked[1].candidate.meaning == pytest.approx(0.4)


def test_the_text_that_the_others_are_like_is_chosen() -> None:
    texts = ["The boats are in the harbour.", "The boats are in harbour.", "The boats lie in the harbour.",
             "Votes are in their armour."]
    assert judge([made(text) for text in texts], place(natural_ms(texts[0], PACE)))[-1].candidate.text == texts[3]


def test_a_rewording_is_no_evidence_for_itself() -> None:
    first, other, reworded = made("It is a boat."), made("It is the boat."), made("It's one.")
    with_support = judge([reworded], place(1000), [first, other])[0]
    assert with_support.agreement < judge([reworded], place(1000))[0].agreement == 1.0
    by_rule = judge([first, reworded], place(1000), [first, other], {reworded.text: first.text})
    assert by_rule[0].agreement == by_rule[1].agreement > with_support.agreement


def test_a_forbidden_word_loses() -> None:
    bad, good = made("The damned boat."), made("The unlucky boat.", 0.6)
    ranked = judge([bad, good], place(natural_ms(bad.text, PACE), breaches=lambda text: int("damned" in text)))
    assert [one.terms for one in ranked] == [0, 1]


def test_the_mouth_decides_among_what_is_as_good() -> None:
    closed, open_ = made("My mum is home."), made("Our aunt is here.")
    slot = natural_ms(closed.text, PACE)
    ranked = judge([open_, closed], place(slot, closures=(Closure(0, 1.0), Closure(slot * 0.25, 1.0))))
    assert ranked[0].candidate is not open_ and ranked[0].candidate.text == closed.text
    assert ranked[0].mouth is not None and ranked[1].mouth is not None and ranked[0].mouth > ranked[1].mouth
    assert all(one.mouth is None for one in judge([open_, closed], place(slot)))


def test_what_was_written_down_is_no_translation() -> None:
    heard, translated = made("Solombocadejo, Yuna Boteja de Agua", 0.42), made("Only a sandwich and a bottle.", 0.39)
    source = "Solo un bocadillo y una botella de agua."
    assert judge([heard, translated], place(2300, source))[0].candidate.text == translated.text


def test_every_translator_has_one_voice() -> None:
    many = [Candidate(f"It takes a long time{end}", 0.6, "a") for end in (".", ", now.", " here.", "!", " then.")]
    other = Candidate("It stops for a long time.", 0.6, "a")
    read = Candidate("The train stops for a long while.", 0.6, "b")
    listened = {one.candidate.text: one.agreement for one in judge([*many, other], place(1500))}
    both = {one.candidate.text: one.agreement for one in judge([*many, other], place(1500), [*many, other, read])}
    assert both[other.text] - both[many[0].text] > listened[other.text] - listened[many[0].text]


def test_texts_with_nothing_to_say_are_left_out() -> None:
    assert judge([made("..."), made("")], place(1000)) == []


def test_of_the_same_the_first_stays() -> None:
    assert [one.candidate.engine for one in judge([Candidate("Yes.", 0.8, "a"), Candidate("Yes.", 0.8, "b")],
                                                  place(500))] == ["a", "b"]


def test_the_fit_falls_to_both_sides_of_the_window() -> None:
    slot = Slot(0, 1000, 1300)
    scores = [fit_score(natural, slot) for natural in (1000, 1190, 1400, 1650, 1900, 2500)]
    assert scores == sorted(scores, reverse=True) and scores[0] == 1.0
    shorter = [fit_score(natural, slot) for natural in (1000, 910, 800, 600, 400)]
    assert shorter == sorted(shorter, reverse=True)
    assert in_window(tempo_of(900, slot)) and not in_window(tempo_of(1210, slot))


@given(st.text(max_size=40), st.text(max_size=40))
def test_likeness_is_a_share_and_mutual(first: str, second: str) -> None:
    assert 0 <= likeness(first, second) <= 1
    assert likeness(first, second) == pytest.approx(likeness(second, first))


def test_likeness_ignores_case_and_punctuation_alone() -> None:
    assert likeness("Hello, Pablo!", "hello Pablo") == 1
    assert likeness("", "") == 0
    assert likeness("abc", "xyz") == 0
    assert 0.3 < likeness("I see the boats", "I see two boats") < 1
