"""translate: the possible texts of one utterance in the target language, as one engine gives them.

Engines are asked for several lines at once, yet every line is an artifact of its own: the first line of a batch whose
result is not there asks for all that are missing, and each takes its own from that answer. What is killed in between
loses one batch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from dubbing.domain.translation import Brief, Budget, Candidate, TermRule
from dubbing.engines.base import Report, Rewriter, TranslationRequest, Translator
from dubbing.pipeline.artifact import Artifact
from dubbing.pipeline.stage import Step
from dubbing.pipeline.stages.sound import load_mono_16k

VERSION = "2"
CANDIDATES = "candidates.json"
#: Sound around the utterance that a listening translator gets: word times are good to about this much.
MARGIN_MS = 60
#: Lines of one call, where a batch pays; one that listens takes a line at a time.
BATCH_LINES = 16
#: How far an engine is trusted that does not say how sure it is.
UNSTATED = 0.6


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line to translate, with what is known about it; see :class:`TranslationRequest`."""

    id: str
    text: str
    start_ms: int
    end_ms: int
    speaker: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    budget: Budget | None = None
    terms: tuple[TermRule, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()


def steps(translator: Translator, sound: Artifact, lines: Sequence[TextLine], brief: Brief, *, wanted: int,
          must_be_sure: bool = False, is_done: Callable[[str], bool] = lambda _key: False) -> list[Step]:
    """One step a line; its artifact holds the engine's candidates, none where the engine had nothing to say.

    A translator that listens depends on the utterance's own sound and times. The lines around one, and examples, help
    an engine, but a line is not translated anew because another one changed. is_done: whether there is an artifact of
    this key already.
    """
    size = 1 if translator.needs_sound else BATCH_LINES
    found: list[Step] = []
    for first in range(0, len(lines), size):
        batch = lines[first:first + size]
        asked = _Asked(partial(_ask, translator, sound, batch, brief, wanted, must_be_sure), is_done)
        for index, line in enumerate(batch):
            params = {**_params(line, brief, reads=not translator.needs_sound), "wanted": wanted}
            if must_be_sure:
                params["must_be_sure"] = True
            inputs: dict[str, Artifact | str] = {}
            if translator.needs_sound:
                params.update(start_ms=line.start_ms, end_ms=line.end_ms)
                inputs["sound"] = sound
            step = _step(translator, asked, index, params, inputs, line.id, brief.target)
            asked.keys.append(step.key)
            found.append(step)
    return found


def rewrite_steps(rewriter: Rewriter, lines: Sequence[tuple[TextLine, str]], brief: Brief, *, wanted: int,
                  is_done: Callable[[str], bool] = lambda _key: False) -> list[Step]:
    """One step a (line, text so far): texts of the same meaning within the line's budget."""
    found: list[Step] = []
    for first in range(0, len(lines), BATCH_LINES):
        batch = lines[first:first + BATCH_LINES]
        asked = _Asked(partial(_ask_again, rewriter, batch, brief, wanted), is_done)
        for index, (line, text) in enumerate(batch):
            params = {**_params(line, brief, reads=True), "wanted": wanted, "rewrite": text}
            step = _step(rewriter, asked, index, params, {}, line.id, brief.target)
            asked.keys.append(step.key)
            found.append(step)
    return found


def load_candidates(artifact: Artifact) -> tuple[Candidate, ...]:
    """What a step of this stage wrote."""
    return tuple(Candidate(**values) for values in artifact.json(CANDIDATES))


#: ``ask(indices, report)`` gives, for each of these lines of a batch, its candidates.
_Ask = Callable[[Sequence[int], Report], list[tuple[Candidate, ...]]]


class _Asked:
    """A batch's answer, asked for when the first of its lines is due, for all lines that have none by then.

    ``keys`` are those of the lines' artifacts.
    """

    def __init__(self, ask: _Ask, is_done: Callable[[str], bool]) -> None:
        self._ask, self._is_done = ask, is_done
        self.keys: list[str] = []
        self._answers: dict[int, tuple[Candidate, ...]] = {}

    def __call__(self, index: int, report: Report) -> tuple[Candidate, ...]:
        if index not in self._answers:
            # The line that is due is asked for, whatever others say.
            missing = {at for at, key in enumerate(self.keys) if not self._is_done(key)}
            wanted = sorted((missing | {index}) - self._answers.keys())
            self._answers.update(zip(wanted, self._ask(wanted, report), strict=True))
        return self._answers[index]


def _step(translator: Translator, asked: _Asked, index: int, params: dict[str, Any],
          inputs: dict[str, Artifact | str], utterance: str, language: str) -> Step:
    def build(folder: Path, facts: dict[str, Any], report: Report) -> None:
        candidates = asked(index, report)
        text = json.dumps([asdict(one) for one in candidates], ensure_ascii=False, indent=1)
        (folder / CANDIDATES).write_text(text, encoding="utf-8")
        facts["candidates"] = len(candidates)
        report(1, 1, "")

    return Step("translate", VERSION, build, params, inputs, translator, "line", utterance or None, language)


def _params(line: TextLine, brief: Brief, *, reads: bool) -> dict[str, Any]:
    """What of a line and its brief decides the answer; to one that only listens, budget and terms say nothing."""
    params: dict[str, Any] = {"source": brief.source, "target": brief.target, "text": line.text}
    if reads:
        params.update(terms=[[rule.source, rule.target, rule.note] for rule in line.terms], style=brief.style,
                      budget=None if line.budget is None else list(asdict(line.budget).values()),
                      forbidden=[list(pair) for pair in brief.forbidden])
    return params


def _ask(translator: Translator, sound: Artifact, lines: Sequence[TextLine], brief: Brief, wanted: int,
         must_be_sure: bool, indices: Sequence[int], report: Report) -> list[tuple[Candidate, ...]]:
    """The engine's candidates; those of one that was written before there were any are its only text."""
    requests = [_request(translator, sound, lines[index], wanted, must_be_sure) for index in indices]
    if hasattr(translator, "candidates"):
        return translator.candidates(requests, brief, report)
    texts = [translator.translate(request, brief.source, brief.target).strip() for request in requests]
    return [(Candidate(text, UNSTATED, translator.id),) if text else () for text in texts]


def _ask_again(rewriter: Rewriter, lines: Sequence[tuple[TextLine, str]], brief: Brief, wanted: int,
               indices: Sequence[int], report: Report) -> list[tuple[Candidate, ...]]:
    return rewriter.rewrite([(_plain_request(lines[index][0], wanted), lines[index][1]) for index in indices], brief,
                            report)


def _request(translator: Translator, sound: Artifact, line: TextLine, wanted: int, must_be_sure: bool,
             ) -> TranslationRequest:
    request = _plain_request(line, wanted)
    clip = None
    if translator.needs_sound:
        clip = load_mono_16k(sound, line.start_ms - MARGIN_MS, line.end_ms + MARGIN_MS)
    return replace(request, sound_16k=clip, must_be_sure=must_be_sure)


def _plain_request(line: TextLine, wanted: int) -> TranslationRequest:
    return TranslationRequest(line.text, line.end_ms - line.start_ms, id=line.id, speaker=line.speaker,
                              before=line.before, after=line.after, budget=line.budget, terms=line.terms,
                              examples=line.examples, wanted=wanted)


def rewriter_of(translator: Translator) -> Rewriter | None:
    """The translator as one that can say a text again, where it can."""
    return cast(Rewriter, translator) if getattr(translator, "rewrites", False) else None
