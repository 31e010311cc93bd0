"""The source side of a dub: everything that does not depend on a target language."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dubbing import registry
from dubbing.domain.casting import CAST, recast
from dubbing.domain.project import TRANSCRIPT_KEY, Project
from dubbing.domain.speech import Diarization, SpokenLine
from dubbing.domain.utterances import ONLY_SPEAKER, build_utterances
from dubbing.engines.base import SpeakerSpan
from dubbing.errors import MediaError, UsageError
from dubbing.exchange.imports import UNNAMED, load_lines, spoken_lines
from dubbing.media.probe import MediaInfo
from dubbing.options import DubOptions
from dubbing.pipeline import records
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.edges import Span, retimed
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages import diarize, edges, faces, profile, separate, sound, transcribe

#: (language, lines, voice print by speaker)
Understood = tuple[str, Sequence[SpokenLine], dict[str, tuple[float, ...]]]


@dataclass(frozen=True, slots=True)
class Source:
    """What is known of a video. ``tracks`` and ``mouths`` are None when lip-sync is off; ``is_imported``: the lines
    came with the project."""

    path: Path
    sha256: str
    media: MediaInfo
    language: str
    sound: Artifact
    separated: Artifact
    lines: tuple[SpokenLine, ...]
    embeddings: dict[str, tuple[float, ...]]
    profiles: Artifact
    lipsyncer: Any
    tracks: Artifact | None
    mouths: Artifact | None
    is_imported: bool = False

    @property
    def lines_key(self) -> str:
        """Changes whenever the transcription or its cut into lines does."""
        return _key_of(self.lines)

    def is_on_camera(self, speaker: str, start_ms: int, end_ms: int) -> bool:
        """Whether the tracker saw ``speaker`` speak during at least a third of the span."""
        if self.mouths is None:
            return False
        rows = self.mouths.facts["on_camera"].get(speaker, [])
        seen = sum(max(0, min(end_ms, b) - max(start_ms, a)) for a, b in rows)
        return 3 * seen >= end_ms - start_ms


def understand(project: Project, options: DubOptions, runner: Runner, names: Sequence[str] = ()) -> Source:
    """Run, or find done, every stage of the source side. Raises MediaError when nobody speaks,
    UsageError when what is spoken is a target language already. names: that may be said in the video."""
    path, sha = Path(project.source_path), project.source_sha256
    media = MediaInfo.from_json(dict(project.media))
    heard = runner.run(sound.step(path, sha))
    if heard.facts["peak"] < 1e-3:
        raise MediaError(f"{path.name} is silent from start to end.", "Give a video in which somebody speaks.")
    imported = spoken_lines(load_lines(project.settings))[0]
    language, lines, embeddings = (_imported if imported else _transcribed)(
        options, heard, runner, path.name, imported, names)
    if language in options.targets:
        raise UsageError(f"The video is already in {language}.",
                         "Choose another target language, or say with --from what is spoken if that was misheard.")
    separated = runner.run(_separation(project, options, media))
    cast = project.settings.get(CAST, ())
    if not imported and not _is_older(project, lines, cast):
        lines = _at_edges(lines, separated, runner)
    lines = recast(lines, cast)
    speakers = {line.speaker for line in lines}
    embeddings = {speaker: print_ for speaker, print_ in embeddings.items() if speaker in speakers}
    spans = [SpeakerSpan(line.speaker, line.start_ms, line.end_ms) for line in lines]
    profiles = runner.run(profile.step(separated, spans))
    lipsyncer, tracks, mouths = _mouths(options, path, sha, spans, heard, runner, assigned_faces(project))
    return Source(path, sha, media, language, heard, separated, tuple(lines), embeddings, profiles, lipsyncer, tracks,
                  mouths, bool(imported))


def _at_edges(lines: Sequence[SpokenLine], separated: Artifact, runner: Runner) -> list[SpokenLine]:
    """Lines from where their speech really begins to where it ends."""
    found = runner.run(edges.step(separated, [Span(line.start_ms, line.end_ms) for line in lines]))
    return [retimed(line, *span) for line, span in zip(lines, edges.load_spans(found), strict=True)]


def _is_older(project: Project, lines: Sequence[SpokenLine], cast: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the project took over these very lines as they were recognized, under any of its casts: it keeps them."""
    known = project.settings.get(TRANSCRIPT_KEY)
    return known is not None and any(known == _key_of(recast(lines, cast[:count])) for count in range(len(cast) + 1))


def _key_of(lines: Sequence[SpokenLine]) -> str:
    return hashlib.sha256(repr(tuple(lines)).encode()).hexdigest()


def _transcribed(options: DubOptions, heard: Artifact, runner: Runner, name: str,
                 _none: Sequence[SpokenLine], names: Sequence[str]) -> Understood:
    """What the recognizer and the diarizer make of the sound."""
    recognizer = registry.choose("asr", options.recognizer)
    transcript = runner.run(transcribe.step(recognizer, heard, options.source, names))
    if not transcript.facts["words"]:
        raise MediaError(f"No speech was found in {name}.",
                         "Give a video in which somebody speaks; music, noise and silence are not dubbed.")
    diarization = _diarization(options, heard, runner)
    words = records.load_transcript(transcript.path(transcribe.TRANSCRIPT)).words
    lines = build_utterances(words, diarization.turns)
    return str(transcript.facts["language"]), lines, dict(diarization.embeddings)


def _imported(options: DubOptions, heard: Artifact, runner: Runner, _name: str,
              imported: Sequence[SpokenLine], _names: Sequence[str]) -> Understood:
    """Lines that came with the project: only what they leave open is listened for."""
    language = options.source
    if language is None:
        transcript = runner.run(transcribe.step(registry.choose("asr", options.recognizer), heard, None))
        language = str(transcript.facts["language"])
    if all(line.speaker != UNNAMED for line in imported):
        return language, list(imported), {}
    diarization = _diarization(options, heard, runner)
    lines = [replace(line, speaker=_speaker_of(line, diarization)) if line.speaker == UNNAMED else line
             for line in imported]
    return language, lines, dict(diarization.embeddings)


def _diarization(options: DubOptions, heard: Artifact, runner: Runner) -> Diarization:
    turns = runner.run(diarize.step(registry.choose("diarize", options.diarizer), heard, options.speakers))
    return records.load_diarization(turns.path(diarize.TURNS))


def _speaker_of(line: SpokenLine, diarization: Diarization) -> str:
    """Who is heard most during a line; the nearest where nobody is."""
    shared: dict[str, int] = {}
    for turn in diarization.turns:
        overlap = min(turn.end_ms, line.end_ms) - max(turn.start_ms, line.start_ms)
        shared[turn.speaker] = max(shared.get(turn.speaker, overlap), overlap) if overlap <= 0 else \
            max(shared.get(turn.speaker, 0), 0) + overlap
    return max(shared, key=lambda speaker: (shared[speaker], speaker), default=ONLY_SPEAKER)


def _separation(project: Project, options: DubOptions, media: MediaInfo) -> Step:
    """Speech and M&E apart, with the M&E that came with the project where one did."""
    separator = registry.choose("separate", options.separator)
    given = project.settings.get("m_and_e")
    path, sha = Path(project.source_path), project.source_sha256
    if not given:
        return separate.step(separator, path, sha, media.audio[0])
    return separate.given_step(separator, path, sha, media.audio[0], Path(given["path"]), str(given["sha256"]))


def assigned_faces(project: Project) -> dict[str, list[int]]:
    """Face tracks by the speaker whom a person said that they show, "" for nobody who speaks."""
    found: dict[str, list[int]] = {}
    for said in project.settings.get("faces", {}).values():
        found.setdefault(str(said["speaker"]), []).extend(int(i) for i in said["tracks"])
    return found


def _mouths(options: DubOptions, path: Path, sha: str, spans: list[SpeakerSpan], heard: Artifact, runner: Runner,
            assigned: dict[str, list[int]]) -> tuple[Any, Artifact | None, Artifact | None]:
    if options.lipsync == "off":
        return None, None, None
    # With adaptation, the atlas is what an adapted generator has to beat, and what is used where it does not.
    wanted = ("auto", None) if options.adapt else (options.lipsync, options.checkpoint)
    lipsyncer = registry.choose("lipsync", wanted[0], checkpoint=wanted[1])
    tracks = runner.run(faces.track_step(lipsyncer, path, sha))
    return lipsyncer, tracks, runner.run(faces.model_step(lipsyncer, path, sha, tracks, spans, assigned))

