"""profile: how each speaker sounds, so that a fitting voice can be chosen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

from dubbing.engines.base import Report, SpeakerSpan, Voice
from dubbing.media import audio
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages.separate import SPEECH
from dubbing.pipeline.voice_match import SpeakerProfile, assign_voices, measure_speaker

VERSION = "2"
PROFILES = "profiles.json"
UNKNOWN = SpeakerProfile(0.0, 0.0, 1.0, "unknown", -20.0)


def step(separated: Artifact, spans: Sequence[SpeakerSpan]) -> Step:
    """Measures on the speech stem, so that music does not count as voice."""

    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        sound = audio.read_mono_16k(separated.path(SPEECH))
        speakers = sorted({span.speaker for span in spans})
        profiles = {}
        for i, speaker in enumerate(speakers):
            report(i, len(speakers), speaker)
            own = [(span.start_ms, span.end_ms) for span in spans if span.speaker == speaker]
            profiles[speaker] = asdict(measure_speaker(sound, own))
        (folder / PROFILES).write_text(json.dumps(profiles, indent=1))

    return Step("profile", VERSION, build, {"spans": [list(astuple(span)) for span in spans]},
                {"separated": separated}, unit="speaker")


def load_profiles(artifact: Artifact) -> dict[str, SpeakerProfile]:
    return {speaker: SpeakerProfile(**values) for speaker, values in artifact.json(PROFILES).items()}


def cast_voices(profiles: Mapping[str, SpeakerProfile], voices: Sequence[Voice], speakers: Sequence[str],
                ) -> dict[str, str]:
    """A voice (as text, with its shift) for each of ``speakers``.

    A speaker whom a person added later was never measured; such a one gets a voice that is still free, and
    nobody else's voice changes for it.
    """
    cast = {speaker: str(spec) for speaker, spec in assign_voices(profiles, voices).items()}
    for speaker in speakers:
        if speaker not in cast:
            taken = set(cast.values())
            free = [v for v in voices if not any(spec == v.id or spec.startswith(f"{v.id}+") or
                                                 spec.startswith(f"{v.id}-") for spec in taken)]
            cast[speaker] = str(assign_voices({speaker: UNKNOWN}, free or voices)[speaker])
    return cast
