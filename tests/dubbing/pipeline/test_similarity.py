"""Likeness of voices: of speech alone, of one person more than of two."""

from __future__ import annotations

import numpy as np
import pytest

from dubbing.engines.base import Sound
from dubbing.pipeline.similarity import RATE, similarity, voice_print, without_pauses


def tone(pitch_hz: float, seconds: float) -> Sound:
    return (0.2 * np.sin(2 * np.pi * pitch_hz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def ear(sound: Sound) -> np.ndarray:
    """Hears how low and how high a sound is."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    middle = len(sound) * 300 // RATE
    return np.array([[power[:middle].sum(), power[middle:].sum()]], np.float32)


def test_pauses_are_no_part_of_a_voice() -> None:
    silence = np.zeros(RATE, np.float32)
    spoken = without_pauses(np.concatenate([silence, tone(200, 1), silence, tone(200, 0.5), silence]))
    assert 1.5 <= len(spoken) / RATE <= 1.75
    assert len(without_pauses(silence)) == 0 and len(without_pauses(silence[:40])) == 0


def test_likeness() -> None:
    low, high, both = (voice_print(sounds, ear) for sounds in (
        [tone(150, 1)], [tone(700, 1), tone(800, 1)], [tone(150, 1), tone(700, 1)]))
    assert np.linalg.norm(both) == pytest.approx(1)
    assert similarity(low, low) == pytest.approx(1) and similarity(low, high) == pytest.approx(0, abs=0.01)
    assert 0.6 < similarity(low, both) < 0.8
    nobody = voice_print([np.zeros(RATE, np.float32)], ear)
    assert similarity(low, nobody) == 0.0 == similarity(nobody, nobody)


@pytest.mark.real
def test_one_voice_is_more_like_itself_than_like_another() -> None:
    from dubbing.engines.diarize.voiceprint import VoicePrint
    from dubbing.engines.tts.kokoro import KokoroSynthesizer
    from dubbing.media.audio import resample
    from dubbing.weights.store import Store

    engine, listen = KokoroSynthesizer(threads=1), VoicePrint(Store().fetch("resemblyzer")).sliding
    first, second = "Buenos días, amigos.", "No sé qué hacer mañana."
    one, again, other = (
        voice_print([resample(engine.synthesize(text, "es", voice).sound, 24_000, RATE)], listen)
        for voice, text in (("jm_kumo", first), ("jm_kumo", second), ("jf_alpha", second)))
    assert similarity(one, again) > 0.75 and similarity(one, other) < similarity(one, again) - 0.15
