"""Who is learnt from, who is looked at meanwhile, who is kept for the end: by person, never by clip.

The split of a person is a hash of the name, so it stays the same when a data set grows, on every machine and in any
order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from lipsync_core.train.data.shards import SPLITS


def split_of(person: str, test_share: float = 0.1, val_share: float = 0.1, salt: str = "") -> str:
    """"train", "val" or "test". Raises ValueError for shares that are not shares."""
    if min(test_share, val_share) < 0 or test_share + val_share > 1:
        raise ValueError(f"shares of {test_share} for test and {val_share} for val do not leave any for training")
    digest = hashlib.sha256(f"{salt}\0{person}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < test_share:
        return "test"
    return "val" if place < test_share + val_share else "train"


def assign(people: Iterable[tuple[str, str]], known: Mapping[str, str], test_share: float = 0.1,
           val_share: float = 0.1) -> dict[str, str]:
    """The split of every person of (person, "test" or "" where the data set says so).

    known: splits that shards already have, which stay. Somebody whom a data set holds back for its test is never
    trained on, whatever other folders the name is in.
    """
    held_back: dict[str, bool] = {}
    for person, official in people:
        held_back[person] = held_back.get(person, False) or official == "test"
    return {person: known.get(person) or ("test" if held else split_of(person, test_share, val_share))
            for person, held in held_back.items()}


def shared_people(splits: Iterable[tuple[str, str]]) -> list[str]:
    """People of (person, split) that are in more than one split: none, or something is wrong."""
    seen: dict[str, set[str]] = {}
    for person, split in splits:
        if split not in SPLITS:
            raise ValueError(f"{split!r} is no split")
        seen.setdefault(person, set()).add(split)
    return sorted(person for person, where in seen.items() if len(where) > 1)
