"""What is written is read: bytes, order, splits, and nothing that is damaged."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lipsync_core.train.data.shards import INDEX, ShardError, Shards, pack, read_index, read_shard, write_shard
from lipsync_core.train.types import SAMPLES_PER_FRAME
from tests.lipsync_core.train.tiny_shards import make_tiny_shards, tiny_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_shards(tmp_path_factory.mktemp("shards") / "tiny", people=5, frames=40, sizes=(48, 96))


@pytest.mark.parametrize("size", [48, 96])
def test_a_clip_comes_back(folder: Path, size: int) -> None:
    made = tiny_clip(1, 0, "train", 40, (48, 96))[size]
    clip = Shards(folder, size).load(made.info.id)
    assert clip.info == made.info
    assert clip.pictures.shape == (40, size, size, 3)
    assert np.abs(clip.pictures.astype(int) - made.pictures).mean() < 2.5, "JPEG at 95"
    assert np.abs(clip.sound - made.sound).max() < 1e-4
    for name in ("mel", "lips", "opening", "pose", "free"):
        kept, first = getattr(clip, name), getattr(made, name)
        assert kept.dtype == first.dtype and (kept == first).all(), name
    assert clip.mel.shape[1] == 1 + 40 * SAMPLES_PER_FRAME // 200


def test_splits_and_whom_to_keep(folder: Path) -> None:
    assert Shards(folder, 96).people == ["person_00", "person_01", "person_02"]
    assert Shards(folder, 96, "val").people == ["person_03"] and Shards(folder, 96, "test").people == ["person_04"]
    assert len(Shards(folder, 96, None)) == 10
    half = Shards(folder, 96, keep=lambda info: info.person != "person_01")
    assert half.people == ["person_00", "person_02"]
    with pytest.raises(ShardError, match="no clip"):
        half.load("tiny/person_01/00#0.0")


def test_single_frames_are_those_of_the_whole(folder: Path) -> None:
    shards = Shards(folder, 48)
    whole = Shards(folder, 48).load(shards.infos[2].id).pictures
    assert (shards.pictures(shards.infos[2].id, [7, 3, 7]) == whole[[7, 3, 7]]).all()


def test_memory_is_bounded(folder: Path) -> None:
    shards = Shards(folder, 96, cache_bytes=2 * 40 * 96 * 96 * 3 + 500_000)
    before = [shards.load(info.id).pictures.sum() for info in shards.infos]
    assert len(shards._decoded._kept) <= 2
    assert before == [shards.load(info.id).pictures.sum() for info in shards.infos]


def test_a_stream_has_every_clip_once_in_another_order(folder: Path) -> None:
    shards = Shards(folder, 48, None)
    ids = [info.id for info in shards.infos]
    first = [clip.info.id for clip in shards.stream(1, buffer=4)]
    assert sorted(first) == sorted(ids) and first != ids
    assert first == [clip.info.id for clip in shards.stream(1, buffer=4)]
    assert first != [clip.info.id for clip in shards.stream(2, buffer=4)]
    ranks = [[clip.info.id for clip in shards.stream(1, 4, rank, 2)] for rank in range(2)]
    assert sorted(ranks[0] + ranks[1]) == sorted(ids)


def test_another_process_opens_its_own_files(folder: Path) -> None:
    shards = Shards(folder, 48)
    shards.load(shards.infos[0].id)
    copy = pickle.loads(pickle.dumps(shards))
    assert (copy.load(shards.infos[0].id).pictures == shards.load(shards.infos[0].id).pictures).all()


def test_the_same_clips_give_the_same_bytes(tmp_path: Path) -> None:
    clips = [pack(tiny_clip(0, k, "train", 10, (48,))) for k in range(3)]
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_shard(tmp_path / name, "00000", clips)
    files = sorted(p.name for p in (tmp_path / "a").iterdir())
    assert files == ["00000.48.safetensors", "00000.common.safetensors", "00000.json"]
    assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)
    again = read_shard(tmp_path / "a", "00000", (48,))
    assert [c.info for c in again] == [c.info for c in clips]
    assert all((a.pictures[48][0] == b.pictures[48][0]).all() for a, b in zip(again, clips, strict=True))


def test_a_damaged_folder_is_told(tmp_path: Path) -> None:
    folder = make_tiny_shards(tmp_path / "tiny", people=2, clips=1, frames=12, sizes=(48,))
    with pytest.raises(ShardError, match="of \\[48\\] pixels, not of 96"):
        Shards(folder, 96)
    with pytest.raises(ShardError, match="no split"):
        Shards(folder, 48, "training")
    file = folder / "00000.48.safetensors"
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(ShardError, match="cannot be read"):
        Shards(folder, 48).pictures("tiny/person_00/00#0.0", [0])
    with pytest.raises(ShardError, match="holds no shards"):
        Shards(tmp_path, 48)


_json = st.recursive(st.none() | st.booleans() | st.integers() | st.text(),
                     lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@settings(max_examples=40)
@given(content=st.binary(max_size=60) | _json.map(lambda value: json.dumps(value).encode()))
def test_any_other_index_is_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("index")
    (folder / INDEX).write_bytes(content)
    with pytest.raises(ShardError):
        read_index(folder)
