"""Estimates: what is counted, how takes correct it, and the numbers that the player's JavaScript must give too.

``python -m tests.dubbing.domain.test_estimate`` writes the golden file anew.
"""

from __future__ import annotations

import json
import random
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubbing.domain.estimate import (
    SCALE_LIMITS,
    SpokenText,
    calibrated,
    count_syllables,
    estimate,
    natural_ms,
    pace_of,
    pauses_ms,
)
from dubbing.domain.isochrony import COMFORT, Fit, Slot
from dubbing.domain.workspace import Pace

GOLDEN = Path(__file__).parents[2] / "golden" / "estimate.json"
_TEXTS: dict[str, tuple[str, ...]] = {
    "en": ("Good evening, and thank you for coming.", "Wait... what? “No,” she said; “never!”", "", "   ", "?!",
           "In 2019, about 3.5 million people lived at 10:30 Main St.", "The little people's houses — all wanted.",
           "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen",
           "[sighs] Well [pause 300], *never* (laughs). Mind you [Pause 1,5 s] 2*3 [pause]", "(laughs)"),
    "es": ("¿Quién le contó esa historia, señor?", "El país está más lejos: 25 kilómetros…", "Sí",
           "¡Alto! ¡No toque eso!", "No (se ríe), *por favor*. [pausa 250] Vale"),
    "it": ("Buonasera, e grazie di essere venuti.", "L'ho già detto; perché non ascolta?", "È così."),
    "pt": ("Ninguém lá em cima parece se importar.", "Não, irmão: são três corações!", "Amanhã às 7."),
    "fr": ("Regardez l'eau. Elle monte, et personne ne s'en soucie.", "Qu'est-ce que le théâtre ?", "Je les aime."),
    "de": ("Größere Häuser stehen in neuen Straßen.", "Halt! Fassen Sie das nicht an!", "Äußerst schön, nicht wahr?"),
    "ja": ("東京に行きました。きゃべつ、ニューヨーク！", "はい。", "2019年に340人"),
    "zh": ("你好，世界。今天天气很好！",), "ko": ("안녕하세요, 반갑습니다.",), "ru": ("Здравствуйте, как дела?",),
    "ar": ("مرحبا بكم، كيف الحال؟",), "tr": ("İstanbul'da güzel bir gün.",),
}
_SLOTS = (Slot(1000, 2600, 3400), Slot(0, 900, 900), Slot(500, 4500, 7500))


def golden_cases() -> list[dict[str, Any]]:
    """Every text in every slot, with the language's pace and with one that takes have corrected."""
    cases = []
    for language, texts in _TEXTS.items():
        paces = (pace_of(language), calibrated(pace_of(language), [SpokenText(texts[0], 3777.0)] * 3))
        for number, text in enumerate(texts):
            for place, slot in enumerate(_SLOTS):
                pace = paces[(number + place) % 2]
                if "[" not in text and "(" not in text:  # The pattern of marks is long, and the same for all.
                    pace = replace(pace, mark_pattern="")
                cases.append({"language": language, "text": text, "pace": asdict(pace), "slot": asdict(slot),
                              "source_syllables": 7, "expected": asdict(estimate(text, pace, slot, 7))})
    return cases


def test_the_golden_file_is_what_comes_out() -> None:
    kept, now = json.loads(GOLDEN.read_text()), json.loads(json.dumps(golden_cases()))
    assert len(kept) == len(now) > 80
    for old, new in zip(kept, now, strict=True):
        expected, found = old.pop("expected"), new.pop("expected")
        assert old == new and found.pop("fit") == expected.pop("fit")
        assert found == pytest.approx(expected)


@pytest.mark.parametrize(("language", "words"), [
    ("en", {"the": 1, "people": 2, "wanted": 2, "liked": 1, "houses": 2, "beyond": 2, "media": 3, "nation": 2,
            "usual": 3, "being": 2, "you": 1, "little": 2, "quarter": 2, "eyes": 1}),
    ("es", {"quién": 1, "guía": 2, "país": 2, "ciudad": 2, "aéreo": 4, "mayo": 2, "muy": 1, "y": 1, "leer": 2}),
    ("it", {"grazie": 2, "buonasera": 4, "perché": 2, "lei": 1, "città": 2}),
    ("pt", {"não": 1, "coração": 3, "irmãos": 2, "muito": 2, "país": 2}),
    ("fr", {"le": 1, "table": 1, "parlent": 1, "réalité": 4, "beau": 1, "les": 1, "amie": 2}),
    ("de", {"schönes": 2, "neue": 2, "häuser": 2, "liebe": 2, "straße": 2, "ein": 1}),
    ("ja", {"きゃべつ": 3, "さくら": 3, "ニューヨーク": 5, "山": 2}),
    ("zh", {"你好": 2}), ("ko", {"안녕하세요": 5}), ("ru", {"хорошо": 3}), ("xx", {"banana": 3}),
])
def test_syllables_of_words(language: str, words: dict[str, int]) -> None:
    assert {word: count_syllables(word, language) for word in words} == words


def test_numbers_are_as_long_as_they_are_said() -> None:
    assert count_syllables("25", "en") == 3 and count_syllables("2019", "es") == 8


@pytest.mark.parametrize(("text", "weights"), [
    ("One, two.", 1.0), ("One. Two", 1.5), ("One... two", 1.5), ("One?! “Two”", 1.5), ("3.5 and 10:30, ok", 1.0),
    ("one—two", 1.2), ("One.", 0.0), ("“One.”", 0.0), ("今日は、東京。", 1.0), ("", 0.0), (",,,", 0.0),
])
def test_pauses_are_inside_a_text(text: str, weights: float) -> None:
    assert pauses_ms(text, pace_of("en")) == pytest.approx(weights * pace_of("en").pause_ms[","])


def test_marks_are_pauses_and_no_text() -> None:
    pace, slot = pace_of("en"), Slot(0, 2000, 3000)
    plain = estimate("Well, never mind.", pace, slot)
    marked = estimate("Well, [pause 300] *never* mind. [laughs]", pace, slot)
    assert (marked.syllables, marked.characters) == (plain.syllables, plain.characters)
    assert marked.natural_ms == plain.natural_ms + 300
    assert marked.syllable_budget < plain.syllable_budget
    assert calibrated(pace, [SpokenText("ba [pause 5000] ba ba ba", 5000 + natural_ms("ba ba ba ba", pace))]) \
        .ms_per_syllable == pytest.approx(pace.ms_per_syllable, rel=0.01)


@given(st.text(max_size=60), st.sampled_from(["en", "es", "it", "pt", "fr", "de", "ja", "zh", "xx"]))
def test_any_text_has_an_estimate(text: str, language: str) -> None:
    found = estimate(text, pace_of(language), Slot(0, 1000, 1500))
    assert (found.natural_ms == 0) == (found.syllables == 0)
    assert found.fit in Fit and found.tempo >= 0


@given(st.integers(1, 60), st.integers(300, 6000), st.integers(0, 3000))
def test_the_budget_is_where_green_ends(syllables: int, duration: int, spare: int) -> None:
    pace, slot = pace_of("xx"), Slot(0, duration, duration + spare)
    found = estimate("ba" * syllables, pace, slot)
    if syllables <= found.syllable_budget:
        assert found.fit is Fit.GREEN
    elif found.natural_ms > COMFORT[1] * slot.room_ms + 1:
        assert found.fit is not Fit.GREEN


def _takes(pace: Pace, scale: float, count: int) -> list[SpokenText]:
    sure = random.Random(3)
    texts = ["ba" * sure.randint(4, 40) for _ in range(count)]
    return [SpokenText(text, pace.lead_ms + scale * (natural_ms(text, pace) - pace.lead_ms)) for text in texts]


def test_takes_correct_the_pace_and_odd_ones_do_no_harm() -> None:
    pace = pace_of("xx")
    takes = _takes(pace, 1.25, 30)
    odd = [replace(take, natural_ms=take.natural_ms * 4) for take in takes[:7]]
    slow = calibrated(pace, [*odd, *takes[7:]])
    assert slow.ms_per_syllable == pytest.approx(1.25 * pace.ms_per_syllable, rel=0.03) and slow.takes == 30
    assert calibrated(pace, []) == pace
    one = calibrated(pace, takes[:1])
    assert pace.ms_per_syllable < one.ms_per_syllable < slow.ms_per_syllable
    assert calibrated(pace, _takes(pace, 9.0, 50)).ms_per_syllable <= SCALE_LIMITS[1] * pace.ms_per_syllable
    assert calibrated(pace, [SpokenText("...", 500.0), SpokenText("ba", 0.0)]) == pace


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    rows = ",\n".join(json.dumps(case, ensure_ascii=False) for case in golden_cases())
    GOLDEN.write_text(f"[\n{rows}\n]\n", encoding="utf-8")
