"""A lip-syncer that paints a flat rectangle: deterministic, needs no weights, for fast tests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from dubbing.domain.speech import Phoneme
from dubbing.engines.base import (
    GlimpsedFace,
    LipSyncLine,
    LipSyncReport,
    PatchLike,
    Report,
    SeenPerson,
    Sound,
    SpeakerSpan,
    silent,
)

#: Luma and chroma of the rectangle: a green that no skin has.
COLOUR = (145, 54, 34)
TIMES = "times.json"


class FakeLipSyncer:
    """Paints the middle sixth of the picture while a line is covered; every speaker is always on camera."""

    id: ClassVar[str] = "fake"
    version: ClassVar[str] = "1"
    licence: ClassVar[str] = "Apache-2.0"
    is_fake: ClassVar[bool] = True

    def why_unavailable(self) -> str | None:
        return None

    def load(self) -> None:
        """Nothing to load."""

    def release(self) -> None:
        """Nothing to give back."""

    def track(self, video: Path, folder: Path, report: Report = silent) -> None:
        from lipsync_core.face.video import VideoSource

        source = VideoSource(video)
        times = [picture.time_ms for picture in source.frames()]
        (folder / TIMES).write_text(json.dumps({"height": source.height, "width": source.width, "times_ms": times}))
        report(len(times), len(times), "Tracking faces")

    def model(self, video: Path, tracks: Path, spans: Sequence[SpeakerSpan], folder: Path,
              report: Report = silent, *, or_largest: bool = False,
              assigned: Mapping[str, Sequence[int]] | None = None) -> dict[str, list[tuple[int, int]]]:
        times = json.loads((tracks / TIMES).read_text())["times_ms"]
        end = int(times[-1]) + 1000 if times else 0
        seen = {speaker: [(0, end)] for speaker in sorted({s.speaker for s in spans})}
        # A made-up face for each speaker, numbered in their order; what a person says of it goes.
        for number, speaker in enumerate(sorted(seen)):
            owners = [name for name, ids in (assigned or {}).items() if number in ids]
            if owners and owners[0] != speaker:
                seen[speaker] = []
                if owners[0]:
                    seen[owners[0]] = [(0, end)]
        (folder / "speakers.json").write_text(json.dumps(seen))
        return seen

    def hear(self, sound: Sound, sample_rate: int, words: Sequence[Sequence[str]] | None = None,
             anchors: Sequence[tuple[int, int, float, float]] = ()) -> list[Phoneme]:
        """Nothing is heard: the words' symbols, or one vowel, spread evenly over the sound."""
        symbols = [symbol for word in words or [["a"]] for symbol in word]
        step = len(sound) / sample_rate * 1000 / max(len(symbols), 1)
        return [Phoneme(symbol, i * step, (i + 1) * step) for i, symbol in enumerate(symbols)]

    def render(self, video: Path, tracks: Path, models: Path, line: LipSyncLine, folder: Path,
               report: Report = silent) -> LipSyncReport:
        import numpy as np

        from lipsync_core.patch import Patch, PatchWriter

        known = json.loads((tracks / TIMES).read_text())
        height, width = (max(known[k] // 6 // 2 * 2, 2) for k in ("height", "width"))
        top, left = ((known[k] // 2 - s // 2) // 2 * 2 for k, s in (("height", height), ("width", width)))
        planes = [np.full(s, c, np.uint8)
                  for s, c in zip(((height, width), (height // 2, width // 2), (height // 2, width // 2)), COLOUR,
                                  strict=True)]
        frames = [i for i, t in enumerate(known["times_ms"]) if line.cover_start_ms <= t < line.cover_end_ms]
        with PatchWriter(folder, height, width) as writer:
            for frame in frames:
                writer.write(Patch(frame, left, top, *planes))
        report(len(frames), len(frames), "Repainting the mouth")
        return LipSyncReport(len(frames))

    def patches(self, folder: Path) -> Iterator[PatchLike]:
        from lipsync_core.patch import read_patches

        return read_patches(folder)

    def patched_frames(self, folder: Path) -> Sequence[int]:
        from lipsync_core.patch import patched_frames

        return patched_frames(folder)

    def patch_boxes(self, folder: Path) -> Sequence[tuple[int, int, int, int]]:
        from lipsync_core.patch import patched_boxes

        return patched_boxes(folder)

    def people(self, tracks: Path, models: Path) -> list[SeenPerson]:
        """A made-up face for each speaker who is seen, in the middle of the picture."""
        seen = json.loads((models / "speakers.json").read_text())
        return [SeenPerson(f"f{number:04d}", speaker, (number,), tuple((a, b) for a, b in rows), 0.3, 0.0,
                           (0.25, 0.25, 0.75, 0.75), 0.0)
                for number, (speaker, rows) in enumerate(sorted(seen.items())) if rows]

    def glance(self, video: Path, times_ms: Sequence[float]) -> list[list[GlimpsedFace]]:
        """One large frontal face in every picture."""
        return [[GlimpsedFace(0.3, 300.0, 0.0, 0.0)] for _ in times_ms]

    def count_cuts(self, video: Path, spans: Sequence[tuple[float, float]]) -> int:
        return 0

    def score(self, video: Path, tracks: Path, dubbed: Path, takes: Sequence[tuple[str, int, Sequence[Phoneme]]],
              report: Report = silent) -> dict[str, Any]:
        """Nothing is measured: a fake has no mouth."""
        return {}

    def contact_sheet(self, video: Path, tracks: Path, dubbed: Path,
                      takes: Sequence[tuple[str, int, Sequence[Phoneme]]], out: Path) -> None:
        """Two flat squares: there is no mouth to show."""
        import cv2
        import numpy as np

        cv2.imwrite(str(out), np.full((64, 64, 3), COLOUR, np.uint8))
