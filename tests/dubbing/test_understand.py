"""The source side: lines begin and end with their speech, and a project keeps the lines that it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from dubbing.api import DubOptions, Workspace
from dubbing.domain.casting import CAST
from dubbing.domain.project import TRANSCRIPT_KEY, Project
from dubbing.pipeline.edges import Levels, Span
from dubbing.pipeline.runner import Runner
from dubbing.understand import Source, understand
from tests.dubbing.team.desks import clip, workspace_in

OPTIONS = DubOptions(targets=("es",), source="en", lipsync="off",
                     **dict.fromkeys(("recognizer", "diarizer", "translator", "synthesizer", "separator"), "fake"))
Heard = tuple[Workspace, Project]


def moved_by_40(spans: Sequence[Span], _levels: Levels) -> list[tuple[int, int]]:
    return [(span.start_ms + 40, span.end_ms + 40) for span in spans]


def unmoved(spans: Sequence[Span], _levels: Levels) -> list[tuple[int, int]]:
    return [(span.start_ms, span.end_ms) for span in spans]


def starts(source: Source) -> list[int]:
    return [line.start_ms for line in source.lines]


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[Heard]:
    with workspace_in(tmp_path) as workspace:
        video = clip(tmp_path / "harbour.mp4", frames=160, sound="bursts", height=90, width=160)
        yield workspace, workspace.create(video, OPTIONS)


def run(heard: Heard, project: Project | None = None) -> Source:
    return understand(project or heard[1], OPTIONS, Runner(heard[0].artifacts))


def test_new_lines_and_their_words_are_moved_to_their_speech(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dubbing.pipeline.stages.edges.edges", moved_by_40)
    source = run(heard)
    assert source.lines and all(line.words[0].start_ms == line.start_ms for line in source.lines)
    assert all(line.words[-1].end_ms == line.end_ms for line in source.lines)
    again = understand(replace(heard[1], settings={**heard[1].settings, TRANSCRIPT_KEY: source.lines_key}), OPTIONS,
                       Runner(heard[0].artifacts))
    assert again.lines == source.lines


def test_a_project_from_before_keeps_its_lines_also_under_another_cast(heard: Heard,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, project = heard
    with monkeypatch.context() as before:
        before.setattr("dubbing.pipeline.stages.edges.edges", unmoved)
        source = run(heard)
    for folder in workspace.artifacts.root.glob("*/*/spans.json"):
        folder.write_text(str([[line.start_ms + 40, line.end_ms + 40] for line in source.lines]))
    assert starts(run(heard)) == [start + 40 for start in starts(source)], "a new project has the moved ones"
    kept = replace(project, settings={**project.settings, TRANSCRIPT_KEY: source.lines_key})
    assert run(heard, kept).lines == source.lines
    merged = replace(kept, settings={**kept.settings, CAST: [{"from": source.lines[0].speaker, "to": "S9"}]})
    found = run(heard, merged)
    assert starts(found) == starts(source) and found.lines[0].speaker == "S9"
