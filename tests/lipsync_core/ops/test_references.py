"""The references against what they stand for: OpenCV, the atlas's own code, Wav2Lip's front end."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from lipsync_core.atlas import select, warp
from lipsync_core.models import mel
from lipsync_core.ops import (
    conv2d,
    conv_transpose2d,
    crop_warp,
    crop_warp_yuv,
    distances,
    from_yuv,
    log_mel,
    measure_light,
    mesh_table,
    paste_blend,
    remap,
    shortest_path,
)
from lipsync_core.ops.packing import PHASES, pack_conv2d, pack_conv_transpose2d, pack_from_point
from lipsync_core.ops.paste_blend.cases import BT709

RANDOM = np.random.default_rng(7)


def test_packed_layers_are_torch_layers() -> None:
    generator = torch.Generator().manual_seed(1)
    x, x2 = torch.randn(2, 5, 4, 6, generator=generator), torch.randn(2, 5, 4, 3, generator=generator)
    weight, bias = torch.randn(7, 9, 3, 3, generator=generator), torch.randn(7, generator=generator)
    packed = pack_conv2d(weight, bias, (2, 1), (1, 1), split=6)
    both = torch.cat([x, x2], 3).permute(0, 3, 1, 2)
    expected = torch.nn.functional.conv2d(both, weight, bias, (2, 1), (1, 1)).permute(0, 2, 3, 1)
    assert torch.allclose(conv2d(x, packed, x2=x2), expected, atol=1e-5)
    assert packed.output_size(5, 4) == (3, 4) and packed.matrix.shape == (9 * 9, 8)
    # The kernel's matrix holds the same numbers: a 1x1 patch product by hand.
    patch = torch.cat([t[0, 0:3, 0:3].reshape(-1) for t in (x, x2)])
    middle = torch.nn.functional.conv2d(both, weight, bias)[0, :, 0, 0]
    assert torch.allclose(patch @ packed.matrix[:, :7] + bias, middle, atol=1e-5)


def test_transposed_layers_are_torch_layers() -> None:
    generator = torch.Generator().manual_seed(2)
    x, x2 = torch.randn(2, 3, 4, 6, generator=generator), torch.randn(2, 3, 4, 3, generator=generator)
    weight, bias = torch.randn(9, 5, 3, 3, generator=generator), torch.randn(5, generator=generator)
    both = torch.cat([x, x2], 3).permute(0, 3, 1, 2)
    packed = pack_conv_transpose2d(weight, bias, (2, 2), (1, 1), (1, 1), split=6)
    expected = torch.nn.functional.conv_transpose2d(both, weight, bias, 2, 1, 1).permute(0, 2, 3, 1)
    assert packed.output_size(3, 4) == (6, 8) == tuple(expected.shape[1:3])
    assert torch.allclose(conv_transpose2d(x, packed, x2=x2), expected, atol=1e-5)
    # The phase with four taps stands first: input pixels (p, q), (p, q+1), (p+1, q), (p+1, q+1).
    assert PHASES[0] == (1, 1)
    patch = x[0, 0:2, 0:2].reshape(-1) @ packed.matrix[:24, :5] + x2[0, 0:2, 0:2].reshape(-1) @ packed.matrix[54:66, :5]
    assert torch.allclose(patch + bias, expected[0, 1, 1], atol=1e-5)
    point = torch.randn(2, 1, 1, 9, generator=generator)
    spread = conv2d(point[..., :6].contiguous(), pack_from_point(weight, bias, 6), x2=point[..., 6:].contiguous())
    expected = torch.nn.functional.conv_transpose2d(point.permute(0, 3, 1, 2), weight, bias).permute(0, 2, 3, 1)
    assert torch.allclose(spread.view(2, 3, 3, 5), expected, atol=1e-5)


def test_crop_is_opencvs_warp() -> None:
    frame = cv2.GaussianBlur(RANDOM.integers(0, 256, (60, 80, 3), dtype=np.uint8), (0, 0), 2)
    matrix = np.array([[0.9, -0.2, 14.25], [0.15, 1.1, 3.5]], np.float32)
    expected = cv2.warpAffine(frame, matrix, (32, 24), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                              borderMode=cv2.BORDER_REPLICATE)
    out = crop_warp(torch.from_numpy(frame)[None], torch.from_numpy(matrix)[None], size=(24, 32), dtype=torch.float32)
    assert out.shape == (1, 24, 32, 8)
    assert np.abs(out[0, :, :, 3:6].numpy() * 255 - expected).max() <= 2
    assert torch.equal(out[0, :12, :, :3], out[0, :12, :, 3:6])
    assert not out[0, 12:, :, :3].any() and not out[..., 6:].any()


def test_samples_average_away_what_would_shimmer() -> None:
    """Lines one pixel wide, shrunk six times: one sample sees black or white, several see grey."""
    stripes = torch.zeros(1, 96, 96, 3, dtype=torch.uint8)
    stripes[:, :, ::2] = 255
    matrix = torch.tensor([[[6.0, 0, 2.0], [0, 6.0, 2.0]]])
    plain, smooth = (crop_warp(stripes, matrix, size=(16, 16), dtype=torch.float32, samples=n)[0, :8, :15, 3]
                     for n in (1, 6))
    assert plain.std() == 0 and plain.mean() in (0, 1)
    assert (smooth - 0.5).abs().max() < 0.1


def test_planes_are_converted_as_opencv_does() -> None:
    """A smooth picture through OpenCV's BT.601 I420 and back; both layouts give the same face."""
    picture = cv2.GaussianBlur(RANDOM.integers(0, 256, (48, 64, 3), dtype=np.uint8), (0, 0), 4)
    planes = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
    y = torch.from_numpy(planes[:48].copy())[None]
    u, v = (torch.from_numpy(p.copy()).reshape(1, 24, 32) for p in (planes[48:60], planes[60:]))
    matrix = torch.tensor([[[1.0, 0, 8.0], [0, 1.0, 4.0]]])
    colour = from_yuv(0.299, 0.114)
    face = crop_warp_yuv(y, u, v, matrix, colour, size=(32, 40), dtype=torch.float32)
    assert np.abs(face[0, ..., 3:6].numpy() * 255 - picture[4:36, 8:48]).max() < 4
    packed = crop_warp_yuv(y, torch.stack([u, v], -1), None, matrix, colour, size=(32, 40), dtype=torch.float32)
    assert torch.equal(packed, face)
    grey = crop_warp_yuv(torch.full((1, 8, 8), 126, dtype=torch.uint8), *(torch.full((1, 4, 4), 128, dtype=torch.uint8)
                         for _ in range(2)), torch.eye(2, 3)[None], from_yuv(), size=(8, 8), dtype=torch.float32)
    assert torch.allclose(grey[..., 3:6] * 255, torch.tensor(110 * 255 / 219), atol=0.01)


def paste_inputs(side: int = 16) -> dict[str, torch.Tensor]:
    """One 40x48 frame of noise and a face whose pixels are the frame's, shifted by (10, 8)."""
    generator = torch.Generator().manual_seed(4)
    matte = torch.zeros(side, side)
    matte[1:-1, 1:-1] = 1
    return {"y": torch.randint(16, 235, (1, 40, 48), generator=generator, dtype=torch.uint8),
            "u": torch.randint(16, 240, (1, 20, 24), generator=generator, dtype=torch.uint8),
            "v": torch.randint(16, 240, (1, 20, 24), generator=generator, dtype=torch.uint8),
            "faces": torch.full((1, side, side, 3), 0.5), "matte": matte,
            "matrices": torch.tensor([[[1.0, 0, -10.0], [0, 1.0, -8.0]]]),
            "light": torch.tensor([1.0, 0, 0])[None, :, None, None].expand(1, 3, 4, 4).contiguous(),
            "colour": torch.tensor(BT709), "boxes": torch.tensor([[8, 10, side, side]], dtype=torch.int32)}


def test_paste_writes_its_colour_and_nothing_else() -> None:
    inputs = paste_inputs()
    before = {k: inputs[k].clone() for k in "yuv"}
    paste_blend(**inputs, largest=(16, 16))
    inside = torch.zeros(1, 40, 48, dtype=torch.bool)
    inside[:, 9:23, 11:25] = True
    # Grey of 0.5 is 16 + 0.5 * 219 in limited range.
    assert set(inputs["y"][inside].tolist()) == {126}
    assert torch.equal(inputs["y"][~inside], before["y"][~inside])
    assert inputs["u"][0, 6, 8] in (127, 128) and inputs["v"][0, 6, 8] in (127, 128)
    quarter = torch.nn.functional.max_pool2d(inside.float(), 2).bool()
    for plane in "uv":
        assert torch.equal(inputs[plane][~quarter], before[plane][~quarter])


def test_nv12_and_i420_are_the_same_picture() -> None:
    planar, packed = paste_inputs(), paste_inputs()
    packed["u"], packed["v"] = torch.stack([packed["u"], packed["v"]], -1), None  # type: ignore[assignment]
    y, u, v = paste_blend(**planar, largest=(16, 16))
    y2, uv, nothing = paste_blend(**packed, largest=(16, 16))
    assert nothing is None and v is not None
    assert torch.equal(y, y2) and torch.equal(torch.stack([u, v], -1), uv)


def test_light_is_measured_on_the_ring_only() -> None:
    side = 48
    plate = torch.rand(1, side, side, 3, generator=torch.Generator().manual_seed(6)) * 0.2 + 0.5
    made = plate * 0.8
    made[:, 16:32, 16:32] = 1.0
    ring = torch.ones(side, side)
    ring[14:34, 14:34] = 0
    light = measure_light(made, plate, ring, torch.tensor(BT709))
    assert (light[:, 0] - 1.25).abs().max() < 0.01
    nothing = measure_light(made, plate, torch.zeros(side, side), torch.tensor(BT709))
    assert torch.equal(nothing[:, 0], torch.ones(1, 8, 8)) and not nothing[:, 1:].any()


def test_mesh_table_is_the_atlas_own() -> None:
    points = RANDOM.uniform(5, 60, (40, 2))
    triangles = warp.triangulate(points)
    target = points + RANDOM.normal(0, 2.0, points.shape)
    target[triangles[3, 1]] = target[triangles[3, 0]]
    sources = points[None] + RANDOM.normal(0, 3, (2, 40, 2))
    expected = warp.identity_tables(64, 66, 2)
    warp.rasterize(target, sources, triangles, 2, 1, expected)
    made = mesh_table(torch.from_numpy(target), torch.from_numpy(sources), torch.from_numpy(triangles), 2, 1,
                      torch.from_numpy(warp.identity_tables(64, 66, 2))).numpy()
    assert np.abs(expected - warp.identity_tables(64, 66, 2)).max() > 3
    assert np.abs(made - expected).max() < 1e-4


@pytest.mark.parametrize(("name", "flag"), [("cubic", cv2.INTER_CUBIC), ("linear", cv2.INTER_LINEAR)])
def test_remap_is_opencvs(name: str, flag: int) -> None:
    picture = RANDOM.integers(0, 256, (50, 60), dtype=np.uint8)
    table = warp.identity_tables(40, 44, 1)[0] + RANDOM.normal(0, 6, (40, 44, 2)).astype(np.float32)
    expected = cv2.remap(picture, table, None, flag, borderMode=cv2.BORDER_REPLICATE)
    made = remap(torch.from_numpy(picture), torch.from_numpy(table), name).numpy()
    assert np.abs(made.astype(int) - expected).max() <= 1
    same = torch.from_numpy(warp.identity_tables(50, 60, 1)[0])
    assert np.array_equal(remap(torch.from_numpy(picture), same, name).numpy(), picture)


def test_selection_is_the_atlas_own() -> None:
    rows = RANDOM.normal(size=(30, 12))
    assert np.allclose(distances(torch.from_numpy(rows)).numpy(), select.distances(rows), atol=1e-10)
    for levels in (0, 3):
        target, join = RANDOM.random((25, 30)), RANDOM.random((30, 30))
        if levels:
            target, join = np.floor(target * levels), np.floor(join * levels)
        expected = select.shortest_path(target, join)
        assert shortest_path(torch.from_numpy(target), torch.from_numpy(join)).tolist() == expected.tolist()


@pytest.mark.parametrize("padding", ["zeros", "reflect"])
def test_log_mel_is_wav2lips(padding: str) -> None:
    time = np.arange(5_000) / 16_000
    sound = (0.5 * np.sin(2 * np.pi * (150 + 2000 * time) * time) + RANDOM.normal(0, 0.01, 5_000)).astype(np.float32)
    expected = mel.log_mel(sound, padding)  # type: ignore[arg-type]
    made = log_mel(torch.from_numpy(sound), padding)
    assert made.shape == expected.shape == (80, 26)
    assert (made - expected).abs().max() < 1e-3
    assert log_mel(torch.zeros(0)).shape == (80, 0)
    with pytest.raises(ValueError, match="padding"):
        log_mel(torch.zeros(900), "edge")
