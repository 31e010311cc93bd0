"""Nobody is in two splits, and nobody changes sides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lipsync_core.train.data.splits import assign, shared_people, split_of

names = st.text(min_size=0, max_size=20)


@given(st.lists(st.tuples(names, st.sampled_from(["", "test"]))), st.floats(0, 0.5), st.floats(0, 0.5))
def test_every_person_has_one_split_in_any_order(people: list[tuple[str, str]], test: float, val: float) -> None:
    found = assign(people, {}, test, val)
    assert found == assign(people[::-1], {}, test, val)
    assert shared_people(found.items()) == []
    assert all(found[person] == "test" for person, official in people if official)


@given(st.lists(names, unique=True, max_size=20), st.lists(names, unique=True, max_size=20))
def test_growing_changes_nobody(first: list[str], later: list[str]) -> None:
    before = assign([(p, "") for p in first], {})
    after = assign([(p, "test") for p in [*first, *later]], before)
    assert {p: after[p] for p in first} == before


def test_shares_are_met() -> None:
    found = [split_of(f"id{i:05d}", 0.1, 0.2) for i in range(4000)]
    assert [found.count(s) / 4000 for s in ("train", "val", "test")] == pytest.approx([0.7, 0.2, 0.1], abs=0.02)
    assert split_of("id00012") == split_of("id00012")


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ValueError, match="do not leave any"):
        split_of("a", 0.6, 0.6)
    assert shared_people([("a", "train"), ("a", "test"), ("b", "val")]) == ["a"]
