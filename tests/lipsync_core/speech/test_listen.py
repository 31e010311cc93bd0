"""Without a text: silence is silence, the lips close where a voice closes them, and an ear is an ear."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipsync_core.speech.articulation import articulate
from lipsync_core.speech.features import BANDS, HOP, at_16k, mel_db, normalised
from lipsync_core.speech.listen import listen
from lipsync_core.speech.network import WEIGHTS, WeightsError, load, shipped
from lipsync_core.speech.phones import CLASSES, classes_of
from lipsync_core.speech.sound import RATE
from tests.lipsync_core.speech.test_align import stored


@pytest.mark.parametrize(("name", "least"), [("english", 0.65), ("spanish", 0.45)])
def test_the_opening_heard_follows_the_opening_that_the_text_asks_for(name: str, least: float) -> None:
    sound, truth = stored(name)
    times = np.arange(0, truth[-1].end_ms, 20.0)
    wanted, heard = (articulate(phones, times, sound=sound, sample_rate=RATE, align_to_sound=False).opening
                     for phones in (truth, listen(sound, RATE)))
    assert np.corrcoef(wanted, heard)[0, 1] > least


@pytest.mark.parametrize("name", ["english", "spanish"])
def test_most_closures_are_heard(name: str) -> None:
    # The log-mel ear alone: two thirds at best. Whisper's ear hears nine of ten (test_whisper_ears).
    sound, truth = stored(name)
    centres = np.array([(p.start_ms + p.end_ms) / 2 for p in listen(sound, RATE) if p.symbol in ("p", "b", "m")])
    wanted = [(p.start_ms + p.end_ms) / 2 for p in truth if p.symbol[0] in "pbm"]
    assert np.mean([np.abs(centres - at).min() <= 40 for at in wanted]) >= 0.6


def test_phones_cover_the_sound_without_gaps() -> None:
    sound, _ = stored("english")
    found = listen(sound, RATE)
    assert found[0].start_ms == 0 and abs(found[-1].end_ms - len(sound) / RATE * 1000) <= 10
    assert all(a.end_ms == b.start_ms for a, b in zip(found[:-1], found[1:], strict=True))
    assert {p.symbol for p in found} <= set(CLASSES)


def test_a_pause_and_plain_silence_are_heard_as_rest() -> None:
    sound, _ = stored("spanish")
    random = np.random.default_rng(0)
    paused = np.concatenate([sound, np.zeros(RATE, np.float32), sound]) + random.normal(0, 1e-4, 2 * len(sound) + RATE)
    middle = len(sound) / RATE * 1000 + 500
    assert any(p.symbol == " " and p.start_ms < middle - 300 and p.end_ms > middle + 300
               for p in listen(paused.astype(np.float32), RATE))
    for silence in (np.zeros(RATE, np.float32), random.normal(0, 1e-4, RATE).astype(np.float32)):
        times = np.arange(0, 1000, 40.0)
        aim = articulate(listen(silence, RATE), times, sound=silence, sample_rate=RATE)
        assert aim.opening.max() < 0.15


def test_an_empty_sound_says_nothing() -> None:
    found = listen(np.zeros(0, np.float32), RATE)
    assert len(found) == 0
    assert not articulate(found, np.arange(5) * 40.0).opening.any()


def test_a_long_sound_is_heard_in_blocks_as_in_one() -> None:
    sound, _ = stored("english")
    long = np.tile(sound, 8)
    heard = shipped().hear(long, RATE)
    assert len(heard.logp) == -(-len(long) // HOP) and heard.times_ms[0] == 5
    features = normalised(mel_db(long))
    part = shipped().judge(features[1900:2300])[0]
    whole = shipped().judge(features)[0]
    np.testing.assert_allclose(part[60:300], whole[1960:2200], atol=1e-3)
    np.testing.assert_allclose(np.exp(heard.logp).sum(1), 1, atol=1e-4)


def test_features_do_not_depend_on_the_level() -> None:
    sound, _ = stored("english")
    loud, quiet = normalised(mel_db(sound)), normalised(mel_db(sound * np.float32(0.1)))
    assert loud.shape[1] == BANDS
    np.testing.assert_allclose(loud, quiet, atol=0.02)


def test_sound_that_cannot_be_heard_is_refused() -> None:
    with pytest.raises(ValueError, match="mono"):
        at_16k(np.zeros((2, 100)), RATE)
    with pytest.raises(ValueError, match="8000"):
        at_16k(np.zeros(100), 4000)


def test_broken_weights_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(WEIGHTS.read_bytes()[:5000])
    with pytest.raises(WeightsError):
        load(broken)
    with pytest.raises(WeightsError):
        load(tmp_path / "nowhere.safetensors")
    weights = load_file(WEIGHTS)
    weights["out.weight"] = weights["out.weight"][:-1]
    save_file(weights, broken)
    with pytest.raises(WeightsError, match=r"out\.weight"):
        load(broken)


def test_symbols_fold_into_classes() -> None:
    def names(symbol: str) -> list[str]:
        return [CLASSES[i] for i in classes_of(symbol)]

    assert names("tʃ") == names("t͡ɕ") == names("tʃʰ") == ["tʃ"]
    assert names("aɪ") == ["a", "ɪ"] and names("pf") == ["p", "f"] and names("bː") == ["b"]
    assert names("ç") == ["ç"] and names("ɔ̃") == ["ɔ"] and names("ʐ") == ["ʒ"]
    assert names("ˈ") == names("ː") == [] and names(",") == [" "]
