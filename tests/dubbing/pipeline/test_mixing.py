"""The dubbed mix: untouched outside lines, M&E and take inside, no clipping, bounded memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from dubbing.engines.base import Sound
from dubbing.pipeline.levels import GAIN_UP_DB, LineLevel, audible, loudness, measure_lines, take_gain
from dubbing.pipeline.limiter import CEILING, MixBlock
from dubbing.pipeline.mixing import DUCK_ATTACK_MS, DUCK_HOLD_MS, DUCK_RELEASE_MS, PlacedTake, mix_blocks

RATE = 48_000
FADE = int(0.03 * RATE)


def blocks(sound: Sound, size: int = 1000) -> Iterator[Sound]:
    for start in range(0, sound.shape[1], size):
        yield sound[:, start: start + size]


def noise(channels: int, seconds: float, level: float, seed: int) -> Sound:
    random = np.random.default_rng(seed)
    return (level * random.standard_normal((channels, int(seconds * RATE)))).astype(np.float32)


def joined(stream: Iterator[MixBlock]) -> MixBlock:
    found = list(stream)
    names = ("mix", "speech", "background")
    return MixBlock(*(np.concatenate([getattr(b, name) for b in found], axis=1) for name in names))


def test_outside_the_lines_the_mix_is_the_original_sample_for_sample() -> None:
    music, speech = noise(2, 3, 0.02, 0), noise(2, 3, 0.05, 1)
    span = (RATE, 2 * RATE)
    take = PlacedTake(RATE + 100, 4000, lambda: np.full(4000, 0.1, np.float32))
    out = joined(mix_blocks(blocks(music + speech, 1024), blocks(music, 777), [take], [span], RATE))
    original = music + speech
    assert out.mix.shape == original.shape
    assert np.array_equal(out.mix[:, : RATE - FADE], original[:, : RATE - FADE])
    assert np.array_equal(out.mix[:, 2 * RATE + FADE:], original[:, 2 * RATE + FADE:])
    inside = slice(RATE + 5000, 2 * RATE)
    np.testing.assert_allclose(out.mix[:, inside], music[:, inside], atol=1e-6)
    np.testing.assert_allclose(out.speech[:, RATE + 300: RATE + 3900], 0.1, atol=1e-5)
    np.testing.assert_allclose(out.speech + out.background, out.mix, atol=1e-6)


def test_without_lines_nothing_changes_whatever_the_blocks() -> None:
    music, speech = noise(6, 1, 0.3, 2), noise(6, 1, 0.3, 3)
    out = joined(mix_blocks(blocks(music + speech, 333), blocks(music, 5000), [], [], RATE))
    assert np.array_equal(out.mix, music + speech)


def test_the_cross_fade_has_no_step() -> None:
    original, background = np.ones((1, RATE), np.float32) * 0.5, np.zeros((1, RATE), np.float32)
    out = joined(mix_blocks(blocks(original), blocks(background), [], [(RATE // 3, RATE // 2)], RATE))
    assert np.abs(np.diff(out.mix[0])).max() <= 0.5 / FADE * 1.01
    assert out.mix[0, RATE // 3: RATE // 2].max() == 0.0


def test_a_line_is_measured_and_its_take_brought_to_the_same_loudness() -> None:
    music, speech = noise(2, 2, 0.01, 4), noise(2, 2, 0.0, 5)
    voice = noise(1, 1, 0.1, 6)[0]
    speech[0, RATE // 2: RATE // 2 + RATE], speech[1, RATE // 2: RATE // 2 + RATE] = voice, 0.25 * voice
    lines = [(RATE // 2, 3 * RATE // 2), (0, 2000)]
    level, silent = measure_lines(blocks(music + speech), blocks(music, 999), lines, RATE)
    assert silent.rms == 0.0
    assert level.balance[0] / level.balance[1] == pytest.approx(4, rel=0.01)
    take = noise(1, 0.5, 0.03, 7)[0]
    gain = take_gain(take, RATE, level)
    assert loudness(take * gain, RATE) == pytest.approx(level.rms, rel=0.02)
    placed = PlacedTake(RATE // 2, len(take), lambda: take, gain, level.balance)
    out = joined(mix_blocks(blocks(music + speech), blocks(music), [placed], [(RATE // 2, 3 * RATE // 2)], RATE))
    heard = np.sqrt(np.square(out.speech[:, RATE // 2: RATE // 2 + len(take)]).mean(1))
    assert heard[0] == pytest.approx(0.1, rel=0.05)
    assert heard[1] == pytest.approx(0.025, rel=0.05)


def test_gain_is_bounded_and_silence_is_left_alone() -> None:
    take = noise(1, 0.5, 0.001, 8)[0]
    assert take_gain(take, RATE, LineLevel(0.9, (1.0,))) == pytest.approx(10 ** (GAIN_UP_DB / 20))
    assert take_gain(take, RATE, None) == 1.0
    assert take_gain(np.zeros(100, np.float32), RATE, LineLevel(0.9, (1.0,))) == 1.0


def test_a_line_that_the_separation_lost_is_not_whispered() -> None:
    levels = [LineLevel(rms, (1.0,)) for rms in (0.1, 0.09, 0.12, 0.002, 0.0)]
    assert [round(level.rms, 4) for level in audible(levels)] == [0.1, 0.09, 0.12, 0.0095, 0.0]
    assert audible([LineLevel(0.0, (1.0,))]) == [LineLevel(0.0, (1.0,))]


def test_a_surround_mix_hears_the_dub_in_its_centre_alone() -> None:
    quiet = np.zeros((6, RATE), np.float32)
    speech = quiet.copy()
    speech[2] = noise(1, 1, 0.1, 9)[0]
    (level,) = measure_lines(blocks(speech), blocks(quiet), [(0, RATE)], RATE)
    take = noise(1, 0.5, 0.1, 10)[0]
    placed = PlacedTake(1000, len(take), lambda: take, take_gain(take, RATE, level), level.balance)
    out = joined(mix_blocks(blocks(speech), blocks(quiet), [placed], [(0, RATE)], RATE))
    assert np.abs(out.mix[[0, 1, 3, 4, 5]]).max() == 0.0
    assert np.sqrt(np.square(out.mix[2, 1000: 1000 + len(take)]).mean()) == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("size", [480, 4096, 200_000])
def test_loud_takes_are_limited_without_clipping_and_without_touching_the_rest(size: int) -> None:
    from scipy.signal import resample_poly

    time_s = np.arange(RATE) / RATE
    music = (0.3 * np.sin(2 * np.pi * 200 * time_s)).astype(np.float32)[None]
    shout = (0.9 * np.sin(2 * np.pi * 11_987 * time_s[: RATE // 4])).astype(np.float32)
    shout[: RATE // 8] *= 0.1
    placed = PlacedTake(RATE // 4, len(shout), lambda: shout)
    out = joined(mix_blocks(blocks(music, size), blocks(music, 1111), [placed], [], RATE))
    assert np.abs(resample_poly(out.mix[0], 8, 1)).max() <= CEILING * 1.02
    calm = slice(RATE // 4 + 200, RATE // 4 + RATE // 8 - 600)
    np.testing.assert_allclose(out.speech[0, calm], shout[200: RATE // 8 - 600], atol=1e-4)
    assert np.array_equal(out.mix[:, RATE // 2 + FADE:], music[:, RATE // 2 + FADE:])


def test_a_take_is_as_loud_to_the_ear_as_the_line_whatever_its_timbre() -> None:
    """A dark voice and a bright one of one RMS are not equally loud: the gain follows BS.1770's ear."""
    from dubbing.media.loudness_meter import measure

    time_s = np.arange(RATE) / RATE
    dark = (0.1 * np.sin(2 * np.pi * 90 * time_s)).astype(np.float32)
    bright = (0.1 * np.sin(2 * np.pi * 4000 * time_s)).astype(np.float32)
    (level,) = measure_lines([dark[None]], [np.zeros((1, RATE), np.float32)], [(0, RATE)], RATE)
    heard = bright * take_gain(bright, RATE, level)
    assert measure([heard[None]], RATE).integrated == pytest.approx(measure([dark[None]], RATE).integrated, abs=0.3)


def test_a_shout_stays_loud_and_a_whisper_soft() -> None:
    lines = [(0, RATE), (2 * RATE, 3 * RATE)]
    original = np.zeros((1, 4 * RATE), np.float32)
    voice = noise(1, 1, 0.05, 11)[0]
    original[0, :RATE], original[0, 2 * RATE: 3 * RATE] = 3 * voice, 0.3 * voice
    levels = measure_lines(blocks(original), blocks(np.zeros_like(original)), lines, RATE)
    take = noise(1, 1, 0.08, 12)[0]
    loud, soft = (loudness(take * take_gain(take, RATE, level), RATE) for level in levels)
    assert 20 * np.log10(loud / soft) == pytest.approx(20, abs=0.5)


def test_a_take_that_is_cut_off_does_not_click() -> None:
    quiet = np.zeros((1, RATE), np.float32)
    hum = (0.3 * np.cos(2 * np.pi * 110 * np.arange(RATE // 4) / RATE)).astype(np.float32)
    take = PlacedTake(RATE // 4, len(hum) - 137, lambda: hum)
    out = joined(mix_blocks(blocks(quiet), blocks(quiet), [take], [], RATE))
    # A click is a jump that the sound itself has nowhere.
    assert np.abs(np.diff(out.mix[0])).max() < 1.5 * np.abs(np.diff(hum)).max()


def test_reverberation_outlasts_a_take_without_taking_the_original_away() -> None:
    music, speech = noise(1, 2, 0.01, 15), noise(1, 2, 0.05, 16)
    sound = np.concatenate([np.full(RATE // 4, 0.1), np.linspace(0.01, 0, RATE // 8)]).astype(np.float32)
    take = PlacedTake(RATE // 2, RATE // 4, lambda: sound, tail_samples=RATE // 8)
    out = joined(mix_blocks(blocks(music + speech), blocks(music), [take], [], RATE))
    after = slice(RATE // 2 + RATE // 4 + FADE + 10, RATE // 2 + RATE // 4 + RATE // 8)
    tail = out.mix[0, after] - (music + speech)[0, after]
    np.testing.assert_allclose(tail, sound[after.start - RATE // 2: after.stop - RATE // 2], atol=2e-4)


def test_music_goes_down_under_takes_only_where_asked() -> None:
    music = noise(2, 6, 0.05, 13)
    takes = [PlacedTake(2 * RATE, RATE, lambda: np.zeros(RATE, np.float32))]
    spans = [(2 * RATE, 3 * RATE)]
    plain = joined(mix_blocks(blocks(music), blocks(music, 777), takes, spans, RATE))
    np.testing.assert_allclose(plain.mix, music, atol=1e-7)
    ducked = joined(mix_blocks(blocks(music), blocks(music, 777), takes, spans, RATE, duck_db=6.0))
    ratio = ducked.mix / music
    np.testing.assert_allclose(ratio[:, 2 * RATE: 3 * RATE], 10 ** (-6 / 20), rtol=1e-3)
    before, after = int(DUCK_ATTACK_MS * RATE / 1000), int(DUCK_RELEASE_MS * RATE / 1000)
    assert np.array_equal(ducked.mix[:, : 2 * RATE - before - 1], music[:, : 2 * RATE - before - 1])
    assert np.array_equal(ducked.mix[:, 3 * RATE + after + 1:], music[:, 3 * RATE + after + 1:])
    assert np.abs(np.diff(ratio[0, 3 * RATE: 3 * RATE + after])).max() < 1e-3
    np.testing.assert_allclose(ducked.speech + ducked.background, ducked.mix, atol=1e-6)
    np.testing.assert_allclose(ducked.speech, 0, atol=1e-6)


def test_ducked_music_does_not_pump_between_close_lines() -> None:
    music = noise(1, 6, 0.05, 14)
    gap = int(0.8 * DUCK_HOLD_MS * RATE / 1000)
    starts = (RATE, 2 * RATE + gap)
    takes = [PlacedTake(start, RATE, lambda: np.zeros(RATE, np.float32)) for start in starts]
    out = joined(mix_blocks(blocks(music), blocks(music), takes, [], RATE, duck_db=-9.0))
    np.testing.assert_allclose((out.mix / music)[0, RATE: starts[1] + RATE], 10 ** (-9 / 20), rtol=1e-3)


def test_memory_does_not_grow_with_length() -> None:
    def run(seconds: int) -> int:
        quiet = np.zeros((2, RATE), np.float32)
        takes = [PlacedTake(s * RATE, RATE // 2, lambda: np.full(RATE // 2, 0.1, np.float32))
                 for s in range(0, seconds, 2)]
        spans = [(s * RATE, s * RATE + RATE // 2) for s in range(0, seconds, 2)]
        tracemalloc.start()
        for _ in mix_blocks((quiet for _ in range(seconds)), (quiet for _ in range(seconds)), takes, spans, RATE):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert run(60) < 1.3 * run(12)
