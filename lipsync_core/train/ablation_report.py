"""What an ablation found: table, verdicts, sheets, and a line in the history. All of it comes from files that the jury
wrote, so it can be made again at any time."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from lipsync_core.bench import report as history
from lipsync_core.train.ablation_judge import ANOTHER, TRUTH, from_plain
from lipsync_core.train.ablation_jury import CONTROLS, JUDGED, RENDERED, START, read_strips
from lipsync_core.train.ablation_runs import QUESTIONS, Variant, read_json, write_json
from lipsync_core.train.ablation_sheet import Pictures, write_sheet
from lipsync_core.train.ablation_verdict import ClipScore, Verdict, judge_comparison, means, table
from lipsync_core.train.types import FPS

HISTORY = history.HISTORY.with_name("training.jsonl")

_CONTROL_ROWS = (TRUTH, ANOTHER, START)


class Report:
    """The runs of ``variants`` with ``seeds`` in the folder ``out``, as far as they are judged."""

    def __init__(self, out: Path, variants: Sequence[Variant], seeds: Sequence[int]) -> None:
        self.out, self.variants, self.seeds = out, variants, seeds
        self.groups: dict[str, dict[str, dict[int, list[ClipScore]]]] = {}
        for name in _CONTROL_ROWS:
            self._add(name, seeds[0], out / CONTROLS / name)
        for variant in variants:
            for seed in seeds:
                self._add(variant.name, seed, self.folder(variant, seed))

    def folder(self, variant: Variant, seed: int) -> Path:
        """Where a run lies."""
        return self.out / f"{variant.slug}_seed{seed}"

    def missing(self) -> list[str]:
        """The runs that are not judged yet."""
        return [f"{variant.name} (seed {seed})" for variant in self.variants for seed in self.seeds
                if not (self.folder(variant, seed) / JUDGED).is_file()]

    def verdicts(self) -> list[Verdict]:
        """The answers to all questions whose variants are there, by group."""
        found = []
        for question, pairs in QUESTIONS:
            for group, scores in self.groups.items():
                there = [pair for pair in pairs if all(name in scores for name in pair)]
                if there:
                    found.append(judge_comparison(scores, there, question, group))
        return found

    def text(self) -> str:
        """Tables (Markdown), and a sentence for every verdict."""
        order = [*_CONTROL_ROWS, *(variant.name for variant in self.variants)]
        if not self.groups:
            return "Nothing is judged yet."
        return "\n\n".join([table(self.groups, order), *(f"- {v.sentence}" for v in self.verdicts()),
                            *(f"- {sentence}" for sentence in self.warnings())])

    def warnings(self) -> list[str]:
        """Where the judge is more content with what was made than with what was there: it was taken in."""
        found = []
        for group, scores in self.groups.items():
            right = {name: fmean(means(rows).get("judge_right", math.nan) for rows in by_seed.values())
                     for name, by_seed in scores.items()}
            true = right.get(TRUTH, 1.0)
            above = [name for name, value in right.items() if name not in _CONTROL_ROWS and value > true]
            if above:
                found.append(f"{group}: the judge finds the sound more often in what {', '.join(above)} made than in "
                             "the truth. That is no better lip-sync: what pleases one expert pleases another.")
        return found

    def write(self) -> None:
        """``ablation.md``, ``ablation.json`` and the sheets."""
        (self.out / "ablation.md").write_text(self.text() + "\n", encoding="utf-8")
        write_json(self.out / "ablation.json", {"rows": self._rows(), "verdicts": self._plain_verdicts()})
        first = self.seeds[0]
        truths = read_strips(self.out / CONTROLS / TRUTH)
        made = {v: read_strips(self.folder(v, first)) for v in self.variants}
        for variant, strips in made.items():
            rows: dict[str, Pictures] = {}
            for n, (key, strip) in enumerate(strips.items()):
                rows |= {f"truth, clip {n + 1}": truths[key].pictures, f"{variant.name}, clip {n + 1}": strip.pictures}
            write_sheet(self.out / "sheets" / f"{variant.slug}.png", rows)
        for n, (key, truth) in enumerate(truths.items()):
            rows = {TRUTH: truth.pictures} | {v.name: s[key].pictures for v, s in made.items() if key in s}
            group = "rendered" if key.startswith(RENDERED) else "real"
            write_sheet(self.out / "sheets" / f"all_{group}_{n + 1}.png", rows,
                        [f"{frame / FPS:.2f} s" for frame in truth.frames])

    def keep(self, path: Path | None, details: Mapping[str, Any]) -> None:
        """Append the figures to the history, unless this very ablation is in it already."""
        mark = self.out / "kept.json"
        rows = self._rows()
        if read_json(mark) == rows:
            return
        import torch

        entry = history.record("ablation", history.processor(), rows, torch=torch.__version__,
                               python=platform.python_version(), seeds=list(self.seeds), **details,
                               verdicts=self._plain_verdicts())
        history.keep(entry, path or HISTORY)
        write_json(mark, rows)

    def _add(self, name: str, seed: int, folder: Path) -> None:
        for group, rows in (read_json(folder / JUDGED) or {}).items():
            self.groups.setdefault(group, {}).setdefault(name, {})[seed] = from_plain(rows)

    def _rows(self) -> list[history.Row]:
        return [{"group": group, "name": name, "seed": seed, **{k: round(v, 5) for k, v in means(found).items()}}
                for group, scores in self.groups.items() for name, by_seed in scores.items()
                for seed, found in by_seed.items()]

    def _plain_verdicts(self) -> list[dict[str, Any]]:
        return [{"question": v.question, "group": v.group, "outcome": v.outcome, "people": v.people,
                 "differences": {k: [round(x, 5) for x in (d.mean, d.low, d.high)] for k, d in v.differences.items()}}
                for v in self.verdicts()]
