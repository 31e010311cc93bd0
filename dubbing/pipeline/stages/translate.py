"""translate: one utterance's text in the target language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dubbing.engines.base import Report, TranslationRequest, Translator
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages.sound import load_mono_16k

VERSION = "1"
TEXT = "text.txt"
#: Sound around the utterance that a listening translator gets: word times are good to about this much.
MARGIN_MS = 60


def step(translator: Translator, sound: Artifact, text: str, start_ms: int, end_ms: int, source: str, target: str,
         *, must_be_sure: bool = False, utterance: str | None = None) -> Step:
    """A translator that listens depends on the utterance's own sound and times, one that reads on its text.

    An empty text in the artifact means that the engine had nothing to say: the line stays untranslated.
    """

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        clip = None
        if translator.needs_sound:
            clip = load_mono_16k(sound, start_ms - MARGIN_MS, end_ms + MARGIN_MS)
        request = TranslationRequest(text, end_ms - start_ms, clip, must_be_sure)
        (folder / TEXT).write_text(translator.translate(request, source, target).strip())
        report(1, 1, "")

    params: dict[str, Any] = {"source": source, "target": target, "text": text}
    if must_be_sure:
        params["must_be_sure"] = True
    inputs: dict[str, Artifact | str] = {}
    if translator.needs_sound:
        params.update(start_ms=start_ms, end_ms=end_ms)
        inputs["sound"] = sound
    return Step("translate", VERSION, build, params, inputs, translator, "line", utterance, target)
