"""quality: the finished dub listened to and looked at again, as a stranger would.

``quality.json`` has what is measured of the whole dub, ``lines.json`` what is of each line: what checks read.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dubbing.domain.isochrony import Fit, colour
from dubbing.domain.speech import Transcript
from dubbing.engines.base import Diarizer, LipSyncer, Recognizer, Report, Sound
from dubbing.media import audio
from dubbing.pipeline import dub_measure
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.heard import Place, compare, heard_by_line
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages import separate
from dubbing.pipeline.stages.mix import MIX, SPEECH
from dubbing.pipeline.stages.synthesize import load_take
from dubbing.pipeline.word_errors import error_rate, normalized

VERSION = "2"
REPORT, LINES = "quality.json", "lines.json"
#: The original fades out within so much of a line; and so far from it, its own words may still be heard.
_EDGE_MS, _NEAR_MS = 30, 400
#: An original line may begin so much before its first recognized word.
_EARLY_MS = 300


@dataclass(frozen=True, slots=True)
class JudgedLine:
    """A line as it was meant: its text (without marks), its take and (where its mouth was repainted) its patches.

    ``end_ms`` is the original's; from ``after_ms`` to ``until_ms`` no other line is heard. ``replaced``: where the
    original gives way to it in the mix (ms); None is the line itself.
    """

    id: str
    speaker: str
    start_ms: int
    end_ms: int
    text: str
    take: Artifact
    rendered: Artifact | None
    after_ms: int
    until_ms: int
    replaced: tuple[int, int] | None = None

    @property
    def take_end_ms(self) -> int:
        return self.start_ms + int(self.take.facts["duration_ms"])

    @property
    def around(self) -> tuple[tuple[int, int], ...]:
        """Where the original is heard next to the line: before and after what is replaced."""
        start_ms, end_ms = self.replaced or (self.start_ms, self.end_ms)
        first, stop = min(start_ms, self.start_ms) - _EDGE_MS, max(end_ms, self.take_end_ms) + _EDGE_MS
        return ((max(first - _NEAR_MS, self.after_ms + _EDGE_MS), first), (stop, min(stop + _NEAR_MS, self.until_ms)))


def step(recognizer: Recognizer | None, lipsyncer: LipSyncer | None, source: Path, tracks: Artifact | None,
         video: Artifact, mixed: Artifact, separated: Artifact, lines: Sequence[JudgedLine], *, language: str,
         printer: Diarizer | None = None) -> Step:
    """Words of the re-transcribed speech stem, fit of the takes, onsets and silences beside the original's, voice
    prints, lip-sync measured on the pictures of the exported file.

    Without a ``recognizer`` nobody listens. ``mixed`` has the stems, ``separated`` the original's; ``printer`` takes
    the voice prints of single lines.
    """

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        dubbed = audio.read_mono_16k(mixed.path(SPEECH))
        result: dict[str, Any] = {"fit": _fit(lines), "heard": None, "word_error_rate": None}
        of_lines: dict[str, dict[str, Any]] = {line.id: {} for line in lines}
        if recognizer is not None:
            heard = recognizer.transcribe(dubbed, language=language, report=part(report, 0, 3))
            result |= _heard(heard, lines, language)
            of_lines = _lines(heard, lines, language)
        report(1, 3, "")
        _measure(of_lines, lines, dubbed, separated, mixed, source)
        if printer is not None:
            _print(of_lines, lines, dubbed, printer)
        report(2, 3, "")
        painted = [line for line in lines if line.rendered is not None and line.rendered.facts["frames"]]
        if lipsyncer is not None and tracks is not None and painted:
            if recognizer is not None:
                recognizer.release()
            lipsyncer.load()
            takes = [(line.speaker, line.start_ms, load_take(line.take)[2]) for line in painted]
            result["lip_sync"] = lipsyncer.score(source, tracks.folder, video.path(video.facts["file"]), takes,
                                                 part(report, 2, 3))
        (folder / LINES).write_text(json.dumps(of_lines, ensure_ascii=False))
        (folder / REPORT).write_text(json.dumps(result, ensure_ascii=False, indent=1))

    params = {"language": language, "texts": [line.text for line in lines],
              "prints": f"{printer.id}@{printer.version}" if printer is not None else "",
              "lines": [[line.id, line.start_ms, line.end_ms, *(line.replaced or ())] for line in lines]}
    inputs: dict[str, Artifact | str] = {"video": video, "mix": mixed, "separated": separated}
    inputs.update({f"take{i:05d}": line.take for i, line in enumerate(lines)})
    return Step("quality", VERSION, build, params, inputs, recognizer, "part", None, language)


def part(report: Report, index: int, count: int) -> Report:
    """``report`` for one of ``count`` parts of a stage."""

    def tell(done: float, total: float, message: str = "") -> None:
        report(index + (done / total if total else 0.0), count, message)

    return tell


def _fit(lines: Sequence[JudgedLine]) -> dict[str, Any]:
    """How many lines sit in the comfortable window, and how far the rest is off."""
    tempos = [line.take.facts["tempo"] for line in lines]
    colours = [colour(tempo) for tempo in tempos]
    return {"lines": len(lines), **{fit.value: colours.count(fit) for fit in Fit},
            "in_window": round(colours.count(Fit.GREEN) / len(lines), 4) if lines else None,
            "median_tempo": round(statistics.median(tempos), 4) if tempos else None,
            "borrowed_ms": sum(line.take.facts["borrowed_ms"] for line in lines)}


def _heard(heard: Transcript, lines: Sequence[JudgedLine], language: str) -> dict[str, Any]:
    """What was heard of the whole dub."""
    meant = " ".join(line.text for line in lines)
    text = " ".join(segment.text.strip() for segment in heard.segments)
    has_words = bool(normalized(meant, language))
    return {"heard": text,
            "word_error_rate": round(error_rate([meant], [text], language), 4) if has_words else None}


def _lines(heard: Transcript, lines: Sequence[JudgedLine], language: str) -> dict[str, dict[str, Any]]:
    """What was heard of each line."""
    places = [Place(line.start_ms, line.take_end_ms, line.text) for line in lines]
    found = {}
    for line, words in zip(lines, heard_by_line(heard.words, places, language), strict=True):
        same = compare(line.text, words, language)
        found[line.id] = {"heard": same.heard, "words": same.words, "wrong": same.wrong,
                          "letter_errors": same.letter_errors}
    return found


def _measure(of_lines: dict[str, dict[str, Any]], lines: Sequence[JudgedLine], dubbed: Sound, separated: Artifact,
             mixed: Artifact, source: Path) -> None:
    """Onset and silence of each line beside the original's, and what of it is clipped that was not before."""
    original = audio.read_mono_16k(separated.path(separate.SPEECH))
    for line in lines:
        began = dub_measure.onset_ms(original, max(line.start_ms - _EARLY_MS, line.after_ms), line.end_ms)
        begins = dub_measure.onset_ms(dubbed, line.start_ms - _EDGE_MS, line.take_end_ms)
        of_lines[line.id] |= {
            "onset_ms": None if began is None or begins is None else round(begins - began, 1),
            "silent_ms": dub_measure.silent_ms(original, dubbed, line.start_ms, line.end_ms),
            "left_over_ms": dub_measure.left_over_ms(original, line.start_ms, line.end_ms, line.around)}
    rate = _rate(mixed.path(MIX))
    spans = [(line.start_ms * rate // 1000, line.take_end_ms * rate // 1000) for line in lines]
    now, before = (dub_measure.clipped_samples(blocks, spans) for blocks in (
        audio.read_wav_blocks(mixed.path(MIX)), audio.blocks(source)))
    for line, after, then in zip(lines, now, before, strict=True):
        of_lines[line.id]["clipped_samples"] = max(0, after - then)


def _print(of_lines: dict[str, dict[str, Any]], lines: Sequence[JudgedLine], dubbed: Sound, printer: Diarizer) -> None:
    """How the voice of each line sounds."""
    printer.load()
    for line in lines:
        heard = printer.diarize(dubbed[line.start_ms * 16:line.take_end_ms * 16], speakers=1).embeddings
        of_lines[line.id]["print"] = [round(float(value), 4) for value in next(iter(heard.values()), ())]
    printer.release()


def _rate(wav: Path) -> int:
    import soundfile

    return int(soundfile.info(wav).samplerate)
