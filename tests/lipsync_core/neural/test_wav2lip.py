"""The neural generator around stand-ins for its network, on a drawn face whose mesh is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from lipsync_core.engine import FACES, SPEAKERS, AtlasLipSync, Line, Span
from lipsync_core.face.video import VideoSource
from lipsync_core.models import mel
from lipsync_core.models.wav2lip import Wav2Lip
from lipsync_core.neural.box import face_boxes
from lipsync_core.neural.wav2lip import Options, Wav2LipSync, fastest, windows_of
from lipsync_core.patch import Patch, patched_frames, read_patches
from tests.lipsync_core import cartoon
from tests.lipsync_core.cartoon import analysis_of, learnt, talking, write_video

FRAMES = 40
RATE = 16_000


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A clip with tracks and a model; the mouth is hidden in frames 20 to 23."""
    made = learnt(tmp_path_factory.mktemp("neural"), FRAMES, slice(20, 24))
    made.pictures = {p.number: p for p in VideoSource(made.video).frames()}
    return made


def line(**changes: object) -> Line:
    values = dict(speaker="ana", start_ms=200.0, phonemes=(), cover_start_ms=120.0, cover_end_ms=1200.0,
                  sound=np.sin(np.arange(14_000) / 7).astype(np.float32) * 0.3, sample_rate=RATE)
    return Line(**{**values, **changes})


def reference(_audio: Tensor, face: Tensor) -> Tensor:
    """A network that answers with the unmasked face that it was given."""
    return face[:, 3:]


def render(studio: SimpleNamespace, folder: Path, generator: Callable[[Tensor, Tensor], Tensor], wanted: Line,
           **options: object) -> list[Patch]:
    folder.mkdir()
    engine = Wav2LipSync(studio.root, generator, Options(**options))
    engine.render(studio.video, studio.tracks, studio.models, wanted, folder)
    return list(read_patches(folder))


def source_of(studio: SimpleNamespace, patch: Patch) -> tuple[np.ndarray, ...]:
    picture, (height, width) = studio.pictures[patch.frame], patch.y.shape
    half = (slice(patch.top // 2, (patch.top + height) // 2), slice(patch.left // 2, (patch.left + width) // 2))
    return (picture.y[patch.top:patch.top + height, patch.left:patch.left + width].astype(float),
            picture.u[half].astype(float), picture.v[half].astype(float))


def psnr(difference: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(float((difference**2).mean()), 1e-9)))


def test_the_networks_own_reference_gives_the_source_back(studio: SimpleNamespace, tmp_path: Path) -> None:
    for patch in render(studio, tmp_path / "a", reference, line()):
        for made, source in zip((patch.y, patch.u, patch.v), source_of(studio, patch), strict=True):
            assert np.abs(made - source).max() <= 1


def test_warp_and_colours_come_back_without_the_sources_texture(studio: SimpleNamespace, tmp_path: Path) -> None:
    """Only what 96 pixels cannot hold is missing: the edges of a face that is 1.4 times as large; no colour is."""
    for patch in render(studio, tmp_path / "a", reference, line(), keep_texture=False):
        luma, u, v = source_of(studio, patch)
        assert psnr(patch.y - luma) > 31
        assert psnr(patch.u - u) > 50 and psnr(patch.v - v) > 50


@pytest.mark.parametrize(("channel", "name"), [(0, "blue"), (2, "red")])
def test_the_answer_is_blue_green_red(studio: SimpleNamespace, tmp_path: Path, channel: int, name: str) -> None:
    def stronger(_audio: Tensor, face: Tensor) -> Tensor:
        out = face[:, 3:].clone()
        out[:, channel, 70:84, 36:60] = 1.0
        return out

    patch = render(studio, tmp_path / "a", stronger, line())[10]
    _, u, v = source_of(studio, patch)
    more_blue, more_red = float((patch.u - u).max()), float((patch.v - v).max())
    assert (more_blue > 25 > more_red) if name == "blue" else (more_red > 25 > more_blue)


def test_the_answer_lands_where_the_network_put_it(studio: SimpleNamespace, tmp_path: Path) -> None:
    at = np.array([60.0, 80.0])

    def dot(_audio: Tensor, face: Tensor) -> Tensor:
        out = face[:, 3:].clone()
        out[:, :, 78:83, 58:63] = 1.0
        return out

    boxes = face_boxes(studio.analysis.tracks[0])
    for patch in render(studio, tmp_path / "a", dot, line())[6:10]:
        brighter = np.clip(patch.y - source_of(studio, patch)[0] - 20, 0, None)
        rows, columns = np.mgrid[: brighter.shape[0], : brighter.shape[1]]
        found = np.array([(columns * brighter).sum(), (rows * brighter).sum()]) / brighter.sum()
        inverse = cv2.invertAffineTransform(boxes.crop_matrix(patch.frame, 96))
        expected = inverse[:, :2] @ at + inverse[:, 2] - (patch.left, patch.top)
        assert np.abs(found - expected).max() < 0.6


def test_nothing_outside_mouth_and_jaw_changes(studio: SimpleNamespace, tmp_path: Path) -> None:
    def noise(_audio: Tensor, face: Tensor) -> Tensor:
        return torch.rand(face[:, 3:].shape, generator=torch.Generator().manual_seed(1))

    patches = render(studio, tmp_path / "a", noise, line())
    for patch in patches:
        points = studio.analysis.tracks[0].points[patch.frame]
        changed = np.abs(patch.y - source_of(studio, patch)[0])
        rows, columns = np.nonzero(changed)
        below_nose = np.abs(columns + patch.left - points[2, 0]) < 14
        assert rows[below_nose].min() + patch.top > points[2, 1] - 1, "the nose is spared"
        assert rows.max() + patch.top < points[152, 1] + 30
        assert columns.min() + patch.left > points[234, 0] - 12 and columns.max() + patch.left < points[454, 0] + 12
    middle = patches[len(patches) // 4]
    lips = studio.analysis.tracks[0].points[middle.frame][[61, 291, 0, 17], :2].mean(0).round().astype(int)
    row, column = lips[1] - middle.top, lips[0] - middle.left
    changed = np.abs(middle.y - source_of(studio, middle)[0])
    assert changed[row - 8:row + 8, column - 8:column + 8].mean() > 20, "the mouth is the network's"


def test_hidden_frames_are_left_alone_and_eased_around(studio: SimpleNamespace, tmp_path: Path) -> None:
    def grey(_audio: Tensor, face: Tensor) -> Tensor:
        out = face[:, 3:].clone()
        out[:, :, 66:90, 30:66] *= 0.5
        return out

    patches = render(studio, tmp_path / "a", grey, line())
    assert patched_frames(tmp_path / "a") == [i for i in range(3, 30) if not 20 <= i < 24]
    change = {p.frame: float(np.abs(p.y - source_of(studio, p)[0]).mean()) for p in patches}
    assert change[3] < 0.4 * change[10] and change[19] < 0.4 * change[14] and change[3] < change[4] < change[5]


def test_the_batch_size_and_a_second_run_change_nothing(studio: SimpleNamespace, tmp_path: Path) -> None:
    def mixed(audio: Tensor, face: Tensor) -> Tensor:
        assert audio.shape[1:] == (1, 80, 16) and face.shape[1:] == (6, 96, 96)
        assert face.min() >= 0 and face.max() <= 1 and not face[:, :3, 48:].any() and face[:, 3:, 48:].any()
        return (face[:, 3:] * (0.8 + 0.05 * audio.mean((1, 2, 3)))[:, None, None, None]).clamp(0, 1)

    first, second = (render(studio, tmp_path / str(b), mixed, line(), batch=b) for b in (1, 7))
    assert len(first) == len(second) == 23
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a.y, b.y) and np.array_equal(a.v, b.v)


def test_a_real_network_runs(studio: SimpleNamespace, tmp_path: Path) -> None:
    torch.manual_seed(3)
    patches = render(studio, tmp_path / "a", Wav2Lip().eval(), line(cover_end_ms=320.0), batch=4)
    assert [p.frame for p in patches] == [3, 4, 5, 6, 7]


def test_what_cannot_be_done_is_said(studio: SimpleNamespace, tmp_path: Path) -> None:
    engine = Wav2LipSync(studio.root, reference)
    for name, wanted, said in (("a", line(speaker="nobody"), "not seen"), ("b", line(sound=None), "no sound"),
                               ("c", line(cover_start_ms=800.0, cover_end_ms=900.0), "cannot be seen")):
        (tmp_path / name).mkdir()
        done = engine.render(studio.video, studio.tracks, studio.models, wanted, tmp_path / name)
        assert done.frames == 0 and said in done.note
        assert list(read_patches(tmp_path / name)) == []
    assert json.loads((studio.models / SPEAKERS).read_text())["speakers"][0]["tracks"] == [0]


def test_each_frame_hears_its_own_200_ms(studio: SimpleNamespace) -> None:
    """A click in the sound is in the windows of exactly the frames around it, for any frame times."""
    sound = np.zeros(RATE, np.float32)
    sound[RATE // 2:RATE // 2 + 40] = 0.9
    times = np.array([0.0, 100, 433.3, 500, 640.7, 700, 900, 1500])
    for lead in (0.0, 40.0):
        heard = windows_of(line(start_ms=100.0, sound=sound), times, lead)
        assert heard.shape == (8, 1, 80, 16)
        loudest = heard[:, 0].mean(1)
        for time, row in zip(times, loudest, strict=True):
            into = 600.0 - (time - lead)
            if 10 < into < 190:
                assert abs(int(row.argmax()) - into * 0.08) <= 2.1, (time, lead)
            elif not -40 < into < 230:
                assert row.max() == -mel.LIMIT


def test_the_training_lead_is_one_frame(studio: SimpleNamespace) -> None:
    sound = np.random.default_rng(2).normal(0, 0.1, RATE).astype(np.float32)
    times = np.arange(10) * 40.0 + 200
    inference, training = (windows_of(line(sound=sound, start_ms=0.0), times, lead) for lead in (0.0, 40.0))
    assert np.allclose(training[1:], inference[:-1], atol=1e-5)


def test_boxes_follow_the_head_and_not_the_jaw() -> None:
    points = talking(60)
    turned = points.copy()
    angle = np.radians(20)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turned[:, :, :2] = (points[:, :, :2] - (160, 120)) @ rotation.T + (160, 120)
    for mesh in (points, turned):
        track = analysis_of(mesh, np.arange(60) * 40.0).tracks[0]
        boxes = face_boxes(track)
        chin = np.einsum("tij,tj->ti", boxes.matrices[:, :, :2], mesh[:, 152, :2]) + boxes.matrices[:, :, 2]
        lips = np.einsum("tij,tj->ti", boxes.matrices[:, :, :2], mesh[:, 13, :2]) + boxes.matrices[:, :, 2]
        eyes = np.einsum("tij,tj->ti", boxes.matrices[:, :, :2], mesh[:, 33, :2]) + boxes.matrices[:, :, 2]
        assert chin[:, 1].max() < 0.97 and chin[:, 1].max() > 0.85, "the widest jaw fits"
        assert lips[:, 1].min() > 0.55, "the mouth lies in the masked half"
        assert np.abs(np.diff(lips[:, 0])).max() < 0.01 and np.abs(eyes[:, 0] - eyes[0, 0]).max() < 0.02
        size = np.linalg.norm(boxes.corners[:, 3] - boxes.corners[:, 0], axis=1)
        assert np.abs(np.diff(size) / size[1:]).max() < 0.01, "no pumping"


def test_the_atlas_lends_its_detail(studio: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that answers with a blurred face gets the speaker's own sharp lips back, in its own shape."""

    def soft(_audio: Tensor, face: Tensor) -> Tensor:
        rows = [np.stack([cv2.GaussianBlur(c, (0, 0), 1.2) for c in one]) for one in face[:, 3:].numpy()]
        return torch.from_numpy(np.stack(rows))

    class Still:
        """A mesh that finds every answer's lips where they were."""

        def __init__(self, _models: object) -> None: ...

        def __call__(self, picture: object, _roi: object) -> tuple[np.ndarray, float]:
            return studio.analysis.tracks[0].points[picture.number], 1.0

    monkeypatch.setattr("lipsync_core.face.mesh.FaceMesh", Still)
    monkeypatch.setattr("lipsync_core.face.models.FaceModels", lambda _folder: None)
    wanted = line(cover_start_ms=120.0, cover_end_ms=700.0)
    bare = render(studio, tmp_path / "a", soft, wanted, keep_texture=False)
    rich = render(studio, tmp_path / "b", soft, wanted, detail=True)
    assert [p.frame for p in bare] == [p.frame for p in rich]

    def error(patches: list[Patch]) -> float:
        lips = []
        for patch in patches[5:-5]:
            points = studio.analysis.tracks[0].points[patch.frame][[61, 291, 0, 17], :2] - (patch.left, patch.top)
            left, top = points.min(0).astype(int)
            right, bottom = points.max(0).astype(int)
            lips.append(np.abs(patch.y - source_of(studio, patch)[0])[top:bottom, left:right].mean())
        return float(np.mean(lips))

    assert error(rich) < 0.7 * error(bare)


@pytest.mark.parametrize("detail", [False, True])
def test_a_pen_before_the_mouth_stays_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, detail: bool) -> None:
    """In frames 24 to 29 of 40 a green bar hides a quarter of the mouth and the skin around it."""
    points, drawn = talking(FRAMES), iter(range(FRAMES))
    plain = cartoon.draw

    def with_pen(face: np.ndarray) -> np.ndarray:
        picture = plain(face)
        if 24 <= next(drawn) < 30:
            x, y = face[61, :2].astype(int)
            picture[y - 40:y + 40, x + 2:x + 14] = (20, 160, 40)
        return picture

    monkeypatch.setattr(cartoon, "draw", with_pen)
    for name in ("tracks", "models", "line"):
        (tmp_path / name).mkdir()
    write_video(tmp_path / "clip.mp4", points)
    analysis = analysis_of(points, np.arange(FRAMES) * 40.0)
    analysis.save(tmp_path / "tracks" / FACES)
    video = tmp_path / "clip.mp4"
    AtlasLipSync(tmp_path).model(video, tmp_path / "tracks", [Span("ana", 0, 1600)], tmp_path / "models")
    monkeypatch.setattr("lipsync_core.face.mesh.FaceMesh", lambda _models: lambda picture, _roi: (
        analysis.tracks[0].points[picture.number], 1.0))
    monkeypatch.setattr("lipsync_core.face.models.FaceModels", lambda _folder: None)

    def skin(_audio: Tensor, face: Tensor) -> Tensor:
        return torch.tensor([135.0, 160, 205]).div(255)[None, :, None, None].expand_as(face[:, 3:])

    engine = Wav2LipSync(tmp_path, skin, Options(detail=detail))
    wanted = line(cover_start_ms=0.0, cover_end_ms=1600.0)
    done = engine.render(video, tmp_path / "tracks", tmp_path / "models", wanted, tmp_path / "line")
    assert "in front of the mouth was kept" in done.note
    pictures = {p.number: p.y.copy() for p in VideoSource(video).frames()}
    for patch in read_patches(tmp_path / "line"):
        x, y = points[patch.frame, 61, :2].astype(int) - (patch.left, patch.top)
        bar = (slice(y - 10, y + 10), slice(x + 4, x + 12))
        source = pictures[patch.frame][patch.top:patch.top + patch.y.shape[0], patch.left:patch.left + patch.y.shape[1]]
        difference = np.abs(patch.y[bar].astype(float) - source[bar]).mean()
        if 24 <= patch.frame < 30:
            assert difference < 6
        elif 8 < patch.frame < 20:
            assert difference > 10, "without a pen this is the network's skin"


def test_without_a_card_the_folded_network_is_the_fastest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    torch.manual_seed(5)
    network = Wav2Lip().eval()
    torch.save(network.state_dict(), tmp_path / "w.pth")
    generator, device, batch = fastest(tmp_path / "w.pth")
    assert device == "cpu" and batch >= 1
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in generator.modules())
    audio, face = torch.rand(1, 1, 80, 16), torch.rand(1, 6, 96, 96)
    with torch.inference_mode():
        assert torch.allclose(generator(audio, face), network(audio, face), atol=1e-5)
