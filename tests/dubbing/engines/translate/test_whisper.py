"""What the speech translator believes, and how it cuts long sound."""

from __future__ import annotations

import numpy as np

from dubbing.engines.asr.decoder import Decoded
from dubbing.engines.base import TranslationRequest
from dubbing.engines.translate.whisper import WhisperTranslator, _parts, believability

HEARD = "Hola a todos, estoy muy contento de verlos otra vez."


def decoded(text: str, logprob: float = -0.3, no_speech: float = 0.02) -> Decoded:
    return Decoded([1], text, no_speech, logprob)


def test_a_farewell_that_nobody_said_is_not_believed() -> None:
    """The bundled dialogue's last line came out like this."""
    found = decoded(" Thank you for watching and see you soon!")
    assert believability(found, "Estupendo mi madre también viene esta noche.", 2.2) == 0.0
    assert believability(found, "Gracias por ver este vídeo y hasta pronto.", 2.2) > 0.3


def test_a_fitting_translation_is_believed_most() -> None:
    good = believability(decoded(" Hello everyone, I am very happy to see you again."), HEARD, 3.0)
    assert good > 0.7
    for worse in (decoded(" Hello."), decoded(HEARD), decoded(" you" * 30),
                  decoded(" Hello everyone, I am very happy to see you again.", logprob=-1.5), decoded("")):
        assert believability(worse, HEARD, 3.0) < good / 2


def test_a_short_japanese_source_may_give_a_longer_english_text() -> None:
    assert believability(decoded(" It is nice weather today."), "今日は良い天気です。", 2.0) > 0.6


def test_long_sound_is_cut_where_it_is_quiet() -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 16000 * 40).astype(np.float32)
    sound[16000 * 20:16000 * 20 + 3200] = 0
    parts = _parts(sound)
    assert sum(len(part) for part in parts) == len(sound) and len(parts) == 2
    assert abs(len(parts[0]) - 16000 * 20.1) < 16000 * 0.2


def test_only_into_english_and_never_without_sound() -> None:
    engine = WhisperTranslator()
    assert engine.needs_sound and engine.supports("es", "en") and engine.supports("pt-BR", "en-US")
    assert not engine.supports("en", "es") and not engine.supports("en", "en") and not engine.supports("xx", "en")
    assert engine.translate(TranslationRequest("hola", 1000), "es", "en") == ""
