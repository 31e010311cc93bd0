"""The same said shorter or longer, by rules: what every speaker of a language would take for the same words.

Contractions, pronouns that a verb makes superfluous, long-winded phrases and fillers. A rule is here only where it
holds without understanding the sentence; whatever it does to numbers, denials or questions is taken back. Rules are
tried one place at a time, so that a line loses no more than it must.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from dubbing.domain import fidelity
from dubbing.domain.estimate import natural_ms, pace_of
from dubbing.domain.rewording_rules import LONGER, SHORTER

#: Texts that are made of one at most, and rules that are applied one after another.
MOST, DEEPEST = 32, 4


class Rewording(NamedTuple):
    """Another way to say a text; ``how`` names what was done, ``steps`` counts it."""

    text: str
    how: str
    steps: int


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    replacement: str
    how: str


def variants(text: str, language: str, *, longer: bool = False) -> list[Rewording]:
    """Shorter (or longer) wordings of ``text``, those with the fewest changes first; none where no rule applies.

    Every one of them takes less (more) time than the one that it was made from, and names the same numbers, denies
    and asks as ``text`` does.
    """
    pace, kept = pace_of(language), (fidelity.numbers(text, language), fidelity.denies(text, language),
                                     fidelity.asks(text))
    found: dict[str, Rewording] = {}
    edge = [Rewording(text, "", 0)]
    for _ in range(DEEPEST):
        following = []
        for made_from in edge:
            for made, how in _applied(made_from.text, language, longer):
                if len(found) >= MOST or made in found or made == text or not _is_kept(made, language, kept):
                    continue
                is_longer = natural_ms(made, pace) > natural_ms(made_from.text, pace)
                if natural_ms(made, pace) == natural_ms(made_from.text, pace) or is_longer is not longer:
                    continue
                hows = [one for one in made_from.how.split(", ") if one]
                found[made] = Rewording(made, ", ".join(dict.fromkeys([*hows, how])), made_from.steps + 1)
                following.append(found[made])
        edge = following
    return list(found.values())


def _is_kept(text: str, language: str, kept: tuple[object, bool, bool]) -> bool:
    return any(char.isalpha() for char in text) and kept == (
        fidelity.numbers(text, language), fidelity.denies(text, language), fidelity.asks(text))


def _applied(text: str, language: str, longer: bool) -> Iterator[tuple[str, str]]:
    """``text`` with one rule applied in one place, in every way."""
    for rule in _rules(language, longer):
        for match in rule.pattern.finditer(text):
            said = match.expand(rule.replacement)
            yield _tidy(text[:match.start()], said, text[match.end():], match.group()), rule.how


def _tidy(before: str, said: str, after: str, was: str) -> str:
    """Joined without doubled blanks; a sentence whose first word went begins with a capital."""
    begins = re.search(r"(?:^|[.!?…]\s+)[¿¡\"“‘«(]*\s*$", before) is not None
    if begins and was[:1].isupper():
        if said != was and said.endswith(was):  # something was put before it
            said = said.removesuffix(was) + was[:1].lower() + was[1:]
        said = said[:1].upper() + said[1:]
        after = after if said.strip() else re.sub(r"^\s*\w", lambda match: match.group().upper(), after, count=1)
    text = re.sub(r"\s+", " ", before + said + after).strip()
    return re.sub(r"\s+([,.;:!?…])", r"\1", text)


@cache
def _rules(language: str, longer: bool) -> tuple[_Rule, ...]:
    return tuple(_Rule(re.compile(rf"(?<!\w)(?:{pattern})", re.IGNORECASE), replacement, how)
                 for pattern, replacement, how in (LONGER if longer else SHORTER).get(language, ()))
