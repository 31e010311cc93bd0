"""Candidates weighed again in context: how well each follows what was said before it.

A sentence model is shown the line before and its translation as one text with the line and a candidate; how likely
the model finds that candidate then, beside the others, tells what the line alone does not ("Está cansada": she, not
it). Nothing is generated and nothing has to be cut out of a longer answer. The idea is that of reranking with a
context-aware score (Yu et al., "Better Document-Level Machine Translation with Bayes' Rule", TACL 2020).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from dubbing.domain.translation import Candidate
from dubbing.engines.base import TranslationRequest
from dubbing.engines.translate.common import joined
from dubbing.engines.translate.nbest import Scale

#: (source, translation) pairs -> each translation's log probability and its number of tokens.
Score = Callable[[Sequence[tuple[str, str]]], Sequence[tuple[float, int]]]


def in_context(requests: Sequence[TranslationRequest], found: Sequence[tuple[Candidate, ...]], source: str,
               target: str, score: Score, scale: Scale) -> list[tuple[Candidate, ...]]:
    """``found`` with each line's candidates in the order of their likelihood after the line before, where that line
    is among ``requests`` and has a translation.

    A candidate's meaning moves, on the model's own scale, by how much likelier a token of the two lines together is
    with it than with the line's favourite.
    """
    said = {request.text: own[0].text for request, own in zip(requests, found, strict=True) if own}
    weighed = list(found)
    due = [index for index, (request, own) in enumerate(zip(requests, found, strict=True))
           if len(own) > 1 and request.before and request.before[-1] in said]
    for index in due:
        request, own = requests[index], found[index]
        before = request.before[-1]
        text, spoken = joined((before, request.text), source), said[before]
        likely = [logprob / max(1, tokens) for logprob, tokens in
                  score([(text, joined((spoken, one.text), target)) for one in own])]
        moved = [replace(one, meaning=scale.moved(min(max(one.meaning, 0.001), 0.999), mine - likely[0]))
                 for one, mine in zip(own, likely, strict=True)]
        weighed[index] = tuple(sorted(moved, key=lambda one: -one.meaning))
    return weighed

