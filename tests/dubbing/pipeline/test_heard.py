"""What was heard in a whole dub is shared out among its lines."""

from __future__ import annotations

import numpy as np
import pytest

from dubbing.domain.speech import Word
from dubbing.engines.base import Sound
from dubbing.pipeline.dub_measure import clipped_samples, left_over_ms, onset_ms, silent_ms
from dubbing.pipeline.heard import Place, compare, heard_by_line

RATE = 16_000


def said(text: str, start_ms: int, end_ms: int) -> list[Word]:
    words = text.split()
    step = (end_ms - start_ms) // len(words)
    return [Word(word, start_ms + i * step, start_ms + (i + 1) * step) for i, word in enumerate(words)]


def heard(words: list[Word], places: list[Place], language: str = "en") -> list[str]:
    return [" ".join(word.text for word in own) for own in heard_by_line(words, places, language)]


PLACES = [Place(1000, 3000, "Good morning, Marcos."), Place(3100, 5000, "How was the trip?")]


def test_words_go_to_the_line_in_whose_time_they_are() -> None:
    words = said("Good morning Marcos", 1000, 3000) + said("How was the trip?", 3100, 5000)
    assert heard(words, PLACES) == ["Good morning Marcos", "How was the trip?"]


def test_at_a_border_the_texts_decide() -> None:
    # The recognizer's times are 200 ms off: "Marcos" seems to be said in the second line.
    words = [Word("Good", 1000, 1800), Word("morning", 1800, 2900), Word("Marcos", 3050, 3300),
             *said("How was the trip?", 3300, 5000)]
    assert heard(words, PLACES) == ["Good morning Marcos", "How was the trip?"]


def test_what_is_said_far_from_every_line_belongs_to_none() -> None:
    words = said("Good morning Marcos", 1000, 3000) + said("the original here", 7000, 8000)
    assert heard(words, PLACES) == ["Good morning Marcos", ""]


def test_where_lines_overlap_a_word_goes_to_the_line_that_has_it() -> None:
    places = [Place(0, 3000, "I never said that"), Place(2000, 4000, "You did, yesterday")]
    words = said("I never said", 0, 2000) + [Word("You", 2100, 2300), Word("that", 2400, 2600), Word("did", 2700, 2900),
                                             Word("yesterday", 3100, 3900)]
    assert heard(words, places) == ["I never said that", "You did yesterday"]


@pytest.mark.parametrize(("meant", "words", "wrong", "letters"), [
    ("Good morning, Marcos.", "good morning Marcos", 0, 0.0),
    ("Good morning, Marcos.", "Good morning, Marcus!", 1, 1 / 17),
    ("It costs 25 euros.", "It costs twenty-five euros", 0, 0.0),
    ("And the contract?", "", 3, 1.0),
])
def test_a_line_is_compared_word_by_word(meant: str, words: str, wrong: int, letters: float) -> None:
    found = compare(meant, said(words, 0, 1000) if words else [], "en")
    assert (found.wrong, found.heard) == (wrong, words)
    assert found.letter_errors == pytest.approx(letters, abs=1e-3)


def test_languages_without_blanks_are_compared_by_letter() -> None:
    found = compare("契約書です。", [Word("契約", 0, 500), Word("者です", 500, 900)], "ja")
    assert (found.words, found.wrong, found.heard) == (5, 1, "契約者です")


def tone(*spans: tuple[int, int], total_ms: int = 4000, level: float = 0.3) -> Sound:
    """A buzz in each of ``spans`` (ms), near-silence elsewhere."""
    rng = np.random.default_rng(1)
    sound = 1e-5 * rng.standard_normal(total_ms * RATE // 1000)
    for start, end in spans:
        at = np.arange(start * RATE // 1000, end * RATE // 1000)
        sound[at] += level * np.sin(2 * np.pi * 220 * at / RATE)
    return sound.astype(np.float32)


def test_an_onset_is_found_to_a_frame_and_a_click_is_none() -> None:
    sound = tone((700, 720), (1130, 2500))
    assert onset_ms(sound, 500, 3000) == pytest.approx(1130, abs=10)
    assert onset_ms(sound, 2600, 3000) is None


def test_silence_counts_only_while_the_original_speaks() -> None:
    original = tone((0, 1000), (1500, 3000))
    assert silent_ms(original, tone((0, 3000)), 0, 3000) == 0
    assert silent_ms(original, tone((0, 900)), 0, 3000) == pytest.approx(1600, abs=40)
    assert silent_ms(original, tone((0, 1000), (1500, 3000)), 0, 3000) == 0, "the original pauses there, too"


def test_what_is_left_of_the_original_beside_a_line() -> None:
    original = tone((850, 2150))
    assert left_over_ms(original, 1000, 2000, ((600, 970), (2030, 2400))) == pytest.approx(240, abs=20)
    assert left_over_ms(original, 850, 2150, ((500, 820), (2180, 2500))) == 0
    assert left_over_ms(tone((1000, 2000)) + tone((800, 900), level=0.003), 1000, 2000, ((600, 970),)) == 0, "a breath"


def test_clipping_is_counted_in_its_line_alone() -> None:
    sound = np.zeros((2, 1000), np.float32)
    sound[0, 100:110] = 1.0
    sound[1, 300:302] = -1.0      # two samples are a peak, not clipping
    sound[1, 600:604] = -1.0
    blocks = [sound[:, :500], sound[:, 500:]]
    assert clipped_samples(blocks, [(0, 200), (200, 500), (500, 1000)]) == [10, 0, 4]
