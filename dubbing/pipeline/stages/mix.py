"""mix: the dubbed sound track and its speech stem, in the original's sample rate and channel layout.

Facts: ``gains`` of the takes, ``loudness`` of the original and of the mix (what comes of it, see the stage loudness).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from dubbing.engines.base import Report, Sound
from dubbing.media import audio
from dubbing.media.loudness_meter import PeakMeter, PowerMeter, result
from dubbing.media.probe import AudioInfo
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.levels import LineLevel, aligned, audible, measure_lines, take_gain
from dubbing.pipeline.limiter import MixBlock
from dubbing.pipeline.mixing import PlacedTake, mix_blocks
from dubbing.pipeline.room import RoomProfile, place
from dubbing.pipeline.room_tone import toned
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages import separate
from dubbing.pipeline.stages.synthesize import load_take

VERSION = "3"
MIX, SPEECH = "mix.wav", "speech.wav"


class Heard(Protocol):
    """A take with its start, the end (ms) of the original line that it replaces, and the room it was heard in (None:
    the take stays as it is). ``replaced``: where the original gives way to it (ms); None is the line itself."""

    @property
    def take(self) -> Artifact: ...
    @property
    def start_ms(self) -> int: ...
    @property
    def end_ms(self) -> int: ...
    @property
    def room(self) -> RoomProfile | None: ...
    @property
    def replaced(self) -> tuple[int, int] | None: ...


@dataclass(frozen=True, slots=True)
class DubbedLine:
    """A take with its start, the original line (ms) that it replaces, the room in which that was heard, and where the
    original gives way to it (ms; None is the line itself)."""

    take: Artifact
    start_ms: int
    end_ms: int
    room: RoomProfile | None = None
    replaced: tuple[int, int] | None = None


def step(source: Path, source_sha256: str, separated: Artifact, lines: Sequence[DubbedLine], info: AudioInfo, *,
         language: str, duck_db: float = 0.0) -> Step:
    """Outside dubbed lines the mix is the original, sample for sample; ``duck_db``: how far M&E goes down in them."""
    rate = info.sample_rate

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        background = separated.path(separate.MUSIC_AND_EFFECTS)
        spans, replaced = spans_of(lines, rate), replaced_of(lines, rate)
        # M&E that came with the project need not be what is left of the original without its speech.
        whole, rest = (audio.read_wav_blocks(separated.path(separate.SPEECH)), ()) if separated.facts.get("given") \
            else (audio.blocks(source), audio.read_wav_blocks(background))
        levels = measure_lines(whole, rest, spans, rate)
        report(1, 3, "")
        placed = placed_takes(lines, levels, rate)
        meters = _Meters(rate)

        def beneath() -> Iterable[Sound]:
            stem = partial(audio.read_wav_blocks, background)
            if not any(line.room for line in lines):
                return stem()
            sounding = [(take.start_samples, take.start_samples + take.length_samples) for take in placed]
            return toned(stem, partial(audio.blocks, source), [*replaced, *sounding], rate)

        total, done = max(1, round(info.duration_ms * rate / 1000)), 0
        with (audio.wav_writer(folder / MIX, rate) as write_mix,
              audio.wav_writer(folder / SPEECH, rate) as write_speech):
            for block in mix_blocks(meters.original(audio.blocks(source)), beneath(), placed, replaced, rate,
                                    duck_db=duck_db):
                write_mix(block.mix)
                write_speech(block.speech)
                meters.mixed(block)
                done += block.mix.shape[1]
                report(1 + 2 * min(done, total) / total, 3, "")
        facts["gains"] = [round(take.gain, 4) for take in placed]
        facts["loudness"] = meters.facts()

    params: dict[str, Any] = {"lines": [[line.start_ms, line.end_ms] for line in lines]}
    if any(line.replaced for line in lines):
        params["replaced"] = [list(line.replaced) if line.replaced else None for line in lines]
    if duck_db:
        params["duck_db"] = duck_db
    if any(line.room for line in lines):
        params["rooms"] = [line.room.to_json() if line.room else None for line in lines]
    inputs: dict[str, Artifact | str] = {"source": source_sha256, "separated": separated}
    inputs.update({f"take{i:05d}": line.take for i, line in enumerate(lines)})
    return Step("mix", VERSION, build, params, inputs, None, "s", None, language)


def write_background(mixed: Artifact, out: Path) -> Path:
    """Write the M&E as it is heard in a finished mix (ducked, at its loudness) as WAV: it and speech are the mix."""
    import soundfile

    with soundfile.SoundFile(mixed.path(MIX)) as file:
        rate = int(file.samplerate)
    pairs = aligned(audio.read_wav_blocks(mixed.path(MIX)), audio.read_wav_blocks(mixed.path(SPEECH)))
    audio.write_wav(out, (whole - speech for whole, speech in pairs), rate)
    return out


def spans_of(lines: Iterable[Heard], rate: int, from_ms: int = 0) -> list[tuple[int, int]]:
    """Where the original lines lie, in samples after ``from_ms``."""
    return [(_samples(line.start_ms - from_ms, rate), _samples(line.end_ms - from_ms, rate)) for line in lines]


def replaced_of(lines: Iterable[Heard], rate: int, from_ms: int = 0) -> list[tuple[int, int]]:
    """Where the original gives way to the lines, in samples after ``from_ms``."""
    spans = [line.replaced or (line.start_ms, line.end_ms) for line in lines]
    return [(_samples(start - from_ms, rate), _samples(end - from_ms, rate)) for start, end in spans]


def placed_takes(lines: Sequence[Heard], levels: Sequence[LineLevel], rate: int, from_ms: int = 0) -> list[PlacedTake]:
    """Every line's take where and as loud as its line was, in its line's room; the clock begins at ``from_ms``."""
    placed = []
    for line, level in zip(lines, audible(levels), strict=True):
        load = partial(heard_take, line.take, rate, line.room, _gap_ms(line, lines))
        sound, dry = load(), _samples(line.take.facts["duration_ms"], rate) + rate // 100
        placed.append(PlacedTake(_samples(line.start_ms - from_ms, rate), dry, load, take_gain(sound, rate, level),
                                 level.balance, max(0, len(sound) - dry)))
    return placed


def heard_take(take: Artifact, rate: int, room: RoomProfile | None, gap_ms: float | None) -> Sound:
    """A take's sound at the video's sample rate, as it is heard in a room; ``gap_ms``: silence before the next line."""
    sound = take_at(take, rate)
    return place(sound, rate, room, gap_ms=gap_ms) if room is not None else sound


def _gap_ms(line: Heard, lines: Sequence[Heard]) -> float | None:
    """From the end of a take to the next line; None where none follows."""
    later = min((other.start_ms for other in lines if other.start_ms > line.start_ms), default=None)
    return None if later is None else max(0.0, later - line.start_ms - float(line.take.facts["duration_ms"]))


def take_at(take: Artifact, rate: int) -> Sound:
    """A take's sound at the video's sample rate."""
    sound, own_rate, _ = load_take(take)
    return audio.resample(sound, own_rate, rate)


def _samples(ms: float, rate: int) -> int:
    return round(ms * rate / 1000)


class _Meters:
    """Loudness of the original and of the mix, measured while they pass by."""

    def __init__(self, rate: int) -> None:
        self._original, self._mix, self._speech = PowerMeter(rate), PowerMeter(rate), PowerMeter(rate)
        self._original_peak, self._mix_peak = PeakMeter(), PeakMeter()

    def original(self, blocks: Iterable[Sound]) -> Iterator[Sound]:
        for block in blocks:
            self._original.push(block)
            self._original_peak.push(block)
            yield block

    def mixed(self, block: MixBlock) -> None:
        self._mix.push(block.mix)
        self._mix_peak.push(block.mix)
        self._speech.push(block.speech)

    def facts(self) -> dict[str, dict[str, float | None]]:
        return {"source": result(self._original.powers(), self._original_peak.finish()).to_json(),
                "mix": result(self._mix.powers(), self._mix_peak.finish(), self._speech.powers()).to_json()}
