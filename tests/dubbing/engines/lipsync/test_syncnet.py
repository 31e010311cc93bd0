"""LSE by the user's SyncNet weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dubbing.engines.lipsync.syncnet import lip_sync_error
from dubbing.errors import MediaError, UnavailableError
from dubbing.weights.store import Store
from tests.media_factory import make


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from lipsync_core.models.syncnet import SyncNet

    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("syncnet") / "syncnet_v2.model"
    torch.save(SyncNet().state_dict(), path, _use_new_zipfile_serialization=False)
    return path


def test_weights_that_are_missing_or_others_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DUBBING_MODEL_SYNCNET", raising=False)
    clip = make(tmp_path, "clip.mp4", frames=30)
    if Store().find("syncnet") is None:
        with pytest.raises(UnavailableError, match="not here"):
            lip_sync_error(clip)
    torch.save({"a": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(UnavailableError, match="is not SyncNet v2"):
        lip_sync_error(clip, tmp_path / "other.pth")


@pytest.mark.real
def test_a_video_is_scored_and_one_without_a_face_is_not(weights: Path, samples: Path, tmp_path: Path) -> None:
    from tests.dubbing.engines.lipsync.test_wav2lip import talking_clip

    if (reason := Store().why_unavailable("mediapipe-face")) is not None:
        pytest.skip(reason)
    found = lip_sync_error(talking_clip(samples / "es_solo.mp4", tmp_path / "face.mp4", 0.7), weights)
    assert found["windows"] == 12 and found["is_short"] and len(found["faces"]) == 1
    assert found["lse_d"] > 0 and found["lse_c"] >= 0 and found["distance_at_zero"] >= found["lse_d"]
    with pytest.raises(MediaError, match="No face"):
        lip_sync_error(make(tmp_path, "clip.mp4", frames=30), weights)
