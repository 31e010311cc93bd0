"""The real recognizer on real speech, and on what is not speech."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from dubbing.engines.asr.whisperx import WhisperXRecognizer
from dubbing.errors import UnavailableError


def read(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, file.getnchannels())
        assert file.getframerate() == 16000
    return (data.mean(axis=1) / 32768).astype(np.float32)


@pytest.fixture(scope="module")
def recognizer() -> WhisperXRecognizer:
    engine = WhisperXRecognizer(alignment="attention")
    reason = engine.why_unavailable()
    if reason:
        pytest.skip(reason)
    try:
        engine.load()
    except UnavailableError as error:
        pytest.skip(str(error))
    return engine


@pytest.mark.real
def test_nothing_is_invented_where_nobody_speaks(recognizer: WhisperXRecognizer) -> None:
    time = np.arange(16000 * 8) / 16000
    chord = sum(np.sin(2 * np.pi * pitch * time) * (1 + np.sin(2 * np.pi * 2 * time)) for pitch in (220, 277, 330))
    noise = np.random.default_rng(0).normal(0, 0.05, len(time))
    for sound in (np.zeros(len(time)), noise, 0.1 * chord):
        assert recognizer.transcribe(sound.astype(np.float32), language=None).segments == ()
    assert recognizer.transcribe(np.zeros(100, np.float32), language="en").segments == ()


@pytest.mark.real
def test_spanish_is_written_down_with_times(recognizer: WhisperXRecognizer, media: Path) -> None:
    sound = read(media / "speech_es.wav")
    transcript = recognizer.transcribe(sound, language=None)
    assert transcript.language == "es"
    words = transcript.words
    assert " ".join(word.text for word in words) == "Actualmente los alquileres están por las nubes."
    assert words == tuple(sorted(words, key=lambda word: word.start_ms))
    assert 600 < words[0].start_ms < 1000 and words[-1].end_ms <= len(sound) / 16
    assert recognizer.transcribe(sound, language="es-MX").words == words


@pytest.mark.real
def test_an_unknown_language_is_one_sentence(recognizer: WhisperXRecognizer, media: Path) -> None:
    with pytest.raises(UnavailableError, match="does not know the language xx"):
        recognizer.transcribe(read(media / "speech_es.wav"), language="xx")
