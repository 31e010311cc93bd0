"""The takes of one language of one project: who speaks each line, when it may be heard, what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from dubbing import registry
from dubbing.domain.isochrony import Fit, Slot
from dubbing.domain.lines import slots_of
from dubbing.domain.project import Project, Speaker, Take, Utterance
from dubbing.domain.review import Layer, is_protected
from dubbing.engines.base import Synthesizer
from dubbing.errors import UsageError
from dubbing.options import DubOptions
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages import profile, synthesize
from dubbing.storage.repository import Repository
from dubbing.team.consent import VOICE, Allowance
from dubbing.team.speaking import spoken_text
from dubbing.understand import Source

if TYPE_CHECKING:
    from dubbing.localize import Dub

#: A take's duration may be so much over its room by rounding alone.
ROUNDING_MS = 10


class Voicing:
    """Speaks the translations of one language. What a person chose or accepted stays.

    dub: whose translations are spoken, and where takes and notes go.
    """

    def __init__(self, storage: Repository, project: Project, options: DubOptions, source: Source, runner: Runner,
                 dub: Dub, utterances: list[Utterance], speakers: dict[str, Speaker], allowed: Allowance) -> None:
        self._storage, self._project, self._source, self._runner = storage, project, source, runner
        self._options = options.for_language(dub.language)
        self._dub, self._language = dub, dub.language
        self._utterances, self._speakers, self._allowed = utterances, speakers, allowed

    def run(self) -> dict[str, Artifact]:
        """A take of every line that has a translation, by line id."""
        synthesizer = registry.choose("tts", self._options.synthesizer)
        cast = self._cast(synthesizer)
        kept = self._kept_takes()
        spoken = [u for u in self._utterances if self._text(u)]
        self._check_cloning(synthesizer, {u.speaker for u in spoken})
        due = [u for u in spoken if u.id not in kept]
        steps = [self._take_step(synthesizer, u, cast[u.speaker]) for u in due]
        made = dict(zip((u.id for u in due), self._runner.run_each(steps), strict=True))
        chosen = self._storage.takes.chosen(self._project.id, self._language)
        # Somebody may have made a take of a line while this went on.
        kept |= self._kept_takes()
        for utterance in due:
            if utterance.id not in kept:
                self._record(utterance, made[utterance.id], synthesizer.id, cast[utterance.speaker], chosen)
        self._dub.takes = self._storage.takes.chosen(self._project.id, self._language)
        made |= kept
        self._note_pressed({u.id: made[u.id] for u in spoken})
        return {u.id: made[u.id] for u in spoken}

    def take(self, utterance_id: str, *, pace: float = 1.0, voice: str | None = None,
             actor: str = "") -> tuple[Take, Artifact]:
        """Synthesize one line and let the new take be heard; the rest of the project is left alone.

        pace: how much faster than fits best. voice: another than the speaker's, for this line. Raises UsageError when
        there is no such line or nothing to say in it.
        """
        self._dub.translations = self._storage.translations.all(self._project.id, self._language)
        utterance = self.line(utterance_id)
        if not self._text(utterance):
            raise UsageError(f"Line {utterance_id} has no translation into {self._language}.", "Type one first.")
        synthesizer = registry.choose("tts", self._options.synthesizer)
        if voice:
            registry.check_voice(synthesizer, self._language, voice)
        self._check_cloning(synthesizer, {utterance.speaker})
        spoken_by = voice or self._cast(synthesizer)[utterance.speaker]
        made = self._runner.run(self._take_step(synthesizer, utterance, spoken_by, pace))
        return self._keep(utterance, made, synthesizer.id, spoken_by, actor), made

    def line(self, utterance_id: str) -> Utterance:
        """The live utterance of this id. Raises UsageError."""
        for utterance in self._utterances:
            if utterance.id == utterance_id:
                return utterance
        raise UsageError(f"There is no line {utterance_id} in this project.", "It may have been deleted or merged.")

    def slot(self, utterance: Utterance) -> Slot:
        """Where the line's take may be heard; never in the next line of the same speaker."""
        return self._slots[utterance.id]

    @cached_property
    def _slots(self) -> dict[str, Slot]:
        return slots_of(self._utterances, self._source.media.duration_ms)

    def _text(self, utterance: Utterance) -> str:
        translation = self._dub.translations.get(utterance.id)
        return translation.text.strip() if translation is not None else ""

    def _spoken_text(self, utterance: Utterance) -> str:
        """What the synthesizer is given: the text with the team's pronunciations."""
        return spoken_text(self._storage, self._project.id, self._language, self._text(utterance))

    def _take_step(self, synthesizer: Synthesizer, utterance: Utterance, voice: str, pace: float = 1.0) -> Step:
        return synthesize.step(synthesizer, self._spoken_text(utterance), self._language, voice, self.slot(utterance),
                               pace=pace, utterance=utterance.id)

    def _kept_takes(self) -> dict[str, Artifact]:
        """Takes that stay as they are: of lines whose dub was accepted, and those that a person chose, while they
        are up to date and do not run into the next line."""
        chosen = self._storage.takes.chosen(self._project.id, self._language)
        wanted = self._storage.takes.chosen_by_people(self._project.id, self._language)
        lines = self._storage.lines.all(self._project.id, self._language) if chosen else []
        kept: dict[str, Artifact] = {}
        for line in lines:
            take = chosen.get(line.utterance.id)
            if take is None or not self._text(line.utterance):
                continue
            is_current = not line.take_is_stale and take.details.get("spoken", take.text) == self._spoken_text(
                line.utterance)
            fits = is_current and take.duration_ms <= self.slot(line.utterance).room_ms + ROUNDING_MS
            if is_protected(line.states[Layer.DUB]) or (take.id in wanted and fits):
                found = self._runner.store.find(take.artifact_key)
                if found is not None:
                    kept[line.utterance.id] = found
        return kept

    def _note_pressed(self, takes: dict[str, Artifact]) -> None:
        pressed = [f"{key} (tempo {take.facts['tempo']:.2f})" for key, take in takes.items()
                   if take.facts["fit"] == Fit.RED.value]
        if pressed:
            self._dub.notes.append(f"Too long for their place, and spoken too fast: {', '.join(pressed)}. "
                                   "Shorten their texts with `dubbing project set`.")

    def _record(self, utterance: Utterance, take: Artifact, engine: str, voice: str, chosen: dict[str, Take]) -> None:
        translation, now = self._dub.translations[utterance.id], chosen.get(utterance.id)
        if now is not None and (now.artifact_key, now.text_revision, now.utterance_revision) == (
                take.key, translation.revision, utterance.revision):
            return
        self._keep(utterance, take, engine, voice, "")

    def _keep(self, utterance: Utterance, take: Artifact, engine: str, voice: str, actor: str) -> Take:
        translation = self._dub.translations[utterance.id]
        details = {**take.facts, "spoken": self._spoken_text(utterance)}
        return self._storage.takes.record(
            self._project.id, utterance.id, self._language, artifact_key=take.key, text=translation.text,
            text_revision=translation.revision, utterance_revision=utterance.revision, engine=engine, voice=voice,
            tempo=take.facts["tempo"], duration_ms=take.facts["duration_ms"], details=details, actor=actor)

    def _cast(self, synthesizer: Synthesizer) -> dict[str, str]:
        """A voice for every speaker: what a person assigned, else the nearest one that nobody has yet."""
        cast = profile.cast_voices(profile.load_profiles(self._source.profiles), synthesizer.voices(self._language),
                                   sorted({u.speaker for u in self._utterances}))
        for speaker in self._speakers.values():
            choice = speaker.voices.get(self._language)
            if choice is not None and choice.engine == synthesizer.id:
                cast[speaker.id] = choice.voice
        return cast

    def _check_cloning(self, synthesizer: Synthesizer, speakers: set[str]) -> None:
        """Raises UsageError where an engine that clones would speak like somebody who has not consented to it."""
        barred = sorted(s for s in speakers if not self._allowed.allows(s, VOICE, self._language))
        if barred and getattr(synthesizer, "clones", False):
            names = ", ".join(speaker_name(list(self._speakers.values()), speaker) for speaker in barred)
            raise UsageError(f"No consent to clone the voice of {names} is on record.",
                             "Record one on the page of speakers, or choose another voice engine.")


def speaker_name(speakers: Sequence[Speaker], speaker_id: str) -> str:
    """What a person calls a speaker."""
    for speaker in speakers:
        if speaker.id == speaker_id:
            return speaker.character or speaker.name or speaker.id
    return speaker_id
