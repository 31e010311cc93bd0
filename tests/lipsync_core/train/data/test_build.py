"""Killed anywhere, taken up again: the same files. Unreadable files are counted, and nobody is in two splits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipsync_core.face import models as face_models
from lipsync_core.face.video import VideoError
from lipsync_core.train import files as files_module
from lipsync_core.train.data import __main__ as command
from lipsync_core.train.data import build as build_module
from lipsync_core.train.data.build import JOURNAL, STAGED, Plan, build
from lipsync_core.train.data.extract import Account, Wishes
from lipsync_core.train.data.layouts import Source
from lipsync_core.train.data.shards import Packed, ShardError, Shards, pack
from lipsync_core.train.data.splits import shared_people
from tests.lipsync_core.train.tiny_shards import tiny_clip

SIZES = (48,)


class Killed(BaseException):
    """The process is gone at this point."""


def sources(count: int = 9) -> list[Source]:
    found = [Source(Path(f"{i:02d}.mp4"), f"made/p{i % 5}/{i:02d}.mp4", f"p{i % 5}") for i in range(count)]
    return sorted(found, key=lambda s: s.name)


_made: dict[str, Packed] = {}


def fake_clips(source: Source, models: Any, wishes: Wishes, account: Account, *, split: str) -> Iterator[Packed]:
    """Source i has i modulo 4 clips; number 6 breaks off in the middle."""
    number = int(source.path.stem)
    account.frames, account.seconds = 40, 1.6
    if number % 4 == 0:
        account.dropped["no face"] += 1
    for k in range(number % 4):
        if number == 6 and k == 1:
            raise VideoError("06.mp4 ends\nin the middle")
        id = f"{source.name}#{k}.0"
        if id + split not in _made:
            clip = tiny_clip(number, k, split, 4, SIZES)[48]
            info = type(clip.info)(id, source.person, source.name, split, 4, k - 1, 0.5, 100.0)
            _made[id + split] = pack({48: type(clip)(info, *(getattr(clip, f) for f in (
                "pictures", "sound", "mel", "lips", "opening", "pose", "free")))})
        yield _made[id + split]


@pytest.fixture(autouse=True)
def no_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_module, "clips_of", fake_clips)
    monkeypatch.setattr(face_models, "FaceModels", lambda *a, **k: None)


def plan(out: Path, **more: Any) -> Plan:
    return Plan(out, Path("models"), Wishes(SIZES), **{"shard_clips": 3, "test_share": 0.3, "val_share": 0.2, **more})


def content(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "summary.json"}


def test_sources_become_shards_with_a_count_of_everything(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    summary = build(sources(), plan(tmp_path), lambda *a: told.append(a))
    assert (summary["sources"], summary["clips"], summary["unreadable"]) == (9, 10, 1)
    assert summary["unreadable_examples"] == ["made/p1/06.mp4: 06.mp4 ends"]
    assert summary["dropped"] == {"no face": 3}
    assert summary["moved"] == {"-1": 5, "1": 2}
    assert told[-1][:2] == (9, 9)
    assert not (tmp_path / STAGED).exists()
    every = Shards(tmp_path, 48, None)
    assert shared_people((i.person, i.split) for i in every.infos) == []
    assert {i.id for i in every.infos} == {f"{s.name}#{k}.0" for s in sources() for k in range(int(s.path.stem) % 4)
                                           if s.path.stem != "06"}
    assert all(every.load(i.id).pictures.shape == (4, 48, 48, 3) for i in every.infos)
    for split, entry in summary["splits"].items():
        assert entry["clips"] == sum(i.split == split for i in every.infos)
    index = json.loads((tmp_path / "index.json").read_text())
    for shard in index["shards"]:
        entries = json.loads((tmp_path / f"{shard['name']}.json").read_text())
        assert {e["split"] for e in entries} == {shard["split"]} and len(entries) == shard["clips"]


def test_a_kill_is_one(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """What the next test relies on: runs do end early, and leave less than a whole one."""
    for steps in (0, 20, 40, 60):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
            _dying_after(patch, steps)
            build(sources(), plan(tmp_path / str(steps)))
        assert content_or_less(tmp_path / str(steps)) != whole


def content_or_less(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def _dying_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Every write, move and line in the journal is a step; the process is gone before step ``steps``."""
    left = [steps]

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*a: Any, **k: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return real(*a, **k)

        return step

    monkeypatch.setattr(files_module.os, "replace", counted(files_module.os.replace))
    monkeypatch.setattr(Path, "write_bytes", counted(Path.write_bytes))
    monkeypatch.setattr(build_module.os, "fsync", counted(build_module.os.fsync))
    monkeypatch.setattr(Path, "unlink", counted(Path.unlink))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build_module, "clips_of", fake_clips)
        patch.setattr(face_models, "FaceModels", lambda *a, **k: None)
        folder = tmp_path_factory.mktemp("whole")
        build(sources(), plan(folder))
    return content(folder)


@settings(max_examples=25)
@given(kills=st.lists(st.integers(0, 60), min_size=1, max_size=3), torn=st.booleans())
def test_killed_anywhere_and_taken_up_the_files_are_the_same(
        tmp_path_factory: pytest.TempPathFactory, whole: dict[str, bytes], kills: list[int], torn: bool) -> None:
    folder = tmp_path_factory.mktemp("killed")
    for steps in kills:
        with pytest.MonkeyPatch.context() as patch:
            _dying_after(patch, steps)
            with suppress(Killed):
                build(sources(), plan(folder))
        if torn:
            # A kill in the middle of a line, before the disk has all of it.
            with open(folder / JOURNAL, "ab") as file:
                file.write(b'{"name": "made/p4/')
    build(sources(), plan(folder))
    assert content(folder) == whole


def test_two_runs_do_not_write_to_one_folder(tmp_path: Path) -> None:
    with build_module._alone(tmp_path), pytest.raises(ShardError, match="another run is writing"):
        build(sources(), plan(tmp_path))
    assert build(sources(), plan(tmp_path))["sources"] == 9


def test_later_sources_are_added_and_nothing_is_done_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(sources(5), plan(tmp_path))
    first = content(tmp_path)
    seen: list[str] = []
    real = build_module.clips_of
    monkeypatch.setattr(build_module, "clips_of", lambda s, *a, **k: seen.append(s.path.stem) or real(s, *a, **k))
    summary = build(sources(9), plan(tmp_path))
    assert sorted(seen) == ["05", "06", "07", "08"] and summary["sources"] == 9
    later = content(tmp_path)
    assert all(later[name] == data for name, data in first.items() if name not in ("index.json", JOURNAL))
    every = Shards(tmp_path, 48, None)
    assert len(every) == 10 and shared_people((i.person, i.split) for i in every.infos) == []
    assert build(sources(9), plan(tmp_path))["run_frames"] == 0


def test_one_split_for_everybody(tmp_path: Path) -> None:
    build(sources(4), plan(tmp_path, split="test"))
    assert {i.split for i in Shards(tmp_path, 48, None).infos} == {"test"}


def test_a_folder_keeps_its_sizes(tmp_path: Path) -> None:
    build(sources(2), plan(tmp_path))
    with pytest.raises(ShardError, match="begun with pictures of"):
        build(sources(3), Plan(tmp_path, Path("models"), Wishes((96,))))
    (tmp_path / JOURNAL).write_bytes(b"not json\n")
    with pytest.raises(ShardError, match="damaged"):
        build(sources(2), plan(tmp_path))


def test_the_command_tells_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "films"
    for source in sources():
        (root / source.person).mkdir(parents=True, exist_ok=True)
        (root / source.person / source.path.name).touch()
    arguments = [str(root), "--out", str(tmp_path / "out"), "--sizes", "48", "--models", str(tmp_path)]
    assert command.main(arguments) == 0
    told = capsys.readouterr().out
    assert "10 clips" in told and "left out: 3 x no face" in told
    assert "unreadable: 1 files, such as films/p1/06.mp4" in told
    assert command.main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clips"] == 10
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["clips"] == 10
    assert command.main([str(tmp_path / "missing"), *arguments[1:]]) == 1
    assert "neither a folder nor a file" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.main([*arguments[:4], "ninety-six", "--models", str(tmp_path)])
