"""A workspace whose project the fakes have dubbed, by way of its worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dubbing.api import DubOptions, Workspace
from dubbing.domain.project import Project
from dubbing.worker import work
from tests.dubbing.team.desks import clip, manager, workspace_in

FAKES = {name: "fake" for name in ("recognizer", "diarizer", "translator", "synthesizer", "separator", "lipsync")}


@pytest.fixture(scope="session")
def dubbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Project]]:
    """Three lines by one speaker, dubbed into Spanish; every job of it is done."""
    folder = tmp_path_factory.mktemp("dubbed")
    with workspace_in(folder) as workspace:
        video = clip(folder / "harbour.mp4", frames=160, sound="bursts", height=270, width=480)
        made = workspace.create(video, DubOptions(targets=("es",), source="en", **FAKES), name="Harbour")
        at = manager(workspace)
        at.jobs.prepare(made.id)
        at.jobs.start(made.id)
        assert work(workspace, until_idle=True) == 2
        yield workspace, workspace.storage.projects.get(made.id)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Workspace]:
    with workspace_in(tmp_path) as workspace:
        yield workspace
