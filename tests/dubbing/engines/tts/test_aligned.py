"""Phoneme times of a sound whose model does not tell them: as the model that does tell them has them."""

from __future__ import annotations

from difflib import SequenceMatcher

import numpy as np
import pytest

from dubbing.domain.speech import Phoneme
from dubbing.engines.base import Sound
from dubbing.engines.tts.aligned import align, without_edges
from dubbing.errors import MediaError

RATE = 24_000


def beeps(*spans: tuple[float, float], seconds: float = 2.0) -> Sound:
    sound = np.zeros(int(seconds * RATE), np.float32)
    for start, end in spans:
        time = np.arange(int(start * RATE), int(end * RATE))
        sound[time] = 0.3 * np.sin(2 * np.pi * 200 * time / RATE)
    return sound


def nobody(sound: Sound, rate: int, words: object) -> list[Phoneme]:
    raise MediaError("It says something else.", "Say it again.")


def test_a_sound_that_does_not_say_its_text_is_told_and_its_phonemes_are_spread() -> None:
    found = align(beeps((0.2, 0.8), (1.2, 1.6)), RATE, "hola amigo", "es", nobody)
    assert not found.says_it
    spoken = [p for p in found.phonemes if p.symbol != " "]
    assert "".join(p.symbol[0] for p in spoken) == "olaamiɣo"
    assert all(0.19 < p.start_ms / 1000 < 0.81 or 1.19 < p.start_ms / 1000 < 1.61 for p in spoken)
    ends = [(a.end_ms, b.start_ms) for a, b in zip(found.phonemes, found.phonemes[1:], strict=False)]
    assert all(end == pytest.approx(start) for end, start in ends)
    assert found.phonemes[0].start_ms == 0 and found.phonemes[-1].end_ms == pytest.approx(2000)


def test_languages_that_nobody_spells_and_silence() -> None:
    found = align(beeps((0.2, 0.8)), RATE, "abc", "xx", nobody)
    assert [p.symbol for p in found.phonemes] == [" ", "a", "b", "c", " "] and found.says_it
    assert align(beeps(), RATE, "hola", "es", nobody).phonemes == ()
    assert align(beeps(), RATE, "...", "es", nobody).phonemes == ()


def test_what_is_said_after_the_text_is_cut() -> None:
    sound = beeps((0.5, 1.0), (1.5, 1.9))
    heard = align(sound, RATE, "a", "es", lambda *_: [Phoneme(" ", 0, 500), Phoneme("a", 500, 1000),
                                                      Phoneme(" ", 1000, 2000)])
    cut, phonemes = without_edges(sound, RATE, heard)
    assert len(cut) / RATE == pytest.approx(0.74, abs=0.01)
    assert [p.symbol for p in phonemes] == [" ", "a", " "] and phonemes[1].start_ms == pytest.approx(120)
    assert np.abs(cut[-20:]).max() < 0.01


@pytest.mark.real
def test_times_are_near_those_that_a_model_tells_itself() -> None:
    from dubbing.engines.tts.kokoro import KokoroSynthesizer

    text = "No puedo creer que hayas llegado tan tarde otra vez."
    speech = KokoroSynthesizer(threads=1).synthesize(text, "es", "jm_kumo")
    found = align(speech.sound, speech.sample_rate, text, "es")
    assert found.says_it
    told, heard = ([p for p in phones if p.symbol != " "] for phones in (speech.phonemes, found.phonemes))
    matcher = SequenceMatcher(None, [p.symbol[0] for p in told], [p.symbol[0] for p in heard], autojunk=False)
    errors = [abs(told[b.a + i].start_ms - heard[b.b + i].start_ms) for b in matcher.get_matching_blocks()
              for i in range(b.size)]
    assert len(errors) > 0.9 * len(told) and np.median(errors) <= 20 and np.percentile(errors, 90) <= 50
    other = "Otras palabras enteramente distintas se oyen aquí."
    assert not align(speech.sound, speech.sample_rate, other, "es").says_it
