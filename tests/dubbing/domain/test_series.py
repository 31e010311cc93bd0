"""Who is who between two videos, by voice prints that were made up."""

from __future__ import annotations

import math

from dubbing.domain.project import Speaker
from dubbing.domain.series import SAME_PERSON, likeness, pairs


def voice(angle: float) -> tuple[float, ...]:
    """A print in a plane; the cosine of two is that of the angle between them."""
    return (math.cos(angle), math.sin(angle))


def speaker(id_: str, angle: float, project: str = "p") -> Speaker:
    return Speaker(project, id_, id_, voice_print=voice(angle))


def test_likeness_is_the_cosine_whatever_the_lengths() -> None:
    assert likeness((2.0, 0.0), (5.0, 0.0)) == 1.0
    assert abs(likeness(voice(0), voice(math.acos(0.6))) - 0.6) < 1e-9
    assert likeness((), (1.0,)) == likeness((1.0, 2.0), (1.0,)) == likeness((0.0, 0.0), (1.0, 0.0)) == 0.0


def test_everybody_is_one_person_and_the_likeliest_come_first() -> None:
    ours = [speaker("S1", 0.0), speaker("S2", 0.6)]
    theirs = [speaker("A", 0.7, "q"), speaker("B", 0.02, "q"), speaker("C", 1.9, "q")]
    found = pairs(ours, theirs)
    assert [(own.id, other.id) for own, other, _ in found] == [("S1", "B"), ("S2", "A")]
    assert found[0][2] > found[1][2] > SAME_PERSON


def test_strangers_and_those_without_a_print_are_nobody() -> None:
    """Nor is whoever sounds nearly as much like a second one."""
    assert pairs([speaker("S1", 0.0)], [speaker("A", 0.2, "q"), speaker("B", -0.21, "q")]) == []
    assert pairs([speaker("S1", 0.0)], [speaker("A", math.acos(SAME_PERSON) + 0.01, "q")]) == []
    assert pairs([Speaker("p", "S1", "S1")], [speaker("A", 0.0, "q")]) == []
