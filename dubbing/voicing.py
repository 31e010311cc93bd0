"""The takes of one language of one project: who speaks each line, when it may be heard, what is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dubbing import registry
from dubbing.domain.isochrony import Fit, Slot
from dubbing.domain.lines import slots_of
from dubbing.domain.phrases import phrases_of, source_pauses
from dubbing.domain.project import Project, Speaker, Take, Utterance
from dubbing.domain.review import Layer, is_protected
from dubbing.engines.base import CLONE, SpeakerSpan, Synthesizer
from dubbing.errors import UsageError
from dubbing.options import DubOptions
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.prosody_measure import ProsodyTarget
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages import profile, prosody, reference, synthesize
from dubbing.storage.repository import Repository
from dubbing.team.consent import VOICE, Allowance
from dubbing.team.speaking import spoken_text
from dubbing.understand import Source

if TYPE_CHECKING:
    from dubbing.localize import Dub

#: A take's duration may be so much over its room by rounding alone.
ROUNDING_MS = 10
#: A silence inside a take that is heard as a pause.
HEARD_PAUSE_MS = 150


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
        synthesizer = self._synthesizer
        kept = self._kept_takes()
        spoken = [u for u in self._utterances if self._text(u)]
        cast = self._cast(synthesizer, {u.speaker for u in spoken})
        due = [u for u in spoken if u.id not in kept]
        steps = self._take_steps(synthesizer, due, cast)
        made = dict(zip((u.id for u in due), self._runner.run_each(steps), strict=True))
        chosen = self._storage.takes.chosen(self._project.id, self._language)
        # Somebody may have made a take of a line while this went on.
        kept |= self._kept_takes()
        for utterance in due:
            if utterance.id not in kept:
                self._record(utterance, made[utterance.id], synthesizer.id, cast[utterance.speaker], chosen)
        self._dub.takes = self._storage.takes.chosen(self._project.id, self._language)
        takes = {u.id: (made | kept)[u.id] for u in spoken}
        self._note_pressed(takes)
        self._dub.fit_measured = measured(spoken, takes)
        return takes

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
        synthesizer = self._synthesizer
        if voice:
            registry.check_voice(synthesizer, self._language, voice)
        cast = self._cast(synthesizer, {utterance.speaker}, voice)
        (step,) = self._take_steps(synthesizer, [utterance], cast, pace)
        made = self._runner.run(step)
        return self._keep(utterance, made, synthesizer.id, cast[utterance.speaker], actor), made

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
        takes_ipa = bool(getattr(self._synthesizer, "takes_ipa", False))
        return spoken_text(self._storage, self._project.id, self._language, self._text(utterance),
                           takes_ipa=takes_ipa)

    @cached_property
    def _synthesizer(self) -> Synthesizer:
        found: Synthesizer = registry.choose("tts", self._options.synthesizer)
        return found

    def _take_steps(self, synthesizer: Synthesizer, lines: Sequence[Utterance], cast: Mapping[str, str],
                    pace: float = 1.0) -> list[Step]:
        """How to speak ``lines``: in the original's phrases, as it was said, by whom ``cast`` says."""
        targets = self._targets(lines)
        references = {speaker: self._reference(speaker) for speaker, voice in cast.items()
                      if voice == CLONE and any(u.speaker == speaker for u in lines)}
        steps = []
        for u in lines:
            text = self._spoken_text(u)
            phrases = phrases_of(text, self._language, u.words, u.start_ms, self.slot(u).end_ms)
            steps.append(synthesize.step(
                synthesizer, text, self._language, cast[u.speaker], self.slot(u), pace=pace, utterance=u.id,
                phrases=phrases, prosody=targets.get(u.id), reference=references.get(u.speaker)))
        return steps

    def _targets(self, lines: Sequence[Utterance]) -> dict[str, ProsodyTarget]:
        """How each of ``lines`` was said in the original; none where takes are not to follow it."""
        if not self._options.prosody:
            return {}
        profiles = profile.load_profiles(self._source.profiles)
        steps = [prosody.step(self._source.separated, u.start_ms, u.end_ms, [(w.start_ms, w.end_ms) for w in u.words],
                              profiles.get(u.speaker, profile.UNKNOWN), utterance=u.id, language=self._language)
                 for u in lines]
        return {u.id: prosody.load_target(made) for u, made in zip(lines, self._runner.run_each(steps), strict=True)}

    def _reference(self, speaker: str) -> Artifact:
        """The speaker's cleanest seconds."""
        spans = [SpeakerSpan(u.speaker, u.start_ms, u.end_ms) for u in self._utterances]
        return self._runner.run(reference.step(self._source.separated, spans, speaker))

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

    def _cast(self, synthesizer: Synthesizer, speakers: set[str], voice: str | None = None) -> dict[str, str]:
        """A voice for every speaker: ``voice`` where it is given, what a person assigned, the speaker's own where the
        engine imitates, else the nearest one that nobody has yet.

        Raises UsageError where one of ``speakers`` would be imitated without having consented to it.
        """
        offered = synthesizer.voices(self._language)
        everybody = sorted({u.speaker for u in self._utterances})
        imitates = any(one.id == CLONE for one in offered)
        cast = dict.fromkeys(everybody, CLONE) if imitates else profile.cast_voices(
            profile.load_profiles(self._source.profiles), offered, everybody)
        for speaker in self._speakers.values():
            choice = speaker.voices.get(self._language)
            if choice is not None and choice.engine == synthesizer.id:
                cast[speaker.id] = choice.voice
        cast |= dict.fromkeys(speakers, voice) if voice else {}
        self._check_cloning({speaker for speaker in speakers if cast[speaker] == CLONE})
        return cast

    def _check_cloning(self, speakers: set[str]) -> None:
        """Raises UsageError where an engine that clones would speak like somebody who has not consented to it."""
        barred = sorted(s for s in speakers if not self._allowed.allows(s, VOICE, self._language))
        if barred:
            names = ", ".join(speaker_name(list(self._speakers.values()), speaker) for speaker in barred)
            raise UsageError(f"No consent to clone the voice of {names} is on record.",
                             "Record one on the page of speakers, or choose another voice engine.")


def measured(lines: Sequence[Utterance], takes: Mapping[str, Artifact]) -> dict[str, Any]:
    """How the takes of ``lines`` sit in their places: counts of lines, and medians in ms or dB.

    in_window: tempo within -10 % and +20 % of the voice's own. pauses, pauses_kept: of the originals' of 300 ms and
    more, and those that are heard in the takes. stretched: lines whose sound was stretched, with the median artefacts
    (log-spectral distance, dB).
    """
    voiced = [u for u in lines if u.id in takes]
    facts = [takes[u.id].facts for u in voiced]
    fits = [one["fit"] for one in facts]
    onsets = sorted(one["onset_ms"] for one in facts if "onset_ms" in one)
    harms = sorted(one["stretch"]["spectral_db"] for one in facts if "stretch" in one)
    pauses = [len(source_pauses(u.words, u.start_ms, u.end_ms)) for u in voiced]
    # A pause that somebody typed into a line that had none is none that was kept.
    kept = sum(min(own, sum(end - start >= HEARD_PAUSE_MS for start, end in one.get("pauses", ())))
               for own, one in zip(pauses, facts, strict=True))
    return {"lines": len(facts), "in_window": fits.count(Fit.GREEN.value), "tolerable": fits.count(Fit.AMBER.value),
            "pressed": fits.count(Fit.RED.value), "borrowed": sum(one["borrowed_ms"] > 0 for one in facts),
            "onset_ms_median": onsets[len(onsets) // 2] if onsets else None,
            "pauses": sum(pauses), "pauses_kept": kept, "stretched": len(harms),
            "stretch_spectral_db": harms[len(harms) // 2] if harms else None}


def speaker_name(speakers: Sequence[Speaker], speaker_id: str) -> str:
    """What a person calls a speaker."""
    for speaker in speakers:
        if speaker.id == speaker_id:
            return speaker.character or speaker.name or speaker.id
    return speaker_id
