"""Batches are what the types say, and the same whoever asks when."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lipsync_core.models import mel as mel_windows
from lipsync_core.train.data import references, windows
from lipsync_core.train.data.ahead import Ahead
from lipsync_core.train.data.shards import ShardError, Shards
from lipsync_core.train.data.windows import (
    LEAST_FRAMES,
    FaceWindows,
    SyncWindows,
    hole_mask,
    lineup,
    mouth_masks,
    sequence,
)
from lipsync_core.train.types import FPS, WINDOW, FaceBatch, SyncBatch
from tests.lipsync_core.train.tiny_shards import make_tiny_shards

B, S, K = 6, 48, 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_shards(tmp_path_factory.mktemp("windows") / "tiny", people=5, frames=44, sizes=(S,))


@pytest.fixture(scope="module")
def shards(folder: Path) -> Shards:
    return Shards(folder, S)


def same(a: SyncBatch | FaceBatch, b: SyncBatch | FaceBatch) -> bool:
    return all(torch.equal(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))


def test_a_sync_batch_has_its_shapes(shards: Shards) -> None:
    batch = SyncWindows(shards, B, shifts=K).batch(0)
    assert batch.sound.shape == (B, 1, 80, 32) and batch.shifted.shape == (B, K, 1, 80, 32)
    assert batch.faces.shape == (B, 3, WINDOW, S, S) and batch.faces.dtype == torch.float32
    assert batch.faces.min() >= 0 and 0.5 < batch.faces.max() <= 1
    assert batch.people.dtype == batch.clips.dtype == torch.int64
    assert SyncWindows(shards, B, shifts=0).batch(0).shifted.shape == (B, 0, 1, 80, 32)
    people = [shards.infos[i].person for i in batch.clips]
    assert [shards.people[i] for i in batch.people] == people
    assert max(people.count(p) for p in people) == 2


def test_a_face_batch_has_its_shapes(shards: Shards) -> None:
    batch = FaceWindows(shards, B, size=S).batch(0)
    assert batch.mels.shape == (B, WINDOW, 1, 80, 16) and batch.sound.shape == (B, 1, 80, 32)
    for name, channels in (("target", 3), ("masked", 3), ("reference", 3), ("hole", 1), ("mouth", 1), ("inner", 1)):
        value = getattr(batch, name)
        assert value.shape == (B, channels, WINDOW, S, S), name
        assert value.dtype == torch.float32 and value.min() >= 0 and value.max() <= 1, name
    assert batch.opening.shape == (B, WINDOW) and batch.people.shape == (B,)
    assert (batch.masked[batch.hole.expand_as(batch.masked) == 1] == 0).all()
    assert torch.equal(batch.masked, batch.target * (1 - batch.hole))
    assert set(batch.hole.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("kind", [SyncWindows, FaceWindows])
def test_a_batch_depends_on_seed_step_and_rank_alone(folder: Path, kind: type) -> None:
    def made(seed: int = 0, rank: int = 0) -> SyncWindows | FaceWindows:
        extra = {"size": S} if kind is FaceWindows else {}
        return kind(Shards(folder, S, cache_bytes=0), B, seed, rank=rank, world=2, **extra)

    first, again = made(), made()
    wanted = [first.batch(step) for step in range(4)]
    assert all(same(again.batch(step), wanted[step]) for step in (3, 0, 2, 1, 3))
    assert not same(wanted[0], wanted[1])
    assert not same(made(seed=1).batch(0), wanted[0])
    assert not same(made(rank=1).batch(0), wanted[0])
    with pytest.raises(ValueError, match="rank 2 of 2"):
        made(rank=2)


@pytest.mark.parametrize("kind", [SyncWindows, FaceWindows])
def test_ranks_share_the_rows_that_one_process_would_have(folder: Path, kind: type) -> None:
    extra = {"size": S} if kind is FaceWindows else {}
    whole = kind(Shards(folder, S), 6, 3, **extra).batch(11)
    parts = [kind(Shards(folder, S), 2, 3, rank=rank, world=3, **extra).batch(11) for rank in range(3)]
    for name in (f.name for f in fields(whole)):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole, name)), name


def test_sound_and_faces_are_of_one_moment(shards: Shards) -> None:
    batch = SyncWindows(shards, 4, seed=5).batch(7)
    for row in range(4):
        clip = shards.load(shards.infos[int(batch.clips[row])].id)
        starts = [s for s in range(len(clip.pictures) - WINDOW + 1)
                  if np.array_equal(clip.pictures[s: s + WINDOW],
                                    (batch.faces[row] * 255).round().byte().permute(1, 2, 3, 0).numpy())]
        assert len(starts) == 1
        step = int(starts[0] * 80 / FPS)
        assert np.array_equal(batch.sound[row, 0].numpy(), clip.mel[:, step - 8: step + 24]), "with 8 steps of context"
        assert not any(torch.equal(batch.shifted[row, k], batch.sound[row]) for k in range(batch.shifted.shape[1]))


def test_rows_of_one_clip_never_overlap(shards: Shards) -> None:
    source = SyncWindows(shards, 12, per_person=4)
    for step in range(10):
        drawn = source._draw(step, 4)
        for i, (a, s) in enumerate(drawn):
            assert all(a.id != b.id or abs(s - t) >= WINDOW for b, t in drawn[:i])


def test_every_frame_hears_the_window_of_the_frame_before(shards: Shards) -> None:
    clip = shards.load(shards.infos[0].id)
    starts = mel_windows.window_starts(clip.info.frames, FPS, clip.mel.shape[1], mel_windows.TRAINING_OFFSET)
    expected = mel_windows.windows(torch.from_numpy(clip.mel), starts)
    assert np.array_equal(windows.heard(clip.mel, range(clip.info.frames)), expected.numpy())
    made = sequence(clip, S)
    assert torch.equal(made.mels[0], expected)


def test_a_reference_shares_no_frame_with_its_target(shards: Shards) -> None:
    source = FaceWindows(shards, B, size=S)
    turned, different, chance = [], [], []
    for step in range(20):
        for row, (info, start) in enumerate(source._draw(step, 1)):
            other, frames = source.reference(source._chance(step, row), info, start)
            assert other.person == info.person
            assert other.id != info.id or not set(frames) & set(range(start, start + WINDOW))
            assert len(frames) == WINDOW and min(frames) >= 0 and max(frames) < other.frames
            mine, theirs = shards.common(info.id), shards.common(other.id)
            turned.append(np.abs(mine["pose"][start: start + 5].mean(0) - theirs["pose"][frames].mean(0)).mean())
            different.append(abs(mine["opening"][start: start + 5].mean() - theirs["opening"][frames].mean()))
            chance.append(abs(mine["opening"][start: start + 5].mean() - theirs["opening"][:5].mean()))
    assert np.mean(different) > 1.3 * np.mean(chance), "mouths differ more than by chance"
    still = FaceWindows(shards, B, size=S, still=True).batch(0).reference
    assert (still == still[:, :, :1]).all()


@given(frames=st.integers(LEAST_FRAMES, 300), data=st.data())
def test_elsewhere_is_elsewhere(frames: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, frames - WINDOW))
    found = references.elsewhere(frames, start)
    assert len(found)
    for other in found:
        assert not set(range(other, other + WINDOW)) & set(range(start, start + WINDOW))
        assert 0 <= other <= frames - WINDOW


@given(count=st.integers(2, 80), seed=st.integers(0, 99))
def test_a_clip_as_its_own_reference_is_moved_far_enough(count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    shift = references.shift_for(random.normal(0, 5, (count, 3)).astype(np.float32),
                                 random.random(count).astype(np.float32))
    least = min(2 * WINDOW, count // 2)
    assert least <= shift <= count - least


def test_a_sequence_is_the_whole_clip(shards: Shards) -> None:
    clip, other = shards.load(shards.infos[0].id), shards.load(shards.infos[1].id)
    made = sequence(clip, S, hole="own")
    count = clip.info.frames
    assert made.target.shape == (1, 3, count, S, S) and made.mels.shape == (1, count, 1, 80, 16)
    assert made.sound.shape == (count - WINDOW + 1, 1, 80, 32) and made.opening.shape == (1, count)
    assert not any(torch.equal(made.reference[0, :, i], made.target[0, :, i]) for i in range(count))
    shown = sequence(clip, S, reference=other).reference[0, :, 3]
    assert torch.equal(shown, torch.from_numpy(other.pictures[3]).permute(2, 0, 1).float() / 255)
    with pytest.raises(ShardError, match="not at 96"):
        sequence(clip, 96)


def test_a_lineup_is_right_at_zero(shards: Shards) -> None:
    clip = shards.load(shards.infos[0].id)
    found = SyncWindows(shards, 2).lineup(clip, [-5, 0, 7])
    assert found.sounds.shape == (len(found.starts), 3, 1, 80, 32)
    assert found.faces.shape == (len(found.starts), 3, WINDOW, S, S)
    for row, start in enumerate(found.starts):
        for column, offset in enumerate(found.offsets):
            step = int((start + offset) * 80 / FPS) - 8
            assert step >= 0 and np.array_equal(found.sounds[row, column, 0].numpy(), clip.mel[:, step: step + 32])
    assert len(lineup(clip, range(-30, 31)).starts) == 0


def test_holes(shards: Shards) -> None:
    half = hole_mask(96)
    assert half[48:].all() and not half[:48].any()
    assert hole_mask(96, margin=0.1)[38:].all() and not hole_mask(96, margin=-0.1)[:57].any()
    own = hole_mask(96, "own")
    assert own[60:90, 20:76].all() and not own[:44].any() and not own[95, [0, 8, 87, 95]].any() and own[95, 48]
    assert np.array_equal(own, own[:, ::-1])
    with pytest.raises(ValueError, match="no rule"):
        hole_mask(96, "whole")  # type: ignore[arg-type]
    tops = {int(FaceWindows(shards, 1, size=S).batch(i).hole[0, 0, 0, :, 0].argmax()) for i in range(30)}
    assert min(tops) < S // 2 < max(tops) and min(tops) >= S * 0.38 - 1 and max(tops) <= S * 0.62 + 1
    fixed = FaceWindows(shards, B, size=S, mask_margin=(0, 0)).batch(0).hole
    assert torch.equal(fixed[0, 0, 0], torch.from_numpy(hole_mask(S)))


def test_mouth_and_inner_mouth_are_where_the_lips_are(shards: Shards) -> None:
    clip = shards.load(shards.infos[0].id)
    open_, shut = int(clip.opening.argmax()), int(clip.opening.argmin())
    mouth, inner = mouth_masks(clip.lips[[open_, shut]], 96)
    assert mouth.shape == inner.shape == (2, 96, 96)
    x, y = (clip.lips[open_, 20:].mean(0) * 96).astype(int)
    assert inner[0, y, x] == 1 and mouth[0, y, x] > 0.99 and mouth[0, :48].max() < 0.01
    assert inner[1].sum() < 0.2 * inner[0].sum()
    assert (mouth[0][inner[0] == 1] > 0.9).all()
    closed = clip.lips[shut].copy()
    closed[20:, 1] = closed[20:, 1].mean()
    assert mouth_masks(closed, 96)[1].sum() == 0


def test_too_little_is_told(shards: Shards, tmp_path: Path) -> None:
    short = Shards(make_tiny_shards(tmp_path / "short", people=1, clips=1, frames=8, sizes=(S,)), S)
    with pytest.raises(ShardError, match="no clip of"):
        FaceWindows(short, 1, size=S)
    with pytest.raises(ShardError, match="opened at 48 pixels"):
        FaceWindows(shards, 1, size=96)


def test_hidden_mouths_are_left_out(folder: Path) -> None:
    shards = Shards(folder, S)
    for info in shards.infos:
        free = np.zeros(info.frames, bool)
        free[20:30] = True
        shards.common(info.id)["free"] = free
    source = FaceWindows(shards, 2, size=S)
    assert {start for step in range(30) for _, start in source._draw(step, 1)} == set(range(20, 26))


@given(st.lists(st.booleans(), min_size=WINDOW, max_size=40))
def test_free_windows_are_free(free: list[bool]) -> None:
    found = windows.free_windows(np.array(free))
    assert found.tolist() == [all(free[i: i + WINDOW]) and i + WINDOW <= len(free) for i in range(len(free))]


def test_batches_made_ahead_are_the_same(folder: Path) -> None:
    wanted = [SyncWindows(Shards(folder, S), B).batch(step) for step in range(6)]
    with Ahead(SyncWindows(Shards(folder, S), B)) as source:
        assert all(same(source.batch(step), wanted[step]) for step in (0, 1, 2, 5, 3, 4, 0))


def test_what_goes_wrong_ahead_is_told_when_it_is_asked_for() -> None:
    class Three:
        def batch(self, step: int) -> int:
            if step == 3:
                raise ShardError("three is damaged")
            return step

    with Ahead(Three(), depth=3) as source:
        assert [source.batch(step) for step in (0, 1, 2)] == [0, 1, 2]
        with pytest.raises(ShardError, match="three"):
            source.batch(3)
        assert source.batch(4) == 4
