"""The atlas as a detail layer: the speaker's own teeth, lips and beard over a network's soft mouth.

A small network says well what shape a mouth takes and badly what it looks like. So its answer is pasted, the mesh
measures how far that moved the lips, the atlas paints the speaker's own mouth in that shape, and the fine part of that
picture goes over the coarse part of the network's, wherever the two agree coarsely. The line is decoded three times;
only the small answers are kept between the passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.atlas.foreground import sample
from lipsync_core.atlas.model import Atlas
from lipsync_core.atlas.paint import Painter
from lipsync_core.atlas.plan import PlannedFrame, Plates, make_plan
from lipsync_core.face.mesh import roi_from_points
from lipsync_core.face.video import Picture
from lipsync_core.neural.composite import Image, Planes, Seen, finish
from lipsync_core.patch import Patch, read_patches
from lipsync_core.speech.articulation import Articulation, articulate

if TYPE_CHECKING:
    from lipsync_core.neural.wav2lip import Things

Floats = npt.NDArray[np.float64]

#: Starts another pass over the line: (index of the plate, its picture, the frame as the network saw it).
Look = Callable[[], Iterator[tuple[int, Picture, Seen]]]
#: ``mesh(picture, roi) -> (points [468, 3], presence)``: ``lipsync_core.face.mesh.FaceMesh`` or a stand-in.
Mesh = Callable[[Picture, object], tuple[npt.NDArray[np.float32], float]]


def lip_shifts(look: Look, answers: dict[int, Image], mesh: Mesh) -> dict[int, Floats]:
    """How far each answer moves every mesh point of its frame, [468, 2] pixels by frame number.

    Both meshes are taken with the same view of the same frame, without and with the answer, so what the network
    misreads on this face cancels out.
    """
    shifts: dict[int, Floats] = {}
    for _, picture, seen in look():
        pasted = with_patch(picture, finish(replace(seen, alpha=1.0), answers[seen.frame]))
        roi = roi_from_points(seen.points.astype(np.float32))
        before, after = mesh(picture, roi)[0], mesh(pasted, roi)[0]
        shifts[seen.frame] = (after - before)[:, :2].astype(np.float64)
    return shifts


def plan_details(atlas: Atlas, plates: Plates, shifts: dict[int, Floats]) -> dict[int, PlannedFrame]:
    """The atlas's recipe for each frame: its own choice of mouths, in exactly the measured shape."""
    moved = np.stack([shifts.get(int(frame), np.zeros((468, 2))) for frame in plates.frames])
    padded = np.concatenate([moved[:1], moved, moved[-1:]])
    moved = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    wanted = plates.points + shape.mobility(atlas.model.mean)[None, :, None] * moved
    plan = make_plan(atlas, replace(plates, alpha=np.ones(len(plates.frames))), _articulation(atlas, wanted))
    return {p.frame: replace(p, target=shape.seal(wanted[n], 0.0)) for n, p in enumerate(plan)}


def painted_details(look: Look, folder: Path, plates: Plates, answers: dict[int, Image], mesh: Mesh,
                    things: Things) -> Iterator[Patch]:
    """The finished patches of a line; folder: the model of its speaker."""
    atlas = Atlas.load(folder)
    plan = plan_details(atlas, plates, lip_shifts(look, answers, mesh))
    # Besides the mouths of the plan, the painter wants a fair sample of all: they tell it how this face looks.
    used = {i for planned in plan.values() for i, _ in planned.mouths}
    used |= sample(len(atlas.frames))
    painter = Painter(atlas, {i: patch for i, patch in enumerate(read_patches(folder)) if i in used})
    for _, picture, seen in look():
        painted = pasted_region(seen, painter.paint(picture, plan[seen.frame]))
        yield finish(seen, answers[seen.frame], painted, front=things.before(seen))


def with_patch(picture: Picture, patch: Patch) -> Picture:
    """A copy of the picture with the patch in it."""
    planes = []
    for plane, part, step in ((picture.y, patch.y, 1), (picture.u, patch.u, 2), (picture.v, patch.v, 2)):
        copy = plane.copy()
        top, left = patch.top // step, patch.left // step
        copy[top:top + part.shape[0], left:left + part.shape[1]] = part
        planes.append(copy)
    return Picture(picture.number, picture.time_ms, *planes, matrix=picture.matrix, full_range=picture.full_range)


def pasted_region(seen: Seen, patch: Patch) -> Planes:
    """The planes of ``seen``'s rectangle with what of ``patch`` falls into it."""
    planes = []
    for plate, part, step in zip(seen.region, (patch.y, patch.u, patch.v), (1, 2, 2), strict=True):
        copy = plate.copy()
        top, left = (patch.top - seen.top) // step, (patch.left - seen.left) // step
        rows = slice(max(top, 0), min(top + part.shape[0], copy.shape[0]))
        columns = slice(max(left, 0), min(left + part.shape[1], copy.shape[1]))
        if rows.start < rows.stop and columns.start < columns.stop:
            copy[rows, columns] = part[rows.start - top:rows.stop - top, columns.start - left:columns.stop - left]
        planes.append(copy)
    return planes[0], planes[1], planes[2]


def _articulation(atlas: Atlas, points: Floats) -> Articulation:
    """The measured mouths in the words of the atlas's planner."""
    rows = shape.features(atlas.model.normalise(points)[0])
    range_ = atlas.range
    opening = (rows[:, shape.OPENING] - range_.closed) / max(range_.wide - range_.closed, 1e-6)
    width = rows[:, shape.WIDTH] - range_.neutral
    width = width / np.where(width < 0, range_.neutral - range_.narrow, range_.broad - range_.neutral)
    resting = articulate((), np.arange(len(points)) * 40.0)
    return replace(resting, opening=np.clip(opening, 0, 1.2), width=np.clip(width, -1.2, 1.2),
                   speech=np.ones(len(points)))
