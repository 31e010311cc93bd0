"""Shards: clips on disk in files that stream, and how they are read.

A folder holds ``index.json`` and for every shard ``NNNNN.json`` (its clips), ``NNNNN.common.safetensors`` (sound, mel,
lips, opening, pose, free of each clip) and one ``NNNNN.<size>.safetensors`` a size (JPEG bytes of the pictures and
where each ends). A shard has clips of one split. Files are written beside their place and moved into it, and the index
last: whoever reads sees whole shards only.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from lipsync_core.train.files import write_atomic
from lipsync_core.train.types import FPS, RATE, Clip, ClipInfo

INDEX, VERSION = "index.json", 1
SPLITS = ("train", "val", "test")
QUALITY = 95
COMMON = ("sound", "mel", "lips", "opening", "pose", "free")
_FILES_OPEN = 64
_COMMON_BYTES = 256 << 20

Pictures = npt.NDArray[np.uint8]
Arrays = dict[str, npt.NDArray[Any]]


class ShardError(ValueError):
    """A folder is not one of shards, or has not what is asked of it."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A clip as it lies in a shard. common: the arrays named in ``COMMON``, sound as int16. pictures: of every size
    the JPEG files one after the other (uint8) and where each ends (int64 [T])."""

    info: ClipInfo
    common: Arrays
    pictures: dict[int, tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]]


def pack(clips: dict[int, Clip]) -> Packed:
    """One clip at every size, compressed."""
    first = next(iter(clips.values()))
    return packed(first.info, first.sound, first.mel, {"lips": first.lips, "opening": first.opening,
                  "pose": first.pose, "free": first.free}, {s: [jpeg(p) for p in c.pictures] for s, c in clips.items()})


def packed(info: ClipInfo, sound: npt.NDArray[np.float32], mel: npt.NDArray[np.float32], tracks: Arrays,
           jpegs: Mapping[int, Sequence[npt.NDArray[np.uint8]]]) -> Packed:
    """From arrays and pictures that are JPEG files already (see ``jpeg``)."""
    whole = np.round(np.clip(sound, -1, 1) * 32767).astype(np.int16)
    common: Arrays = {"sound": whole, "mel": mel.astype(np.float32)}
    common |= {name: np.ascontiguousarray(values) for name, values in tracks.items()}
    pictures = {size: (np.concatenate(list(files)), np.cumsum([len(f) for f in files], dtype=np.int64))
                for size, files in jpegs.items()}
    return Packed(info, common, pictures)


def jpeg(picture: Pictures) -> npt.NDArray[np.uint8]:
    """[S, S, 3] BGR -> JPEG bytes, colours at full resolution: lips are a few pixels of red."""
    good, file = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY, cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
                                                cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444])
    if not good:
        raise ShardError(f"a picture of the shape {picture.shape} cannot be compressed")
    return file.reshape(-1)


def write_shard(folder: Path, name: str, clips: Sequence[Packed]) -> None:
    """Write the files of one shard; the same clips give the same bytes."""
    from safetensors.numpy import save

    sizes = sorted({size for clip in clips for size in clip.pictures})
    common = {f"{i:04d}.{key}": value for i, clip in enumerate(clips) for key, value in clip.common.items()}
    write_atomic(folder / f"{name}.common.safetensors", save(common))
    for size in sizes:
        files: Arrays = {}
        for i, clip in enumerate(clips):
            files[f"{i:04d}.jpeg"], files[f"{i:04d}.ends"] = clip.pictures[size]
        write_atomic(folder / f"{name}.{size}.safetensors", save(files))
    infos = [asdict(clip.info) for clip in clips]
    write_atomic(folder / f"{name}.json", json.dumps(infos, indent=1).encode())


def read_shard(folder: Path, name: str, sizes: Iterable[int]) -> list[Packed]:
    """What ``write_shard`` wrote, as it was."""
    from safetensors.numpy import load_file

    infos = [ClipInfo(**entry) for entry in json.loads((folder / f"{name}.json").read_text())]
    if not infos:
        return []
    common = load_file(folder / f"{name}.common.safetensors")
    pictures = {size: load_file(folder / f"{name}.{size}.safetensors") for size in sizes}
    return [Packed(info, {key: common[f"{i:04d}.{key}"] for key in COMMON},
                   {s: (files[f"{i:04d}.jpeg"], files[f"{i:04d}.ends"]) for s, files in pictures.items()})
            for i, info in enumerate(infos)]


def write_index(folder: Path, sizes: Sequence[int], shards: Sequence[dict[str, Any]], **more: Any) -> None:
    """shards: of each its name, split, clips and frames, in order; ``more`` is kept beside them."""
    entry = {"version": VERSION, "fps": FPS, "rate": RATE, "sizes": sorted(sizes), "shards": list(shards), **more}
    write_atomic(folder / INDEX, json.dumps(entry, indent=1).encode())


def read_index(folder: Path) -> dict[str, Any]:
    """Raises ShardError where there is none that can be read."""
    try:
        entry = json.loads((folder / INDEX).read_text())
    except (OSError, ValueError) as error:
        raise ShardError(f"{folder} holds no shards: {error}") from error
    if not isinstance(entry, dict) or entry.get("version") != VERSION:
        raise ShardError(f"{folder / INDEX} is not an index of version {VERSION}")
    return entry


class Shards:
    """The clips of one split (None: of all) at one size, in the order of the index.

    keep: which of them, by their info. cache_bytes: decoded pictures that are kept in memory, the longest unused
    leave first. Pictures are decoded frame by frame, only those that are asked for. One instance serves one thread;
    forked or pickled, it opens its files again. Raises ShardError when the folder has no such size or no such clip.
    """

    def __init__(self, folder: Path | str, size: int, split: str | None = "train", *,
                 keep: Callable[[ClipInfo], bool] | None = None, cache_bytes: int = 2 << 30) -> None:
        self.folder, self.size, self.split = Path(folder), size, split
        index = read_index(self.folder)
        if split is not None and split not in SPLITS:
            raise ShardError(f"{split!r} is no split; there are {', '.join(SPLITS)}")
        if size not in index["sizes"]:
            raise ShardError(f"{self.folder} has pictures of {index['sizes']} pixels, not of {size}")
        self.infos: list[ClipInfo] = []
        self._place: dict[str, tuple[str, int]] = {}
        names = {f.name for f in fields(ClipInfo)}
        for shard in index["shards"]:
            if split is not None and shard["split"] != split:
                continue
            for row, entry in enumerate(json.loads((self.folder / f"{shard['name']}.json").read_text())):
                info = ClipInfo(**{k: v for k, v in entry.items() if k in names})
                if keep is None or keep(info):
                    self.infos.append(info)
                    self._place[info.id] = (shard["name"], row)
        self._by_id = {info.id: info for info in self.infos}
        self._files: OrderedDict[str, Any] = OrderedDict()
        self._decoded = _Lru(cache_bytes)
        self._common = _Lru(_COMMON_BYTES)

    def __len__(self) -> int:
        return len(self.infos)

    def __iter__(self) -> Iterator[Clip]:
        return (self.load(info.id) for info in self.infos)

    @property
    def people(self) -> list[str]:
        """Everybody, in alphabetical order."""
        return sorted({info.person for info in self.infos})

    def info(self, id: str) -> ClipInfo:
        self._find(id)
        return self._by_id[id]

    def load(self, id: str) -> Clip:
        """A clip with all its pictures."""
        info = self.info(id)
        common = self.common(id)
        pictures = self.pictures(id, range(info.frames))
        return Clip(info, pictures, *(common[key] for key in COMMON))

    def common(self, id: str) -> Arrays:
        """Everything of a clip but its pictures, typed as in ``Clip``; not to be written to."""
        kept = self._common.get(id)
        if kept is None:
            name, row = self._find(id)
            file = self._open(f"{name}.common")
            kept = {key: file.get_tensor(f"{row:04d}.{key}") for key in COMMON}
            kept["sound"] = kept["sound"].astype(np.float32) / np.float32(32767)
            self._common.put(id, kept, sum(v.nbytes for v in kept.values()))
        return kept

    def pictures(self, id: str, frames: Sequence[int]) -> Pictures:
        """uint8 [len(frames), S, S, 3], a copy, of these frames alone."""
        clip = self._decoded.get(id)
        if clip is None:
            clip = _Frames(*self._jpegs(id), self.size)
            self._decoded.put(id, clip, clip.bytes)
        return clip.take(frames)

    def stream(self, seed: int, buffer: int = 64, rank: int = 0, world: int = 1) -> Iterator[Clip]:
        """Every clip once, shuffled, read almost in the order of the files: shards in random order, clips through a
        buffer of ``buffer`` places. Of ``world`` readers each gets its own share of the shards."""
        random = np.random.default_rng([seed, 17])
        by_shard: dict[str, list[str]] = {}
        for info in self.infos:
            by_shard.setdefault(self._place[info.id][0], []).append(info.id)
        names = list(by_shard)
        order = [names[i] for i in random.permutation(len(names))][rank::world]
        waiting: list[Clip] = []
        for id in (id for name in order for id in by_shard[name]):
            waiting.append(self.load(id))
            if len(waiting) >= max(buffer, 1):
                yield waiting.pop(int(random.integers(len(waiting))))
        while waiting:
            yield waiting.pop(int(random.integers(len(waiting))))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_files": OrderedDict(), "_decoded": _Lru(self._decoded.limit),
                "_common": _Lru(_COMMON_BYTES)}

    def _find(self, id: str) -> tuple[str, int]:
        try:
            return self._place[id]
        except KeyError:
            raise ShardError(f"there is no clip {id!r} in the split {self.split} of {self.folder}") from None

    def _jpegs(self, id: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
        name, row = self._find(id)
        file = self._open(f"{name}.{self.size}")
        return file.get_tensor(f"{row:04d}.jpeg"), file.get_tensor(f"{row:04d}.ends")

    def _open(self, stem: str) -> Any:
        from safetensors import SafetensorError, safe_open

        if stem not in self._files:
            path = self.folder / f"{stem}.safetensors"
            try:
                self._files[stem] = safe_open(path, "numpy")
            except (OSError, SafetensorError) as error:
                raise ShardError(f"{path} cannot be read: {error}") from error
            if len(self._files) > _FILES_OPEN:
                self._files.popitem(last=False)
        self._files.move_to_end(stem)
        return self._files[stem]


class _Frames:
    """A clip's pictures, decoded when they are first wanted."""

    def __init__(self, files: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64], size: int) -> None:
        self._files, self._ends, self._size = files, ends, size
        self._pictures = np.empty((len(ends), size, size, 3), np.uint8)
        self._known = np.zeros(len(ends), bool)
        self.bytes = self._pictures.nbytes + files.nbytes

    def take(self, frames: Sequence[int]) -> Pictures:
        for i in frames:
            if not self._known[i]:
                begin = int(self._ends[i - 1]) if i else 0
                picture = cv2.imdecode(self._files[begin: self._ends[i]], cv2.IMREAD_COLOR)
                if picture is None or picture.shape[:2] != (self._size, self._size):
                    raise ShardError(f"picture {i} of a clip is damaged")
                self._pictures[i], self._known[i] = picture, True
        return self._pictures[np.asarray(frames, np.int64)]


class _Lru:
    """Things by name up to a number of bytes in all; the one last put in is always kept."""

    def __init__(self, limit: int) -> None:
        self.limit, self._bytes = limit, 0
        self._kept: OrderedDict[str, tuple[Any, int]] = OrderedDict()

    def get(self, name: str) -> Any:
        if name not in self._kept:
            return None
        self._kept.move_to_end(name)
        return self._kept[name][0]

    def put(self, name: str, value: Any, size: int) -> None:
        self._kept[name] = (value, size)
        self._bytes += size
        while self._bytes > self.limit and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1][1]
