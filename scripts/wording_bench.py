"""How many lines of a text set can be said in the time of the original, as first translated and as chosen.

Run from the repository's root:  python -m scripts.wording_bench --from pt --to en --translator bergamot [--show]

Nothing is spoken: the original's time is what a person takes for the source text, and durations are estimated with
the voices' default paces. ``scripts.text_bench`` measures finished takes.
"""

from __future__ import annotations

import argparse
import tempfile
import tomllib
from pathlib import Path
from types import SimpleNamespace

from dubbing.api import DubOptions, open_workspace
from dubbing.config import Settings
from dubbing.domain.estimate import count_syllables
from dubbing.domain.speech import SpokenLine
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.runner import Runner
from dubbing.wording import Wording

TEXTS = Path("bench/texts/everyday.toml")
#: Milliseconds a syllable of people who speak: Pellegrino, Coupé and Marsico (Language 2011); Portuguese by ear.
HUMAN_MS = {"es": 128, "en": 162, "de": 168, "it": 143, "pt": 140}
LEAD_MS, GAP_MS = 250, 600


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--from", dest="source", required=True, choices=sorted(HUMAN_MS))
    asked.add_argument("--to", dest="target", required=True)
    asked.add_argument("--translator", default="auto", help="one that reads")
    asked.add_argument("--show", action="store_true", help="the lines in which choosing changed something")
    given = asked.parse_args()
    lines, at = [], 0
    for texts in tomllib.loads(TEXTS.read_text())["line"]:
        if given.source in texts and given.target in texts:
            text = texts[given.source]
            took = LEAD_MS + count_syllables(text, given.source) * HUMAN_MS[given.source]
            lines.append(SpokenLine("S1", text, at, at + took))
            at += took + GAP_MS
    with tempfile.TemporaryDirectory() as folder, open_workspace(Settings(home=Path(folder))) as workspace:
        storage = workspace.storage
        project = storage.projects.create("texts", "texts.mp4", source_sha256="0" * 64, media={"duration_ms": at},
                                          source_language=given.source, targets=[given.target], settings={})
        storage.utterances.import_lines(project.id, lines)
        source = SimpleNamespace(language=given.source, media=SimpleNamespace(duration_ms=at),
                                 sound=Artifact("none", Path("nowhere"), {}))
        worded = Wording(storage, project, DubOptions(targets=(given.target,), translator=given.translator), source,
                         Runner(workspace.artifacts), given.target, storage.utterances.all(project.id)).run()
        print(given.source, given.target, given.translator, worded.fit_report)
        for translation in worded.translations.values() if given.show else ():
            first, chosen = translation.details["first"], translation.details["candidates"][0]
            if first["text"] != translation.text:
                print(f"  {first['tempo']:.2f} {first['text']}\n  {chosen['tempo']:.2f} {translation.text}"
                      f"  [{translation.details['chosen']}: {chosen['how']}]")


if __name__ == "__main__":
    main()
