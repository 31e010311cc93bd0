"""Quality reports as exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dubbing.api import DubOptions, Workspace
from dubbing.domain.project import Project
from dubbing.ledger import LEASE_S, worker_name
from tests.dubbing.team.desks import clip, manager, workspace_in

FAKES = {name: "fake" for name in ("recognizer", "diarizer", "translator", "synthesizer", "separator", "lipsync")}


def export(workspace: Workspace, made: Project, preset: str) -> tuple[Path, dict[str, Any]]:
    """What a worker does with an export job."""
    manager(workspace).jobs.export(made.id, "es", preset)
    job = workspace.storage.jobs.claim(worker_name(), LEASE_S, kinds=["export"])
    assert job is not None, "a report needs the dub"
    result = dict(workspace.work_on(job))
    return workspace.settings.home / "exports" / made.id / result["export_id"] / result["file_name"], result


def test_a_report_is_exported_for_people_and_for_programs(tmp_path: Path) -> None:
    with workspace_in(tmp_path) as workspace:
        made = workspace.create(clip(tmp_path / "a.mp4", frames=150, sound="bursts"),
                                DubOptions(targets=("es",), source="en", **FAKES), name="Harbour")
        page, _ = export(workspace, made, "qc")
        assert page.name == "Harbour.es.qc.html" and "Harbour · es" in page.read_text()
        content, _ = export(workspace, made, "qc_json")
        report = json.loads(content.read_text())
        desk = manager(workspace)
        assert content.name == "Harbour.es.qc.json"
        assert [one["id"] for one in report["findings"]] == [
            one.id for one in desk.quality.report(made.id, "es").findings]
        assert [one.is_stale for one in desk.exports.history(made.id)] == [False, False]
        workspace.storage.translations.save(made.id, "u0001", "es", "Otra cosa.", 1, actor="pablo")
        assert all(one.is_stale for one in desk.exports.history(made.id))
