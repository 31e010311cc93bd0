"""Self-reenactment: a clip's held-out part, driven by its own real sound, against what really happened there.

    python -m lipsync_core.metrics.reenact CLIP_OR_FOLDER ... --models FOLDER [--whisper FOLDER] [--json]

The atlas learns the first part of each clip. The rest is repainted from the real sound of that part and compared with
the real pictures, frame by frame, by a tracker run afresh. Three baselines have to be beaten: the last learnt mouth
kept still, the nearest learnt mouth pasted without a warp, and the same renderer driven by sound from another moment.
Two more rows help to read the result: ``oracle`` is driven by the opening and width that were really there (what is
left is the renderer's error, the rest is the speech model's), ``re-encoded`` is the truth itself (the floor of the
measure). What is said is taken from CLIP.json (exact times of the picture, as our rendered samples have them, whose
mouths know no loudness), from CLIP.ipa (IPA words, aligned to the sound), else from the sound alone. Recordings can
have their sound early or late by more than a tenth of a second: that offset is measured on the learnt part and taken
off.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lipsync_core.atlas import shape
from lipsync_core.atlas.model import Atlas
from lipsync_core.atlas.paint import Painter
from lipsync_core.atlas.plan import make_plan
from lipsync_core.engine import FACES, SPEAKERS, AtlasLipSync, Span, plates_of
from lipsync_core.face.analyse import analyse_video
from lipsync_core.face.models import FaceModels, default_folder
from lipsync_core.face.types import FaceAnalysis
from lipsync_core.face.video import Picture, VideoSource
from lipsync_core.metrics.baselines import mouth_crop, nearest_mouths, pasted, ssim
from lipsync_core.metrics.follow import follow, speaker_of
from lipsync_core.metrics.parts import first_part, moved, points_near, write_planes
from lipsync_core.metrics.speech import Wanted, correlation_and_lag, wanted_of
from lipsync_core.patch import Patch, read_patches
from lipsync_core.speech.articulation import Articulation
from lipsync_core.speech.network import PhoneNetwork
from lipsync_core.speech.sound import RATE, read_mono
from lipsync_core.speech.timeline import TimedPhone, TimedSymbol

BASELINES = ("frozen", "nearest", "shuffled")
EXACT = "exact times"
ROWS = ("atlas", "oracle", *BASELINES, "re-encoded")
_SUFFIXES = (".mp4", ".mov", ".mkv", ".m4v", ".webm")
_LEAST_HELD_OUT, _QUIET_FRAMES = 20, 3
_CLEAR, _LEAST_OFFSET_MS = 0.3, 70.0
_LEAST_MOTION = 0.2

Floats = npt.NDArray[np.float64]
Paint = Callable[[Picture], Patch | None]


class ReenactError(ValueError):
    """The clip cannot be used for self-reenactment."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """One row. lip_distance: mean distance of the lips' points from the real ones, in eye distances, head motion taken
    out. opening_r: correlation of lip opening with the real one. psnr_db, ssim: of the mouth in luma."""

    lip_distance: float
    opening_r: float
    psnr_db: float
    ssim: float

    def beats(self, other: Likeness) -> bool:
        """Nearer to the truth in every figure."""
        return (self.lip_distance < other.lip_distance and self.opening_r > other.opening_r
                and self.psnr_db > other.psnr_db and self.ssim > other.ssim)


@dataclass(frozen=True, slots=True)
class Reenactment:
    """One clip's result. words: where what is said was taken from. frames: held-out frames that were compared.
    offset_ms: the clip's own, > 0 when its picture is late."""

    clip: str
    words: str
    frames: int
    offset_ms: float
    rows: dict[str, Likeness]

    @property
    def beaten(self) -> list[str]:
        return [name for name in BASELINES if self.rows["atlas"].beats(self.rows[name])]


def reenact(clip: Path, models_folder: Path, learn: float = 0.6, network: PhoneNetwork | None = None) -> Reenactment:
    """Run the protocol on one clip; ``learn`` is the share of its frames that the atlas sees, ``network`` the ear
    (by default the one that comes with the library).

    Raises ReenactError when nobody is seen speaking or fewer than 20 held-out frames show the mouth.
    """
    engine, networks = AtlasLipSync(models_folder), FaceModels(models_folder)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        for folder in ("all", "learnt", "atlas"):
            (work / folder).mkdir()
        analysis = engine.track(clip, work / "all")
        split = int(learn * analysis.frame_count)
        first_part(analysis, split).save(work / "learnt" / FACES)
        engine.model(clip, work / "learnt", [Span("x", 0.0, float(analysis.times_ms[split]))], work / "atlas",
                     or_largest=True)
        entry = json.loads((work / "atlas" / SPEAKERS).read_text())["speakers"][0]
        if not entry["tracks"]:
            raise ReenactError(f"{clip.name}: {entry.get('note', 'nobody is seen speaking')}")
        atlas = Atlas.load(work / "atlas" / entry["folder"])
        crops = dict(enumerate(read_patches(work / "atlas" / entry["folder"])))
        stage = _Stage(clip, analysis, frozenset(entry["tracks"]), split, atlas, crops)
        words, symbols = said(clip, network)
        wanted = wanted_of(symbols, None if words == EXACT else read_mono(clip), RATE, align_to_sound=False)
        offset_ms = 0.0 if words == EXACT else own_offset_ms(first_part(analysis, split), stage.tracks, wanted)
        painters = stage.painters(wanted, offset_ms)
        rows = {row: stage.compare(painters[row], networks, work / "out.mp4") for row in ROWS}
    return Reenactment(clip.name, words, stage.judged, offset_ms, rows)


def said(clip: Path, network: PhoneNetwork | None = None) -> tuple[str, Sequence[TimedSymbol]]:
    """What is said and when (ms of the clip), and where that is known from."""
    truth, spelt = clip.with_suffix(".json"), clip.with_suffix(".ipa")
    if truth.is_file():
        turns = json.loads(truth.read_text())["turns"]
        return EXACT, [TimedPhone(p["symbol"], p["start_ms"], p["end_ms"])
                       for turn in turns for p in turn["phonemes"]]
    sound = read_mono(clip)
    if not len(sound):
        raise ReenactError(f"{clip.name} has no sound")
    if spelt.is_file():
        from lipsync_core.speech.align import align

        return "aligned text", list(align(sound, RATE, [list(word) for word in spelt.read_text().split()],
                                          network=network))
    from lipsync_core.speech.listen import listen

    return "sound alone", listen(sound, RATE, network=network)


def own_offset_ms(learnt: FaceAnalysis, tracks: frozenset[int], wanted: Wanted) -> float:
    """How late the picture of a recording is against its sound, from its learnt part; 0 when that is unclear."""
    own = [t for t in learnt.tracks if t.id in tracks]
    seen = follow(learnt, None, own, 0.0, float(learnt.times_ms[-1]) + 1)
    if seen is None:
        return 0.0
    who = speaker_of(own)
    opening = who.opening(who.model.normalise(seen.after)[0])
    r, lag_ms = correlation_and_lag([(wanted, learnt.times_ms[seen.frames], opening)])
    # Lips move up to a twentieth of a second before they are heard: that is speech and no fault of the recording.
    return lag_ms if r > _CLEAR and abs(lag_ms) >= _LEAST_OFFSET_MS else 0.0


class _Stage:
    """The held-out part of one clip: its plates, what drives each row, and the comparison with the truth."""

    def __init__(self, clip: Path, analysis: FaceAnalysis, tracks: frozenset[int], split: int, atlas: Atlas,
                 crops: dict[int, Patch]) -> None:
        self._clip, self._split, self._atlas, self._crops = clip, split, atlas, crops
        self.tracks = tracks
        own = [t for t in analysis.tracks if t.id in tracks]
        self._plates = plates_of(analysis, own, float(analysis.times_ms[split]), float(analysis.times_ms[-1]) + 1)
        if len(self._plates.frames) < _LEAST_HELD_OUT:
            raise ReenactError(f"{clip.name}: the mouth is seen in {len(self._plates.frames)} held-out frames")
        self._times = analysis.times_ms[self._plates.frames]
        # Eased frames show a part of the real mouth: they would flatter every row.
        self._full = self._plates.alpha >= 1
        self._full[:_QUIET_FRAMES] = False
        rows = shape.features(atlas.model.normalise(self._plates.points)[0])
        self._opening, self._width = rows[:, shape.OPENING], rows[:, shape.WIDTH]
        self.judged = int(self._full.sum())

    def painters(self, wanted: Wanted, offset_ms: float) -> dict[str, Paint]:
        """For every row, what makes the patch of a held-out picture."""
        spoken = replace(wanted.at(self._times - offset_ms), times_ms=self._times)
        half = len(self._times) // 2
        range_ = self._atlas.range
        wide = np.where(self._width < range_.neutral, range_.neutral - range_.narrow, range_.broad - range_.neutral)
        opening = (self._opening - range_.closed) / (range_.wide - range_.closed)
        real = Articulation(self._times, np.clip(opening, 0, 1.5),
                            np.clip((self._width - range_.neutral) / wide, -1.2, 1.2),
                            (opening < 0.05).astype(np.float64), np.ones(len(opening)))
        shuffled = Articulation(self._times, *(np.roll(v, half) for v in (spoken.opening, spoken.width, spoken.closure,
                                                                          spoken.speech)))
        nearest = nearest_mouths(self._atlas, range_.opening(spoken.opening), range_.width(spoken.width))
        still = np.full(len(self._times), len(self._atlas.frames) - 1)
        return {"atlas": self._repaint(spoken), "oracle": self._repaint(real), "shuffled": self._repaint(shuffled),
                "frozen": self._paste(still), "nearest": self._paste(nearest), "re-encoded": lambda _picture: None}

    def _repaint(self, articulation: Articulation) -> Paint:
        plan = {p.frame: p for p in make_plan(self._atlas, self._plates, articulation)}
        painter = Painter(self._atlas, self._crops)
        return lambda picture: painter.paint(picture, plan[picture.number]) if picture.number in plan else None

    def _paste(self, chosen: npt.NDArray[np.int64]) -> Paint:
        row = {int(f): i for i, f in enumerate(self._plates.frames)}

        def paint(picture: Picture) -> Patch | None:
            i = row.get(picture.number)
            if i is None:
                return None
            return pasted(picture, self._plates.points[i], self._atlas, self._crops, int(chosen[i]))

        return paint

    def compare(self, paint: Paint, networks: FaceModels, out: Path) -> Likeness:
        """Paint the held-out part into ``out``, track it afresh, and measure it against the real frames."""
        write_planes(out, self._painted(paint), VideoSource(self._clip).rate)
        fresh = moved(analyse_video(out, networks), self._split)
        found = points_near(fresh, self._plates)
        wanted = {int(f): i for i, f in enumerate(self._plates.frames) if self._full[i]}
        both = [f for f in wanted if f in found]
        if len(both) < _LEAST_HELD_OUT // 2:
            return Likeness(float("inf"), -1.0, 0.0, 0.0)
        model = self._atlas.model
        real = model.normalise(np.stack([self._plates.points[wanted[f]] for f in both]))[0]
        seen = model.normalise(np.stack([found[f] for f in both]))[0]
        distance = float(np.linalg.norm(seen[:, shape.LIPS] - real[:, shape.LIPS], axis=2).mean())
        a, b = shape.features(seen)[:, shape.OPENING], shape.features(real)[:, shape.OPENING]
        # What hardly moves follows nothing, whatever a correlation makes of the tracker's noise.
        r = float(np.corrcoef(a, b)[0, 1]) if a.std() > _LEAST_MOTION * b.std() > 0 else 0.0
        errors, alike = [], []
        truth = VideoSource(self._clip).frames(self._split)
        for before, after in zip(truth, VideoSource(out).frames(), strict=False):
            i = wanted.get(before.number)
            if i is not None:
                x, y = (mouth_crop(p.y, self._plates.points[i]) for p in (before, after))
                errors.append(float(((x.astype(np.float64) - y) ** 2).mean()))
                alike.append(ssim(x, y))
        psnr = 10 * np.log10(255.0**2 / max(float(np.mean(errors)), 1e-6))
        return Likeness(distance, r, float(psnr), float(np.mean(alike)))

    def _painted(self, paint: Paint) -> Iterator[tuple[npt.NDArray[np.uint8], ...]]:
        for picture in VideoSource(self._clip).frames(self._split):
            planes = (picture.y.copy(), picture.u.copy(), picture.v.copy())
            patch = paint(picture)
            if patch is not None:
                for plane, new, half in zip(planes, (patch.y, patch.u, patch.v), (1, 2, 2), strict=True):
                    top, left = patch.top // half, patch.left // half
                    plane[top:top + new.shape[0], left:left + new.shape[1]] = new
            yield planes


def table(results: Sequence[Reenactment]) -> str:
    """For a terminal: one block a clip."""
    lines = [f"{'':26}{'lip distance':>14}{'opening r':>11}{'PSNR':>9}{'SSIM':>8}"]
    for result in results:
        offset = f", picture {result.offset_ms:+.0f} ms" if result.offset_ms else ""
        lines.append(f"{result.clip}  ({result.frames} frames, {result.words}{offset})")
        for name, row in result.rows.items():
            lines.append(f"    {name:<22}{100 * row.lip_distance:>12.2f} %{row.opening_r:>11.2f}"
                         f"{row.psnr_db:>6.1f} dB{row.ssim:>8.3f}")
        missed = [b for b in BASELINES if b not in result.beaten]
        lines.append(f"    beats {len(result.beaten)} of 3 in every figure" + (f", not {', '.join(missed)}" if missed
                                                                               else ""))
    return "\n".join(lines)


def clips_in(paths: Iterable[Path]) -> list[Path]:
    """Files as given, and the videos of folders in name order."""
    found: list[Path] = []
    for path in paths:
        found += sorted(p for p in path.iterdir() if p.suffix.lower() in _SUFFIXES) if path.is_dir() else [path]
    return found


def _as_dict(result: Reenactment) -> dict[str, Any]:
    rows = {name: {f: round(getattr(row, f), 5) for f in Likeness.__slots__} for name, row in result.rows.items()}
    return {"clip": result.clip, "words": result.words, "frames": result.frames, "offset_ms": result.offset_ms,
            "beats": result.beaten, "rows": rows}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lipsync_core.metrics.reenact", description=__doc__.split("\n")[0])
    parser.add_argument("clips", nargs="+", type=Path, help="videos, or folders of them")
    parser.add_argument("--models", type=Path, default=default_folder(),
                        help="folder of the face networks (default: LIPSYNC_MODELS, then the user's cache)")
    parser.add_argument("--learn", type=float, default=0.6, help="share of each clip that is learnt (default 0.6)")
    parser.add_argument("--whisper", type=Path, help="folder of Whisper base (CTranslate2): listen with its encoder")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options = parser.parse_args(arguments)
    if options.models is None:
        parser.error("give the folder of the face networks with --models")
    network = None
    if options.whisper is not None:
        from lipsync_core.speech.whisper_ears import whisper_network

        network = whisper_network(options.whisper)
    results, failed = [], []
    for clip in clips_in(options.clips):
        print(f"{clip.name} ...", file=sys.stderr)
        try:
            results.append(reenact(clip, Path(options.models), options.learn, network))
        except ValueError as error:
            failed.append(str(error))
            print(f"left out: {error}", file=sys.stderr)
    if options.json:
        print(json.dumps({"clips": [_as_dict(r) for r in results], "left_out": failed}))
    elif results:
        print(table(results))
    return 0 if results else 1


if __name__ == "__main__":
    sys.exit(main())
