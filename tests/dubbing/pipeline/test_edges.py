"""Where lines begin and end by the sound itself: planted speech over beds and in rooms; what may never happen."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from dubbing.domain.speech import SpokenLine, Word
from dubbing.domain.utterances import build_utterances
from dubbing.media.probe import probe
from dubbing.pipeline.artifact import ArtifactStore
from dubbing.pipeline.edges import (
    FRAME_MS,
    INWARD_MS,
    OUTWARD_MS,
    RATE,
    REACH_MS,
    Levels,
    Span,
    band_levels,
    edges,
    reaches,
    retimed,
)
from dubbing.pipeline.levels import LineLevel
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stages import edges as stage
from dubbing.pipeline.stages import mix

Array = npt.NDArray[np.float64]
TOTAL_MS = 8000


@cache
def tone() -> Array:
    time = np.arange(TOTAL_MS * RATE // 1000) / RATE
    return np.asarray(sum(np.sin(2 * np.pi * 140 * k * time + k * k) / k for k in range(1, 25)))


def voice(*spans: tuple[int, int], level: float = 0.1) -> Array:
    """A voiced sound in each of ``spans`` (ms), in syllables of 180 ms with dips of 12 dB between them."""
    time = np.arange(TOTAL_MS * RATE // 1000) / RATE
    gain = np.zeros(len(time))
    for start, end in spans:
        inside = slice(start * RATE // 1000, end * RATE // 1000)
        own = time[inside] - start / 1000
        gain[inside] = np.where(own % 0.18 < 0.14, 1.0, 0.25)
    return level * tone() * gain


def hiss(start: int, end: int, level: float = 0.02) -> Array:
    """A fricative."""
    noise = np.diff(np.random.default_rng(1).standard_normal(TOTAL_MS * RATE // 1000), prepend=0.0)
    noise[:start * RATE // 1000] = 0
    noise[end * RATE // 1000:] = 0
    return level * noise


def noise(level: float) -> Array:
    return level * np.random.default_rng(3).standard_normal(TOTAL_MS * RATE // 1000)


def music(level: float) -> Array:
    """A bed of chords that change every half second, each note struck and fading."""
    time = np.arange(TOTAL_MS * RATE // 1000) / RATE
    out = np.zeros(len(time))
    for index, root in enumerate([110, 147, 98, 131] * 4):
        since = time - 0.5 * index
        struck = np.where(since >= 0, np.exp(-3 * np.maximum(since, 0)), 0.0)
        out += struck * sum(np.sin(2 * np.pi * root * ratio * time) for ratio in (1, 1.25, 1.5, 2))
    return level * out / np.abs(out).max()


def in_room(sound: Array, seconds: float) -> Array:
    """``sound`` in a room that fades by 60 dB within ``seconds``; what comes straight is 3 dB over the rest."""
    count = int(seconds * RATE)
    tail = np.random.default_rng(5).standard_normal(count) * 10 ** (-3 * np.arange(count) / count)
    tail *= 0.7 / np.sqrt(np.square(tail).sum())
    response = np.concatenate([[1.0], tail])
    size = 1 << (len(sound) + count).bit_length()
    return np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)[:len(sound)]


def levels(sound: Array) -> Levels:
    return band_levels([sound.astype(np.float32)])


BEDS = {"nothing": noise(0.0), "noise": noise(0.004), "music": music(0.02), "loud music": music(0.05)}


@pytest.mark.parametrize("bed", BEDS)
@pytest.mark.parametrize("late, early", [(200, 150), (320, 0), (60, 300), (0, 0)])
def test_a_line_that_was_heard_too_short_gets_its_first_and_last_syllable(bed: str, late: int, early: int) -> None:
    (start, end), = edges([Span(2000 + late, 5000 - early)], levels(voice((2000, 5000)) + BEDS[bed]))
    assert abs(start - 2000) <= 30 and abs(end - 5000) <= 40


@pytest.mark.parametrize("bed", ["nothing", "noise", "music"])
def test_a_line_that_was_heard_too_long_begins_and_ends_with_its_speech(bed: str) -> None:
    (start, end), = edges([Span(1900, 5100)], levels(voice((2000, 5000)) + BEDS[bed]))
    assert abs(start - 2000) <= 30 and abs(end - 5000) <= 30


def test_a_soft_first_syllable_and_a_last_fricative_belong_to_the_line() -> None:
    sound = voice((2000, 2080), level=0.03) + voice((2200, 5000)) + hiss(5000, 5200)
    (start, end), = edges([Span(2200, 5000)], levels(sound + noise(0.0005)))
    assert abs(start - 2000) <= 30 and abs(end - 5200) <= 30


@pytest.mark.parametrize("seconds", [0.3, 0.6, 1.0])
def test_a_room_does_not_move_the_start_and_its_fading_is_no_speech(seconds: float) -> None:
    (start, end), = edges([Span(2200, 4900)], levels(in_room(voice((2000, 5000)), seconds) + noise(0.0003)))
    assert abs(start - 2000) <= 30
    assert 4900 <= end <= 5000 + 180


@pytest.mark.parametrize("sound", [noise(0.02), noise(0.0), music(0.2), voice((0, TOTAL_MS)) + noise(0.05)])
def test_nothing_is_moved_by_a_sound_that_is_not_clear(sound: Array) -> None:
    spans = [Span(2000, 3000), Span(3000, 4500)]
    assert edges(spans, levels(sound)) == [(2000, 3000), (3000, 4500)]


def test_speech_that_goes_on_beyond_the_reach_is_another_matter() -> None:
    sound = levels(voice((500, 6500)))
    assert edges([Span(2000, 5000)], sound) == [(2000, 5000)]
    assert reaches([Span(2000, 5000)], sound) == [(2000, 5000)]


def test_what_lies_between_two_lines_goes_to_the_nearer_one_and_neither_takes_the_others() -> None:
    sound = levels(voice((1000, 2600), (2900, 5000)))
    first, second = edges([Span(1000, 2450), Span(3050, 5000)], sound)
    assert abs(first[1] - 2600) <= 30 and abs(second[0] - 2900) <= 30
    # Without a pause nobody can tell whose it is.
    assert edges([Span(1000, 2450), Span(2600, 5000)], levels(voice((1000, 5000)))) == [(1000, 2450), (2600, 5000)]


def test_lines_that_overlap_are_not_widened_into_each_other() -> None:
    sound = levels(voice((1000, 3000), (3100, 5000)))
    found = edges([Span(1000, 2900), Span(2700, 4000), Span(3900, 4900)], sound)
    assert found[0][1] <= 2900 + 140 and found[1][0] >= 2700 and found[1][1] <= 4000 and found[2][0] >= 3900


def test_words_follow_their_line() -> None:
    words = (Word("uno", 2200, 2500), Word("dos", 2500, 4000), Word("tres", 4000, 4800))
    heard, = build_utterances(words, [])
    span, = edges([Span(heard.start_ms, heard.end_ms)], levels(voice((2000, 5000))))
    line = retimed(heard, *span)
    assert [(word.start_ms, word.end_ms) for word in line.words[1:-1]] == [(2500, 4000)]
    assert (line.words[0].start_ms, line.words[-1].end_ms) == (line.start_ms, line.end_ms)
    assert abs(line.start_ms - 2000) <= 30 and abs(line.end_ms - 5000) <= 30


def test_a_short_word_is_not_cut_away() -> None:
    line = SpokenLine("S1", "a b", 1000, 2000, (Word("a", 1000, 1050), Word("b", 1960, 2000)))
    moved = retimed(line, 1100, 1900)
    assert moved.words[0] == Word("a", 1010, 1050) and moved.words[1].start_ms == 1960
    assert moved.words[1].end_ms == moved.end_ms == 2000
    assert retimed(SpokenLine("S1", "", 1000, 2000), 900, 2100).start_ms == 900


def test_the_mix_reaches_over_all_that_is_heard_of_the_line_and_its_room() -> None:
    dry, wet = levels(voice((2000, 5000))), levels(in_room(voice((2000, 5000)), 0.5) + noise(0.0001))
    (start, end), = reaches([Span(2150, 4800)], dry)
    assert abs(start - 2000) <= 30 and abs(end - 5000) <= 30
    (start, end), = reaches([Span(2000, 5000)], wet)
    assert start >= 1970 and 5150 <= end <= 5000 + REACH_MS


def test_the_mix_leaves_a_line_alone_that_is_not_dubbed() -> None:
    sound = levels(voice((1000, 2600), (2680, 5000)))
    both = reaches([Span(1000, 2450), Span(2850, 5000)], sound)
    assert abs(both[0][1] - 2600) <= 40 or both[0][1] <= 2850
    kept, dubbed = reaches([Span(1000, 2450, is_dubbed=False), Span(2850, 5000)], sound)
    assert kept == (1000, 2450) and 2650 <= dubbed[0] <= 2850
    close, = (reaches([Span(1000, 2600, is_dubbed=False), Span(2600, 5000)], levels(voice((1000, 5000))))[1:])
    assert close[0] == 2600 and close[1] <= 5020


def test_between_two_dubbed_lines_no_syllable_stays() -> None:
    first, second = reaches([Span(1000, 2450), Span(2650, 5000)], levels(voice((1000, 5000))))
    assert first[1] >= second[0]


def test_levels_do_not_depend_on_how_the_sound_comes_in() -> None:
    sound = (voice((1000, 4000)) + noise(0.01)).astype(np.float32)
    whole = band_levels([sound])
    parts = band_levels(sound[at:at + 777] for at in range(0, len(sound), 777))
    assert whole.shape == parts.shape and abs(whole.shape[1] - TOTAL_MS // FRAME_MS) <= 1
    assert np.abs(whole - parts).max() < 1e-6
    assert band_levels([]).shape == (2, 0) and band_levels([np.zeros(50, np.float32)]).shape == (2, 0)


def test_a_tone_has_its_level_in_its_band() -> None:
    sine = 0.1 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)
    low, high = band_levels([sine]).mean(axis=1)
    assert low > high + 30


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Array, list[Span]]:
    """Speech and lines anywhere, overlapping or not, over a bed."""
    def times(most: int) -> list[tuple[int, int]]:
        rows = draw(st.lists(st.tuples(st.integers(0, TOTAL_MS - 400), st.integers(50, 3000)), max_size=most))
        return [(start, min(TOTAL_MS, start + length)) for start, length in rows]

    sound = voice(*times(5), level=draw(st.sampled_from([0.002, 0.05, 0.3])))
    spans = [Span(start, end, draw(st.booleans())) for start, end in times(6)]
    return sound + BEDS[draw(st.sampled_from(sorted(BEDS)))], spans


@settings(max_examples=40, deadline=None)
@given(scenes())
def test_lines_move_so_far_and_never_into_another(scene: tuple[Array, list[Span]]) -> None:
    sound, spans = scene
    for old, (start, end) in zip(spans, edges(spans, levels(sound)), strict=True):
        assert 0 <= start < end <= TOTAL_MS
        assert old.start_ms - OUTWARD_MS - FRAME_MS <= start <= old.start_ms + INWARD_MS + FRAME_MS
        assert old.end_ms - INWARD_MS - FRAME_MS <= end <= old.end_ms + OUTWARD_MS + FRAME_MS
        for other in spans:
            if other is not old and other.end_ms <= old.start_ms:
                assert start >= other.end_ms
            if other is not old and other.start_ms >= old.end_ms:
                assert end <= other.start_ms


@settings(max_examples=40, deadline=None)
@given(scenes())
def test_the_mix_reaches_so_far_and_never_into_what_stays(scene: tuple[Array, list[Span]]) -> None:
    sound, spans = scene
    for old, (start, end) in zip(spans, reaches(spans, levels(sound)), strict=True):
        assert old.start_ms - REACH_MS - FRAME_MS <= start <= old.start_ms
        assert old.end_ms <= end <= old.end_ms + REACH_MS + FRAME_MS
        for other in spans:
            if not other.is_dubbed and other.end_ms <= old.start_ms:
                assert start >= other.end_ms
            if not other.is_dubbed and other.start_ms >= old.end_ms:
                assert end <= other.start_ms


@settings(max_examples=20, deadline=None)
@given(scenes())
def test_the_order_in_which_lines_are_given_does_not_matter(scene: tuple[Array, list[Span]]) -> None:
    sound, spans = scene
    known, found = edges(spans, levels(sound)), edges(spans[::-1], levels(sound))
    if len({(span.start_ms, span.end_ms) for span in spans}) == len(spans):
        assert known == found[::-1]


def test_the_stage_reads_the_speech_stem(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    with store.build("a" * 64, {}) as (folder, _):
        sound = np.repeat(voice((2000, 5000)), 3)
        soundfile.write(folder / "speech.wav", np.stack([sound, sound], axis=1), 3 * RATE)
    separated = store.find("a" * 64)
    assert separated is not None
    made = Runner(store).run(stage.step(separated, [Span(2200, 4900)]))
    (start, end), = stage.load_spans(made)
    assert abs(start - 2000) <= 30 and abs(end - 5000) <= 30 and made.facts["moved"] == 1
    (first, last), = stage.load_spans(Runner(store).run(stage.reach_step(separated, [Span(2200, 4900)], language="en")))
    assert abs(first - 2000) <= 30 and abs(last - 5000) <= 30


def test_the_mix_keeps_no_syllable_of_a_line_and_moves_no_take(tmp_path: Path) -> None:
    rate = RATE
    speech, bed = voice((2000, 5000)).astype(np.float32), noise(0.002).astype(np.float32)
    store = ArtifactStore(tmp_path / "artifacts")
    for key, sounds in (("a", {"speech": speech, "me": bed}), ("b", {"take": np.zeros(2 * rate, np.float32)})):
        with store.build(key * 64, {}) as (folder, facts):
            for name, sound in sounds.items():
                soundfile.write(folder / f"{name}.wav", sound, rate, subtype="FLOAT")
            (folder / "phonemes.json").write_text("[]")
            facts["duration_ms"] = 2000
    separated, take = store.find("a" * 64), store.find("b" * 64)
    assert separated is not None and take is not None
    source = tmp_path / "source.wav"
    soundfile.write(source, speech + bed, rate, subtype="FLOAT")
    info = probe(source, needs_video=False).audio[0]
    line = Span(2180, 4860)
    reach, = stage.load_spans(Runner(store).run(stage.reach_step(separated, [line], language="en")))
    left = []
    for replaced in (None, reach):
        lines = [mix.DubbedLine(take, line.start_ms, line.end_ms, replaced=replaced)]
        made = Runner(store).run(mix.step(source, "c" * 64, separated, lines, info, language="en"))
        sound, _ = soundfile.read(made.path(mix.MIX))
        rest = np.abs(sound[:len(bed)] - bed[:len(sound)])
        left.append(int((rest > 0.01).sum()) * 1000 // rate)
        placed = mix.placed_takes(lines, [LineLevel(0.0, (1.0,))], rate)
        assert placed[0].start_samples == line.start_ms * rate // 1000
    assert left[0] > 100 and left[1] < 10
