"""Make the bundled clips: ``python -m samples.make [NAME ...] [--out DIR] [--draft]``."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import pickle
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numba
import numpy as np
import numpy.typing as npt

from samples import face_motion as motion
from samples.backdrop import landscape, room
from samples.clips import CLIPS, FPS, HEIGHT, WIDTH, Actor, Clip
from samples.hand import PassingHand
from samples.mesh import default_mesh_folder
from samples.person import Person, Pose, tone_map
from samples.render import Camera
from samples.sound import Soundtrack, record
from samples.video import grain_bank, to_yuv420, write_mp4
from samples.voices import Phone, default_voice_folder

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Performance:
    """What one actor does in every frame, and how far the lips are apart (see `Head.lip_opening`)."""

    poses: list[Pose]
    opening: npt.NDArray[np.float64]


def perform(clip: Clip, actor: Actor, person: Person, phones: list[Phone], count: int, number: int) -> Performance:
    """An actor's poses for the whole clip, speaking or listening."""
    rng = np.random.default_rng((clip.seed, number))
    stress = motion.emphasis(phones, count, FPS)
    mouth = motion.articulate(phones, count, FPS)
    face = motion.expressions(mouth, motion.idle_face(rng, count, FPS, stress, actor.smile))
    turn, shift = motion.head_motion(rng, count, FPS, stress)
    gaze = motion.eye_motion(rng, count, FPS)
    turn = turn + np.array(actor.facing)
    gaze[:, 0] += actor.facing[0] * 0.45
    if clip.profile:
        f = np.arange(count) / count
        rise = np.interp(f, [clip.profile.start, clip.profile.start + 0.35 * (clip.profile.end - clip.profile.start),
                             clip.profile.start + 0.65 * (clip.profile.end - clip.profile.start), clip.profile.end],
                         [0, 1, 1, 0])
        rise = rise * rise * (3 - 2 * rise)
        turn[:, 0] = turn[:, 0] * (1 - rise) + clip.profile.yaw * rise
    gaze[:, 0] -= (turn[:, 0] - actor.facing[0]) * 0.55 * (np.abs(turn[:, 0] - actor.facing[0]) < 30)
    poses = [Pose(face[i], tuple(turn[i]), tuple(shift[i]), tuple(gaze[i])) for i in range(count)]
    opening = np.array([person.head.lip_opening(person.head.express(pose.expression)) for pose in poses])
    return Performance(poses, opening)


def _halved(clip: Clip) -> Clip:
    """The clip at half size, for drafts."""
    def small(actor: Actor) -> Actor:
        c = actor.camera
        return replace(actor, left=actor.left // 2, camera=Camera(c.x, c.y, c.z, c.focal / 2, c.width // 2,
                                                                  c.height // 2))
    return replace(clip, actors={name: small(actor) for name, actor in clip.actors.items()})


@dataclass(frozen=True)
class Stage:
    """All that a frame needs: picklable, so that worker processes can share the frames between them."""

    clip: Clip
    people: dict[str, Person]
    shows: dict[str, Performance]
    hand: PassingHand | None
    background: Array
    height: int
    width: int
    count: int

    @property
    def cut(self) -> tuple[int, int]:
        return _span(self.clip.cutaway, self.count)

    def linear(self, frame: int) -> tuple[Array, float]:
        """The picture of one frame in linear light [H, W, 3], and how much of the mouth a hand hides."""
        picture = self.background.copy()
        for name, actor in self.clip.actors.items():
            light, cover = self.people[name].render(self.shows[name].poses[frame], actor.camera)
            size = (actor.camera.width, actor.camera.height)
            light = cv2.resize(light, size, interpolation=cv2.INTER_AREA)
            cover = cv2.resize(cover, size, interpolation=cv2.INTER_AREA)
            place = picture[:, actor.left : actor.left + size[0]]
            part = place.shape[1]
            place[:] = place * (1 - cover[:, :part, None]) + light[:, :part]
        return picture, self.hand.draw(picture, frame) if self.hand else 0.0


class _Painter:
    """One worker process: its stage, and what it needs to finish a frame."""

    current: _Painter

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.noise = grain_bank(stage.clip.seed, stage.height, stage.width)
        self.vignette = _vignette(stage.height, stage.width)
        start, end = stage.cut
        self.views = landscape(stage.clip.seed, stage.height, stage.width, end - start) if stage.clip.cutaway else []

    def paint(self, frame: int) -> tuple[npt.NDArray[np.uint8], float]:
        start, end = self.stage.cut
        if start <= frame < end:
            picture, hidden = self.views[frame - start], 0.0
        else:
            picture, hidden = self.stage.linear(frame)
        return to_yuv420(tone_map(picture * self.vignette), self.noise[frame % len(self.noise)]), hidden


def _start_worker(path: Path) -> None:
    numba.set_num_threads(1)
    cv2.setNumThreads(1)
    with open(path, "rb") as file:  # written by `make` a moment ago
        _Painter.current = _Painter(pickle.load(file))


def _paint(frame: int) -> tuple[npt.NDArray[np.uint8], float]:
    return _Painter.current.paint(frame)


def _vignette(height: int, width: int) -> Array:
    yy, xx = np.mgrid[:height, :width]
    r = np.hypot((xx / width - 0.5) * 1.0, (yy / height - 0.5) * 0.6)
    return (1 - 0.55 * r**2)[..., None].astype(np.float32)


def _span(shares: tuple[float, float] | None, count: int) -> tuple[int, int]:
    return (round(shares[0] * count), round(shares[1] * count)) if shares else (0, 0)


def prepare(clip: Clip, track: Soundtrack, mesh_folder: Path, draft: bool = False) -> Stage:
    """Build the people of a clip and let them act."""
    count = int(np.ceil(track.duration_ms * FPS / 1000))
    if draft:
        clip = _halved(clip)
    height, width = (HEIGHT // 2, WIDTH // 2) if draft else (HEIGHT, WIDTH)
    people, shows = {}, {}
    for number, (name, actor) in enumerate(clip.actors.items()):
        people[name] = Person(actor.identity, mesh_folder, clip.lighting)
        phones = [p for line in track.lines if line.speaker == name for p in line.phones]
        shows[name] = perform(clip, actor, people[name], phones, count, number)
    hand = None
    if clip.hand:
        hand = PassingHand(mesh_folder, clip, _span(clip.hand, count), next(iter(clip.actors.values())))
    return Stage(clip, people, shows, hand, room(clip.seed, height, width), height, width, count)


def make(clip: Clip, out: Path, mesh_folder: Path, voice_folder: Path, draft: bool = False, workers: int = 2) -> None:
    """Write ``NAME.mp4`` and ``NAME.json`` into `out`."""
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{clip.name}: {text}, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)

    track = record(clip, voice_folder)
    stage = prepare(clip, track, mesh_folder, draft)
    say(f"{stage.count} frames, people ready")
    hidden = np.zeros(stage.count)
    with tempfile.TemporaryDirectory() as folder:
        shared = Path(folder) / "stage"
        with open(shared, "wb") as file:
            pickle.dump(stage, file, protocol=pickle.HIGHEST_PROTOCOL)
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start_worker, (shared,))

        def encoded() -> Iterator[npt.NDArray[np.uint8]]:
            for i, (planes, covered) in enumerate(pool.map(_paint, range(stage.count))):
                hidden[i] = covered
                if i % 25 == 0:
                    say(f"frame {i}")
                yield planes

        with pool:
            samples = track.sound[:, : stage.count * 48_000 // FPS]
            write_mp4(out / f"{clip.name}.mp4", encoded(), FPS, stage.height, stage.width, samples, clip.quality)
    _write_json(out / f"{clip.name}.json", ground_truth(stage, track, hidden))
    say("done")


def ground_truth(stage: Stage, track: Soundtrack, hidden: npt.NDArray[np.float64]) -> dict[str, object]:
    """Everything that is known about the clip because it was made, not filmed."""
    clip, count, cut = stage.clip, stage.count, stage.cut
    turns = [{"speaker": line.speaker, "start_ms": round(line.start_ms, 1), "end_ms": round(line.end_ms, 1),
              "text": line.text, "translation_en": line.translation,
              "words": [{"text": w.text, "start_ms": round(w.start_ms, 1), "end_ms": round(w.end_ms, 1)}
                        for w in line.words],
              "phonemes": [{"symbol": p.symbol, "start_ms": round(p.start_ms, 1), "end_ms": round(p.end_ms, 1)}
                           for p in line.phones if p.symbol != " "]}
             for line in track.lines]
    frames = {}
    for name, show in stage.shows.items():
        yaw = [round(pose.turn[0], 2) for pose in show.poses]
        visible = [not cut[0] <= i < cut[1] for i in range(count)]
        frames[name] = {
            "mouth_opening": [round(float(x), 4) for x in show.opening],
            "face_visible": visible,
            "mouth_occluded": [bool(share > 0.15) for share in hidden],
            "yaw_deg": yaw,
            "pitch_deg": [round(pose.turn[1], 2) for pose in show.poses],
            "roll_deg": [round(pose.turn[2], 2) for pose in show.poses],
        }
    borders = sorted({0, count, *(cut if clip.cutaway else ())})
    return {"name": clip.name, "language": clip.language, "fps": FPS, "frame_count": count, "height": stage.height,
            "width": stage.width, "duration_ms": count * 1000 // FPS, "seed": clip.seed,
            "speakers": [{"name": name, "voice": actor.voice, "female": actor.identity.female > 0.5,
                          "left": actor.left, "right": actor.left + actor.camera.width}
                         for name, actor in clip.actors.items()],
            "turns": turns, "shots": [[a, b] for a, b in zip(borders, borders[1:], strict=False)], "frames": frames,
            "exposure_ms": motion.EXPOSURE_MS,
            "mouth_opening_unit": "gap of the inner lips over the distance of the outer eye corners, as driven"}


def _write_json(path: Path, value: dict[str, object]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    os.replace(part, path)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Make the bundled sample clips.")
    parser.add_argument("names", nargs="*", choices=[[], *CLIPS], help="clips to make (all when none is named)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--draft", action="store_true", help="half size")
    parser.add_argument("--workers", type=int, default=2, help="processes that render frames")
    parser.add_argument("--mesh", type=Path, help="folder of the human mesh data (default: from the weight store)")
    parser.add_argument("--voice", type=Path, help="folder of the Kokoro model (default: from the weight store)")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    mesh = chosen.mesh or default_mesh_folder()
    voice = chosen.voice or default_voice_folder()
    for name in chosen.names or CLIPS:
        make(CLIPS[name], chosen.out, mesh, voice, chosen.draft, chosen.workers)


if __name__ == "__main__":
    main()
