"""Slots of lines in bulk are those that a synthesis uses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dubbing.domain.isochrony import slot_for
from dubbing.domain.lines import TimedLine, slots_of

_lines = st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 5000), st.integers(1, 3000)), max_size=12)


@given(_lines)
def test_slots_are_those_that_looking_at_all_lines_gives(rows: list[tuple[str, int, int]]) -> None:
    lines = [TimedLine(f"u{n}", speaker, start, start + length) for n, (speaker, start, length) in enumerate(rows)]
    slots = slots_of(lines, 7000)
    for line in lines:
        later = [other for other in lines if other.start_ms > line.start_ms]
        own = min((other.start_ms for other in later if other.speaker == line.speaker), default=line.end_ms)
        following = min((other.start_ms for other in later), default=None)
        slot = slots[line.id]
        assert slot == slot_for(line.start_ms, min(line.end_ms, own), following, 7000)
        if line.end_ms <= 7000:  # what a page does with a line's end and its slot's limit alone
            assert slot.end_ms == min(line.end_ms, slot.limit_ms)
