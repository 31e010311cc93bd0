"""Validation on whole clips: figures of generators whose faults are known, and the mesh on real crops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from lipsync_core.face.models import ModelError
from lipsync_core.train import crop_mesh
from lipsync_core.train.crop_mesh import CropMesh, canvases
from lipsync_core.train.types import Clip, ClipInfo, FaceBatch
from lipsync_core.train.validate import FIGURES, Validator, first, make, validate
from tests.lipsync_core.cartoon import mesh

ROOT = Path(__file__).resolve().parents[3]
FRAMES, SIZE = 60, 48
WIDEST = 0.25


def clip(name: str = "a", seed: int = 0) -> Clip:
    """A face whose lower half is as bright as its mouth is open, which is what ``brightness_mesh`` reads."""
    t = np.arange(FRAMES)
    opening = (WIDEST * np.clip(np.sin(t * 2 * np.pi / (11 + seed)) + 0.5 * np.sin(t / 3), 0, 1.4) / 1.4)
    random = np.random.default_rng(seed)
    pictures = np.full((FRAMES, SIZE, SIZE, 3), 90, np.uint8)
    pictures[:, SIZE // 2:] = (40 + 160 * opening[:, None, None, None] / WIDEST).astype(np.uint8)
    pictures[:, SIZE // 2:] += random.integers(0, 12, (SIZE - SIZE // 2, SIZE, 1), dtype=np.uint8)
    lips = np.full((FRAMES, 40, 2), 0.7, np.float32)
    return Clip(ClipInfo(name, name, "x", "val", FRAMES, 0, 1.0, 200.0), pictures,
                np.zeros(FRAMES * 640, np.float32), np.zeros((80, 1 + FRAMES * 640 // 200), np.float32), lips,
                opening.astype(np.float32), np.zeros((FRAMES, 3), np.float32), np.ones(FRAMES, bool))


def brightness_mesh(seen: np.ndarray) -> np.ndarray:
    """The points of a drawn face that is as open as the canvas is bright below."""
    bright = seen[:, 130:150, 90:100].astype(float).mean((1, 2, 3))
    points = np.stack([mesh(float(np.clip((b - 45) / 160 * WIDEST, 0, 0.4)), centre=(96.0, 60.0)) for b in bright])
    points[..., :2] = (points[..., :2] - (96, 60)) * 0.8 + (96, 60)
    return points


class Playback:
    """A generator that answers with given pictures [T, 3, S, S], frame after frame."""

    def __init__(self, pictures: Tensor) -> None:
        self.pictures, self.at = pictures, 0

    def __call__(self, mels: Tensor, face: Tensor) -> Tensor:
        assert mels.shape[1:] == (1, 80, 16) and face.shape[1] == 6
        self.at += len(face)
        return self.pictures[self.at - len(face): self.at]


def truth(one: Clip) -> Tensor:
    return torch.from_numpy(one.pictures.transpose(0, 3, 1, 2)).float() / 255


def judged(change: Callable[[Tensor], Tensor]) -> dict[str, float]:
    one = clip()
    return Validator([one], mesh=brightness_mesh)(Playback(change(truth(one)))).figures


def test_the_truth_itself_has_nothing_to_be_blamed_for() -> None:
    found = judged(lambda pictures: pictures)
    assert set(found) < set(FIGURES)
    assert found["opening_r"] == pytest.approx(1) and found["lag_ms"] == 0 and found["amplitude"] == pytest.approx(1)
    assert found["closure_hits"] == 1 and found["false_closures"] == 0 and found["lip_distance"] < 1e-6
    assert found["sharpness"] == pytest.approx(1) and found["jitter"] == pytest.approx(1)
    assert found["psnr_db"] > 70 and found["ssim"] > 0.999


def test_each_fault_shows_in_its_own_figure() -> None:
    late = judged(lambda pictures: pictures.roll(2, 0))
    assert late["opening_r"] < 0.6 < 0.85 < late["opening_r_best"] and late["lag_ms"] == pytest.approx(80, abs=10)
    still = judged(lambda pictures: pictures.mean(0, keepdim=True).expand_as(pictures))
    assert abs(still["opening_r"]) < 0.2 and still["amplitude"] < 0.05 and still["closure_hits"] == 0
    shut = judged(lambda pictures: torch.zeros_like(pictures))
    assert shut["opening_r"] == 0 and shut["closure_hits"] == 1 and shut["false_closures"] == 1
    soft = judged(lambda pictures: torch.nn.functional.avg_pool2d(pictures, 5, 1, 2))
    assert soft["sharpness"] < 0.5 and soft["psnr_db"] < 50
    shaking = judged(lambda p: (p + 0.1 * torch.where(torch.arange(len(p)) % 2 == 0, 1, -1)[:, None, None, None]))
    assert shaking["jitter"] > 1.5


def test_only_the_hole_is_taken_from_a_generator() -> None:
    from lipsync_core.train.data.windows import sequence

    batch = sequence(clip(), SIZE)
    made = make(lambda mels, face: torch.full((len(face), 3, SIZE, SIZE), 0.5), batch)
    hole = batch.hole.expand_as(made).bool()
    assert bool((made[hole] == 0.5).all()) and torch.equal(made[~hole], batch.target[~hole])


class Bright:
    """An expert and an embedder at once, of known answers."""

    def similarity(self, sound: Tensor, faces: Tensor) -> Tensor:
        assert sound.shape[1:] == (1, 80, 32) and faces.shape[1:] == (3, 5, SIZE, SIZE) and len(sound) == len(faces)
        return (faces[:, :, :, SIZE // 2:].mean((1, 2, 3, 4)) > 0.01).float()

    def probability(self, sound: Tensor, faces: Tensor) -> Tensor:
        return self.similarity(sound, faces)

    def embed(self, faces: Tensor) -> Tensor:
        lower = (faces[:, :, SIZE // 2:].mean((1, 2, 3)) > 0.01).float()
        return torch.stack([lower, 1 - lower], 1)


def test_experts_and_embedders_speak_under_their_own_names_and_clips_on_their_own() -> None:
    seen: list[FaceBatch] = []
    clips = [clip("a"), first(clip("b", 3), 30)]
    told = Validator(clips, mesh=brightness_mesh, embedder=Bright(), experts={"judge": Bright()})(
        lambda mels, face: torch.zeros(len(face), 3, SIZE, SIZE), lambda batch, made: seen.append(batch))
    assert told.figures["judge_distance"] == 1 and told.figures["judge_distance_true"] == 0
    assert told.figures["csim"] == 0 and set(told.clips) == {"a", "b"} and told.frames == 90 and len(seen) == 2
    expected = (told.clips["a"]["psnr_db"] * 60 + told.clips["b"]["psnr_db"] * 30) / 90
    assert told.figures["psnr_db"] == pytest.approx(expected)
    assert told.sheet.shape == (4 * SIZE, 8 * SIZE, 3) and told.sheet.dtype == np.uint8


def test_a_shorter_clip_keeps_picture_and_sound_together() -> None:
    short = first(clip(), 25)
    assert len(short.pictures) == len(short.opening) == short.info.frames == 25
    assert short.sound.shape == (25 * 640,) and short.mel.shape == (80, 81)
    assert first(clip(), 0).info.frames == FRAMES


def test_crops_stand_on_grey_in_a_face_s_proportions() -> None:
    one = np.zeros((2, 96, 96, 3), np.uint8)
    seen = canvases(one)
    assert seen.shape == (2, 192, 192, 3) and (seen[:, 24:168, 44:148] == 0).all()
    assert (seen[:, :23] == 128).all() and (seen[:, :, :43] == 128).all()


def test_without_networks_it_is_said_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crop_mesh, "default_folder", lambda: None)
    with pytest.raises(ModelError, match="name their folder in validate.models"):
        CropMesh(None)
    with pytest.raises(ValueError, match="no clips to validate on"):
        validate(lambda mels, face: face, [], None)


@pytest.mark.real
def test_a_mesh_on_crops_sees_what_the_tracks_saw() -> None:
    """On a drawn person of the samples, whose mesh was found in the whole picture."""
    from dubbing.weights.store import Store
    from lipsync_core.face.analyse import analyse_video
    from lipsync_core.face.mesh import lip_opening
    from lipsync_core.face.models import FaceModels
    from lipsync_core.face.video import VideoSource
    from lipsync_core.neural.box import face_boxes

    folder, video = Store().fetch("mediapipe-face"), ROOT / "samples" / "es_solo.mp4"
    track = max(analyse_video(video, FaceModels(folder, 1)).tracks, key=lambda one: len(one.frames))
    boxes, rows = face_boxes(track), {int(frame): row for row, frame in enumerate(track.frames)}
    crops = np.stack([p.warp_rgb(boxes.crop_matrix(rows[p.number], 96), 96, 96)[..., ::-1]
                      for p in VideoSource(video).frames(0, 100) if p.number in rows])
    found = lip_opening(CropMesh(folder)(canvases(crops)))
    true = lip_opening(track.points[: len(crops)])
    assert np.corrcoef(found, true)[0, 1] > 0.97
    assert np.polyfit(true, found, 1)[0] == pytest.approx(1, abs=0.1)
