from __future__ import annotations

import numpy as np
import pytest

from dubbing.engines.base import Synthesizer
from dubbing.engines.tts.fake import FakeSynthesizer
from dubbing.errors import DubbingError


def test_it_is_a_synthesizer_and_deterministic() -> None:
    engine = FakeSynthesizer()
    assert isinstance(engine, Synthesizer) and engine.is_fake
    one, two = (engine.synthesize("Hola, mundo", "es", "fake_low") for _ in range(2))
    assert np.array_equal(one.sound, two.sound) and one.phonemes == two.phonemes


@pytest.mark.parametrize("speed", [0.8, 1.0, 1.3])
@pytest.mark.parametrize("text", ["Hola, mundo", "今日は", "Привет!", "12 pm"])
def test_times_cover_the_sound(text: str, speed: float) -> None:
    speech = FakeSynthesizer().synthesize(text, "xx", "fake_high", speed=speed)
    assert speech.phonemes[0].start_ms == 0
    assert speech.phonemes[-1].end_ms == pytest.approx(len(speech.sound) * 1000 / speech.sample_rate)
    for before, after in zip(speech.phonemes, speech.phonemes[1:], strict=False):
        assert before.end_ms == after.start_ms


def test_length_follows_the_text() -> None:
    short, long = (FakeSynthesizer().synthesize(t, "en", "fake_low") for t in ("one", "one two three four"))
    assert len(long.sound) > 3 * len(short.sound)


def test_nothing_to_say() -> None:
    with pytest.raises(DubbingError):
        FakeSynthesizer().synthesize("...", "en", "fake_low")
