"""adapt: a generator adapted to one speaker, and what it was compared with. No target language matters."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from dubbing.engines.base import Adapter, Report, SpeakerSpan
from dubbing.media import audio
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages.separate import SPEECH

VERSION = "1"


def step(adapter: Adapter, source: Path, source_sha256: str, tracks: Artifact, mouths: Artifact, separated: Artifact,
         spans: Sequence[SpeakerSpan], speaker: str, minutes: float, unfinished: Path) -> Step:
    """``facts``: whether it ``won``, a ``note``, the ``figures``, the ``generator``'s file name ("" when it lost), and
    the ``estimate`` that was made before it began.

    spans: of every speaker. unfinished: a folder for half-done work; what a killed run of the same step left there is
    gone on with.
    """
    own = [span for span in spans if span.speaker == speaker]

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        said: list[str] = []

        def say(sentence: str) -> None:
            said.append(sentence)
            report(0, 1, sentence)

        # The stem, so that music does not count as speech.
        speech = audio.read_mono_16k(separated.path(SPEECH))
        work = unfinished / plain.key[:32]
        done = adapter.adapt(source, tracks.folder, mouths.folder, speaker, own, folder, sound=speech,
                             minutes=minutes, work=work, report=report, say=say)
        shutil.rmtree(work, ignore_errors=True)
        facts.update(won=done.won, note=done.note, figures=dict(done.figures), estimate=" ".join(said),
                     generator=done.generator.name if done.generator is not None else "")

    params = {"speaker": speaker, "minutes": minutes, "spans": [list(astuple(span)) for span in own]}
    inputs: dict[str, Artifact | str] = {"source": source_sha256, "tracks": tracks, "mouths": mouths,
                                         "separated": separated}
    plain = Step("adapt", VERSION, _nothing, params, inputs, adapter, "step")
    return replace(plain, build=build)


def _nothing(_folder: Path, _facts: dict[str, Any], _report: Report) -> None:
    """Of a step whose key alone is wanted."""
