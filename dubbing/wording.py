"""What every line says in one target language: who translates it, and which of the possible texts is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dubbing import registry
from dubbing.domain.project import Project, Translation, Utterance
from dubbing.engines.base import Translator
from dubbing.options import DubOptions
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stages import translate
from dubbing.storage.repository import Repository
from dubbing.understand import Source


@dataclass(slots=True)
class Worded:
    """The texts of one language by utterance id, and what a person should know about them."""

    translations: dict[str, Translation] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Wording:
    """Translates the lines of one project into one language. A person's text wins; the machine's is renewed where
    the source has changed."""

    def __init__(self, storage: Repository, project: Project, options: DubOptions, source: Source, runner: Runner,
                 language: str, utterances: Sequence[Utterance]) -> None:
        self.storage, self.project, self.options, self.source = storage, project, options, source
        self.runner, self.language, self.utterances = runner, language, utterances
        self._notes: list[str] = []

    def run(self) -> Worded:
        """Translate whatever no person has written."""
        known = self.storage.translations.all(self.project.id, self.language)
        mine = [u for u in self.utterances if u.id not in known or not known[u.id].edited_by_person]
        if mine:
            engine = registry.choose_translator(self.source.language, self.language, self.options.translator)
            is_free = self.options.translator == "auto"
            if is_free:
                self._notes += registry.why_not_better("translate", engine.id)
            others = registry.translators(self.source.language, self.language) if is_free else []
            others = [other for other in others if other is not engine]
            # What the best engine doubts goes to the others; what they leave, it gives as well as it can.
            left = self._translate_with(engine, mine, known, must_be_sure=bool(others))
            for other in others:
                left = self._translate_with(other, left, known)
            if others:
                self._translate_with(engine, left, known)
        worded = Worded(self.storage.translations.all(self.project.id, self.language), self._notes)
        silent = [u.id for u in self.utterances
                  if u.id not in worded.translations or not worded.translations[u.id].text.strip()]
        if silent:
            worded.notes.append(f"{', '.join(silent)}: no translation into {self.language}; "
                                "the original is heard there. Type one with `dubbing project set`.")
        return worded

    def _translate_with(self, engine: Translator, lines: Sequence[Utterance], known: dict[str, Translation], *,
                        must_be_sure: bool = False) -> list[Utterance]:
        """Translate ``lines`` and keep the texts; returns those for which the engine had nothing to say."""
        steps = [translate.step(engine, self.source.sound, u.text, u.start_ms, u.end_ms, self.source.language,
                                self.language, must_be_sure=must_be_sure, utterance=u.id) for u in lines]
        left = []
        for utterance, artifact in zip(lines, self.runner.run_each(steps), strict=True):
            text, now = artifact.path(translate.TEXT).read_text(), known.get(utterance.id)
            if not text:
                left.append(utterance)
            elif now is None or (now.text, now.engine) != (text, engine.id) or \
                    now.source_revision < utterance.text_revision:
                self.storage.translations.save_machine(self.project.id, utterance.id, self.language, text,
                                                       engine=engine.id, source_revision=utterance.revision)
        return left
