"""From hypotheses of sentences to candidates of lines, with a search that is a table."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dubbing.domain.translation import Brief, Budget, TermRule
from dubbing.engines.base import TranslationRequest, silent
from dubbing.engines.translate.common import different, joined, ordinal, sentences
from dubbing.engines.translate.nbest import STUDENT, Hypothesis, Wish, line_candidates

TABLE = {
    "Hola.": [Hypothesis("Hello.", -0.1, 2), Hypothesis("Hi.", -0.5, 2)],
    "¿Qué tal?": [Hypothesis("How are you?", -0.2, 4), Hypothesis("How are you doing?", -0.4, 5)],
    "El pan.": [Hypothesis("The bread.", -0.1, 3), Hypothesis("The Bread!", -0.3, 3)],
}


class Table:
    """A search that remembers what it was asked."""

    def __init__(self) -> None:
        self.wishes: list[tuple[tuple[str, ...], Wish]] = []

    def __call__(self, texts: Sequence[str], wish: Wish) -> list[list[Hypothesis]]:
        self.wishes.append((tuple(texts), wish))
        if wish.starts:
            return [[Hypothesis(f"Otherwise, {text}", -1.0, 4)] for text in texts]
        if wish.use:
            return [[Hypothesis(f"The {wish.use[0]}.", -2.0, 4)] for _ in texts]
        return [TABLE.get(text, [])[:wish.wanted] for text in texts]


def ask(text: str, wanted: int = 3, **more: object) -> TranslationRequest:
    return TranslationRequest(text, 1000, wanted=wanted, **more)  # type: ignore[arg-type]


def run(table: Table, *requests: TranslationRequest, **brief: object) -> list[tuple[str, ...]]:
    found = line_candidates(requests, Brief("es", "en", **brief), table, "x", silent)  # type: ignore[arg-type]
    return [tuple(one.text for one in own) for own in found]


def test_sentences_are_combined_likeliest_first_and_searched_once() -> None:
    table = Table()
    both, one, none = run(table, ask("Hola. ¿Qué tal?"), ask("Hola."), ask("Unknown."))
    assert both == ("Hello. How are you?", "Hello. How are you doing?", "Hi. How are you?")
    assert one == ("Hello.", "Hi.") and none == ()
    assert [texts for texts, _wish in table.wishes if texts] == [("Hola.", "¿Qué tal?", "Unknown.")]


def test_what_differs_in_marks_alone_is_one() -> None:
    assert run(Table(), ask("El pan.")) == [("The bread.",)]


def test_the_glossarys_words_are_sought_where_they_are_missing() -> None:
    table = Table()
    loaf, bread = run(table, ask("El pan.", terms=(TermRule("pan", "loaf"),)),
                      ask("El pan.", terms=(TermRule("pan", "bread"),)), forbidden=(("toast", ""),))
    assert loaf == ("The bread.", "The loaf.") and bread == ("The bread.",)
    assert [(wish.use, wish.avoid) for texts, wish in table.wishes if texts] == [((), ("toast",)),
                                                                                (("loaf",), ("toast",))]


def test_lines_that_nothing_fits_are_begun_otherwise() -> None:
    table = Table()
    budget = Budget(5, 9, 1000, 1200)
    short, fits = run(table, ask("Hola.", budget=budget), ask("¿Qué tal?", budget=Budget(3, 6, 1000, 1200)))
    assert short == ("Hello.", "Otherwise, Hola.", "Hi."), "the favourite, then what is nearest to the budget"
    assert fits[0] == "How are you?" and table.wishes[-1][0] == ("Hola.",) and table.wishes[-1][1].starts
    asked = len(table.wishes)
    assert run(table, ask("Hola.", 1, budget=budget)) == [("Hello.",)]
    assert not any(texts for texts, _wish in table.wishes[asked + 1:]), "one answer is wanted: nothing more is searched"


def test_meaning_rises_with_the_log_probability() -> None:
    values = [STUDENT.meaning(logprob, 10) for logprob in (-20, -5, -3, -1, 0)]
    assert values == sorted(values) and values[0] < 0.01 and values[2] == pytest.approx(0.5) and values[-1] > 0.8


def test_sentences_and_their_joints() -> None:
    assert sentences("Hola. ¿Qué tal? «Bien.» Son 3.5 km… sí") == ["Hola.", "¿Qué tal?", "«Bien.»", "Son 3.5 km…", "sí"]
    assert sentences("今日は。良い天気「です。」はい") == ["今日は。", "良い天気「です。」", "はい"]
    assert sentences("  ") == [] and joined(["a.", " ", "b."], "en") == "a. b."
    assert joined(["あ。", "い。"], "ja") == "あ。い。"
    assert [ordinal(rank) for rank in (0, 1, 2, 3, 10)] == ["", *(f"{n} of the search" for n in
                                                                 ("2nd", "3rd", "4th", "11th"))]
    assert different([], 3) == ()
