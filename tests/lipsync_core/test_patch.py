"""Patches survive the disk bit for bit, and bad ones are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipsync_core.patch import Patch, PatchWriter, patched_frames, read_patches


def _patch(frame: int, height: int, width: int, seed: int) -> Patch:
    random = np.random.default_rng(seed)
    y, u, v = (random.integers(0, 256, s, np.uint8)
               for s in ((height, width), (height // 2, width // 2), (height // 2, width // 2)))
    return Patch(frame, 2 * seed, 4 * seed, y, u, v)


def test_patches_of_different_sizes_come_back_unchanged(tmp_path: Path) -> None:
    written = [_patch(3, 32, 48, 1), _patch(4, 20, 48, 2), _patch(9, 2, 2, 3)]
    with PatchWriter(tmp_path, 32, 48) as writer:
        for patch in written:
            writer.write(patch)
        assert len(writer) == 3
    assert patched_frames(tmp_path) == [3, 4, 9]
    for before, after in zip(written, read_patches(tmp_path), strict=True):
        assert (before.frame, before.left, before.top) == (after.frame, after.left, after.top)
        for plane in "yuv":
            np.testing.assert_array_equal(getattr(before, plane), getattr(after, plane))


def test_a_folder_without_patches_is_empty_and_holds_no_video(tmp_path: Path) -> None:
    with PatchWriter(tmp_path, 16, 16):
        pass
    assert patched_frames(tmp_path) == [] and list(read_patches(tmp_path)) == []
    assert [p.name for p in tmp_path.iterdir()] == ["patches.json"]


def test_odd_too_large_and_disordered_patches_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        PatchWriter(tmp_path, 15, 16)
    with PatchWriter(tmp_path, 16, 16) as writer:
        writer.write(_patch(5, 16, 16, 1))
        for bad in (_patch(5, 16, 16, 1), _patch(6, 18, 16, 1), Patch(6, 1, 0, *_planes(16, 16))):
            with pytest.raises(ValueError):
                writer.write(bad)


def _planes(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    patch = _patch(0, height, width, 1)
    return patch.y, patch.u, patch.v


def test_a_failure_leaves_no_index(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), PatchWriter(tmp_path, 16, 16) as writer:
        writer.write(_patch(1, 16, 16, 1))
        raise RuntimeError
    assert not (tmp_path / "patches.json").exists()
