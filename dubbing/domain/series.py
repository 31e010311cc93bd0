"""The same people in several videos: which speakers of one sound like which of another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dubbing.domain.project import Speaker, VoiceChoice

#: The cosine of two voice prints (Resemblyzer's) from which on two speakers may be one person. Measured on 13 people
#: (``scripts.series_bench``): one person's halves of a recording 0.75 to 0.88, two people at most 0.63. Synthetic
#: voices made from one another reach 0.89; a telephone or much noise costs a person 0.1.
SAME_PERSON = 0.72
#: From here on a first analysis takes names and voices over without asking.
SURELY_SAME = 0.76
#: How much liker a speaker must be to the other than either is to anybody else of the two videos.
MARGIN = 0.04


@dataclass(frozen=True, slots=True)
class SpeakerMatch:
    """A speaker of this project and who that is in another video of its series.

    ``voices`` by language: those that people assigned there, else those that are heard. ``is_sure``: at least
    ``SURELY_SAME`` alike.
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


def pairs(ours: Iterable[Speaker], theirs: Iterable[Speaker]) -> list[tuple[Speaker, Speaker, float]]:
    """Who is who between two videos, likeliest first; nobody is two people in one video.

    A speaker who sounds nearly as much like a second one is left open.
    """
    own, others = list(ours), list(theirs)
    table = [[likeness(one.voice_print, other.voice_print) for other in others] for one in own]
    found = []
    for i, row in enumerate(table):
        for j, score in enumerate(row):
            rivals = [*row[:j], *row[j + 1:], *(table[k][j] for k in range(len(own)) if k != i)]
            if score >= SAME_PERSON and score - max(rivals, default=0.0) >= MARGIN:
                found.append((own[i], others[j], score))
    return sorted(found, key=lambda row: (-row[2], row[0].id))
