"""What the clips of an ablation allow to be said: paired differences, their spread over people, and a plain verdict.

Every variant makes the same clips, so differences are taken clip by clip; people are drawn with replacement (a cluster
bootstrap, Efron and Tibshirani 1993), because two clips of one face are not two observations. Whoever taught a
generator does not speak here: only the mesh's figures and a judge of another architecture that other people trained.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

_DRAWS = 2000
_LEAST_PEOPLE = 4
_PERCENT = (2.5, 97.5)
#: Below this mean correlation of lip opening nobody follows the sound, and a difference is one of noise.
_FOLLOWS = 0.15


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. better: 1 when more is better, -1 when less is, 0 when 1 is best.

    by: who measures it, "mesh", "picture", "embedder", "judge" or "teacher". counts: whether the verdict listens to it.
    shown: whether it is a column.
    """

    key: str
    head: str
    better: int
    by: str
    places: int = 3
    counts: bool = False
    shown: bool = True


FIGURES = (
    Figure("opening_r", "opening r", 1, "mesh", 2, counts=True),
    Figure("closure_hits", "closures hit", 1, "mesh", 2),
    Figure("false_closures", "false closures", -1, "mesh", 2),
    # Lips that are always shut hit every closure: neither of the two says anything alone.
    Figure("closure_skill", "closures less false ones", 1, "mesh", 2, counts=True, shown=False),
    Figure("lip_distance", "lip distance", -1, "mesh", 4, counts=True),
    Figure("amplitude", "amplitude", 0, "mesh", 2),
    Figure("sharpness", "sharpness", 0, "picture", 2),
    Figure("psnr_db", "mouth dB", 1, "picture", 1),
    Figure("csim", "identity", 1, "embedder", 3),
    Figure("teacher_distance", "teacher's distance", -1, "teacher"),
    Figure("judge_distance", "judge's distance", -1, "judge", counts=True),
    Figure("judge_right", "judge finds the sound", 1, "judge", counts=True),
)
_BY_KEY = {f.key: f for f in FIGURES}
MESH = tuple(f.key for f in FIGURES if f.counts and f.by == "mesh")
JUDGE = tuple(f.key for f in FIGURES if f.counts and f.by == "judge")


@dataclass(frozen=True, slots=True)
class ClipScore:
    """The figures of one made clip (see ``validate.FIGURES``); what could not be measured on it is missing or NaN.

    closure_skill: closures hit less false closures. judge_right: share of the clip's moments at which the judge finds
    the clip's own sound more fitting than one 5 to 15 frames away; 0.5 is chance.
    """

    clip: str
    person: str
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of one figure's change and its 95 % interval over people; seeds: the change of every seed alone."""

    figure: Figure
    mean: float
    low: float
    high: float
    seeds: tuple[float, ...] = ()

    @property
    def direction(self) -> int:
        """1 better, -1 worse, 0 when the interval holds no change."""
        if self.figure.better == 0 or self.low <= 0 <= self.high:
            return 0
        return int(math.copysign(1, self.mean)) * self.figure.better

    def __str__(self) -> str:
        places = self.figure.places + 1
        text = f"{self.figure.head} {self.mean:+.{places}f} ({self.low:+.{places}f} … {self.high:+.{places}f})"
        if len(self.seeds) > 1:
            text += f", seeds {min(self.seeds):+.{places}f} to {max(self.seeds):+.{places}f}"
        return text


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one comparison on one group of clips.

    outcome: "gain", "loss", "mixed", "judge only", "mesh only", "none", or "deaf" where neither side follows the sound.
    differences: by figure's key. people: how many were compared.
    """

    question: str
    group: str
    outcome: str
    people: int
    differences: Mapping[str, Difference]
    sentence: str


#: variant -> seed -> what was measured of every clip.
Scores = Mapping[str, Mapping[int, Sequence[ClipScore]]]


def means(scores: Sequence[ClipScore]) -> dict[str, float]:
    """Mean of every figure over the clips where it could be measured."""
    found = {f.key: [v for s in scores if math.isfinite(v := s.values.get(f.key, math.nan))] for f in FIGURES}
    return {key: fmean(values) for key, values in found.items() if values}


def compare(scores: Scores, pairs: Sequence[tuple[str, str]], key: str) -> Difference | None:
    """How figure ``key`` changes from the first to the second variant of every pair, pairs and seeds pooled.

    None where fewer than four people can be compared: an interval over them would be a guess.
    """
    by_person: dict[str, list[float]] = {}
    by_seed: dict[int, list[float]] = {}
    for before, after in pairs:
        for seed in sorted(set(scores.get(before, {})) & set(scores.get(after, {}))):
            base = {s.clip: s.values.get(key, math.nan) for s in scores[before][seed]}
            for made in scores[after][seed]:
                change = made.values.get(key, math.nan) - base.get(made.clip, math.nan)
                if math.isfinite(change):
                    by_person.setdefault(made.person, []).append(change)
                    by_seed.setdefault(seed, []).append(change)
    if len(by_person) < _LEAST_PEOPLE:
        return None
    people = np.array([fmean(by_person[p]) for p in sorted(by_person)])
    draws = np.random.default_rng(0).integers(0, len(people), (_DRAWS, len(people)))
    low, high = np.percentile(people[draws].mean(1), _PERCENT)
    return Difference(_BY_KEY[key], float(people.mean()), float(low), float(high),
                      tuple(fmean(by_seed[s]) for s in sorted(by_seed)))


def judge_comparison(scores: Scores, pairs: Sequence[tuple[str, str]], question: str, group: str) -> Verdict:
    """The verdict on ``question`` ("A against B") from the mesh's figures and the independent judge's."""
    found = {f.key: d for f in FIGURES if (d := compare(scores, pairs, f.key)) is not None}
    people = len({s.person for before, _ in pairs for rows in scores.get(before, {}).values() for s in rows})
    mesh, judge = ([found[k].direction for k in keys if k in found] for keys in (MESH, JUDGE))
    outcome = _outcome(mesh, judge) if _anyone_follows(scores, pairs) else "deaf"
    said = "; ".join(str(found[k]) for k in (*MESH, *JUDGE) if k in found)
    sentence = f"{question}, {group} ({people} people): {_WORDS[outcome]}"
    sentence += f" {said}." if said else " Too few people for an interval."
    return Verdict(question, group, outcome, people, found, sentence)


_WORDS = {
    "gain": "a gain. The lips follow better and the independent judge agrees.",
    "loss": "a loss.",
    "mixed": "mixed: some figures are better, others worse.",
    "judge only": "no gain shown: the judge is more content, but the lips do not measurably follow better.",
    "mesh only": "half a gain: the lips follow better, but the independent judge sees no difference.",
    "none": "no difference shown.",
    "deaf": f"nothing to be said: neither follows the sound (opening r below {_FOLLOWS}), whatever differs.",
}


def _anyone_follows(scores: Scores, pairs: Sequence[tuple[str, str]]) -> bool:
    """Whether any variant's lips open with the truth's at all; True where that was not measured."""
    rows = [means(made).get("opening_r") for pair in pairs for name in pair for made in scores.get(name, {}).values()]
    known = [r for r in rows if r is not None]
    return not known or max(known) >= _FOLLOWS


def _outcome(mesh: Sequence[int], judge: Sequence[int]) -> str:
    better, worse = max([*mesh, *judge, 0]) > 0, min([*mesh, *judge, 0]) < 0
    if better and worse:
        return "mixed"
    if worse:
        return "loss"
    if not better:
        return "none"
    if max([*mesh, 0]) > 0 and max([*judge, 0]) > 0:
        return "gain"
    return "mesh only" if max([*mesh, 0]) > 0 else "judge only"


def table(groups: Mapping[str, Scores], order: Sequence[str]) -> str:
    """Markdown, one block a group; a cell is the mean over clips and seeds, ± half the range of the seeds' means."""
    blocks = []
    for group, scores in groups.items():
        names = [n for n in order if scores.get(n)]
        rows = {n: [means(scores[n][seed]) for seed in sorted(scores[n])] for n in names}
        figures = [f for f in FIGURES if f.shown and any(f.key in r for per_seed in rows.values() for r in per_seed)]
        first = next(iter(scores[names[0]].values())) if names else []
        lines = [f"| {group}: {len(first)} clips, {len({s.person for s in first})} people | "
                 + " | ".join(f.head for f in figures) + " |", "|---" * (len(figures) + 1) + "|"]
        lines += [f"| {n} | " + " | ".join(_cell([r[f.key] for r in rows[n] if f.key in r], f) for f in figures) + " |"
                  for n in names]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _cell(values: Sequence[float], figure: Figure) -> str:
    if not values:
        return "-"
    text = f"{fmean(values):.{figure.places}f}"
    spread = (max(values) - min(values)) / 2
    return f"{text} ± {spread:.{figure.places}f}" if len(values) > 1 else text
