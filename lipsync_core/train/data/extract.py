"""From one video to its training clips: 25 pictures a second, shots, faces, a check of the sound, crops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from lipsync_core.face.analyse import finish
from lipsync_core.face.mesh import INNER_LIPS, OUTER_LIPS, lip_opening
from lipsync_core.face.models import FaceModels
from lipsync_core.face.people import people
from lipsync_core.face.shots import with_shots
from lipsync_core.face.tracker import RawTrack, ShotTracker
from lipsync_core.face.types import FaceTrack
from lipsync_core.face.video import Picture, VideoError, VideoSource
from lipsync_core.neural.box import Boxes, face_boxes
from lipsync_core.speech.network import PhoneNetwork
from lipsync_core.speech.sound import RATE, read_mono
from lipsync_core.train.data.layouts import Source
from lipsync_core.train.data.shards import Packed, jpeg, packed
from lipsync_core.train.data.sync_check import Agreement, Mouth, Speech, mouth_of, moved
from lipsync_core.train.types import FPS, SAMPLES_PER_FRAME, ClipInfo

_TICK_MS = 1000 / FPS
#: Ticks farther than this from any picture are left out: the stream has a hole there.
_HOLE_MS = 125.0
#: Below this rate lips are seen too seldom.
_SLOWEST_FPS = 19.0
#: A track is judged against its sound in stretches of at most this many frames, with this much sound around.
_STRETCH, _AROUND = 1500, 2 * FPS
_IN_VIEW, _LEAST_FREE = 0.5, 0.6

#: ``Clip.lips`` from the mesh: both lips from the picture's left corner clockwise, over the upper lip.
LIP_ORDER = (OUTER_LIPS[0], *OUTER_LIPS[:0:-1], INNER_LIPS[0], *INNER_LIPS[:0:-1])


@dataclass(frozen=True, slots=True)
class Wishes:
    """What becomes a clip. sizes: of the crops, in pixels. shortest, longest: frames; longer stretches are divided.
    least_px: height of the face's box in the source. reach: frames by which sound may be off and is moved back.
    check: False keeps clips without asking whether sound and picture agree, and moves nothing."""

    sizes: tuple[int, ...] = (96, 192, 256)
    shortest: int = 38
    longest: int = 250
    least_px: float = 64.0
    reach: int = 10
    check: bool = True


@dataclass(slots=True)
class Account:
    """What became of one source: pictures that were looked at, seconds of it, pieces that were left out by reason."""

    frames: int = 0
    seconds: float = 0.0
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Piece:
    """One clip to be: rows ``start`` to ``stop`` of a track, what its sound needs, and who it is."""

    track: FaceTrack
    boxes: Boxes
    start: int
    stop: int
    offset_frames: int
    sync: float
    person: str = ""

    @property
    def first(self) -> int:
        """Its first tick."""
        return int(self.track.frames[self.start])


def clips_of(source: Source, models: FaceModels, wishes: Wishes, account: Account, *, split: str = "train",
             network: PhoneNetwork | None = None) -> Iterator[Packed]:
    """Every usable clip of one file, in order of its end; fills ``account``.

    The file is read twice, for the faces and for the crops; of its pictures a few are in memory at a time, of its
    clips those that are being cut. Raises VideoError (or OSError, ValueError) for a file that cannot be read.
    """
    video = VideoSource(source.path)
    if video.rate < _SLOWEST_FPS:
        account.dropped[f"fewer than {_SLOWEST_FPS + 1:.0f} frames a second"] += 1
        return
    sound = read_mono(source.sound or source.path)
    if not len(sound):
        account.dropped["no sound"] += 1
        return
    tracks, account.frames = follow_faces(ticks(video.frames()), models, (video.height, video.width))
    account.seconds = account.frames / FPS
    if not tracks:
        account.dropped["no face"] += 1
    found = [piece for track in tracks for piece in pieces_of(track, sound, wishes, account.dropped, network)]
    if found:
        pieces = named(found, source.person)
        yield from _cut(source, video, pieces, sound, wishes, split)


def ticks(pictures: Iterable[Picture]) -> Iterator[Picture]:
    """25 pictures a second of any stream: at every tick the nearest one, numbered by the tick, which counts from the
    file's own time zero. Pictures are repeated or left out, never mixed."""
    last: Picture | None = None
    tick, step_ms = 0, _TICK_MS

    def shown(until_ms: float) -> Iterator[Picture]:
        nonlocal tick
        while tick * _TICK_MS < until_ms:
            if last is not None and abs(tick * _TICK_MS - last.time_ms) <= _HOLE_MS:
                yield replace(last, number=tick, time_ms=tick * _TICK_MS)
            tick += 1

    for picture in pictures:
        if last is None:
            tick = max(int(np.ceil(picture.time_ms / _TICK_MS - 0.5)), 0)
        elif picture.time_ms <= last.time_ms:
            continue
        else:
            step_ms = picture.time_ms - last.time_ms
            yield from shown(last.time_ms + step_ms / 2)
        last = picture
    if last is not None:
        # The last picture lasts as long as the one before it.
        yield from shown(last.time_ms + min(step_ms, _TICK_MS) / 2)


def follow_faces(pictures: Iterable[Picture], models: FaceModels,
                 size: tuple[int, int]) -> tuple[list[FaceTrack], int]:
    """Every face of every shot (``lipsync_core.face.analyse`` on other pictures than all of a file), and how many
    pictures there were. size: height, width."""
    raw: list[RawTrack] = []
    tracker: ShotTracker | None = None
    shots = count = 0
    for picture, begins in with_shots(pictures):
        if begins or tracker is None:
            raw += tracker.tracks if tracker is not None else []
            tracker = ShotTracker(models, shots, 0 if tracker is None else tracker.next_id)
            shots += 1
        tracker.step(picture)
        count += 1
    raw += tracker.tracks if tracker is not None else []
    return [finish(track, size) for track in raw if len(track.frames) >= FPS // 5], count


def pieces_of(track: FaceTrack, sound: npt.NDArray[np.float32], wishes: Wishes, dropped: Counter[str],
              network: PhoneNetwork | None = None) -> list[Piece]:
    """The usable pieces of a track; why others are not goes to ``dropped``."""
    boxes = face_boxes(track)
    heights = np.linalg.norm(boxes.corners[:, 3] - boxes.corners[:, 0], axis=1)
    free = track.mouth_visibility >= _IN_VIEW

    def unseen(rows: slice) -> str:
        if np.median(heights[rows]) < wishes.least_px:
            return "face too small"
        return "mouth hidden or turned away" if free[rows].mean() < _LEAST_FREE else ""

    found: list[Piece] = []
    for start, stop in stretches(track.frames):
        if stop - start < wishes.shortest:
            dropped["too short"] += 1
            continue
        parts = {(first, last): unseen(slice(first, last)) for first, last in _divided(start, stop, wishes.longest)}
        # Listening costs more than looking at what is known.
        agreed = {} if all(parts.values()) else judged(track, list(parts), sound, wishes, network)
        for part, reason in parts.items():
            if reason := reason or agreed[part].reason:
                dropped[reason] += 1
            else:
                found.append(Piece(track, boxes, *part, agreed[part].offset_frames, agreed[part].value))
    return found


def named(pieces: list[Piece], person: str) -> list[Piece]:
    """The same pieces with names: everybody is ``person`` unless two faces are seen at one time. Then whoever is seen
    longest is, and others have a number added, told apart by ``lipsync_core.face.people``."""
    tracks = list({p.track.id: p.track for p in pieces}.values())
    together = any(len(np.intersect1d(a.frames, b.frames)) for a, b in combinations(tracks, 2))
    groups = people(tracks) if together else [tracks]
    groups.sort(key=lambda group: -sum(len(track.frames) for track in group))
    names = {track.id: person if i == 0 else f"{person}+{i}" for i, group in enumerate(groups) for track in group}
    return [replace(piece, person=names[piece.track.id]) for piece in pieces]


def stretches(frames: npt.NDArray[np.int32]) -> list[tuple[int, int]]:
    """Rows [start, stop) of a track's unbroken runs, none longer than a minute."""
    breaks = [0, *(np.flatnonzero(np.diff(frames) != 1) + 1), len(frames)]
    found = []
    for start, stop in zip(breaks[:-1], breaks[1:], strict=True):
        found += _divided(int(start), int(stop), _STRETCH)
    return found


def judged(track: FaceTrack, parts: list[tuple[int, int]], sound: npt.NDArray[np.float32], wishes: Wishes,
           network: PhoneNetwork | None) -> dict[tuple[int, int], Agreement]:
    """What the parts of one stretch (rows [first, last), one after the other) owe their sound.

    The offset is the stretch's, told from all of it; each part must agree with it by itself. Where the stretch as a
    whole does not agree (somebody else speaks in most of it), every part is asked on its own.
    """
    unknown = float("nan")
    if not wishes.check:
        return {part: Agreement(0, unknown, unknown, "") for part in parts}
    start, stop = parts[0][0], parts[-1][1]
    zero = max(int(track.frames[start]) - _AROUND, 0)
    near = sound[zero * SAMPLES_PER_FRAME: (int(track.frames[stop - 1]) + 1 + _AROUND) * SAMPLES_PER_FRAME]
    if len(near) < RATE // 2:
        return {part: Agreement(0, unknown, unknown, "silent") for part in parts}
    speech, mouth = Speech(near, network), mouth_of(track.points[start:stop])
    whole = speech.agreement(mouth, int(track.frames[start]) - zero, wishes.reach)
    if len(parts) == 1:
        return {parts[0]: whole}
    fixed = None if whole.reason else whole.offset_frames
    return {(first, last): speech.agreement(
        Mouth(mouth.opening[first - start: last - start], mouth.speed[first - start: last - start]),
        int(track.frames[first]) - zero, wishes.reach, fixed) for first, last in parts}


def _divided(start: int, stop: int, longest: int) -> list[tuple[int, int]]:
    """Nearly equal parts, none longer than ``longest``."""
    edges = np.linspace(start, stop, -(-(stop - start) // longest) + 1).round().astype(int).tolist()
    return list(zip(edges[:-1], edges[1:], strict=True))


def _cut(source: Source, video: VideoSource, pieces: list[Piece], sound: npt.NDArray[np.float32], wishes: Wishes,
         split: str) -> Iterator[Packed]:
    waiting = sorted(pieces, key=lambda p: (p.first, p.track.id))
    being_cut: list[tuple[Piece, dict[int, list[npt.NDArray[np.uint8]]]]] = []
    for picture in ticks(video.frames()):
        while waiting and waiting[0].first <= picture.number:
            being_cut.append((waiting.pop(0), {size: [] for size in wishes.sizes}))
        done = []
        for piece, files in being_cut:
            row = piece.start + picture.number - piece.first
            for size, own in files.items():
                crop = picture.warp_rgb(piece.boxes.crop_matrix(row, size), size, size)
                own.append(jpeg(np.ascontiguousarray(crop[:, :, ::-1])))
            if row == piece.stop - 1:
                done.append((piece, files))
        for piece, files in done:
            being_cut = [entry for entry in being_cut if entry[0] is not piece]
            yield _packed(source, piece, files, sound, split)
        if not waiting and not being_cut:
            return
    if waiting or being_cut:
        raise VideoError(f"{source.path.name} ends earlier when it is read again")


def _packed(source: Source, piece: Piece, files: dict[int, list[npt.NDArray[np.uint8]]],
            sound: npt.NDArray[np.float32], split: str) -> Packed:
    from lipsync_core.models.mel import log_mel

    rows = slice(piece.start, piece.stop)
    count = piece.stop - piece.start
    heard = moved(sound, piece.first, count, piece.offset_frames)
    points = piece.track.points[rows].astype(np.float64)
    corners = piece.boxes.corners[rows]
    height = float(np.median(np.linalg.norm(corners[:, 3] - corners[:, 0], axis=1)))
    lips = lips_in_crop(points, piece.boxes.matrices[rows])
    arrays = {"lips": lips, "opening": lip_opening(piece.track.points[rows]).astype(np.float32),
              "pose": piece.track.pose[rows].astype(np.float32), "free": piece.track.mouth_visibility[rows] >= _IN_VIEW}
    info = ClipInfo(f"{source.name}#{piece.track.id}.{piece.first}", piece.person, source.name, split, count,
                    piece.offset_frames, round(piece.sync, 4), round(height, 1))
    return packed(info, heard, log_mel(heard).numpy(), arrays, files)


def lips_in_crop(points: npt.NDArray[np.floating], matrices: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Mesh points [T, 468, 2 or 3] in picture pixels through maps [T, 2, 3] to the unit square: [T, 40, 2]."""
    flat = points[:, LIP_ORDER, :2]
    return (np.einsum("tij,tkj->tki", matrices[:, :, :2], flat) + matrices[:, None, :, 2]).astype(np.float32)

