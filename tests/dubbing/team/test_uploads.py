from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from dubbing.api import ForbiddenError, Workspace
from dubbing.domain.review import Role
from dubbing.errors import ConflictError, StorageError, UsageError
from dubbing.team import uploads as module
from dubbing.team.uploads import safe_name, told_size
from tests.dubbing.team.desks import desk, manager, workspace_in


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with workspace_in(tmp_path) as opened:
        yield opened


def test_pieces_become_the_file(workspace: Workspace) -> None:
    uploads = manager(workspace).uploads
    content = bytes(range(256)) * 1000
    begun = uploads.begin("My film.mp4", len(content), "video")
    assert (begun.name, begun.received_bytes, begun.finished_at) == ("My film.mp4", 0, None)
    half = uploads.append(begun.id, 0, [content[:100], content[100:1000]])
    assert half.received_bytes == 1000
    with pytest.raises(UsageError, match="not complete: 1000 of 256000"):
        uploads.finish(begun.id)
    assert uploads.append(begun.id, 1000, [content[1000:]]).received_bytes == len(content)
    done = uploads.finish(begun.id)
    record = workspace.storage.uploads.get(begun.id)
    assert done.finished_at is not None and record.sha256 == hashlib.sha256(content).hexdigest()
    assert record.path.read_bytes() == content and record.path.is_relative_to(workspace.settings.home / "uploads")
    assert [one.id for one in uploads.mine()] == [begun.id]
    assert uploads.finish(begun.id).finished_at == done.finished_at
    with pytest.raises(UsageError, match="complete already"):
        uploads.append(begun.id, len(content), [b"x"])


def test_it_goes_on_after_a_restart_and_says_where(tmp_path: Path) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"a" * 700
        raise ConnectionResetError

    with workspace_in(tmp_path) as before:
        begun = manager(before).uploads.begin("film.mp4", 1000, "video")
        with pytest.raises(ConnectionResetError):
            manager(before).uploads.append(begun.id, 0, breaking())
    with workspace_in(tmp_path) as after:
        uploads = manager(after).uploads
        assert uploads.get(begun.id).received_bytes == 700
        for wrong in (0, 699, 701, 1000):
            with pytest.raises(ConflictError, match="goes on at byte 700") as caught:
                uploads.append(begun.id, wrong, [b"b" * 300])
            assert caught.value.saved.received_bytes == 700
        assert uploads.append(begun.id, 700, [b"b" * 300]).received_bytes == 1000
        uploads.finish(begun.id)
        assert after.storage.uploads.get(begun.id).path.read_bytes() == b"a" * 700 + b"b" * 300


def test_more_than_was_announced_is_refused(workspace: Workspace) -> None:
    uploads = manager(workspace).uploads
    begun = uploads.begin("film.mp4", 10, "video")
    with pytest.raises(UsageError, match="More bytes than the 10"):
        uploads.append(begun.id, 0, [b"12345", b"678901"])
    assert uploads.get(begun.id).received_bytes == 5


def test_two_requests_do_not_write_at_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BUSY_S", 0.01)
    uploads = manager(workspace).uploads
    begun = uploads.begin("film.mp4", 10, "video")
    with FileLock(workspace.storage.uploads.get(begun.id).path.parent / ".lock"), \
            pytest.raises(ConflictError, match="another request"):
        uploads.append(begun.id, 0, [b"12345"])
    assert uploads.append(begun.id, 0, [b"12345"]).received_bytes == 5


def test_what_does_not_fit_is_said_before(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads = manager(workspace).uploads
    with pytest.raises(UsageError, match=r"200\.0 GB are taken"):
        uploads.begin("film.mp4", 200_000_000_001, "video")
    with pytest.raises(UsageError, match="is empty"):
        uploads.begin("film.mp4", 0, "video")
    with pytest.raises(UsageError, match="for 'song'"):
        uploads.begin("film.mp4", 1, "song")
    free = 5_000_000_000
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
    first = uploads.begin("film.mp4", 2_000_000_000, "video")
    with pytest.raises(StorageError, match=r"no room for 1\.5 GB: 1\.0 GB can be taken"):
        uploads.begin("second.mp4", 1_500_000_000, "video")
    uploads.cancel(first.id)
    assert uploads.begin("second.mp4", 1_500_000_000, "video").received_bytes == 0


def test_a_full_disk_in_the_middle_is_told(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads = manager(workspace).uploads
    begun = uploads.begin("film.mp4", 10, "video")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_write", full)
    with pytest.raises(StorageError, match="no room left"):
        uploads.append(begun.id, 0, [b"12345"])


def test_whose_they_are(workspace: Workspace) -> None:
    mine = manager(workspace).uploads.begin("film.mp4", 10, "video")
    other = desk(workspace, "rosa", Role.PROJECT_MANAGER).uploads
    for act in (lambda: other.get(mine.id), lambda: other.append(mine.id, 0, [b"1"]), lambda: other.finish(mine.id)):
        with pytest.raises(UsageError, match="There is no upload"):
            act()
    other.cancel(mine.id)
    assert manager(workspace).uploads.get(mine.id).id == mine.id and other.mine() == []
    assert desk(workspace, "ada", Role.ADMINISTRATOR).uploads.get(mine.id).id == mine.id
    for login, role in (("clara", Role.CLIENT), ("tomas", Role.TRANSLATOR)):
        with pytest.raises(ForbiddenError):
            desk(workspace, login, role).uploads.begin("film.mp4", 10, "video")
    manager(workspace).uploads.cancel(mine.id)
    manager(workspace).uploads.cancel(mine.id)
    assert not list((workspace.settings.home / "uploads").iterdir())


@pytest.mark.parametrize(("given_name", "kept"), [
    ("../../etc/passwd", "passwd"), ("C:\\Users\\me\\film.mp4", "film.mp4"), ("..", "file"), ("", "file"),
    (".hidden.mp4", "hidden.mp4"), ("a\x00b\n.mp4", "ab.mp4"), ("con.mp4", "file_con.mp4"), ("a:b?.mp4", "a_b_.mp4"),
    ("Cumpleaños – día 1.mov", "Cumpleaños – día 1.mov"), ("x" * 400 + ".mp4", "x" * 146 + ".mp4"),
    ("film.mp4/", "file"), ("映画.mkv", "映画.mkv"), ("\u202egnp.mp4", "gnp.mp4"),
    ("noend." + "y" * 60, "noend." + "y" * 60),
])
def test_names_stay_names(given_name: str, kept: str) -> None:
    assert safe_name(given_name) == kept


@given(st.text(max_size=300))
def test_no_name_leaves_its_folder(name: str) -> None:
    kept = safe_name(name)
    folder = Path("/srv/uploads/x")
    assert kept and len(kept.encode()) <= 150 and not kept.startswith(".")
    assert (folder / kept).resolve().parent == folder and kept == safe_name(kept)


def test_sizes_as_people_say_them() -> None:
    assert [told_size(n) for n in (0, 999, 1000, 1_500_000, 3_000_000_000)] == [
        "0 bytes", "999 bytes", "1.0 KB", "1.5 MB", "3.0 GB"]
