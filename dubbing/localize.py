"""The target side of a dub: one language of one project, from translations to the finished file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dubbing import registry
from dubbing.derived import Standing
from dubbing.domain.isochrony import Fit, Slot, slot_for
from dubbing.domain.project import Project, Speaker, Take, Translation, Utterance
from dubbing.domain.review import Layer, is_protected
from dubbing.engines.base import Synthesizer
from dubbing.errors import UsageError
from dubbing.media.segments import SegmentCache
from dubbing.options import DubOptions
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages import export, lipsync, mix, profile, quality, synthesize
from dubbing.storage.repository import Repository
from dubbing.team.consent import FACE, VOICE, allowance
from dubbing.team.speaking import spoken_text
from dubbing.understand import Source
from dubbing.wording import Wording

#: A take's duration may be so much over its room by rounding alone.
ROUNDING_MS = 10
#: Around its own speech a line may repaint the mouth this far, to ease in and out.
EASE_MS = 160


@dataclass(slots=True)
class Dub:
    """What one language became."""

    language: str
    translations: dict[str, Translation] = field(default_factory=dict)
    takes: dict[str, Take] = field(default_factory=dict)
    rendered: dict[str, Artifact] = field(default_factory=dict)
    on_camera: dict[str, bool] = field(default_factory=dict)
    video: Artifact | None = None
    mix: Artifact | None = None
    quality: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def standing(self) -> Standing:
        """Which artifacts the finished dub consists of."""
        assert self.video is not None and self.mix is not None
        painted = self.rendered.items()
        return Standing(self.video.key, self.video.facts["file"], self.mix.key,
                        {key: take.artifact_key for key, take in self.takes.items()},
                        {key: artifact.key for key, artifact in painted},
                        {key: int(artifact.facts["frames"]) for key, artifact in painted}, dict(self.on_camera),
                        {key: str(artifact.facts["note"]) for key, artifact in painted if artifact.facts["note"]})


class Localization:
    """Runs the target side of one language. Everything it computes is an artifact; what people see is in the
    database."""

    def __init__(self, storage: Repository, project: Project, options: DubOptions, source: Source, runner: Runner,
                 language: str) -> None:
        self.storage, self.project, self.options, self.source = storage, project, options, source
        self.runner, self.language = runner, language
        self.dub = Dub(language)
        self.utterances = storage.utterances.all(project.id)
        self.speakers = {speaker.id: speaker for speaker in storage.speakers.all(project.id)}
        self.allowance = allowance(storage, project)

    def run(self, suffix: str = ".mp4") -> Dub:
        """Every stage in order. ``suffix`` chooses the container of the finished file."""
        self._translate()
        takes = self._synthesize()
        rendered = self._repaint(takes)
        self._mix(takes)
        self._export(rendered, suffix)
        self._judge(takes, rendered)
        return self.dub

    def _translate(self) -> None:
        worded = Wording(self.storage, self.project, self.options, self.source, self.runner, self.language,
                         self.utterances).run()
        self.dub.translations = worded.translations
        self.dub.notes += worded.notes

    def _spoken(self) -> list[Utterance]:
        return [u for u in self.utterances if self._text(u)]

    def _text(self, utterance: Utterance) -> str:
        translation = self.dub.translations.get(utterance.id)
        return translation.text.strip() if translation is not None else ""

    def _synthesize(self) -> dict[str, Artifact]:
        synthesizer = registry.choose("tts", self.options.synthesizer)
        cast = self._cast(synthesizer)
        kept = self._kept_takes()
        spoken = self._spoken()
        self._check_cloning(synthesizer, {u.speaker for u in spoken})
        due = [u for u in spoken if u.id not in kept]
        steps = [self._take_step(synthesizer, u, cast[u.speaker]) for u in due]
        made = dict(zip((u.id for u in due), self.runner.run_each(steps), strict=True))
        chosen = self.storage.takes.chosen(self.project.id, self.language)
        # Somebody may have made a take of a line while this went on.
        kept |= self._kept_takes()
        for utterance in due:
            if utterance.id not in kept:
                self._record(utterance, made[utterance.id], synthesizer.id, cast[utterance.speaker], chosen)
        self.dub.takes = self.storage.takes.chosen(self.project.id, self.language)
        made |= kept
        pressed = [f"{u.id} (tempo {made[u.id].facts['tempo']:.2f})" for u in spoken
                   if made[u.id].facts["fit"] == Fit.RED.value]
        if pressed:
            self.dub.notes.append(f"Too long for their place, and spoken too fast: {', '.join(pressed)}. "
                                  "Shorten their texts with `dubbing project set`.")
        return {u.id: made[u.id] for u in spoken}

    def _kept_takes(self) -> dict[str, Artifact]:
        """Takes that stay as they are: of lines whose dub was accepted, and those that a person chose, while they
        are up to date and do not run into the next line."""
        chosen = self.storage.takes.chosen(self.project.id, self.language)
        wanted = self.storage.takes.chosen_by_people(self.project.id, self.language)
        lines = self.storage.lines.all(self.project.id, self.language) if chosen else []
        kept: dict[str, Artifact] = {}
        for line in lines:
            take = chosen.get(line.utterance.id)
            if take is None or not self._text(line.utterance):
                continue
            is_current = not line.take_is_stale and take.details.get("spoken", take.text) == self._spoken_text(
                line.utterance)
            fits = is_current and take.duration_ms <= self.slot(line.utterance).room_ms + ROUNDING_MS
            if is_protected(line.states[Layer.DUB]) or (take.id in wanted and fits):
                found = self.runner.store.find(take.artifact_key)
                if found is not None:
                    kept[line.utterance.id] = found
        return kept

    def _take_step(self, synthesizer: Synthesizer, utterance: Utterance, voice: str, pace: float = 1.0) -> Step:
        return synthesize.step(synthesizer, self._spoken_text(utterance), self.language, voice, self.slot(utterance),
                               pace=pace, utterance=utterance.id)

    def _spoken_text(self, utterance: Utterance) -> str:
        """What the synthesizer is given: the text with the team's pronunciations."""
        return spoken_text(self.storage, self.project.id, self.language, self._text(utterance))

    def take(self, utterance_id: str, *, pace: float = 1.0, voice: str | None = None,
             actor: str = "") -> tuple[Take, Artifact]:
        """Synthesize one line and let the new take be heard; the rest of the project is left alone.

        pace: how much faster than fits best. voice: another than the speaker's, for this line. Raises UsageError when
        there is no such line or nothing to say in it.
        """
        self.dub.translations = self.storage.translations.all(self.project.id, self.language)
        utterance = self.line(utterance_id)
        if not self._text(utterance):
            raise UsageError(f"Line {utterance_id} has no translation into {self.language}.", "Type one first.")
        synthesizer = registry.choose("tts", self.options.synthesizer)
        if voice:
            registry.check_voice(synthesizer, self.language, voice)
        self._check_cloning(synthesizer, {utterance.speaker})
        spoken_by = voice or self._cast(synthesizer)[utterance.speaker]
        made = self.runner.run(self._take_step(synthesizer, utterance, spoken_by, pace))
        return self._keep(utterance, made, synthesizer.id, spoken_by, actor), made

    def line(self, utterance_id: str) -> Utterance:
        """The live utterance of this id. Raises UsageError."""
        for utterance in self.utterances:
            if utterance.id == utterance_id:
                return utterance
        raise UsageError(f"There is no line {utterance_id} in this project.", "It may have been deleted or merged.")

    def _record(self, utterance: Utterance, take: Artifact, engine: str, voice: str, chosen: dict[str, Take]) -> None:
        translation, now = self.dub.translations[utterance.id], chosen.get(utterance.id)
        if now is not None and (now.artifact_key, now.text_revision, now.utterance_revision) == (
                take.key, translation.revision, utterance.revision):
            return
        self._keep(utterance, take, engine, voice, "")

    def _keep(self, utterance: Utterance, take: Artifact, engine: str, voice: str, actor: str) -> Take:
        translation = self.dub.translations[utterance.id]
        details = {**take.facts, "spoken": self._spoken_text(utterance)}
        return self.storage.takes.record(
            self.project.id, utterance.id, self.language, artifact_key=take.key, text=translation.text,
            text_revision=translation.revision, utterance_revision=utterance.revision, engine=engine, voice=voice,
            tempo=take.facts["tempo"], duration_ms=take.facts["duration_ms"], details=details, actor=actor)

    def _cast(self, synthesizer: Synthesizer) -> dict[str, str]:
        """A voice for every speaker: what a person assigned, else the nearest one that nobody has yet."""
        cast = profile.cast_voices(profile.load_profiles(self.source.profiles), synthesizer.voices(self.language),
                                   sorted({u.speaker for u in self.utterances}))
        for speaker in self.speakers.values():
            choice = speaker.voices.get(self.language)
            if choice is not None and choice.engine == synthesizer.id:
                cast[speaker.id] = choice.voice
        return cast

    def _check_cloning(self, synthesizer: Synthesizer, speakers: set[str]) -> None:
        """Raises UsageError where an engine that clones would speak like somebody who has not consented to it."""
        barred = sorted(s for s in speakers if not self.allowance.allows(s, VOICE, self.language))
        if barred and getattr(synthesizer, "clones", False):
            names = ", ".join(speaker_name(list(self.speakers.values()), speaker) for speaker in barred)
            raise UsageError(f"No consent to clone the voice of {names} is on record.",
                             "Record one on the page of speakers, or choose another voice engine.")

    def slot(self, utterance: Utterance) -> Slot:
        """Where the line's take may be heard; never in the next line of the same speaker."""
        later = [u for u in self.utterances if u.start_ms > utterance.start_ms]
        own = min((u.start_ms for u in later if u.speaker == utterance.speaker), default=utterance.end_ms)
        following = min((u.start_ms for u in later), default=None)
        return slot_for(utterance.start_ms, min(utterance.end_ms, own), following, self.source.media.duration_ms)

    def _repaint(self, takes: dict[str, Artifact]) -> dict[str, Artifact]:
        """Mouth patches of every line that is on camera."""
        for utterance in self.utterances:
            self.dub.on_camera[utterance.id] = self.is_on_camera(utterance)
        if self.source.tracks is None or self.source.mouths is None:
            return {}
        seen_lines = [u for u in self._spoken() if self.dub.on_camera[u.id]]
        barred = sorted({u.speaker for u in seen_lines if not self._may_repaint(u)})
        if barred:
            names = ", ".join(speaker_name(list(self.speakers.values()), speaker) for speaker in barred)
            self.dub.notes.append(f"{names}: no consent to repaint the face is on record, so the mouth stays as it is. "
                                  "Record one on the page of speakers.")
            seen_lines = [u for u in seen_lines if u.speaker not in barred]
        elif not seen_lines:
            self.dub.notes.append("No speaker's face is on camera: the mouths stay as they are.")
            return {}
        steps = [self._mouth_step(u, takes[u.id]) for u in seen_lines]
        rendered = dict(zip((u.id for u in seen_lines), self.runner.run_each(steps), strict=True))
        self.dub.notes += [f"{key}: {artifact.facts['note']}" for key, artifact in rendered.items()
                           if artifact.facts["note"]]
        self.dub.rendered = rendered
        return rendered

    def _may_repaint(self, utterance: Utterance) -> bool:
        return self.allowance.allows(utterance.speaker, FACE, self.language)

    def is_on_camera(self, utterance: Utterance) -> bool:
        """A person's word, else what the tracker saw."""
        if utterance.on_camera is not None:
            return utterance.on_camera
        return self.source.is_on_camera(utterance.speaker, utterance.start_ms, utterance.end_ms)

    def mouth(self, utterance: Utterance, take: Artifact) -> Artifact | None:
        """The mouth patches of one line; None where no mouth is to be, or may be, repainted."""
        if self.source.tracks is None or self.source.mouths is None:
            return None
        if not (self.is_on_camera(utterance) and self._may_repaint(utterance)):
            return None
        self.dub.takes = self.storage.takes.chosen(self.project.id, self.language)
        return self.runner.run(self._mouth_step(utterance, take))

    def _mouth_step(self, utterance: Utterance, take: Artifact) -> Step:
        source = self.source
        assert source.tracks is not None and source.mouths is not None
        return lipsync.step(source.lipsyncer, source.path, source.sha256, source.tracks, source.mouths, take,
                            utterance.speaker, utterance.start_ms, self._cover(utterance, take),
                            utterance=utterance.id, language=self.language)

    def _cover(self, utterance: Utterance, take: Artifact) -> tuple[int, int]:
        """The span in which a line owns its speaker's mouth; neighbours of the same speaker share the gap."""
        start, end = utterance.start_ms, max(utterance.end_ms, utterance.start_ms + take.facts["duration_ms"])
        same = [u for u in self.utterances if u.speaker == utterance.speaker and u.id != utterance.id]
        before = max((self._end(u) for u in same if u.start_ms < start), default=0)
        after = min((u.start_ms for u in same if u.start_ms > start), default=self.source.media.duration_ms)
        left = max(start - EASE_MS, (before + start) // 2) if before <= start else start
        right = min(end + EASE_MS, (end + after) // 2) if after >= end else after
        return max(0, left), max(right, left + 1)

    def _end(self, utterance: Utterance) -> int:
        take = self.dub.takes.get(utterance.id)
        return max(utterance.end_ms, utterance.start_ms + take.duration_ms if take is not None else 0)

    def _mix(self, takes: dict[str, Artifact]) -> None:
        self.dub.notes += self.source.separated.facts.get("notes", [])
        lines = [mix.DubbedLine(takes[u.id], u.start_ms, u.end_ms) for u in self._spoken()]
        self.dub.mix = self.runner.run(mix.step(
            self.source.path, self.source.sha256, self.source.separated, lines, self.source.media.audio[0],
            language=self.language))

    def _export(self, rendered: dict[str, Artifact], suffix: str) -> None:
        assert self.dub.mix is not None
        ordered = [rendered[u.id] for u in self.utterances if u.id in rendered]
        self.dub.video = self.runner.run(export.step(
            self.source.path, self.source.sha256, self.dub.mix, self.source.lipsyncer, ordered, suffix,
            self.options.keep_original, language=self.language, segments=SegmentCache(
                self.runner.store.root.parent / "segments" / self.project.id, self.language + suffix,
                self.source.sha256)))
        self.dub.notes += self.dub.video.facts["notes"]

    def _judge(self, takes: dict[str, Artifact], rendered: dict[str, Artifact]) -> None:
        assert self.dub.video is not None and self.dub.mix is not None
        lines = [quality.JudgedLine(u.id, u.speaker, u.start_ms, self.dub.translations[u.id].text, takes[u.id],
                                    rendered.get(u.id)) for u in self._spoken()]
        recognizer = registry.choose("asr", self.options.recognizer)
        judged = self.runner.run(quality.step(recognizer, self.source.lipsyncer, self.source.path, self.source.tracks,
                                              self.dub.video, self.dub.mix, lines, language=self.language))
        self.dub.quality = judged.json(quality.REPORT)


def speaker_name(speakers: Sequence[Speaker], speaker_id: str) -> str:
    """What a person calls a speaker."""
    for speaker in speakers:
        if speaker.id == speaker_id:
            return speaker.character or speaker.name or speaker.id
    return speaker_id


def container_suffix(out: Path | None) -> str:
    """The container that ``out`` asks for; MP4 unless it names a file of another kind."""
    return out.suffix.lower() if out is not None and out.suffix.lower() in (".mp4", ".mov", ".mkv") else ".mp4"
