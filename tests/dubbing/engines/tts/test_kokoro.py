"""The real voices: intelligible, exactly timed, in every offered language."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from dubbing.engines.base import Speech, Synthesizer
from dubbing.engines.tts import judge, script
from dubbing.engines.tts.hibari import HibariSynthesizer
from dubbing.engines.tts.kokoro import OFFERED, PITCH_HZ, PITCH_SENTENCE, KokoroSynthesizer
from dubbing.errors import DubbingError, UnavailableError


def test_engines_are_cheap_to_list() -> None:
    for engine in (KokoroSynthesizer(), HibariSynthesizer()):
        assert isinstance(engine, Synthesizer) and not engine.is_fake
        for language in engine.languages():
            voices = engine.voices(language)
            assert voices and all(language in voice.languages for voice in voices)
        assert engine.voices("xx") == ()
    assert set(PITCH_HZ) >= {name for names in OFFERED.values() for name in names}


@pytest.fixture(scope="module")
def kokoro() -> Iterator[KokoroSynthesizer]:
    engine = KokoroSynthesizer()
    engine.load()
    yield engine
    engine.release()


def assert_times_fit(speech: Speech) -> None:
    times = speech.phonemes
    assert times[0].start_ms == 0
    assert times[-1].end_ms == pytest.approx(len(speech.sound) * 1000 / speech.sample_rate, abs=1)
    for before, after in zip(times, times[1:], strict=False):
        assert before.end_ms == pytest.approx(after.start_ms, abs=1e-6)
        assert after.end_ms > after.start_ms
    assert np.abs(speech.sound).max() < 1.0


def power_db(speech: Speech, symbols: str) -> float:
    """Median level of the middles of phones that are one of ``symbols``."""
    rate = speech.sample_rate / 1000
    middles = [(0.7 * p.start_ms + 0.3 * p.end_ms, 0.3 * p.start_ms + 0.7 * p.end_ms)
               for p in speech.phonemes if p.symbol[0] in symbols]
    pieces = [speech.sound[int(start * rate): int(stop * rate)] for start, stop in middles]
    return float(np.median([10 * np.log10(np.mean(np.square(piece)) + 1e-9) for piece in pieces]))


@pytest.mark.real
@pytest.mark.parametrize("speed", [0.85, 1.25])
def test_phonemes_are_heard_where_their_times_say(kokoro: KokoroSynthesizer, speed: float) -> None:
    speech = kokoro.synthesize("Papá compró un coche pequeño; Pepe tapa la copa.", "es", "jm_kumo", speed=speed)
    assert_times_fit(speech)
    assert power_db(speech, "aeo") - power_db(speech, "ptk") > 6
    assert power_db(speech, "aeo") - power_db(speech, " ") > 25
    assert [p.symbol for p in speech.phonemes if p.symbol != " "][:4] == ["p", "a", "p", "a"]


@pytest.mark.real
def test_two_pieces_are_joined_and_odd_symbols_are_survived(kokoro: KokoroSynthesizer,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "_COMFORTABLE_SYMBOLS", 20)
    speech = kokoro.synthesize("El coche llega a las ocho. ¡Fin! 😀 ※ <b>", "es", "jm_kumo", speed=1.3)
    assert_times_fit(speech)
    assert sum(p.symbol == "tʃ" for p in speech.phonemes) == 2


@pytest.mark.real
def test_what_cannot_be_said_is_refused(kokoro: KokoroSynthesizer) -> None:
    with pytest.raises(DubbingError):
        kokoro.synthesize("... !?", "es", "jm_kumo")
    with pytest.raises(UnavailableError):
        kokoro.synthesize("hola", "es", "nobody")
    with pytest.raises(UnavailableError):
        kokoro.synthesize("hej", "sv", "jm_kumo")


@pytest.mark.real
def test_the_stored_pitch_is_the_voices_pitch(kokoro: KokoroSynthesizer) -> None:
    from dubbing.pipeline.voice_match import voiced_pitches

    language, sentence = PITCH_SENTENCE
    speech = kokoro.synthesize(sentence, language, "jm_kumo")
    pitch = float(np.median(voiced_pitches(speech.sound.astype(np.float64), speech.sample_rate)))
    assert pitch == pytest.approx(PITCH_HZ["jm_kumo"], rel=0.05)


@pytest.mark.real
def test_a_listener_understands_both_engines(kokoro: KokoroSynthesizer) -> None:
    listener = judge.Listener()
    for engine, language, voice in ((kokoro, "it", "jm_kumo"), (HibariSynthesizer(), "en", "af_heart")):
        verdict = judge.judge(engine, language, voice, listener, limit=2)
        assert verdict.error_rate <= judge.LIMIT, verdict.worst
    speech = HibariSynthesizer().synthesize("Stop it, Peter! Popcorn and a paper cup.", "en", "af_heart", speed=1.2)
    assert_times_fit(speech)
    assert power_db(speech, "ɑɔæʌa") - power_db(speech, "ptk") > 6


def test_a_judge_is_fair() -> None:
    assert judge.error_rate(["I have 12 eggs, Mr. X!"], ["i have twelve eggs mr x"], "en") == 0
    assert judge.error_rate(["one two three four"], ["one two three five"], "en") == 0.25
    assert judge.error_rate(["今日は。"], ["今日わ"], "ja") == pytest.approx(1 / 3)
