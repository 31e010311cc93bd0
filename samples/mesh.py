"""The human base mesh: loading, shape targets and subdivision.

The mesh and its targets are MakeHuman/MPFB2 data (CC0), see README.md. Units are decimetres, y up, z to the front.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

Array = npt.NDArray[np.float32]

CROP_BELOW = 3.9
"""Faces lower than this (the waist) are never in the picture."""


@dataclass(frozen=True)
class BaseMesh:
    """The unmorphed mesh.

    points: float64 [V, 3], all vertices, helpers included (targets index into these).
    uv: float64 [V, 2], the first texture coordinate of each vertex.
    quads: group name -> int32 [F, 4]; quad_uv: same, float64 [F, 4, 2].
    """

    points: npt.NDArray[np.float64]
    uv: npt.NDArray[np.float64]
    quads: dict[str, npt.NDArray[np.int32]]
    quad_uv: dict[str, npt.NDArray[np.float64]]


def default_mesh_folder() -> Path:
    """The ``data`` folder of the human mesh, fetched by the weight store when it is not there yet."""
    from dubbing.weights.store import Store

    return Store().fetch("human-mesh")


@cache
def load_base(folder: Path) -> BaseMesh:
    """Read ``mpfb2/3dobjs/base.obj`` under `folder`."""
    points: list[list[float]] = []
    texture: list[list[float]] = []
    faces: dict[str, list[list[tuple[int, int]]]] = {}
    group = ""
    for line in (folder / "mpfb2/3dobjs/base.obj").read_text().splitlines():
        parts = line.split()
        if not parts:
            continue
        if parts[0] == "v":
            points.append([float(x) for x in parts[1:4]])
        elif parts[0] == "vt":
            texture.append([float(x) for x in parts[1:3]])
        elif parts[0] == "g":
            group = parts[1]
        elif parts[0] == "f" and len(parts) == 5:
            corners = [p.split("/") for p in parts[1:]]
            faces.setdefault(group, []).append([(int(a[0]) - 1, int(a[1]) - 1) for a in corners])
    vertices = np.array(points)
    uvs = np.array(texture)
    uv = np.zeros((len(vertices), 2))
    quads, quad_uv = {}, {}
    for name, items in faces.items():
        index = np.array(items)
        quads[name] = index[:, :, 0].astype(np.int32)
        quad_uv[name] = uvs[index[:, :, 1]]
        uv[quads[name].ravel()] = quad_uv[name].reshape(-1, 2)
    return BaseMesh(vertices, uv, quads, quad_uv)


@cache
def load_target(folder: Path, name: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """A shape target by its path below the targets folder: vertex numbers [n] and offsets [n, 3] (dm)."""
    if name.startswith("faceunits/"):
        text = (folder / f"faceunits01/targets/{name}.target").read_text()
    else:
        with gzip.open(folder / f"mpfb2/targets/{name}.target.gz", "rt") as file:
            text = file.read()
    lines = [line for line in text.splitlines() if line.strip() and line[0] != "#"]
    rows = np.array([[float(x) for x in line.split()] for line in lines]).reshape(-1, 4)
    return rows[:, 0].astype(np.int64), rows[:, 1:4]


def apply_targets(folder: Path, points: npt.NDArray[np.float64], weights: dict[str, float]) -> npt.NDArray[np.float64]:
    """`points` [V, 3] moved by the weighted targets."""
    out = points.copy()
    for name, weight in weights.items():
        if weight:
            index, offset = load_target(folder, name)
            out[index] += weight * offset
    return out


def catmull_clark(quads: npt.NDArray[np.int32], count: int) -> tuple[sparse.csr_matrix, npt.NDArray[np.int32]]:
    """One Catmull-Clark step (Catmull & Clark 1978) as a matrix.

    Returns the matrix that takes [count, k] vertex values to the finer mesh's, and the finer quads; the children of
    quad i are rows 4i … 4i+3.
    """
    n_faces = len(quads)
    edges = np.stack([quads, np.roll(quads, -1, axis=1)], axis=2).reshape(-1, 2)
    unique, inverse = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    edge_of = inverse.reshape(n_faces, 4)
    n_edges = len(unique)
    face_of_corner = np.repeat(np.arange(n_faces), 4)
    face_avg = sparse.csr_matrix((np.full(n_faces * 4, 0.25), (face_of_corner, quads.ravel())), (n_faces, count))
    uses = np.bincount(inverse, minlength=n_edges)
    border = uses == 1
    mid = sparse.csr_matrix((np.full(n_edges * 2, 0.5), (np.repeat(np.arange(n_edges), 2), unique.ravel())),
                            (n_edges, count))
    around = sparse.csr_matrix((1.0 / uses[inverse], (inverse, face_of_corner)), (n_edges, n_faces)) @ face_avg
    edge_weight = sparse.diags(np.where(border, 0.0, 0.5))
    edge_rows = edge_weight @ around + sparse.diags(np.where(border, 1.0, 0.5)) @ mid

    valence = np.maximum(np.bincount(quads.ravel(), minlength=count), 1)
    faces_mean = sparse.csr_matrix((1.0 / valence[quads.ravel()], (quads.ravel(), face_of_corner)),
                                   (count, n_faces)) @ face_avg
    edge_valence = np.maximum(np.bincount(unique.ravel(), minlength=count), 1)
    flat = unique.ravel()
    mids_mean = sparse.csr_matrix((1.0 / edge_valence[flat], (flat, np.repeat(np.arange(n_edges), 2))),
                                  (count, n_edges)) @ mid
    inner = np.ones(count, bool)
    inner[unique[border].ravel()] = False
    n = valence.astype(float)
    keep = sparse.identity(count)
    smooth = (sparse.diags(1 / n) @ faces_mean + sparse.diags(2 / n) @ mids_mean + sparse.diags((n - 3) / n) @ keep)
    ring = unique[border]
    both = np.concatenate([ring, ring[:, ::-1]])
    ring_mean = sparse.csr_matrix((np.full(len(both), 0.5), (both[:, 0], both[:, 1])), (count, count))
    edge_case = 0.75 * keep + 0.25 * ring_mean
    vertex_rows = sparse.diags(inner.astype(float)) @ smooth + sparse.diags((~inner).astype(float)) @ edge_case

    matrix = sparse.vstack([vertex_rows, edge_rows, face_avg]).tocsr().astype(np.float32)
    e = edge_of + count
    f = (np.arange(n_faces) + count + n_edges)[:, None]
    fine = np.stack([np.stack([quads[:, k], e[:, k], f[:, 0], e[:, k - 1]], axis=1) for k in range(4)], axis=1)
    return matrix, fine.reshape(-1, 4).astype(np.int32)
