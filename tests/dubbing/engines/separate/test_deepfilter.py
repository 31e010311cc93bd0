"""Speech and M&E: exact sum, exact alignment, any rate and layout."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from dubbing.engines.base import Separator, Sound
from dubbing.engines.separate.deepfilter import DeepFilterSeparator
from dubbing.engines.separate.fake import FakeSeparator
from dubbing.engines.separate.leak import LeakFilter


def blocks(sound: Sound, size: int) -> Iterator[Sound]:
    for start in range(0, sound.shape[1], size):
        yield sound[:, start: start + size]


def joined(stream: Iterator[tuple[Sound, Sound]]) -> tuple[Sound, Sound]:
    found = list(stream)
    return np.concatenate([s for s, _ in found], axis=1), np.concatenate([m for _, m in found], axis=1)


def talk(rate: int, seconds: float = 2.0) -> Sound:
    """Something that DeepFilterNet takes for speech: syllables of a gliding pulse train through vowel resonances."""
    from scipy.signal import lfilter

    count = int(rate * seconds)
    time_s = np.arange(count) / rate
    pitch = 130 + 25 * np.sin(2 * np.pi * 1.3 * time_s)
    sound = np.zeros(count)
    sound[np.flatnonzero(np.diff(np.floor(np.cumsum(pitch / rate)))) + 1] = 1.0
    for formant, width in ((600, 80), (1300, 100), (2500, 140)):
        radius, angle = np.exp(-np.pi * width / rate), 2 * np.pi * formant / rate
        sound = lfilter([1.0], [1, -2 * radius * np.cos(angle), radius**2], sound)
    syllables = np.clip(np.sin(2 * np.pi * 3.5 * time_s), 0, 1)
    return (0.2 * sound / np.abs(sound).max() * syllables).astype(np.float32)


def test_the_fake_sums_to_its_input() -> None:
    assert isinstance(FakeSeparator(), Separator)
    mix = np.random.default_rng(0).standard_normal((2, 5000)).astype(np.float32)
    speech, rest = joined(FakeSeparator().separate(blocks(mix, 700), 48_000))
    np.testing.assert_allclose(speech + rest, mix, atol=1e-6)


@pytest.mark.parametrize("size", [100, 4096, 100_000])
def test_the_leak_filter_leaves_music_alone_and_nothing_is_late(size: int) -> None:
    music = (0.1 * np.random.default_rng(1).standard_normal((2, 30_000))).astype(np.float32)
    leak = LeakFilter(2, 48_000)
    parts = [leak.push(np.zeros_like(block), block) for block in blocks(music, size)]
    out = np.concatenate([*parts, leak.flush()], axis=1)
    assert out.shape == music.shape
    np.testing.assert_allclose(out, music, atol=1e-5)


def test_the_leak_filter_turns_down_a_weak_copy_of_speech() -> None:
    speech = (0.3 * np.sin(np.arange(48_000) * 0.05)).astype(np.float32)[None]
    leak = LeakFilter(1, 48_000)
    out = np.concatenate([leak.push(speech, 0.1 * speech), leak.flush()], axis=1)
    assert np.abs(out[0, 5000:-5000]).max() < 0.1 * 0.03 * 1.5


@pytest.fixture(scope="module")
def separator() -> DeepFilterSeparator:
    engine = DeepFilterSeparator()
    if engine.why_unavailable():
        pytest.skip(engine.why_unavailable() or "")
    engine.load()
    return engine


@pytest.mark.real
@pytest.mark.parametrize(("rate", "channels", "size"), [(48_000, 1, 480), (44_100, 2, 1000), (8_000, 2, 333),
                                                        (96_000, 1, 5000), (48_000, 6, 9999)])
def test_sum_length_and_alignment(separator: DeepFilterSeparator, rate: int, channels: int, size: int) -> None:
    voice = talk(rate)
    mix = np.zeros((channels, len(voice)), np.float32)
    mix[2 if channels == 6 else slice(None)] = voice
    mix = np.round(mix * 32767) / np.float32(32767)
    speech, rest = joined(separator.separate(blocks(mix, size), rate))
    assert speech.shape == rest.shape == mix.shape
    np.testing.assert_allclose(speech + rest, mix, atol=2e-7)
    heard = speech[2 if channels == 6 else 0]
    lags = range(-rate // 200, rate // 200 + 1)
    scores = [float(np.roll(heard, lag)[rate // 4: -rate // 4] @ voice[rate // 4: -rate // 4]) for lag in lags]
    assert abs(lags[int(np.argmax(scores))]) <= max(1, rate // 24_000)
    assert np.square(rest).sum() < 0.1 * np.square(mix).sum()
    if channels == 6:
        assert np.abs(speech[[3, 4, 5]]).max() == 0.0


@pytest.mark.real
def test_music_on_the_sides_stays_and_speech_in_the_middle_goes(separator: DeepFilterSeparator) -> None:
    rate = 48_000
    voice = talk(rate)
    random = np.random.default_rng(2)
    side = (0.02 * random.standard_normal(len(voice))).astype(np.float32)
    mix = np.stack([voice + side, voice - side])
    _, rest = joined(separator.separate(blocks(mix, 4800), rate))
    wanted = np.stack([side, -side])
    error = rest - wanted
    assert np.square(error).sum() < 0.1 * np.square(voice).sum() * 2
    left_minus_right = (rest[0] - rest[1]) / 2
    assert np.corrcoef(left_minus_right, side)[0, 1] > 0.9
