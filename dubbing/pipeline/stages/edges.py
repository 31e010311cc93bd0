"""edges: where the speech of lines begins and ends in the speech stem, and how far the original gives way to them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from dubbing.engines.base import Report
from dubbing.media import audio
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.edges import RATE, Levels, Span, band_levels, edges, reaches
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages.separate import SPEECH

VERSION = "1"
SPANS = "spans.json"


def step(separated: Artifact, lines: Sequence[Span]) -> Step:
    """Where each of ``lines``, as they were heard, really begins and ends."""

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        found = edges(lines, _levels(separated))
        (folder / SPANS).write_text(json.dumps(found))
        facts["moved"] = sum(new != (old.start_ms, old.end_ms) for old, new in zip(lines, found, strict=True))
        report(1, 1, "")

    return Step("edges", VERSION, build, {"lines": [list(astuple(line)) for line in lines]}, {"separated": separated},
                unit="line")


def reach_step(separated: Artifact, lines: Sequence[Span], *, language: str) -> Step:
    """From when to when the original gives way to each of ``lines`` in the mix."""

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        (folder / SPANS).write_text(json.dumps(reaches(lines, _levels(separated))))
        report(1, 1, "")

    return Step("reach", VERSION, build, {"lines": [list(astuple(line)) for line in lines]}, {"separated": separated},
                unit="line", language=language)


def load_spans(artifact: Artifact) -> list[tuple[int, int]]:
    """(start, end) in ms for each line that the step was given, in the same order."""
    return [(int(start), int(end)) for start, end in artifact.json(SPANS)]


def _levels(separated: Artifact) -> Levels:
    blocks = audio.blocks(separated.path(SPEECH), sample_rate=RATE, layout="mono")
    return band_levels(block[0] for block in blocks)
