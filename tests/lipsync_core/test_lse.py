"""LSE-D and LSE-C against a literal statement of the original's procedure, on random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lipsync_core import lse
from lipsync_core.face.types import FaceAnalysis
from lipsync_core.face.video import VideoSource
from lipsync_core.models.mfcc import mfcc
from lipsync_core.models.syncnet import SyncNet
from tests.lipsync_core.cartoon import analysis_of, talking, write_video


@pytest.fixture(scope="module")
def network() -> SyncNet:
    torch.manual_seed(1)
    network = SyncNet().eval().requires_grad_(False)
    for name, buffer in network.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return network


def literal(faces: np.ndarray, sound: np.ndarray, network: SyncNet) -> tuple[float, float, int, np.ndarray]:
    """``evaluate`` and ``calc_pdist`` of the original, window by window."""
    last = min(len(faces), len(sound) // 640) - 5
    cepstra = mfcc(sound)
    lips, voices = [], []
    for v in range(last):
        clip = torch.from_numpy(faces[v:v + 5].transpose(3, 0, 1, 2).astype(np.float32))[None]
        lips.append(network.lip(clip))
        voices.append(network.audio(torch.from_numpy(cepstra[None, None, :, v * 4:v * 4 + 20].astype(np.float32))))
    a, b = torch.cat(lips), torch.cat(voices)
    padded = torch.nn.functional.pad(b, (0, 0, 15, 15))
    rows = [torch.nn.functional.pairwise_distance(a[[i]].repeat(31, 1), padded[i:i + 31]) for i in range(len(a))]
    mean = torch.mean(torch.stack(rows, 1), 1)
    least, index = torch.min(mean, 0)
    return float(least), float(torch.median(mean) - least), 15 - int(index), mean.numpy()


def test_equals_the_original_procedure(network: SyncNet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lse, "_CHUNK", 7)
    random = np.random.default_rng(1)
    faces = random.integers(0, 256, (10, 224, 224, 3)).astype(np.uint8)
    sound = (random.normal(0, 0.1, 10 * 640 + 37)).astype(np.float32)
    made = lse.score_faces(iter(faces), len(faces), sound, network)
    assert made is not None and made.windows == 5 and made.is_short
    distance, confidence, offset, curve = literal(faces, sound, network)
    np.testing.assert_allclose(made.curve, curve, rtol=2e-5)
    assert made.distance == pytest.approx(distance, rel=2e-5)
    assert made.confidence == pytest.approx(confidence, rel=1e-3, abs=2e-5 * distance)
    assert made.offset_frames == offset
    assert lse.score_faces(iter(faces), len(faces), sound[:640 * 5], network) is None


def test_a_sequence_gives_what_its_windows_give(network: SyncNet) -> None:
    frames = torch.randint(0, 256, (3, 7, 224, 224), generator=torch.Generator().manual_seed(2)).to(torch.uint8)
    windows = torch.cat([network.lip(frames[None, :, v:v + 5]) for v in range(3)])
    assert torch.allclose(network.lip_sequence(frames), windows, rtol=1e-4, atol=1e-4 * float(windows.abs().max()))


@pytest.mark.parametrize("late", [-7, 0, 4])
def test_the_offset_is_found_and_costs_nothing_but_at_zero(late: int) -> None:
    random = np.random.default_rng(3)
    truth = random.normal(size=(160, 1024)).astype(np.float32)
    lips = truth[20:140] + random.normal(0, 0.2, (120, 1024)).astype(np.float32)
    made = lse.judged(lips, truth[20 - late:140 - late], 124)
    assert made.offset_frames == -late, "the original calls a sound that comes before its lips positive"
    assert made.distance == pytest.approx(0.2 * 32, rel=0.3 if late else 0.02) and made.confidence > 20
    assert (made.distance_at_zero > 40) == (late != 0)
    assert not made.is_short and made.to_json()["lse_d"] == round(made.distance, 4)


def test_unrelated_sound_has_no_confidence() -> None:
    random = np.random.default_rng(4)
    made = lse.judged(*(random.normal(size=(120, 1024)).astype(np.float32) for _ in range(2)), 124)
    assert made.confidence < 5 and made.distance > 30


def test_a_video_is_scored_at_25_frames_a_second(network: SyncNet, tmp_path: Path,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "clip.mp4", talking(36), rate=30)
    analysis = analysis_of(talking(36), np.arange(36) * 1000 / 30)
    seen: list[np.ndarray] = []

    def watched(faces: object, count: int, sound: np.ndarray, _network: SyncNet) -> lse.LipSyncError:
        seen.extend(faces)  # type: ignore[arg-type]
        assert count == len(seen) and len(sound) == count * 640
        return lse.judged(np.zeros((3, 1024), np.float32), np.zeros((3, 1024), np.float32), count)

    monkeypatch.setattr(lse, "score_faces", watched)
    made = lse.score_track(tmp_path / "clip.mp4", analysis, analysis.tracks[0], np.zeros(30_000, np.float32), network)
    assert made is not None and len(seen) == 30 and seen[0].shape == (224, 224, 3)
    assert lse.score_video(tmp_path / "clip.mp4", analysis, network, tracks=()) == []
    short = FaceAnalysis(analysis.height, analysis.width, analysis.times_ms, analysis.shots, (
        analysis_of(talking(8), np.arange(8) * 33.3).tracks[0],))
    assert lse.score_track(tmp_path / "clip.mp4", short, short.tracks[0], np.zeros(9000, np.float32), network) is None


def test_the_crop_is_the_originals(tmp_path: Path) -> None:
    """Box, 40 % more to the sides and 80 % of the half side below, grey outside, blue first."""
    write_video(tmp_path / "clip.mp4", talking(2))
    picture = next(iter(VideoSource(tmp_path / "clip.mp4").frames()))
    half = 70.0
    made = lse.crop(picture, 160, 100, half)
    rgb = picture.rgb()
    reach = int(half * 1.4)
    wanted = rgb[30:30 + 2 * reach, 160 - reach:160 + reach, ::-1].astype(float)
    small = np.stack([np.asarray(torch.nn.functional.interpolate(torch.from_numpy(wanted[..., c].copy())[None, None],
                                                                 (224, 224), mode="bilinear")[0, 0]) for c in range(3)],
                     -1)
    inside = slice(4, 220)
    assert np.abs(made[inside, inside].astype(float) - small[inside, inside]).mean() < 2
    outside = lse.crop(picture, 10, 100, half)
    assert (outside[100, :60] == 110).all() and (outside[100, 130:] != 110).any()
