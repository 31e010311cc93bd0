from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dubbing.api import ForbiddenError, Workspace
from dubbing.config import load_settings
from dubbing.derived import Derived, Standing
from dubbing.domain.project import RunStatus
from dubbing.domain.review import Role
from dubbing.errors import UsageError
from dubbing.pipeline.artifact import ArtifactStore
from dubbing.rules import FILE, Rules, load_rules
from dubbing.team.retention import Janitor, sweep
from dubbing.team.system import _advice
from tests.dubbing.team.desks import desk, manager, project, send, take, workspace_in

NOW = datetime.now(UTC)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with workspace_in(tmp_path) as opened:
        yield opened


def test_engines_and_what_would_add_them(workspace: Workspace) -> None:
    engines = manager(workspace).system.engines()
    by_kind = {kind: [one for one in engines if one.kind == kind] for kind in ("asr", "tts", "lipsync", "translate")}
    assert all(sum(one.is_chosen for one in own) <= 1 for own in by_kind.values())
    assert not any(one.is_chosen and (one.is_fake or not one.is_available) for one in engines)
    assert all(bool(one.advice) != one.is_available for one in engines)
    missing = next(one for one in by_kind["lipsync"] if one.name == "wav2lip")
    assert missing.advice.startswith("DUBBING_WAV2LIP_CHECKPOINT=")
    assert _advice("Apertium is not installed; on Debian `make apertium` adds it.") == (
        "make apertium  # Apertium is not installed; on Debian make apertium adds it.")
    assert _advice("It is for Linux alone.") == "It is for Linux alone."


def test_the_commercial_switch_holds_at_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from dubbing.weights.store import Store

    monkeypatch.setenv("DUBBING_HOME", str(workspace.settings.home))
    load_settings.cache_clear()
    store, admin = Store(), desk(workspace, "ada", Role.ADMINISTRATOR).system
    forbidden = [one.name for one in admin.models() if not one.commercial_use]
    assert forbidden and not store.commercial_only and not admin.commercial_only
    with pytest.raises(ForbiddenError):
        manager(workspace).system.set_commercial_only(True)
    admin.set_commercial_only(True)
    assert store.commercial_only and admin.commercial_only
    assert "commercial use" in (store.why_unavailable(forbidden[0]) or "")
    admin.set_commercial_only(False)
    assert not store.commercial_only
    (workspace.settings.home / FILE).write_text("broken")
    assert load_rules(workspace.settings.home) == Rules(commercial_only=True)


def test_what_the_settings_demand_is_not_switched_off(tmp_path: Path) -> None:
    with workspace_in(tmp_path, commercial_only=True) as workspace:
        admin = desk(workspace, "ada", Role.ADMINISTRATOR).system
        assert admin.commercial_only
        with pytest.raises(UsageError, match="settings of this installation"):
            admin.set_commercial_only(False)


def test_models_carry_their_licences(workspace: Workspace) -> None:
    models = {one.name: one for one in manager(workspace).system.models()}
    assert models["whisper-base"].commercial_use and models["whisper-base"].licence == "MIT"
    assert models["whisper-base"].size_bytes > 10_000_000 and not models["wav2lip"].commercial_use


def _artifact(store: ArtifactStore, key: str, **inputs: str) -> None:
    with store.build(key, {"inputs": inputs}) as (folder, _):
        (folder / "data").write_bytes(b"x" * 1000)


def test_room(workspace: Workspace) -> None:
    first, second = project(workspace, "One"), project(workspace, "Two")
    for key in "ab":
        _artifact(workspace.artifacts, key * 64)
    for made, key in ((first, "a"), (second, "a"), (second, "b")):
        workspace.storage.runs.start(made.id, "mix", artifact_key=key * 64)
    file = workspace.settings.home / "exports" / first.id / "e" / "x.mp4"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"y" * 5000)
    use = manager(workspace).system.storage_use()
    assert use.by_kind["exports"] == 5000 and use.by_kind["artifacts"] > 2000 and use.by_kind["database"] > 10_000
    assert use.by_project[first.id] > 6000 and 1000 < use.by_project[second.id] < 2000 and use.free_bytes > 0
    assert desk(workspace, "clara", Role.CLIENT).system.storage_use().by_kind == {}


def _age(path: Path, days: float) -> None:
    then = (NOW - timedelta(days=days)).timestamp()
    os.utime(path, (then, then))


def test_uploads_nobody_used(workspace: Workspace, tmp_path: Path) -> None:
    at = manager(workspace)
    (tmp_path / "a.mp4").write_bytes(b"a")
    old, new = send(at, tmp_path / "a.mp4"), send(at, tmp_path / "a.mp4")
    assert sweep(workspace, NOW + timedelta(days=6))["uploads"] == 0
    # A later piece keeps an upload that was begun long ago.
    record = workspace.storage.uploads.get(new)
    os.utime(record.path, ((NOW + timedelta(days=5)).timestamp(),) * 2)
    assert sweep(workspace, NOW + timedelta(days=8))["uploads"] == 1
    assert [one.id for one in at.uploads.mine()] == [new] and old != new


def test_projects_end_in_two_steps(workspace: Workspace) -> None:
    at = manager(workspace).projects
    short, kept = project(workspace, "Short"), project(workspace, "Kept")
    at.set_settings(short.id, retention_days=10)
    assert sweep(workspace, NOW + timedelta(days=9))["outlived"] == 0
    assert sweep(workspace, NOW + timedelta(days=11))["outlived"] == 1
    assert [card.name for card in at.cards(deleted=True)] == ["Short"]
    at.undelete(short.id)
    at.delete(short.id)
    assert sweep(workspace, NOW + timedelta(days=29))["projects"] == 0
    assert sweep(workspace, NOW + timedelta(days=31))["projects"] == 1
    assert [one.id for one in workspace.storage.projects.all(archived=True, deleted=True)] == [kept.id]


def test_old_exports_leave_their_record(tmp_path: Path) -> None:
    with workspace_in(tmp_path, export_days=30) as workspace:
        made = project(workspace)
        inside, outside = workspace.settings.home / "exports" / made.id / "e1" / "a.mp4", tmp_path / "b.mp4"
        for key, file in (("e1", inside), ("e2", outside)):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"abc")
            workspace.storage.exports.record(made.id, "es", file, sha256=key, preset="mp4", revisions={},
                                             export_id=key)
        assert sweep(workspace, NOW + timedelta(days=29))["exports"] == 0
        removed = sweep(workspace, NOW + timedelta(days=31))
        assert (removed["exports"], removed["bytes"]) == (1, 3) and outside.exists()
        history = manager(workspace).exports.history(made.id)
        assert {view.id: view.is_there for view in history} == {"e1": False, "e2": True}


def test_results_that_newer_ones_replaced(workspace: Workspace) -> None:
    made, store, runs = project(workspace), workspace.artifacts, workspace.storage.runs
    take(workspace, made, "u0001", key="d" * 64)
    for key in "abcdefg":
        _artifact(store, key * 64, **({"take": "e" * 64} if key == "g" else {}))
    for stage, key in (("mix", "a"), ("mix", "b"), ("mix", "f"), ("mix", "c"), ("mix", "g"), ("synthesize", "d"),
                       ("synthesize", "e"), ("synthesize", "x"), ("synthesize", "y")):
        runs.finish(runs.start(made.id, stage, artifact_key=key * 64, language="es").id, RunStatus.DONE, seconds=1)
    Derived(workspace.settings.home, made.id).set_standing("es", Standing("f" * 64, "dubbed.mp4", "g" * 64))
    assert sweep(workspace, NOW + timedelta(days=13))["results"] == 0
    removed = sweep(workspace, NOW + timedelta(days=15))
    # a, b: two newer mixes each; f stands; d is a take; e went into the newest mix.
    assert removed["results"] == 2 and removed["bytes"] > 2000
    assert "".join(key for key in "abcdefg" if store.find(key * 64)) == "cdefg"


def test_what_a_killed_process_left(workspace: Workspace) -> None:
    made = project(workspace)
    for name in (made.id, "nobody"):
        folder = workspace.settings.home / "projects" / name
        folder.mkdir(parents=True)
        (folder / "x").write_bytes(b"xyz")
        _age(folder, 2)
    fresh = workspace.settings.home / "exports" / "just-made"
    fresh.mkdir(parents=True)
    removed = sweep(workspace, NOW)
    assert (removed["orphans"], removed["bytes"]) == (1, 3) and fresh.exists()
    assert (workspace.settings.home / "projects" / made.id / "x").exists()
    with pytest.raises(ForbiddenError):
        manager(workspace).system.sweep()
    assert desk(workspace, "ada", Role.ADMINISTRATOR).system.sweep()["orphans"] == 0
    told = manager(workspace).system.retention()
    assert (told.deleted_days, told.upload_days, told.export_days, told.superseded_days) == (30, 7, 0, 14)
    assert manager(workspace).system.version


def test_the_janitor_comes_now_and_then(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from dubbing.team import retention

    swept: list[object] = []
    clock = [0.0]
    monkeypatch.setattr(retention, "sweep", lambda one: swept.append(one))
    monkeypatch.setattr(retention.time, "monotonic", lambda: clock[0])
    janitor = Janitor(workspace)
    for seconds in (0, 299, 301, 302, 301 + 6 * 3600 - 2, 301 + 6 * 3600 + 1):
        clock[0] = seconds
        janitor.now_and_then()
    assert swept == [workspace, workspace]
