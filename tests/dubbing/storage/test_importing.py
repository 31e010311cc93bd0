"""Pairing a new transcription with the utterances that are there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dubbing.domain.project import Utterance
from dubbing.domain.speech import SpokenLine
from dubbing.storage.importing import match_lines

TIMES = st.tuples(st.integers(0, 5000), st.integers(1, 900))
LINES = st.lists(TIMES.map(lambda time: SpokenLine("S0", "said", time[0], sum(time))), max_size=12)


def as_utterances(lines: list[SpokenLine]) -> list[Utterance]:
    return [Utterance("p", f"u{n:04d}", line.speaker, line.start_ms, line.end_ms, line.text)
            for n, line in enumerate(lines)]


def shared_ms(line: SpokenLine, one: Utterance) -> int:
    return min(line.end_ms, one.end_ms) - max(line.start_ms, one.start_ms)


@given(LINES, LINES, st.sets(st.integers(0, 11)))
def test_every_line_and_every_utterance_ends_in_one_place(
    old: list[SpokenLine], new: list[SpokenLine], marked: set[int]
) -> None:
    existing = as_utterances(old)
    kept = {one.id for n, one in enumerate(existing) if n in marked}
    plan = match_lines(existing, kept, new)
    used = [*plan.unchanged, *(key for key, _ in plan.updated), *plan.removed, *kept]
    assert sorted(used) == sorted(one.id for one in existing)
    assert len(plan.added) + len(plan.updated) + len(plan.unchanged) + len(plan.skipped) == len(new)
    guarded = [one for one in existing if one.id in kept]
    for line in new:
        is_covered = any(2 * shared_ms(line, one) >= min(line.end_ms - line.start_ms, one.duration_ms)
                         for one in guarded if shared_ms(line, one) > 0)
        assert (line in plan.skipped) == is_covered
    by_id = {one.id: one for one in existing}
    for key, line in plan.updated:
        assert 2 * shared_ms(line, by_id[key]) >= max(line.end_ms - line.start_ms, by_id[key].duration_ms)


@given(LINES)
def test_the_same_transcription_again_removes_nothing(lines: list[SpokenLine]) -> None:
    plan = match_lines(as_utterances(lines), set(), lines)
    assert plan.added == plan.removed == plan.skipped == ()


def test_the_speaker_decides_between_two_who_speak_at_once() -> None:
    first, second = SpokenLine("S0", "yes", 0, 1000), SpokenLine("S1", "no", 0, 1000)
    plan = match_lines(as_utterances([first, second]), set(), [second, first])
    assert plan.unchanged == ("u0001", "u0000") and plan.updated == ()
