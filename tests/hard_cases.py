"""Lip-sync of hard cases made from real clips, one by one, each judged on its finished file.

Run by hand, with the weights in the cache:

    python -m tests.hard_cases CLIP OTHER_CLIP SPEECH --out FOLDER [--only NAME ...]

Every case is cut from the two talking heads, lip-synced to SPEECH by ``dubbing lipsync``'s own function, and scored
against its own original. FOLDER keeps original, result and report page of each case, to be looked at.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain, cycle, islice
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from dubbing.errors import DubbingError
from dubbing.lipsync_file import lipsync, score

Picture = npt.NDArray[np.uint8]
SIZE = 720
FIGURES = ("closure_hits", "opening_r", "opening_lag_ms", "silence_leak", "seam_ratio", "sharpness_ratio",
           "identity_ratio", "jitter_ratio", "outside_psnr_db")


def pictures(clip: Path, size: int = SIZE) -> Iterator[Picture]:
    """uint8 [size, size, 3] RGB pictures of a clip."""
    with av.open(str(clip)) as container:
        for frame in container.decode(video=0):
            yield cv2.resize(frame.to_ndarray(format="rgb24"), (size, size), interpolation=cv2.INTER_AREA)


def sound(clip: Path) -> list[av.AudioFrame]:
    with av.open(str(clip)) as container:
        return list(container.decode(audio=0)) if container.streams.audio else []


def write(out: Path, frames: Iterable[Picture], heard: list[av.AudioFrame], rate: Fraction = Fraction(25),
          times: Callable[[int], int] | None = None) -> None:
    """H.264 with the given sound; ``times`` gives the frames' times in ms where they are not regular."""
    with av.open(str(out), "w") as container:
        video = container.add_stream("libx264", rate=rate)
        video.pix_fmt, video.options = "yuv420p", {"crf": "14", "preset": "veryfast", "g": "50"}
        base = 1 / rate if times is None else Fraction(1, 1000)
        video.codec_context.time_base = base
        audio = container.add_stream("aac", rate=heard[0].sample_rate) if heard else None
        for number, picture in enumerate(frames):
            if not number:
                video.height, video.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = number if times is None else times(number), base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for block in heard if audio is not None else ():
            container.mux(audio.encode(block))
        if audio is not None:
            container.mux(audio.encode(None))


def microphone(frames: Iterable[Picture]) -> Iterator[Picture]:
    """A microphone that comes up from below, covers a part of the mouth, and leaves again."""
    foam = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 16, (SIZE, SIZE)), (0, 0), 1.0)[..., None]
    for number, picture in enumerate(frames):
        along = float(np.clip(min((number - 30) / 12, (95 - number) / 12), 0, 1))
        x, y = int(0.56 * SIZE), int(SIZE * (1.05 - 0.45 * along))
        stick, head = (np.zeros((SIZE, SIZE), np.uint8) for _ in range(2))
        cv2.line(stick, (x, y), (x + 60, y + SIZE), 255, 22, cv2.LINE_AA)
        cv2.circle(head, (x, y), 32, 255, -1, cv2.LINE_AA)
        shown = picture.astype(np.float64)
        for mask, colour in ((stick, np.array([28.0, 30, 34])), (head, np.array([62.0, 64, 70]) + foam)):
            shown += mask[..., None] / 255 * (colour - shown)
        yield np.clip(shown, 0, 255).astype(np.uint8)


def hand(frames: Iterable[Picture]) -> Iterator[Picture]:
    """Something of skin colour before the whole mouth for a second."""
    for number, picture in enumerate(frames):
        if 50 <= number < 75:
            picture = picture.copy()
            colour = tuple(int(c) for c in np.median(picture[int(0.3 * SIZE):int(0.4 * SIZE),
                                                             int(0.45 * SIZE):int(0.55 * SIZE)], axis=(0, 1)))
            for k in range(4):
                top = int((0.5 + 0.065 * k) * SIZE)
                ends = [(int(x * SIZE), top) for x in (0.3, 0.72)]
                cv2.line(picture, *ends, colour, int(0.055 * SIZE), cv2.LINE_AA)
        yield picture


def cases(one: Path, other: Path) -> dict[str, Callable[[Path], None]]:
    """What each case writes into the file that it is given."""
    plain = np.full((SIZE, SIZE, 3), 96, np.uint8)
    wait = [0]

    def unsteady(number: int) -> int:
        wait.extend([wait[-1] + (20, 40, 60, 33, 47)[len(wait) % 5]] if number >= len(wait) else [])
        return wait[number]

    def beside() -> Iterator[Picture]:
        return (np.concatenate(pair, 1) for pair in zip(pictures(one), pictures(other), strict=False))

    def cut() -> Iterator[Picture]:
        return chain(islice(pictures(one), 60), islice(cycle([plain]), 25), islice(pictures(one), 60, None))

    return {
        "two faces, the left one speaks": lambda out: write(out, beside(), sound(one)),
        "two faces, the right one speaks": lambda out: write(out, beside(), sound(other)),
        "a microphone over part of the mouth": lambda out: write(out, microphone(pictures(one)), sound(one)),
        "a hand over the mouth": lambda out: write(out, hand(pictures(one)), sound(one)),
        "a cut to no face and back, 23.976": lambda out: write(out, cut(), [], Fraction(24000, 1001)),
        "another person after a cut": lambda out: write(out, chain(pictures(one), pictures(other)), sound(one)),
        "variable frame rate": lambda out: write(out, pictures(one), sound(one), times=unsteady),
        "2160 lines": lambda out: write(out, islice(pictures(one, 2160), 75), sound(one)),
        "more than a minute": lambda out: write(out, chain.from_iterable(pictures(one, 480) for _ in range(13)), []),
        "no sound": lambda out: write(out, pictures(one), []),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clips", nargs=2, type=Path, help="two videos of one talking person each")
    parser.add_argument("speech", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for number, (name, make) in enumerate(cases(*options.clips).items()):
        if options.only and not any(word in name for word in options.only):
            continue
        source = options.out / f"{number:02d}.mp4"
        made = options.out / f"{number:02d}.lipsynced.mp4"
        make(source)
        print(f"\n{name} ({source.name})")
        try:
            done = lipsync(source, options.speech, made)
            found = score(made, reference=source, pages=[options.out / f"{number:02d}.png"])
        except DubbingError as error:
            print(f"  {error.message}")
            continue
        summary = found["summary"]
        print(f"  {done.repainted} of {done.frame_count} frames repainted")
        print(*(f"  {note}\n" for note in done.notes), sep="", end="")
        print("  " + "  ".join(f"{key} {summary[key]:.3f}" for key in FIGURES if key in summary))
        missed = [key for key, is_met in found["passed"].items() if not is_met]
        print(f"  missed: {', '.join(missed) or 'none'}")


if __name__ == "__main__":
    main()
