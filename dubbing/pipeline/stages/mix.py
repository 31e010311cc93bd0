"""mix: the dubbed sound track and its speech stem, in the original's sample rate and channel layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from dubbing.engines.base import Report, Sound
from dubbing.media import audio
from dubbing.media.probe import AudioInfo
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.mixing import PlacedTake, measure_lines, mix_blocks, take_gain
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages import separate
from dubbing.pipeline.stages.synthesize import load_take

VERSION = "1"
MIX, SPEECH = "mix.wav", "speech.wav"


@dataclass(frozen=True, slots=True)
class DubbedLine:
    """A take with its start, and the original line (ms) that it replaces."""

    take: Artifact
    start_ms: int
    end_ms: int


def step(source: Path, source_sha256: str, separated: Artifact, lines: Sequence[DubbedLine], info: AudioInfo, *,
         language: str) -> Step:
    """Outside dubbed lines the mix is the original, sample for sample."""
    rate = info.sample_rate

    def samples(ms: float) -> int:
        return round(ms * rate / 1000)

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        background = separated.path(separate.MUSIC_AND_EFFECTS)
        spans = [(samples(line.start_ms), samples(line.end_ms)) for line in lines]
        # M&E that came with the project need not be what is left of the original without its speech.
        whole, rest = (audio.read_wav_blocks(separated.path(separate.SPEECH)), ()) if separated.facts.get("given") \
            else (audio.blocks(source), audio.read_wav_blocks(background))
        levels = measure_lines(whole, rest, spans, rate)
        report(1, 3, "")
        placed = []
        for line, level in zip(lines, levels, strict=True):
            load = partial(take_at, line.take, rate)
            gain = take_gain(load(), rate, level)
            length = samples(line.take.facts["duration_ms"]) + rate // 100
            placed.append(PlacedTake(samples(line.start_ms), length, load, gain, level.balance))
        total, done = max(1, samples(info.duration_ms)), 0
        with (audio.wav_writer(folder / MIX, rate) as write_mix,
              audio.wav_writer(folder / SPEECH, rate) as write_speech):
            for block in mix_blocks(audio.blocks(source), audio.read_wav_blocks(background), placed, spans, rate):
                write_mix(block.mix)
                write_speech(block.speech)
                done += block.mix.shape[1]
                report(1 + 2 * min(done, total) / total, 3, "")
        facts["gains"] = [round(take.gain, 4) for take in placed]

    params = {"lines": [[line.start_ms, line.end_ms] for line in lines]}
    inputs: dict[str, Artifact | str] = {"source": source_sha256, "separated": separated}
    inputs.update({f"take{i:05d}": line.take for i, line in enumerate(lines)})
    return Step("mix", VERSION, build, params, inputs, None, "s", None, language)


def take_at(take: Artifact, rate: int) -> Sound:
    """A take's sound at the video's sample rate."""
    sound, own_rate, _ = load_take(take)
    return audio.resample(sound, own_rate, rate)

