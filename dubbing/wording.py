"""What every line says in one target language: who translates it, and which of the possible texts is kept.

A person's text wins, then a pair that people approved before (the translation memory), then what translators offer.
Timing is decided here, before anything is spoken: of several texts the one is taken that means the same and can be
said in the time of the original. What was chosen stays until something that it was chosen for changes; that takes
have shown a voice to be slower is no reason to put other words into its mouth.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from dubbing import registry
from dubbing.domain import choosing, closures, marks, terms
from dubbing.domain.estimate import budget_for, pace_of, scaled
from dubbing.domain.isochrony import Fit, Slot
from dubbing.domain.lines import slots_of
from dubbing.domain.project import Project, Translation, Utterance
from dubbing.domain.review import Layer, ReviewState, is_protected
from dubbing.domain.rewording import variants
from dubbing.domain.translation import Brief, Candidate, TermRule
from dubbing.domain.workspace import Pace, Term
from dubbing.engines.base import Translator
from dubbing.errors import UnavailableError
from dubbing.options import DubOptions
from dubbing.pipeline.runner import Runner
from dubbing.pipeline.stages import translate
from dubbing.storage.repository import Repository
from dubbing.team.paces import paces_of
from dubbing.understand import Source
from dubbing.worded_line import MARKS, MEMORY, WordedLine, reworded, tidied, wants_more

#: Rises when the same candidates would be chosen from otherwise.
VERSION = "2"
#: Candidates that an engine is asked for, and of how many rules reword each.
WANTED, REWORDED = 5, 3
#: Lines that an engine reads before and after one, and examples from the memory.
CONTEXT, EXAMPLES = 3, 3


@dataclass(slots=True)
class Worded:
    """The texts of one language by utterance id, what a person should know, and how many lines are in the window of
    comfortable tempo (see ``choosing.in_window``): as the first engine's first text would be, and as chosen."""

    translations: dict[str, Translation] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    fit_report: dict[str, int] = field(default_factory=dict)


class Wording:
    """Translates the lines of one project into one language. A person's text wins; the machine's is renewed where
    the source, its place or the terms have changed.

    is_on_camera: whether the speaker of a line is seen; where not, no mouth has to be agreed with.
    """

    def __init__(self, storage: Repository, project: Project, options: DubOptions, source: Source, runner: Runner,
                 language: str, utterances: Sequence[Utterance],
                 is_on_camera: Callable[[Utterance], bool] = lambda _utterance: False) -> None:
        self.storage, self.project, self.source = storage, project, source
        self.options, self.runner, self.language = options.for_language(language), runner, language
        self.utterances, self._is_on_camera = utterances, is_on_camera
        self._notes: list[str] = []

    def run(self) -> Worded:
        """Translate whatever no person has written or accepted."""
        known = self.storage.translations.all(self.project.id, self.language)
        mine = self._mine(known)
        if mine:
            engines = self._engines()
            lines = self._lines(mine, engines)
            due = [line for line in lines if not self._stands(known.get(line.utterance.id), line)]
            if due:
                self._fill(due, engines)
                for line in due:
                    self._keep(line, known.get(line.utterance.id))
        return self._worded()

    def reconsider(self, naturals: Mapping[str, float]) -> Worded | None:
        """Choose anew where a take does not fit although its text was thought to; None where no text changed.

        naturals: how long (ms) each line's present text takes at its voice's own tempo, by line id. A line is asked
        about once: what is chosen then stays, whatever its take does.
        """
        known = self.storage.translations.all(self.project.id, self.language)
        scales = {u.id: scale for u in self._mine(known) if u.id in naturals.keys() & known.keys() - self._accepted()
                  and (scale := self._surprise(u, known[u.id], naturals[u.id])) is not None}
        if not scales:
            return None
        engines = self._engines()
        mine = [u for u in self.utterances if u.id in scales]
        lines = [line for line in self._lines(mine, engines, scales) if self._stands(known[line.utterance.id], line)]
        self._fill(lines, engines)
        for line in lines:
            self._keep(line, known[line.utterance.id], {"measured_ms": round(naturals[line.utterance.id])})
        worded = self._worded()
        is_same = all(worded.translations[key].text == known[key].text for key in scales)
        return None if is_same else worded

    def _accepted(self) -> set[str]:
        """Lines whose take a person chose, or whose dub was accepted."""
        states = self.storage.reviews.states(self.project.id, self.language)
        wanted = self.storage.takes.chosen_by_people(self.project.id, self.language)
        chosen = self.storage.takes.chosen(self.project.id, self.language)
        return ({key for key, take in chosen.items() if take.id in wanted}
                | {key for key, layers in states.items() if is_protected(layers.get(Layer.DUB, ReviewState.DRAFT))})

    def _surprise(self, utterance: Utterance, now: Translation, natural: float) -> float | None:
        """How much longer a line took than was thought, where that is why it does not fit."""
        thought = next((one["tempo"] for one in now.details.get("candidates", ()) if one["text"] == now.text), None)
        expected = choosing.natural_ms(now.text, self._pace(utterance))
        if thought is None or "measured_ms" in now.details or expected == 0:
            return None
        is_fine = choosing.in_window(choosing.tempo_of(natural, self._slots[utterance.id]))
        return natural / expected if choosing.in_window(thought) and not is_fine else None

    def _worded(self) -> Worded:
        worded = Worded(self.storage.translations.all(self.project.id, self.language), list(self._notes))
        worded.fit_report = self._fit_report(worded.translations)
        silent = [u.id for u in self.utterances
                  if u.id not in worded.translations or not worded.translations[u.id].text.strip()]
        if silent:
            worded.notes.append(f"{', '.join(silent)}: no translation into {self.language}; "
                                "the original is heard there. Type one with `dubbing project set`.")
        return worded

    # what is to be done ---------------------------------------------------------------------------------------------

    def _mine(self, known: Mapping[str, Translation]) -> list[Utterance]:
        """The lines whose text a machine may write."""
        states = self.storage.reviews.states(self.project.id, self.language)
        return [u for u in self.utterances if u.id not in known or not (
            known[u.id].edited_by_person
            or is_protected(states.get(u.id, {}).get(Layer.TRANSLATION, ReviewState.DRAFT)))]

    def _engines(self) -> list[Translator]:
        """The chosen translator; with "auto" also those that are asked where it doubts."""
        source = self.source.language
        engines = [registry.choose_translator(source, self.language, self.options.translator)]
        if self.options.translator == "auto":
            self._notes += registry.why_not_better("translate", engines[0].id)
            engines += [one for one in registry.translators(source, self.language) if one is not engines[0]]
        if self.options.style and not any(translate.rewriter_of(engine) for engine in engines):
            self._notes.append("translate: the style notes were read by nobody. Only a language model follows them "
                               "(DUBBING_OPENAI_URL).")
        return engines

    def _lines(self, utterances: Sequence[Utterance], engines: Sequence[Translator],
               scales: Mapping[str, float] = MappingProxyType({})) -> list[WordedLine]:
        """scales: by line id, how much more time its voice takes than its usual pace."""
        made_by = [f"{engine.id}@{engine.version}" for engine in engines]
        return [self._line(utterance, made_by, scales.get(utterance.id, 1.0)) for utterance in utterances]

    def _line(self, utterance: Utterance, made_by: Sequence[str], scale: float) -> WordedLine:
        plain, tokens = marks.protect(utterance.text)
        held, slot = terms.rules(plain, self._glossary), self._slots[utterance.id]
        pace = scaled(self._pace(utterance), scale)
        seen = None
        if self._is_on_camera(utterance):
            seen = self._original_closures(utterance, plain)
        place = choosing.Place(plain, self.source.language, self.language, slot, pace, seen,
                               lambda text: terms.breaches(text, held, self._brief.forbidden))
        at, around = self._order[utterance.id], self._read
        asked = translate.TextLine(
            utterance.id, plain, utterance.start_ms, utterance.end_ms, utterance.speaker,
            tuple(around[max(0, at - CONTEXT):at]), tuple(around[at + 1:at + 1 + CONTEXT]), budget_for(pace, slot),
            held, self._examples(plain))
        recipe = json.dumps([VERSION, utterance.text, self.source.language, slot.duration_ms, slot.room_ms,
                             [asdict(rule) for rule in held], asdict(self._brief), made_by,
                             self._remembered.get(plain, [])], ensure_ascii=False)
        key = hashlib.sha256(recipe.encode()).hexdigest()[:16]
        return WordedLine(utterance, plain, tokens, place, held, asked, key)

    def _original_closures(self, utterance: Utterance, plain: str) -> tuple[closures.Closure, ...]:
        pace = pace_of(self.source.language)
        if " ".join(word.text for word in utterance.words).split() == plain.split():
            return closures.of_words(utterance.words, utterance.start_ms, pace)
        return closures.of_text(plain, pace, utterance.duration_ms)

    def _stands(self, now: Translation | None, line: WordedLine) -> bool:
        """Whether the text that is there was chosen for all that holds now."""
        return (now is not None and bool(now.text) and now.details.get("recipe") == line.recipe
                and now.source_revision >= line.utterance.text_revision)

    # candidates -----------------------------------------------------------------------------------------------------

    def _fill(self, due: Sequence[WordedLine], engines: Sequence[Translator]) -> None:
        """Give every line its candidates, as few engines as can be being asked."""
        for line in due:
            found = self._remembered.get(line.plain, [])
            line.add(Candidate(text, 1.0, MEMORY, "approved before") for text in found)
            ranked = line.ranked()
            line.is_settled = bool(ranked and ranked[0].fit is not Fit.RED) or not line.plain.strip()
        open_lines = [line for line in due if not line.is_settled]
        first, others = engines[0], engines[1:]
        # What the best engine doubts goes to the others; what they leave, it gives as well as it can.
        left = self._ask(first, open_lines, must_be_sure=bool(others), is_only=not others)
        for other in others:
            left = self._ask(other, left)
        if others:
            self._ask(first, left)
        # Who only listens is told by who reads what is written: each has a voice in what the line means.
        for other in others:
            self._ask(other, [line for line in open_lines if line not in left and wants_more(
                line, other, is_unread=first.needs_sound and not other.needs_sound)])
        self._mend(open_lines, engines)
        self._reword([line for line in open_lines if not line.is_in_window], engines)

    def _ask(self, engine: Translator, lines: Sequence[WordedLine], *, must_be_sure: bool = False,
             is_only: bool = False) -> list[WordedLine]:
        """Add an engine's candidates; returns the lines for which it had nothing to say."""
        if not lines:
            return []
        given = [self._protected(engine, line) for line in lines]
        steps = translate.steps(engine, self.source.sound, [asked for asked, _ in given], self._brief, wanted=WANTED,
                                must_be_sure=must_be_sure, is_done=self._is_done)
        try:
            artifacts = self.runner.run_each(steps)
        except UnavailableError as error:
            if is_only:
                raise
            self._notes.append(f"translate: {engine.id} was given up. {error.message}")
            return list(lines)
        left = []
        for line, (_, stand_ins), artifact in zip(lines, given, artifacts, strict=True):
            found = [replace(one, text=tidied(text, line.plain)) for one in translate.load_candidates(artifact)
                     if (text := terms.restore(one.text, stand_ins)) is not None]
            line.add(found)
            if not found:
                left.append(line)
        return left

    def _protected(self, engine: Translator, line: WordedLine,
                   ) -> tuple[translate.TextLine, tuple[tuple[str, str], ...]]:
        """The line with stand-ins for what is to stay as it is, for an engine that leaves unknown words alone."""
        if not getattr(engine, "keeps_unknown_words", False):
            return line.asked, ()
        text, stand_ins = terms.protect(line.plain, [rule.source for rule in line.held
                                                     if terms.wanted(rule) == rule.source])
        return replace(line.asked, text=text), stand_ins

    def _mend(self, lines: Sequence[WordedLine], engines: Sequence[Translator]) -> None:
        """Put the glossary's words into candidates that lack them, and better words for forbidden ones."""
        missed = {rule for line in lines for one in line.candidates for rule in terms.missed(one.text, line.held)}
        renderings = self._renderings(sorted(missed, key=lambda rule: rule.source), engines) if missed else {}
        for line in lines:
            for index, one in enumerate(line.candidates):
                text = terms.applied(one.text, line.held, renderings) if one.engine != MEMORY else one.text
                text = terms.without_forbidden(text, self._brief.forbidden)
                if text != one.text:
                    line.candidates[index] = replace(one, text=text, how=f"{one.how}, terms" if one.how else "terms")

    def _renderings(self, rules: Sequence[TermRule], engines: Sequence[Translator]) -> dict[str, list[str]]:
        """How translators that read put these terms when nobody tells them which words to use."""
        able = [*engines, *registry.translators(self.source.language, self.language)]
        reader = next((engine for engine in able if not engine.needs_sound), None)
        if reader is None:
            return {}
        lines = [translate.TextLine("", rule.source, 0, 1000) for rule in rules]
        steps = translate.steps(reader, self.source.sound, lines, Brief(self.source.language, self.language), wanted=3,
                                is_done=self._is_done)
        try:
            artifacts = self.runner.run_each(steps)
        except UnavailableError:
            return {}
        return {rule.source: [one.text.strip(" .") for one in translate.load_candidates(artifact)]
                for rule, artifact in zip(rules, artifacts, strict=True)}

    def _reword(self, lines: Sequence[WordedLine], engines: Sequence[Translator]) -> None:
        """Shorter or longer texts for lines whose best candidate does not fit: by rules, then by who can rewrite."""
        for line in lines:
            for judged in [one for one in line.ranked() if one.candidate.engine != MEMORY][:REWORDED]:
                made = variants(judged.candidate.text, self.language, longer=judged.tempo < 1.0)
                like = line.made_from.get(judged.candidate.text, judged.candidate.text)
                line.made_from.update({one.text: like for one in made if one.text not in line.made_from})
                line.add((reworded(judged.candidate, one) for one in made), is_evidence=False)
        rewriter = next((one for engine in engines if (one := translate.rewriter_of(engine)) is not None), None)
        due = [line for line in lines if not line.is_in_window and line.candidates]
        if rewriter is None or not due:
            return
        best = [next(iter(line.ranked()), None) for line in due]
        pairs = [(line.asked, judged.candidate.text) for line, judged in zip(due, best, strict=True)
                 if judged is not None]
        steps = translate.rewrite_steps(rewriter, pairs, self._brief, wanted=3, is_done=self._is_done)
        try:
            artifacts = self.runner.run_each(steps)
        except UnavailableError as error:
            self._notes.append(f"translate: nothing was rewritten. {error.message}")
            return
        by_id = {line.utterance.id: line for line in due}
        for (asked, _), artifact in zip(pairs, artifacts, strict=True):
            by_id[asked.id].add(translate.load_candidates(artifact))
        self._mend(due, engines)

    def _is_done(self, key: str) -> bool:
        return self.runner.store.find(key) is not None

    # keeping --------------------------------------------------------------------------------------------------------

    def _keep(self, line: WordedLine, now: Translation | None, more: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Save the best candidate, where there is one."""
        ranked = line.ranked()
        if not line.plain.strip() and line.tokens:
            text, engine, details = marks.restore("", line.tokens, self.language), MARKS, {}
        elif ranked:
            best = ranked[0]
            text, engine = marks.restore(best.candidate.text, line.tokens, self.language), best.candidate.engine
            details = line.details(ranked)
        else:
            return
        details |= {"recipe": line.recipe, **more}
        utterance = line.utterance
        if now is not None and (now.text, now.engine, dict(now.details)) == (text, engine, details) and \
                now.source_revision >= utterance.text_revision:
            return
        self.storage.translations.save_machine(self.project.id, utterance.id, self.language, text, engine=engine,
                                               source_revision=utterance.revision, details=details)

    def _fit_report(self, translations: Mapping[str, Translation]) -> dict[str, int]:
        before = after = lines = 0
        for utterance in self.utterances:
            translation = translations.get(utterance.id)
            if translation is None:
                continue
            pace, slot = self._pace(utterance), self._slots[utterance.id]
            natural = choosing.natural_ms(translation.text, pace)
            if natural == 0:
                continue
            first = translation.details.get("first", {}).get("text", translation.text)
            lines += 1
            after += choosing.in_window(choosing.tempo_of(natural, slot))
            before += choosing.in_window(choosing.tempo_of(choosing.natural_ms(first, pace), slot))
        return {"lines": lines, "in_window_before": before, "in_window_after": after}

    # what holds for all lines ---------------------------------------------------------------------------------------

    @cached_property
    def _brief(self) -> Brief:
        forbidden = self.storage.terms.forbidden(self.project.id, language=self.language)
        return Brief(self.source.language, self.language, self.options.style,
                     tuple((one.term, one.instead) for one in forbidden))

    @cached_property
    def _glossary(self) -> list[Term]:
        return self.storage.terms.all(self.project.id, source_language=self.source.language,
                                      target_language=self.language)

    @cached_property
    def _remembered(self) -> dict[str, list[str]]:
        """What people approved before for these very words."""
        if not self.options.use_memory:
            return {}
        return self.storage.memory.exact(self.source.language, self.language, set(self._read))

    def _examples(self, text: str) -> tuple[tuple[str, str], ...]:
        """Similar lines with the translations that people approved."""
        if not self._has_memory:
            return ()
        hits = self.storage.memory.hits(self.source.language, self.language, text, limit=EXAMPLES)
        return tuple((hit.source, hit.target) for hit in hits)

    @cached_property
    def _has_memory(self) -> bool:
        return self.options.use_memory and self.storage.memory.count() > 0

    @cached_property
    def _read(self) -> list[str]:
        return [marks.spoken(utterance.text) for utterance in self.utterances]

    @cached_property
    def _slots(self) -> dict[str, Slot]:
        return slots_of(self.utterances, self.source.media.duration_ms)

    def _pace(self, utterance: Utterance) -> Pace:
        return self._paces.get(utterance.speaker, pace_of(self.language))

    @cached_property
    def _paces(self) -> dict[str, Pace]:
        return paces_of(self.storage, self.project.id, self.language)

    @cached_property
    def _order(self) -> dict[str, int]:
        return {utterance.id: index for index, utterance in enumerate(self.utterances)}
