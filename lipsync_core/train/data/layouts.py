"""How data sets of talking heads lie on disk: which files are clips, whose, and where their sound is.

lrs2: ``main/<programme>/00001.mp4`` and ``pretrain/...``; the programme stands for the person. lrs3:
``trainval/<id>/50001.mp4``, ``pretrain``, ``test``. voxceleb: ``.../mp4/id00012/<video>/00001.mp4``, with the sound in
a tree beside it, ``.../aac/id00012/<video>/00001.m4a``. hdtf: one folder of ``WDA_BarackObama_000.mp4``. plain: a
folder a person, or files alone, each a person of its own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

LAYOUTS = ("lrs2", "lrs3", "voxceleb", "hdtf", "plain")
VIDEOS = (".mp4", ".mov", ".mkv", ".m4v", ".webm", ".avi", ".mpg")
_SOUNDS = (".m4a", ".wav", ".flac", ".aac")
_LRS3 = ("trainval", "pretrain", "test")
_HDTF = re.compile(r"^(RD|WDA|WRA)_(.+?)(_\d+)?$")
_VOX_ID = re.compile(r"^id\d{5}$")


class LayoutError(ValueError):
    """A folder is not what it was said to be, or holds no video."""


@dataclass(frozen=True, slots=True)
class Source:
    """One video file. name: unique and stable, the root's name and the path within it. sound: a file of its own, None
    where the video has it. official: "test" where the data set holds it back, else ""."""

    path: Path
    name: str
    person: str
    sound: Path | None = None
    official: str = ""


def find_sources(roots: Sequence[Path], layout: str = "auto") -> list[Source]:
    """Every video of every root, in order of the names. Raises LayoutError, also when two roots share a name."""
    names = [root.resolve().name for root in roots]
    if twice := {name for name in names if names.count(name) > 1}:
        raise LayoutError(f"two sources are called {min(twice)}: rename one, clips are told apart by that name")
    found: list[Source] = []
    for root in roots:
        found += sources_of(root, layout)
    return sorted(found, key=lambda s: s.name)


def sources_of(root: Path, layout: str = "auto") -> list[Source]:
    """The videos of one root (a folder, or one file)."""
    if layout not in ("auto", *LAYOUTS):
        raise LayoutError(f"{layout!r} is no layout; there are auto, {', '.join(LAYOUTS)}")
    root = root.resolve()
    if root.is_file():
        return [Source(root, root.name, root.stem)]
    if not root.is_dir():
        raise LayoutError(f"{root} is neither a folder nor a file")
    paths = _videos(root)
    if not paths:
        raise LayoutError(f"{root} holds no video ({', '.join(VIDEOS)})")
    kind = detect([root.name / path for path in paths]) if layout == "auto" else layout
    read = {"lrs2": _lrs, "lrs3": _lrs, "voxceleb": _voxceleb, "hdtf": _hdtf, "plain": _plain}[kind]
    found = [read(root, path) for path in paths]
    return [source for source in found if source is not None]


def detect(paths: Sequence[PurePosixPath]) -> str:
    """The layout of videos at these paths, which begin with the root's own name: the one that most fit, or plain."""

    def share(fits: list[bool]) -> float:
        return sum(fits) / max(len(fits), 1)

    parts = [path.parts for path in paths]
    if share([_vox_person(p) is not None for p in parts]) > 0.5:
        return "voxceleb"
    if share([_HDTF.match(path.stem) is not None for path in paths]) > 0.5:
        return "hdtf"
    numbered = [len(p) >= 3 and path.stem.isdigit() for p, path in zip(parts, paths, strict=True)]
    if share([n and p[-3] == "main" for n, p in zip(numbered, parts, strict=True)]) > 0.2:
        return "lrs2"
    if share([n and p[-3] in _LRS3 for n, p in zip(numbered, parts, strict=True)]) > 0.5:
        return "lrs2" if share([p[-2].isdigit() and len(p[-2]) > 15 for p in parts]) > 0.5 else "lrs3"
    return "plain"


def _videos(root: Path) -> list[PurePosixPath]:
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        found += [PurePosixPath(Path(folder, name).relative_to(root).as_posix()) for name in files
                  if Path(name).suffix.lower() in VIDEOS and not name.startswith(".")]
    return sorted(found)


def _lrs(root: Path, path: PurePosixPath) -> Source | None:
    if len(path.parts) < 2:
        return None
    official = "test" if (root.name / path).parts[-3:-2] == ("test",) else ""
    return Source(root / path, f"{root.name}/{path}", path.parts[-2], _sound_beside(root / path), official)


def _voxceleb(root: Path, path: PurePosixPath) -> Source | None:
    person = _vox_person((root.name, *path.parts))
    if person is None:
        return None
    official = "test" if "test" in (*path.parts, root.name) else ""
    return Source(root / path, f"{root.name}/{path}", person, _vox_sound(root, path) or _sound_beside(root / path),
                  official)


def _vox_person(parts: Sequence[str]) -> str | None:
    return next((p for p in parts[:-1] if _VOX_ID.match(p)), None)


def _vox_sound(root: Path, path: PurePosixPath) -> Path | None:
    """VoxCeleb2 has the sound in a tree of its own, beside that of the pictures: aac or m4a or wav for mp4."""
    whole = (root / path).parts
    places = [i for i, part in enumerate(whole) if part == "mp4"]
    for i in reversed(places):
        for tree in ("aac", "m4a", "wav"):
            stem = Path(*whole[:i], tree, *whole[i + 1:])
            for suffix in _SOUNDS:
                if (found := stem.with_suffix(suffix)).is_file():
                    return found
    return None


def _hdtf(root: Path, path: PurePosixPath) -> Source | None:
    """``RD_Radio10_000``: programme 10; ``WRA_LamarAlexander0_003``: part 3 of the first film of that person."""
    match = _HDTF.match(path.stem)
    if match is None:
        return None
    person = match[2] if match[1] == "RD" else re.sub(r"\d+$", "", match[2]) or match[2]
    return Source(root / path, f"{root.name}/{path}", person, _sound_beside(root / path))


def _plain(root: Path, path: PurePosixPath) -> Source | None:
    person = path.parts[0] if len(path.parts) > 1 else path.stem
    return Source(root / path, f"{root.name}/{path}", person, _sound_beside(root / path))


def _sound_beside(path: Path) -> Path | None:
    """A sound file of the same name next to a video; it wins over the video's own."""
    return next((found for suffix in _SOUNDS if (found := path.with_suffix(suffix)).is_file()), None)
