"""A corpus of talking heads of people who do not exist: ``python -m samples.corpus OUT --clips N --seed S``.

Options: ``[--size 256] [--seconds 4] [--people P] [--workers 2] [--start K]``. Writes ``OUT/person_00012/00.mp4`` (25
frames/s, H.264, AAC) with its truth beside it as ``00.json``. Clip k shows person ``k % P``, so that all people are
there before anybody comes twice; what a clip shows depends on the seed, the person and the clip's number with that
person alone. Clips that exist are left as they are; a clip appears complete or not at all, its truth first. Several
machines share a corpus with ``--start`` and ``--clips`` (and the same ``--people``).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from samples import corpus_scene as scene
from samples import face_motion as motion
from samples.corpus_objects import Occluder
from samples.corpus_speech import (
    Speakers,
    Speech,
    Voice,
    draw_language,
    draw_voice,
    in_a_room,
    mouth_phones,
    speak,
)
from samples.head import LIGHT, LIP_LOWER, LIP_UPPER, NECK_PIVOT, Identity, rotation
from samples.identities import invent
from samples.mesh import default_mesh_folder
from samples.person import Lighting, Person, Pose, tone_map
from samples.render import Camera
from samples.video import AUDIO_RATE, grain_bank, to_yuv420, write_mp4

Array = npt.NDArray[np.float32]
FPS = 25
OCCLUDED_SHARE = 0.12
"""From this covered share of the mouth's region on, a frame's mouth counts as hidden."""
_OCCLUDER_CHANCES = {"": 0.80, "microphone": 0.08, "hand": 0.05, "phone": 0.03, "cup": 0.04}


@dataclass(frozen=True)
class Plan:
    """All that is decided before a clip is made: the same for the same seed, person and number."""

    person: int
    number: int
    seed: int
    size: int
    frames: int
    identity: Identity
    voice: Voice
    language: str
    silence_s: tuple[float, float]
    lighting: Lighting
    camera: Camera
    manner: scene.Manner
    recording: scene.Recording
    occluder: str

    @property
    def name(self) -> str:
        return f"person_{self.person:05d}/{self.number:02d}"

    def random(self, part: int) -> np.random.Generator:
        """The generator of one part of the clip's making."""
        return np.random.default_rng((self.seed, self.person, self.number, part))


def plan_clip(seed: int, person: int, number: int, size: int = 256, seconds: float = 4.0) -> Plan:
    """Draw a clip. Who somebody is and how they sound depends on the person, all else on the clip."""
    own = np.random.default_rng((seed, person, 7))
    identity = invent(int(own.integers(1 << 31)))
    voice, strength = draw_voice(own, identity.female > 0.5), float(own.uniform(0.88, 1.12))
    rng = np.random.default_rng((seed, person, number, 8))
    language = draw_language(rng, voice)
    lead = float(rng.uniform(0.9, 1.7)) if rng.random() < 0.18 else float(rng.uniform(0.05, 0.4))
    between = float(rng.uniform(0.6, 1.3)) if rng.random() < 0.3 else float(rng.uniform(0.1, 0.4))
    manner = scene.manner(rng)
    kinds = list(_OCCLUDER_CHANCES)
    return Plan(person, number, seed, size, round(seconds * FPS), identity, voice, language, (lead, between),
                scene.lighting(rng), scene.camera(rng, size), replace(manner, strength=manner.strength * strength),
                scene.recording(rng), str(kinds[rng.choice(len(kinds), p=list(_OCCLUDER_CHANCES.values()))]))


@dataclass(frozen=True)
class Performance:
    """Per frame: poses, the lips' opening and closure as driven, the mouth's place in the world [N, 3]."""

    poses: list[Pose]
    opening: npt.NDArray[np.float64]
    closure: npt.NDArray[np.float64]
    mouth: npt.NDArray[np.float64]


def perform(plan: Plan, person: Person, speech: Speech) -> Performance:
    """What the face does for what is heard."""
    count, manner, rng = plan.frames, plan.manner, plan.random(1)
    phones = mouth_phones(speech.phones)
    stress = motion.emphasis(phones, count, FPS)
    mouth = motion.articulate(phones, count, FPS, manner.strength)
    idle = motion.idle_face(rng, count, FPS, stress, manner.smile)
    held = [{**frame, **{k: frame.get(k, 0.0) + v for k, v in manner.held.items()}} for frame in idle]
    face = [_toothy(weights, manner.toothy * shown) for weights, shown in
            zip(motion.expressions(mouth, held), mouth.opening * (1 - mouth.closure) * (1 - mouth.labiodental),
                strict=True)]
    turn, shift = motion.head_motion(rng, count, FPS, stress, manner.motion)
    gaze = motion.eye_motion(rng, count, FPS) - 0.5 * turn[:, :2] * [1, 0]
    gaze[:, 0] -= 0.5 * manner.facing[0]
    turn = turn + np.array(manner.facing)
    poses = [Pose(face[i], tuple(turn[i]), tuple(shift[i]), tuple(np.clip(gaze[i], -24, 24))) for i in range(count)]
    shapes = [person.head.express(pose.expression) for pose in poses]
    places = [((coarse[LIP_UPPER] + coarse[LIP_LOWER]) / 2 - NECK_PIVOT) @ rotation(*pose.turn).T + NECK_PIVOT
              + pose.shift for coarse, pose in zip(shapes, poses, strict=True)]
    return Performance(poses, np.array([person.head.lip_opening(coarse) for coarse in shapes]), mouth.closure,
                       np.array(places))


def _toothy(weights: dict[str, float], amount: float) -> dict[str, float]:
    """The same face with the lips drawn back from the teeth."""
    if amount <= 1e-3:
        return weights
    drawn = {f"mouth{name}{side}": part for name, part in (("UpperUp", 1.0), ("LowerDown", 0.9))
             for side in ("Left", "Right")}
    return {**weights, **{name: min(1.0, weights.get(name, 0.0) + part * amount) for name, part in drawn.items()}}


class Film:
    """One clip's pictures: a person in front of a background, an occluder, a camera."""

    def __init__(self, plan: Plan, person: Person, show: Performance, folder: Path) -> None:
        self.plan, self.person, self.show = plan, person, show
        self.background = scene.background(plan.random(2), plan.size)
        self.occluder = None
        if plan.occluder:
            self.occluder = Occluder(plan.occluder, plan.identity, plan.lighting, folder, plan.frames, plan.random(3))
        self.noise = grain_bank(int(plan.random(4).integers(1 << 30)), plan.size, plan.size, plan.recording.grain)
        self._gain: float | None = None
        self.hidden = np.zeros(plan.frames)

    def linear(self, frame: int) -> Array:
        """One frame in linear light, [size, size, 3]."""
        light, cover = self.person.render(self.show.poses[frame], self.plan.camera)
        if self._gain is None:
            self._gain = self._expose(light, cover)
        picture = self.background * (1 - cover[..., None]) + light * np.float32(self._gain)
        if self.occluder:
            self.hidden[frame] = self.occluder.draw(picture, self.plan.camera, frame, self.show.mouth[frame],
                                                    self._gain)
        return picture

    def _expose(self, light: Array, cover: Array) -> float:
        """Gain that brings the person to the wished display level, dark skin a little below it."""
        luma = light @ np.array([0.2126, 0.7152, 0.0722], np.float32)
        middle = float(np.median(luma[cover > 0.9])) if (cover > 0.9).any() else 0.2
        wished = self.plan.recording.level * (self.plan.identity.skin[1] / 0.3) ** 0.2
        scale = np.geomspace(0.002, 4, 200).astype(np.float32)
        shown = tone_map(np.repeat(scale[None, :, None], 3, axis=2))[0, :, 0]
        return float(np.interp(wished, shown, scale)) / max(middle, 1e-3)

    def planes(self, frame: int) -> npt.NDArray[np.uint8]:
        """One frame as `write_mp4` takes it."""
        look = self.plan.recording
        picture = tone_map(self.linear(frame) * np.array(look.balance, np.float32))
        if look.blur > 0.25:
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), look.blur * self.plan.size / 256), np.float32)
        picture = np.clip((picture - 0.5) * look.contrast + 0.5, 0, 1).astype(np.float32)
        return to_yuv420(picture, self.noise[frame % len(self.noise)])


def truth(plan: Plan, speech: Speech, show: Performance, hidden: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Everything that is known about a clip because it was made, not filmed."""
    turn = np.array([pose.turn for pose in show.poses])
    return {
        "name": plan.name, "person": f"person_{plan.person:05d}", "seed": plan.seed, "language": plan.language,
        "voice": asdict(plan.voice), "fps": FPS, "frame_count": plan.frames, "height": plan.size, "width": plan.size,
        "duration_ms": plan.frames * 1000 // FPS, "text": speech.text,
        "phonemes": [{"symbol": s.strip(), "start_ms": a, "end_ms": b} for s, a, b in speech.phones if s.strip()],
        "frames": {
            "mouth_opening": _rounded(show.opening, 4), "lip_closure": _rounded(show.closure, 3),
            "mouth_hidden_share": _rounded(hidden, 3), "mouth_occluded": [bool(h > OCCLUDED_SHARE) for h in hidden],
            "yaw_deg": _rounded(turn[:, 0], 2), "pitch_deg": _rounded(turn[:, 1], 2),
            "roll_deg": _rounded(turn[:, 2], 2)},
        "occluder": plan.occluder, "identity": asdict(plan.identity), "manner": asdict(plan.manner),
        "lighting": asdict(plan.lighting), "camera": asdict(plan.camera), "recording": asdict(plan.recording),
        "exposure_ms": motion.EXPOSURE_MS,
        "mouth_opening_unit": "gap of the inner lips over the distance of the outer eye corners, as driven"}


def _rounded(values: npt.NDArray[np.float64], digits: int) -> list[float]:
    return [round(float(v), digits) for v in values]


class Studio:
    """Makes clips, one after another; keeps the synthesizers and the last person."""

    def __init__(self, out: Path, folder: Path) -> None:
        self.out, self.folder = out, folder
        self._last: tuple[Identity, Person] | None = None

    @cached_property
    def _speakers(self) -> Speakers:
        return Speakers()

    def _person(self, plan: Plan) -> Person:
        if self._last is None or self._last[0] != plan.identity:
            self._last = plan.identity, Person(plan.identity, self.folder, plan.lighting, LIGHT)
        else:
            self._last[1].relight(plan.lighting)
        return self._last[1]

    def make(self, plan: Plan) -> bool:
        """Write a clip and its truth; False where the clip is there already."""
        import soxr

        path = self.out / f"{plan.name}.mp4"
        if path.exists():
            return False
        rng = plan.random(5)
        speech = speak(self._speakers, plan.voice, plan.language, plan.frames / FPS, plan.silence_s, rng)
        person = self._person(plan)
        show = perform(plan, person, speech)
        film = Film(plan, person, show, self.folder)
        sound = np.asarray(soxr.resample(in_a_room(speech.sound, rng), 16_000, AUDIO_RATE), np.float32)
        scratch = self.out / ".part"
        scratch.mkdir(parents=True, exist_ok=True)
        part = scratch / f"{plan.person:05d}_{plan.number:02d}_{os.getpid()}.mp4"
        write_mp4(part, (film.planes(i) for i in range(plan.frames)), FPS, plan.size, plan.size,
                  np.stack([sound, sound]), plan.recording.quality)
        path.parent.mkdir(parents=True, exist_ok=True)
        words = part.with_suffix(".json")
        words.write_text(json.dumps(truth(plan, speech, show, film.hidden), ensure_ascii=False,
                                    separators=(",", ":")) + "\n", encoding="utf-8")
        os.replace(words, path.with_suffix(".json"))
        os.replace(part, path)
        return True


@cache
def _studio(out: Path, folder: Path) -> Studio:
    import numba

    numba.set_num_threads(1)
    cv2.setNumThreads(1)
    return Studio(out, folder)


def _make(out: Path, folder: Path, job: tuple[int, int, int, int, float]) -> tuple[str, bool]:
    plan = plan_clip(*job)
    return plan.name, _studio(out, folder).make(plan)


def jobs(clips: int, people: int, seed: int, size: int, seconds: float, start: int = 0,
         ) -> list[tuple[int, int, int, int, float]]:
    """The arguments of `plan_clip` for clips ``start`` to ``start + clips``."""
    return [(seed, k % people, k // people, size, seconds) for k in range(start, start + clips)]


def make(out: Path, work: list[tuple[int, int, int, int, float]], folder: Path, workers: int = 2) -> int:
    """Make clips in ``workers`` processes (1: in this one); returns how many are new."""
    out.mkdir(parents=True, exist_ok=True)
    started, made = time.monotonic(), 0

    def say(number: int, name: str) -> None:
        spent = time.monotonic() - started
        left = spent / max(made, 1) * (len(work) - number)
        print(f"{number}/{len(work)} {name}, {spent:.0f} s, about {left:.0f} s left", file=sys.stderr, flush=True)

    if workers <= 1:
        for number, job in enumerate(work, 1):
            name, new = _make(out, folder, job)
            made += new
            say(number, name)
        return made
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        waiting = [pool.submit(_make, out, folder, job) for job in work]
        for number, done in enumerate(as_completed(waiting), 1):
            name, new = done.result()
            made += new
            say(number, name)
    return made


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m samples.corpus",
                                     description="Make talking heads of people who do not exist.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--clips", type=int, required=True, help="how many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=256, help="height and width of the pictures, even")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a clip")
    parser.add_argument("--people", type=int, help="how many people take turns (default: two for three clips)")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--start", type=int, default=0, help="number of the first clip")
    parser.add_argument("--mesh", type=Path, help="folder of the human mesh data (default: from the weight store)")
    chosen = parser.parse_args(arguments)
    if chosen.size < 32 or chosen.size % 2 or chosen.seconds < 0.2 or chosen.clips < 1:
        parser.error("--size is even and at least 32, --seconds at least 0.2, --clips at least 1")
    people = chosen.people or -(-chosen.clips * 2 // 3)
    work = jobs(chosen.clips, people, chosen.seed, chosen.size, chosen.seconds, chosen.start)
    made = make(chosen.out, work, chosen.mesh or default_mesh_folder(), chosen.workers)
    print(f"{made} new clips, {len(work) - made} were there")


if __name__ == "__main__":
    main()
