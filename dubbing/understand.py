"""The source side of a dub: everything that does not depend on a target language."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dubbing import registry
from dubbing.domain.project import Project
from dubbing.domain.speech import SpokenLine
from dubbing.domain.utterances import build_utterances
from dubbing.engines.base import SpeakerSpan
from dubbing.errors import MediaError, UsageError
from dubbing.media.probe import MediaInfo
from dubbing.options import DubOptions
from dubbing.pipeline import records
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stages import diarize, faces, profile, separate, sound, transcribe


@dataclass(frozen=True, slots=True)
class Source:
    """What is known of a video. ``tracks`` and ``mouths`` are None when lip-sync is off."""

    path: Path
    sha256: str
    media: MediaInfo
    language: str
    sound: Artifact
    separated: Artifact
    transcript: Artifact
    lines: tuple[SpokenLine, ...]
    embeddings: dict[str, tuple[float, ...]]
    profiles: Artifact
    lipsyncer: Any
    tracks: Artifact | None
    mouths: Artifact | None

    @property
    def lines_key(self) -> str:
        """Changes whenever the transcription or its cut into lines does."""
        return hashlib.sha256(repr(self.lines).encode()).hexdigest()

    def is_on_camera(self, speaker: str, start_ms: int, end_ms: int) -> bool:
        """Whether the tracker saw ``speaker`` speak during at least a third of the span."""
        if self.mouths is None:
            return False
        rows = self.mouths.facts["on_camera"].get(speaker, [])
        seen = sum(max(0, min(end_ms, b) - max(start_ms, a)) for a, b in rows)
        return 3 * seen >= end_ms - start_ms


def understand(project: Project, options: DubOptions, runner: Runner) -> Source:
    """Run, or find done, every stage of the source side. Raises MediaError when nobody speaks,
    UsageError when what is spoken is a target language already."""
    path, sha = Path(project.source_path), project.source_sha256
    media = MediaInfo.from_json(dict(project.media))
    heard = runner.run(sound.step(path, sha))
    if heard.facts["peak"] < 1e-3:
        raise MediaError(f"{path.name} is silent from start to end.", "Give a video in which somebody speaks.")
    transcript = runner.run(transcribe.step(registry.choose("asr", options.recognizer), heard, options.source))
    if not transcript.facts["words"]:
        raise MediaError(f"No speech was found in {path.name}.",
                         "Give a video in which somebody speaks; music, noise and silence are not dubbed.")
    language = str(transcript.facts["language"])
    if language in options.targets:
        raise UsageError(f"The video is already in {language}.",
                         "Choose another target language, or say with --from what is spoken if that was misheard.")
    turns = runner.run(diarize.step(registry.choose("diarize", options.diarizer), heard, options.speakers))
    diarization = records.load_diarization(turns.path(diarize.TURNS))
    words = records.load_transcript(transcript.path(transcribe.TRANSCRIPT)).words
    lines = tuple(build_utterances(words, diarization.turns))
    separated = runner.run(separate.step(registry.choose("separate", options.separator), path, sha, media.audio[0]))
    spans = [SpeakerSpan(line.speaker, line.start_ms, line.end_ms) for line in lines]
    profiles = runner.run(profile.step(separated, spans))
    lipsyncer, tracks, mouths = _mouths(options, path, sha, spans, heard, runner)
    return Source(path, sha, media, language, heard, separated, transcript, lines, dict(diarization.embeddings),
                  profiles, lipsyncer, tracks, mouths)


def _mouths(options: DubOptions, path: Path, sha: str, spans: list[SpeakerSpan], heard: Artifact,
            runner: Runner) -> tuple[Any, Artifact | None, Artifact | None]:
    if options.lipsync == "off":
        return None, None, None
    lipsyncer = registry.choose("lipsync", options.lipsync, checkpoint=options.checkpoint)
    tracks = runner.run(faces.track_step(lipsyncer, path, sha))
    return lipsyncer, tracks, runner.run(faces.model_step(lipsyncer, path, sha, tracks, spans))

