"""The same people in several videos: which speakers of one sound like which of another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dubbing.domain.project import Speaker, VoiceChoice

#: The cosine of two voice prints (Resemblyzer's) from which on they are taken for one person's.
SAME_PERSON = 0.8
#: From here on nobody needs to look: in the measurements no two people reached it.
SURELY_SAME = 0.87


@dataclass(frozen=True, slots=True)
class SpeakerMatch:
    """A speaker of this project and who that is in another video of its series.

    ``voices`` by language: those that people assigned there, else those that are heard. ``is_sure``: no two different
    people are known to sound so much alike.
    """

    speaker: str
    project_id: str
    project_name: str
    other: str
    name: str
    character: str
    likeness: float
    is_sure: bool
    voices: Mapping[str, VoiceChoice] = field(default_factory=dict)


def likeness(first: Sequence[float], second: Sequence[float]) -> float:
    """The cosine of two voice prints; 0 where one is missing or they are not of one kind."""
    if not first or len(first) != len(second):
        return 0.0
    product = math.fsum(a * b for a, b in zip(first, second, strict=True))
    lengths = math.sqrt(math.fsum(a * a for a in first) * math.fsum(b * b for b in second))
    return product / lengths if lengths > 0 else 0.0


def pairs(ours: Iterable[Speaker], theirs: Iterable[Speaker],
          least: float = SAME_PERSON) -> list[tuple[Speaker, Speaker, float]]:
    """Who is who between two videos, likeliest first; nobody is two people in one video."""
    others = list(theirs)
    found = sorted(((likeness(own.voice_print, other.voice_print), own, other) for own in ours for other in others),
                   key=lambda row: (-row[0], row[1].id, row[2].id))
    taken_ours: set[str] = set()
    taken_theirs: set[str] = set()
    result = []
    for score, own, other in found:
        if score < least:
            break
        if own.id not in taken_ours and other.id not in taken_theirs:
            taken_ours.add(own.id)
            taken_theirs.add(other.id)
            result.append((own, other, score))
    return result
