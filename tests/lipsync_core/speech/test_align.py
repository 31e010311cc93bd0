"""Known words find their times: on posteriors made up here, and on stored speech whose phoneme times are exact."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from lipsync_core.speech.align import AlignmentError, Anchor, align, aligned
from lipsync_core.speech.network import Heard
from lipsync_core.speech.phones import CLASSES, classes_of
from lipsync_core.speech.sound import RATE, read_mono
from lipsync_core.speech.timeline import TimedPhone

DATA = Path(__file__).with_name("data")
FLAT = SimpleNamespace(log_prior=np.zeros(len(CLASSES), np.float32))


def heard(rows: Sequence[tuple[str, int]], sure: float = 0.9) -> Heard:
    """Posteriors of (symbol, frames) in a row."""
    p = np.full((sum(n for _, n in rows), len(CLASSES)), (1 - sure) / (len(CLASSES) - 1), np.float32)
    at = 0
    for symbol, frames in rows:
        p[at: at + frames, classes_of(symbol)[0]] = sure
        at += frames
    return Heard(np.log(p), np.zeros((len(p), 2), np.float32))


def stored(name: str) -> tuple[np.ndarray, list[TimedPhone]]:
    """Speech of our own synthesizer in a voice that the network was not trained on, and its exact phones."""
    row = json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    return read_mono(DATA / f"{name}.flac"), [TimedPhone(*phone) for phone in row["phones"]]


def words_of(phones: Sequence[TimedPhone]) -> list[list[str]]:
    """The phones between pauses, cut into words of four at most: where words end is not stored."""
    words: list[list[str]] = [[]]
    for phone in phones:
        if phone.symbol == " " or len(words[-1]) == 4:
            words.append([])
        if phone.symbol != " ":
            words[-1].append(phone.symbol)
    return [word for word in words if word]


def test_phones_pauses_and_marks_get_their_times() -> None:
    sound = heard([(" ", 20), ("m", 8), ("a", 12), (" ", 30), ("p", 6), ("i", 10), (" ", 14)])
    found = aligned(sound, [["ˈ", "m", "a", "ː"], [",", "p", "i"]], network=FLAT)
    assert found.phones == (
        TimedPhone(" ", 0, 200), TimedPhone("m", 200, 280), TimedPhone("aː", 280, 400), TimedPhone(" ", 400, 700),
        TimedPhone("p", 700, 760), TimedPhone("i", 760, 860), TimedPhone(" ", 860, 1000))
    assert found.word_of == (-1, 0, 0, -1, 1, 1, -1)
    assert found.fit == pytest.approx(0, abs=1e-6)


def test_words_may_follow_each_other_without_silence() -> None:
    found = aligned(heard([("m", 8), ("a", 12), ("p", 6), ("aɪ", 9)]), [["m", "a"], ["p", "aɪ"]], network=FLAT)
    assert [p.symbol for p in found.phones] == ["m", "a", "p", "aɪ"]
    assert found.phones[1].end_ms == 200


def test_a_sound_that_is_swallowed_takes_little_from_its_neighbours() -> None:
    found = aligned(heard([("m", 10), ("a", 20), ("s", 10)]), [["m", "a", "t", "s"]], network=FLAT)
    swallowed = found.phones[2]
    assert swallowed.symbol == "t" and swallowed.end_ms - swallowed.start_ms <= 20
    assert abs(found.phones[3].start_ms - 300) <= 20


def test_an_anchor_decides_between_two_equal_places() -> None:
    twice = heard([(" ", 10), ("m", 8), ("a", 8), (" ", 120), ("m", 8), ("a", 8), (" ", 60)])
    for start, end, expected in ((0, 400, 100), (1300, 1700, 1460)):
        found = aligned(twice, [["m", "a"]], [Anchor(0, 1, start, end)], network=FLAT)
        assert next(p.start_ms for p in found.phones if p.symbol == "m") == expected


def test_anchors_that_cannot_hold_are_given_up() -> None:
    found = aligned(heard([("m", 8), ("a", 8)]), [["m", "a"]], [(0, 1, 90_000, 91_000)], network=FLAT)
    assert [p.symbol for p in found.phones] == ["m", "a"]


def test_no_words_and_too_many_words_are_refused() -> None:
    with pytest.raises(AlignmentError, match="no phone"):
        aligned(heard([("a", 9)]), [["ˈ", " "], []], network=FLAT)
    with pytest.raises(AlignmentError, match="do not fit"):
        aligned(heard([("a", 9)]), [["a", "p"] * 20], network=FLAT)


@pytest.mark.parametrize("name", ["english", "spanish"])
def test_stored_speech_is_aligned_to_its_exact_times(name: str) -> None:
    sound, truth = stored(name)
    found = align(sound, RATE, words_of(truth))
    wanted, got = ([p for p in phones if p.symbol != " "] for phones in (truth, found))
    assert [p.symbol for p in got] == [p.symbol for p in wanted]
    errors = np.abs([a.start_ms - b.start_ms for a, b in zip(wanted, got, strict=True)])
    assert np.median(errors) <= 20 and np.mean(errors <= 40) >= 0.85
    closures = [abs(a.start_ms + a.end_ms - b.start_ms - b.end_ms) / 2 for a, b in zip(wanted, got, strict=True)
                if a.symbol[0] in "pbm"]
    assert closures and max(closures) <= 40


def test_another_rate_gives_the_same_times() -> None:
    sound, truth = stored("spanish")
    frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
    frame.sample_rate = RATE
    faster = np.concatenate([f.to_ndarray()[0] for f in av.AudioResampler("fltp", "mono", 44_100).resample(frame)])
    one, other = (align(s, r, words_of(truth)) for s, r in ((sound, RATE), (faster, 44_100)))
    shifts = [abs(a.start_ms - b.start_ms) for a, b in zip(one, other, strict=True)]
    assert np.mean(np.array(shifts) <= 10) > 0.9


def test_words_that_nobody_says_are_refused() -> None:
    (spanish, said), (english, other) = stored("spanish"), stored("english")
    for sound, phones in ((spanish, other), (english, said)):
        with pytest.raises(AlignmentError, match="does not say"):
            align(sound, RATE, words_of(phones))
    noise = np.random.default_rng(0).normal(0, 0.05, 4 * RATE)
    with pytest.raises(AlignmentError, match="does not say"):
        align(noise, RATE, words_of(other))
