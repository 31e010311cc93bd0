"""How well a set of texts is translated and fits its time, through the whole pipeline without a face.

Run from the repository's root:  python -m scripts.text_bench --from es --to en [--from de ...] [--lines 16]

The source texts of bench/texts are spoken by the embedded voices, one line after another with pauses, and become the
sound of a video whose lines are known; that video is dubbed with real engines. Printed and appended to the history:
chrF++ and BLEU against the set's own references, the share of takes whose tempo is within -10 % and +20 % of the
voice's own, what would have been without choosing among candidates (estimated), and the dub's word error rate.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from typing import Any

import av
import numpy as np

from dubbing import registry
from dubbing.api import Desk, DubOptions, open_workspace
from dubbing.bench import machine
from dubbing.config import load_settings
from dubbing.domain.estimate import SpokenText, calibrated, estimate, pace_of
from dubbing.domain.isochrony import Fit, Slot, colour
from dubbing.domain.review import Role
from dubbing.domain.workspace import ImportedLine
from dubbing.media import audio

TEXTS = Path("bench/texts")
HISTORY = Path("bench/texts.jsonl")
RATE = 24_000
#: Silence after a line, in turn: from a quick answer to a change of scene.
PAUSES_MS = (200, 500, 900, 300, 1500)
LEAD_MS = 400


def load_lines(sets: Sequence[Path], source: str, target: str, most: int | None) -> list[tuple[str, str]]:
    """(text, reference) of every line that both languages have."""
    lines = [line for path in sets for line in tomllib.loads(path.read_text())["line"]]
    return [(line[source], line[target]) for line in lines if source in line and target in line][:most]


def speak(texts: Sequence[str], language: str) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """(mono sound at RATE, start and end in ms of each text)."""
    engine = registry.choose("tts")
    voice = engine.voices(language)[0].id
    parts, times = [np.zeros(RATE * LEAD_MS // 1000, np.float32)], []
    for text, pause_ms in zip(texts, cycle(PAUSES_MS)):  # noqa: B905 - the pauses go round
        speech = engine.synthesize(text, language, voice)
        sound = audio.resample(speech.sound, speech.sample_rate, RATE)
        spoken = [p for p in speech.phonemes if p.symbol.strip()]
        before = sum(map(len, parts)) * 1000 / RATE
        times.append((round(before + spoken[0].start_ms), round(before + spoken[-1].end_ms)))
        parts += [sound, np.zeros(RATE * pause_ms // 1000, np.float32)]
    engine.release()
    return np.concatenate([*parts, np.zeros(RATE, np.float32)]), times


def write_video(sound: np.ndarray, out: Path) -> None:
    """``sound`` under a grey picture that nobody is in."""
    with av.open(str(out), "w") as target:
        picture = target.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        picture.height, picture.width, picture.pix_fmt = 72, 128, "yuv420p"
        track = target.add_stream("aac", rate=RATE, layout="mono", options={"b": "128k"})
        grey = np.full((72, 128, 3), 96, np.uint8)
        for number in range(len(sound) * 25 // RATE):
            frame = av.VideoFrame.from_ndarray(grey, "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            target.mux(picture.encode(frame))
        target.mux(picture.encode(None))
        for start in range(0, len(sound), 1024):
            part = av.AudioFrame.from_ndarray(sound[None, start:start + 1024], "fltp", "mono")
            part.sample_rate, part.pts, part.time_base = RATE, start, Fraction(1, RATE)
            target.mux(track.encode(part))
        target.mux(track.encode(None))


def in_window(tempos: Sequence[float]) -> float:
    """Share of tempos within the comfortable window."""
    return round(sum(colour(tempo) is Fit.GREEN for tempo in tempos) / len(tempos), 4) if tempos else 0.0


def measure(lines: Sequence[tuple[str, str]], source: str, target: str, translator: str, folder: Path,
            ) -> dict[str, Any]:
    """Dub one pair from nothing."""
    sound, times = speak([text for text, _ in lines], source)
    video = folder / f"{source}-{target}.mp4"
    write_video(sound, video)
    settings = load_settings().model_copy(update={"home": folder, "database_url": "", "single_user": True,
                                                  "import_folders": [folder]})
    options = DubOptions(targets=(target,), source=source, lipsync="off", translator=translator)
    given = [ImportedLine(start, end, text, "A") for (text, _), (start, end) in zip(lines, times, strict=True)]
    with open_workspace(settings) as workspace:
        person = workspace.storage.users.create("bench", "Bench", roles=[Role.ADMINISTRATOR])
        project = Desk(workspace, person).projects.create(video.stem, video, options, lines=given, run=False)
        result = workspace.run(project)
        rows = [line for line in workspace.lines(workspace.project(project.id), target) if line.translation]
    return {"lines": len(lines), **scores(rows, [reference for _, reference in lines]),
            **fits(rows, target), "word_error_rate": result.quality[target]["word_error_rate"]}


def scores(rows: Sequence[Any], references: Sequence[str]) -> dict[str, Any]:
    """chrF++ and BLEU of the texts that were dubbed."""
    from sacrebleu.metrics import BLEU, CHRF

    texts = [row.translation.text for row in rows]
    engines = sorted({row.translation.engine for row in rows})
    return {"engines": engines, "chrf": round(CHRF(word_order=2).corpus_score(texts, [list(references)]).score, 2),
            "bleu": round(BLEU().corpus_score(texts, [list(references)]).score, 2),
            "texts": [[row.utterance.text, row.translation.text, row.take.tempo if row.take else None] for row in rows]}


def fits(rows: Sequence[Any], target: str) -> dict[str, Any]:
    """Measured tempos of the takes; by the estimate also those of the texts that were each engine's first."""
    takes = [row.take for row in rows if row.take is not None]
    spoken = [SpokenText(take.text, float(take.details["natural_ms"])) for take in takes]
    pace = calibrated(pace_of(target), spoken)
    first, chosen = [], []
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        start, end = row.utterance.start_ms, row.utterance.end_ms
        room = min(end + 3000, following.utterance.start_ms - 80 if following else end + 900)
        slot = Slot(start, end, max(room, end))
        details = getattr(row.translation, "details", {}) or {}
        before = details.get("first", {}).get("text") or row.translation.text
        first.append(estimate(before, pace, slot).tempo)
        chosen.append(estimate(row.translation.text, pace, slot).tempo)
    return {"window_takes": in_window([take.tempo for take in takes]), "window_first_estimated": in_window(first),
            "window_chosen_estimated": in_window(chosen)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--from", dest="sources", action="append", required=True)
    parser.add_argument("--to", default="en")
    parser.add_argument("--translator", default="auto")
    parser.add_argument("--lines", type=int)
    parser.add_argument("--show", action="store_true", help="print every text, too")
    given = parser.parse_args()
    for source in given.sources:
        lines = load_lines(sorted(TEXTS.glob("*.toml")), source, given.to, given.lines)
        with tempfile.TemporaryDirectory(prefix="dubbing-texts-") as folder:
            found = measure(lines, source, given.to, given.translator, Path(folder))
        texts = found.pop("texts")
        if given.show:
            for (text, reference), (_, dubbed, tempo) in zip(lines, texts, strict=False):
                print(f"{text}\n  = {reference}\n  > {dubbed}   [{tempo}]")
        row = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "source": source,
               "target": given.to, "translator": given.translator, **found}
        print(json.dumps(row))
        with open(HISTORY, "a") as file:
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
