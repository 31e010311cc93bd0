"""The target side of a dub: one language of one project, from translations to the finished file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dubbing.adapting import Adapting
from dubbing.derived import Derived, Standing
from dubbing.domain.isochrony import Slot
from dubbing.domain.project import Project, Take, Translation, Utterance
from dubbing.judging import Judging
from dubbing.media.segments import SegmentCache
from dubbing.mixdown import Mixdown
from dubbing.options import DubOptions
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages import export, lipsync
from dubbing.storage.repository import Repository
from dubbing.team.consent import FACE, allowance
from dubbing.understand import Source
from dubbing.voicing import Voicing, speaker_name
from dubbing.wording import Worded, Wording

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
    replaced: dict[str, tuple[int, int]] = field(default_factory=dict)
    loudness: dict[str, Any] = field(default_factory=dict)
    fit_measured: dict[str, Any] = field(default_factory=dict)
    quality: dict[str, Any] = field(default_factory=dict)
    fit_report: dict[str, int] = field(default_factory=dict)
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
        self.voicing = Voicing(storage, project, options, source, runner, self.dub, self.utterances, self.speakers,
                               self.allowance)
        self.adapting = Adapting(options, source, runner,
                                 Derived(runner.store.root.parent, project.id).folder / "adapting")

    def run(self, suffix: str = ".mp4") -> Dub:
        """Every stage in order. ``suffix`` chooses the container of the finished file."""
        takes = self._speak()
        rendered = self._repaint(takes)
        mixdown = Mixdown(self.options, self.source, self.runner, self.dub, self.utterances)
        self.dub.mix = mixdown.run(takes)
        self.dub.video = self._export(self.dub.mix, rendered, suffix)
        self.dub.loudness = mixdown.measured(self.dub.mix, self.dub.video)
        self._judge(takes, rendered)
        return self.dub

    def _speak(self) -> dict[str, Artifact]:
        """Translate and speak; what turns out not to fit although it was thought to is worded, and spoken, again."""
        wording = Wording(self.storage, self.project, self.options, self.source, self.runner, self.language,
                          self.utterances, self.is_on_camera)
        self._take_over(wording.run())
        takes = self.voicing.run()
        again = wording.reconsider({key: take.facts["natural_ms"] for key, take in takes.items()})
        if again is None:
            return takes
        self.dub.notes.clear()
        self._take_over(again)
        return self.voicing.run()

    def _take_over(self, worded: Worded) -> None:
        self.dub.translations, self.dub.fit_report = worded.translations, worded.fit_report
        self.dub.notes += worded.notes

    def _spoken(self) -> list[Utterance]:
        return [u for u in self.utterances if self._text(u)]

    def _text(self, utterance: Utterance) -> str:
        translation = self.dub.translations.get(utterance.id)
        return translation.text.strip() if translation is not None else ""

    def take(self, utterance_id: str, *, pace: float = 1.0, voice: str | None = None,
             actor: str = "") -> tuple[Take, Artifact]:
        """Speak one line anew and let the take be heard (see :meth:`Voicing.take`)."""
        return self.voicing.take(utterance_id, pace=pace, voice=voice, actor=actor)

    def line(self, utterance_id: str) -> Utterance:
        """The live utterance of this id. Raises UsageError."""
        return self.voicing.line(utterance_id)

    def slot(self, utterance: Utterance) -> Slot:
        """Where the line's take may be heard."""
        return self.voicing.slot(utterance)

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
        named = list(self.speakers.values())
        self.dub.notes += self.adapting.run({u.speaker: speaker_name(named, u.speaker) for u in seen_lines})
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
        return lipsync.step(self.adapting.lipsyncer(utterance.speaker), source.path, source.sha256, source.tracks,
                            source.mouths, take, utterance.speaker, utterance.start_ms, self._cover(utterance, take),
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

    def _export(self, mixed: Artifact, rendered: dict[str, Artifact], suffix: str) -> Artifact:
        ordered = [rendered[u.id] for u in self.utterances if u.id in rendered]
        video = self.runner.run(export.step(
            self.source.path, self.source.sha256, mixed, self.source.lipsyncer, ordered, suffix,
            self.options.keep_original, language=self.language, segments=SegmentCache(
                self.runner.store.root.parent / "segments" / self.project.id, self.language + suffix,
                self.source.sha256)))
        self.dub.notes += video.facts["notes"]
        return video

    def _judge(self, takes: dict[str, Artifact], rendered: dict[str, Artifact]) -> None:
        self.dub.quality = Judging(self.storage, self.project, self.options, self.source, self.runner, self.dub,
                                   self.utterances).run(takes, rendered)


def container_suffix(out: Path | None) -> str:
    """The container that ``out`` asks for; MP4 unless it names a file of another kind."""
    return out.suffix.lower() if out is not None and out.suffix.lower() in (".mp4", ".mov", ".mkv") else ".mp4"
