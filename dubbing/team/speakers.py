"""Speakers at the desk: what they are called, which voices dub them, and what they allowed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from dubbing.derived import Derived
from dubbing.domain.project import Project, VoiceChoice, new_id
from dubbing.domain.review import Action
from dubbing.domain.workspace import Consent, Rights, SpeakerView, VoiceOption
from dubbing.engines.base import imitates
from dubbing.errors import UnavailableError, UsageError
from dubbing.media.atomic import storage_error
from dubbing.team.consent import FACE, VOICE, Allowance, allowance
from dubbing.team.seat import ForbiddenError, Seat
from dubbing.team.uploads import EVIDENCE, Uploads, discard

_NAME_LENGTH = 255


class Speakers:
    """The speakers of projects that the person at the desk may see, and the consents that the person keeps."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._workspace = seat.workspace
        self._storage = seat.workspace.storage

    def all(self, project_id: str) -> list[SpeakerView]:
        """Everybody who is heard, whoever says most first; speakers without lines come last.

        voice_allowed, face_allowed: in all of the project's languages. What a consent says beside its use, languages
        and term is shown to those who keep consents.
        """
        self._seat.require(Action.VIEW, project_id)
        project = self._storage.projects.get(project_id)
        amounts, heard = self._storage.casting.amounts(project_id), self._storage.casting.heard(project_id)
        consents = self._storage.consents.of_speakers(project_id)
        if not self._seat.may(Action.MANAGE_CONSENT, project_id):
            consents = {speaker: tuple(_in_short(one) for one in own) for speaker, own in consents.items()}
        granted, derived = allowance(self._storage, project), Derived(self._workspace.settings.home, project_id)
        views = [SpeakerView(
            id=one.id, name=one.name or one.id, character=one.character, lines=amounts.get(one.id, (0, 0))[0],
            speech_ms=amounts.get(one.id, (0, 0))[1], has_sample=derived.speaker(one.id).is_file(),
            voices={language: self._option(language, choice) for language, choice in one.voices.items()},
            heard=heard.get(one.id, {}), consents=consents.get(one.id, ()),
            voice_allowed=_everywhere(granted, project, one.id, VOICE),
            face_allowed=_everywhere(granted, project, one.id, FACE)) for one in self._storage.speakers.all(project_id)]
        return sorted(views, key=lambda view: (-view.speech_ms, view.id))

    def rename(self, project_id: str, speaker_id: str, name: str | None = None, character: str | None = None) -> None:
        """Change what is given. Raises UsageError for an empty name or an unknown speaker."""
        self._seat.require(Action.EDIT_TRANSCRIPT, project_id)
        if name is not None and not name.strip():
            raise UsageError("A speaker needs a name.", "Type one, for example Speaker 1.")
        if any(given is not None and len(given.strip()) > _NAME_LENGTH for given in (name, character)):
            raise UsageError(f"A name has at most {_NAME_LENGTH} characters.", "Shorten it.")
        self._known(project_id, speaker_id)
        self._storage.speakers.save(project_id, speaker_id, name=None if name is None else name.strip(),
                                    character=None if character is None else character.strip(),
                                    actor=self._seat.actor)

    def merge(self, project_id: str, into: str, other: str) -> int:
        """Say that two speakers are one person: all lines of ``other`` go to ``into``. Returns how many did.

        The next dub learns voice and mouth of both together. Raises UsageError when a line is locked.
        """
        self._seat.require(Action.EDIT_TRANSCRIPT, project_id)
        return self._storage.casting.merge(project_id, into, other, actor=self._seat.actor)

    def split(self, project_id: str, speaker_id: str, utterance_ids: Sequence[str]) -> str:
        """Give some lines of a speaker to a new one; returns its id. Raises UsageError as ``merge`` does."""
        self._seat.require(Action.EDIT_TRANSCRIPT, project_id)
        return self._storage.casting.split(project_id, speaker_id, utterance_ids, actor=self._seat.actor)

    # voices -------------------------------------------------------------------------------------------------------

    def voices(self, project_id: str, language: str) -> list[VoiceOption]:
        """Voices that can dub a speaker into ``language``, those that speak it natively first; none where no engine
        speaks it here."""
        self._seat.require(Action.VIEW, project_id)
        return self._voices(self._storage.projects.get(project_id), language)

    def _voices(self, project: Project, language: str) -> list[VoiceOption]:
        from dubbing import registry

        try:
            engine = registry.choose("tts", self._workspace.options(project).for_language(language).synthesizer)
        except UnavailableError:
            return []
        if language not in engine.languages():
            return []
        voices = sorted(engine.voices(language), key=lambda voice: not voice.is_native)
        return [VoiceOption(engine.id, voice.id, voice.id, language, "" if voice.sex == "unknown" else voice.sex,
                            imitates(engine, language, voice.id)) for voice in voices]

    def assign_voice(self, project_id: str, speaker_id: str, language: str, voice: VoiceOption | None) -> None:
        """Let a voice dub a speaker; None hands the choice back to the machine. Takes in another voice become stale.

        Raises UsageError for a voice that the project's engine does not have, ForbiddenError for one that imitates
        a person who has not allowed it.
        """
        from dubbing import registry

        self._seat.require(Action.EDIT_DUB, project_id, language)
        project = self._storage.projects.get(project_id)
        if language not in project.targets:
            raise UsageError(f"The project is not dubbed into {language}.", "Choose one of its languages.")
        if voice is not None:
            engine = registry.choose("tts", self._workspace.options(project).for_language(language).synthesizer)
            if voice.engine != engine.id:
                raise UsageError(f"This project is spoken by {engine.id}, and the voice is one of {voice.engine}.",
                                 "Choose another voice, or another synthesizer in the project's settings.")
            registry.check_voice(engine, language, voice.id)
            clones = voice.clones or imitates(engine, language, voice.id)
            if clones and not allowance(self._storage, project).allows(speaker_id, VOICE, language):
                raise ForbiddenError("This voice imitates the speaker, who has not allowed it here.",
                                     "Record the speaker's consent and link it, or choose another voice.")
        choice = None if voice is None else VoiceChoice(voice.engine, voice.id)
        self._storage.speakers.assign_voice(project_id, speaker_id, language, choice, actor=self._seat.actor)

    def _option(self, language: str, choice: VoiceChoice) -> VoiceOption:
        return VoiceOption(choice.engine, choice.voice, choice.voice, language)

    # consent ------------------------------------------------------------------------------------------------------

    def consents(self, person: str = "") -> list[Consent]:
        """Consents, newest first, with ``person`` those whose name holds that text.

        Who keeps consents everywhere sees all; a project's manager those of their projects and their own.
        """
        found = self._storage.consents.all(person)
        if Rights(self._seat.person.roles).may(Action.MANAGE_CONSENT):
            return found
        managed = self._managed()
        if not managed:
            raise ForbiddenError("You may not see the consents.", "Ask a project manager.")
        reached = self._storage.consents.linked_in(managed)
        return [one for one in found if one.id in reached or one.recorded_by == self._seat.actor]

    def record_consent(self, person: str, use: str, languages: Sequence[str] = (), valid_from: date | None = None,
                       valid_until: date | None = None, evidence_upload_id: str | None = None,
                       note: str = "") -> Consent:
        """Keep what a person allowed: ``use`` "voice", "face" or "voice_and_face", no languages for all of them.

        The uploaded evidence is moved to where no project's end removes it. Raises UsageError as the form needs.
        """
        if not Rights(self._seat.person.roles).may(Action.MANAGE_CONSENT) and not self._managed():
            raise ForbiddenError("You may not record consents.", "Ask a project manager.")
        uploads = Uploads(self._seat)
        record = None if evidence_upload_id is None else uploads.finished(evidence_upload_id, EVIDENCE)
        consent_id = new_id()
        kept = None if record is None else self._workspace.settings.home / "consents" / consent_id / record.path.name
        try:
            if record is not None and kept is not None:
                _copy(record.path, kept)
            made = self._storage.consents.add(
                person, use, languages, valid_from, valid_until, evidence=kept, note=note, consent_id=consent_id,
                evidence_sha256="" if record is None else record.sha256, actor=self._seat.actor)
        except BaseException:
            if kept is not None:
                shutil.rmtree(kept.parent, ignore_errors=True)
            raise
        if record is not None:
            discard(record)
            self._storage.uploads.remove(record.id)
        return made

    def revoke_consent(self, consent_id: str) -> Consent:
        """Note that a consent was withdrawn; what needs it is blocked from now on."""
        self._kept(consent_id)
        return self._storage.consents.revoke(consent_id, actor=self._seat.actor)

    def link_consent(self, project_id: str, speaker_id: str, consent_id: str, linked: bool = True) -> None:
        """Say that a consent holds for a speaker of a project, or no longer does."""
        self._seat.require(Action.MANAGE_CONSENT, project_id)
        if linked:
            self._kept(consent_id)
        self._storage.consents.link(project_id, speaker_id, consent_id, linked, actor=self._seat.actor)

    def _kept(self, consent_id: str) -> Consent:
        """A consent that this person keeps. Raises UsageError, ForbiddenError."""
        found = self._storage.consents.get(consent_id)
        if all(one.id != consent_id for one in self.consents()):
            raise ForbiddenError("This consent is kept by somebody else.", "Ask an administrator.")
        return found

    def _managed(self) -> list[str]:
        """Projects in which a membership lets this person keep consents."""
        return [member.project_id for member in self._storage.memberships.of_person(self._seat.person.id)
                if Rights(frozenset({member.role})).may(Action.MANAGE_CONSENT)]

    def _known(self, project_id: str, speaker_id: str) -> None:
        if all(one.id != speaker_id for one in self._storage.speakers.all(project_id)):
            raise UsageError(f"There is no speaker {speaker_id} in this project.", "Reload the speakers.")


def _everywhere(granted: Allowance, project: Project, speaker: str, use: str) -> bool:
    return all(granted.allows(speaker, use, language) for language in project.targets or ("",))


def _in_short(consent: Consent) -> Consent:
    return replace(consent, note="", evidence_name="", evidence_sha256="")


def _copy(source: Path, target: Path) -> None:
    """Put an upload where it stays; without taking its room twice where the file system can."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
    except OSError as error:
        raise storage_error(error, target) from error
