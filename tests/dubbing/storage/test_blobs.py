"""Content-addressed files."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubbing.errors import StorageError
from dubbing.storage.blobs import BlobStore


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def age(path: Path, seconds: float) -> None:
    """Make a file that much older."""
    status = path.stat()
    os.utime(path, (status.st_atime - seconds, status.st_mtime - seconds))


def test_what_goes_in_comes_out_under_its_hash(store: BlobStore, tmp_path: Path) -> None:
    key = store.put(b"a take")
    assert key == hashlib.sha256(b"a take").hexdigest()
    assert store.path(key).read_bytes() == b"a take" and store.has(key) and store.verify(key)
    file = tmp_path / "take.wav"
    file.write_bytes(b"a take")
    assert store.put(file) == key and file.exists()
    assert list(store.keys()) == [key]
    assert not list(store.root.glob(".part-*"))


def test_a_damaged_or_missing_blob_is_found_out(store: BlobStore) -> None:
    key = store.put(b"a take")
    store.path(key).write_bytes(b"a tale")
    assert store.has(key) and not store.verify(key)
    assert not store.verify("0" * 64) and not store.has("0" * 64)


@given(st.text(max_size=70).filter(lambda key: len(key) != 64))
def test_only_keys_lead_to_files(key: str) -> None:
    with pytest.raises(ValueError, match="not the key"):
        BlobStore(Path("blobs")).path(key)


def test_a_clean_up_keeps_what_is_used_or_young(store: BlobStore) -> None:
    used, unused, young = store.put(b"used"), store.put(b"unused"), store.put(b"young")
    left = store.root / ".part-left-by-a-killed-process"
    left.write_bytes(b"half")
    for path in (store.path(used), store.path(unused), left):
        age(path, 7200)
    assert store.gc({used}) == len(b"unused") + len(b"half")
    assert set(store.keys()) == {used, young} and not left.exists()


def test_putting_again_makes_young(store: BlobStore) -> None:
    key = store.put(b"wanted again")
    age(store.path(key), 7200)
    store.put(b"wanted again")
    assert store.gc(()) == 0 and store.has(key)


def test_an_empty_store_is_clean(store: BlobStore) -> None:
    assert store.gc(()) == 0 and list(store.keys()) == []


def test_many_at_once_keep_one_whole_file(store: BlobStore) -> None:
    content = os.urandom(3_000_000)
    keys: list[str] = []
    threads = [threading.Thread(target=lambda: keys.append(store.put(content))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 4 and len(set(keys)) == 1 and store.verify(keys[0])
    assert not list(store.root.glob(".part-*"))


def test_what_cannot_be_kept_is_told_and_leaves_nothing(store: BlobStore, tmp_path: Path) -> None:
    store.put(b"something")
    with pytest.raises(StorageError, match="cannot be kept"):
        store.put(tmp_path / "missing.wav")
    assert not list(store.root.glob(".part-*"))
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be kept") as caught:
        BlobStore(tmp_path / "file").put(b"x")
    assert caught.value.hint
