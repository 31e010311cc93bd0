"""clip: one line as it will be, in a small video: its picture with the new mouth, its sound in the mix around it.

Beside it the same moments around the mouth with the original on the left, for a comparison.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dubbing.engines.base import LipSyncer, Report, Sound
from dubbing.media import audio
from dubbing.media.clip import Moments, around_mouths, write_clips
from dubbing.media.excerpt import wav_between
from dubbing.media.patches import PatchSets
from dubbing.media.probe import MediaInfo
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.levels import measure_lines
from dubbing.pipeline.mixing import mix_blocks
from dubbing.pipeline.room import RoomProfile
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages import mix
from dubbing.pipeline.stages.export import named_patches
from dubbing.pipeline.stages.separate import MUSIC_AND_EFFECTS, SPEECH

VERSION = "2"
CLIP, SIDE = "clip.mp4", "side.mp4"
#: How much before and after a line is seen.
MARGIN_MS = 1000


@dataclass(frozen=True, slots=True)
class ClipLine:
    """A line in or near a clip: its take, the original (ms) that it replaces, its mouth where it is repainted, the
    room in which it was heard, and where the original gives way to it (ms; None is the line itself)."""

    take: Artifact
    start_ms: int
    end_ms: int
    rendered: Artifact | None = None
    room: RoomProfile | None = None
    replaced: tuple[int, int] | None = None

    @property
    def changed_from_ms(self) -> int:
        """When the sound begins to be another than the original."""
        return min(self.start_ms, self.replaced[0]) if self.replaced else self.start_ms

    @property
    def changed_until_ms(self) -> int:
        """When the sound is the original again."""
        return max(self.heard_until_ms, self.replaced[1]) if self.replaced else self.heard_until_ms

    @property
    def heard_until_ms(self) -> int:
        return max(self.end_ms, self.start_ms + int(self.take.facts["duration_ms"]))


def span_of(line: ClipLine, duration_ms: int) -> tuple[int, int]:
    """The moments (ms) that a line's clip shows."""
    return max(0, line.start_ms - MARGIN_MS), min(duration_ms, line.heard_until_ms + MARGIN_MS)


def step(source: Path, source_sha256: str, media: MediaInfo, separated: Artifact, line: ClipLine,
         neighbours: Sequence[ClipLine], lipsyncer: LipSyncer | None, *, language: str, utterance: str,
         duck_db: float = 0.0) -> Step:
    """``neighbours``: other dubbed lines that are heard or seen in the clip. duck_db: as in the mix."""
    lines = sorted([line, *neighbours], key=lambda one: one.start_ms)
    start_ms, end_ms = span_of(line, media.duration_ms)

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        info = media.audio[0]
        sound = mixed_between(source, separated, lines, start_ms, end_ms, info.sample_rate, duck_db)
        report(1, 3, "Rendering the clip")
        rendered = [one.rendered for one in lines if one.rendered is not None]
        patches = named_patches(lipsyncer, rendered) if lipsyncer is not None else PatchSets([])
        moments = Moments(source, start_ms, end_ms, sound, info.sample_rate, info.layout)
        facts["frames"] = write_clips(moments, patches, _around(lipsyncer, line, media), folder / CLIP, folder / SIDE)
        facts.update(start_ms=start_ms, end_ms=end_ms)
        report(3, 3, "Rendering the clip")

    params: dict[str, Any] = {"span": [start_ms, end_ms], "lines": [[one.start_ms, one.end_ms] for one in lines],
              "at": lines.index(line), "duck_db": duck_db,
              "rooms": [one.room.to_json() if one.room else None for one in lines]}
    if any(one.replaced for one in lines):
        params["replaced"] = [list(one.replaced) if one.replaced else None for one in lines]
    inputs: dict[str, Artifact | str] = {"source": source_sha256, "separated": separated}
    for i, one in enumerate(lines):
        inputs[f"take{i:03d}"] = one.take
        if one.rendered is not None:
            inputs[f"patches{i:03d}"] = one.rendered
    return Step("clip", VERSION, build, params, inputs, None, "frame", utterance, language)


def mixed_between(source: Path, separated: Artifact, lines: Sequence[ClipLine], start_ms: int, end_ms: int,
                  rate: int, duck_db: float = 0.0) -> Sound:
    """[channels, samples] of the dubbed mix; only what is near is read, and it sounds as in the whole."""
    low = min([start_ms, *(line.changed_from_ms for line in lines)])
    high = max([end_ms, *(line.changed_until_ms for line in lines)])
    background, _ = wav_between(separated.path(MUSIC_AND_EFFECTS), low, high)
    whole = _original(source, separated, background, low, high)
    spans = mix.spans_of(lines, rate, low)
    placed = mix.placed_takes(lines, measure_lines([whole], [background], spans, rate), rate, low)
    made = [block.mix for block in mix_blocks(audio.rechunked([whole], audio.BLOCK_SAMPLES), [background], placed,
                                              mix.replaced_of(lines, rate, low), rate, duck_db=duck_db)]
    mixed = np.concatenate(made, axis=1) if made else whole
    return np.ascontiguousarray(mixed[:, round((start_ms - low) * rate / 1000): round((end_ms - low) * rate / 1000)])


def _original(source: Path, separated: Artifact, background: Sound, low: int, high: int) -> Sound:
    """The original sound: the sum of its stems, but where the M&E did not come out of it."""
    if not separated.facts.get("given"):
        speech, _ = wav_between(separated.path(SPEECH), low, high)
        return speech + background
    rate = int(separated.facts["sample_rate"])
    first, stop = round(low * rate / 1000), round(high * rate / 1000)
    kept, position = [], 0
    for block in audio.blocks(source):
        kept.append(block[:, max(first - position, 0) : max(stop - position, 0)])
        position += block.shape[1]
        if position >= stop:
            break
    return np.concatenate(kept, axis=1)


def _around(lipsyncer: LipSyncer | None, line: ClipLine, media: MediaInfo) -> Any:
    if lipsyncer is None or line.rendered is None or media.video is None or not line.rendered.facts["frames"]:
        return None
    return around_mouths(lipsyncer.patch_boxes(line.rendered.folder), media.video.upright_height,
                         media.video.upright_width)
