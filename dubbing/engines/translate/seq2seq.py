"""Batched n-best search with an encoder-decoder model of transformers, CPU or GPU.

Sentences are sorted by length, so that a batch is padded little, and batched by tokens. A beam's hypotheses differ by a
word or two; more variety, in wording and length, comes from searches that begin with other words. What a search found
is scored again by the model alone, so that its log probability knows no bonus.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList

from dubbing.engines.translate.nbest import Hypothesis, Wish

#: Source tokens in one batch, padding and beams included.
_BATCH_TOKENS = {"cpu": 4096, "cuda": 65536}
_LONGEST = 400
#: Given translations that are scored together.
_SCORED = 16
#: How much likelier each next token of a wished word becomes.
_WORD_BONUS = 8.0
#: A translation that begins otherwise is kept while a token of it is at most so much less likely than the favourite's.
_STRANGEST = 0.4


class _WordBonus(LogitsProcessor):
    """The next token of each wished word becomes likelier, until the word has been said.

    A constant for each word said is a soft lexical constraint: the beam says it where it costs least.
    """

    def __init__(self, spellings: Sequence[Sequence[Sequence[int]]]) -> None:
        self._words = [[list(ids) for ids in own if ids] for own in spellings]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        scores = scores.clone()
        for row, said in enumerate(input_ids.tolist()):
            for own in self._words:
                if not any(_place(said, ids) for ids in own):
                    for following in {ids[_begun(said, ids)] for ids in own}:
                        scores[row, following] += _WORD_BONUS
        return scores


def _place(said: Sequence[int], ids: Sequence[int]) -> bool:
    return any(list(said[start:start + len(ids)]) == list(ids) for start in range(len(said) - len(ids) + 1))


def _begun(said: Sequence[int], ids: Sequence[int]) -> int:
    """How many tokens of a word stand at the end of what was said."""
    return next((size for size in range(min(len(ids) - 1, len(said)), 0, -1)
                 if list(said[-size:]) == list(ids[:size])), 0)


class Seq2Seq:
    """A loaded model with its tokenizer.

    languages: source and target as the tokenizer calls them, where it has to know. first: the token that every
    translation begins with (the target language). prefix: text before every source sentence (``<2es>``).
    """

    def __init__(self, model: Any, tokenizer: Any, *, languages: tuple[str, str] | None = None,
                 first: int | None = None, prefix: str = "") -> None:
        self._model, self._tokenizer = model, tokenizer
        self._first, self._prefix = first, prefix
        if languages is not None:
            tokenizer.src_lang, tokenizer.tgt_lang = languages
        end = model.generation_config.eos_token_id
        self._ends: list[int] = list(end) if isinstance(end, (list, tuple)) else [int(end)]

    def search(self, texts: Sequence[str], wish: Wish) -> list[list[Hypothesis]]:
        """The n-best translations of sentences; see :class:`dubbing.engines.translate.nbest.Search`."""
        encoded = [self._tokenizer(self._prefix + text, truncation=True, max_length=_LONGEST)["input_ids"]
                   for text in texts]
        beams = wish.starts if wish.starts else max(4, wish.wanted)
        found: list[list[Hypothesis]] = [[] for _ in texts]
        for batch in self._batches(encoded, beams):
            for index, own in zip(batch, self._search_batch([encoded[i] for i in batch], beams, wish), strict=True):
                found[index] = own
        return found

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, int]]:
        """Log probability and number of tokens of given translations; ``pairs`` are (source, translation)."""
        scored: list[tuple[float, int]] = []
        start = self._model.config.decoder_start_token_id
        for first in range(0, len(pairs), _SCORED):
            own = pairs[first:first + _SCORED]
            sources = [self._tokenizer(self._prefix + text, truncation=True, max_length=_LONGEST)["input_ids"]
                       for text, _ in own]
            said = [[start, *self._tokenizer(text_target=text, truncation=True, max_length=_LONGEST)["input_ids"]]
                    for _, text in own]
            batch = self._tokenizer.pad({"input_ids": sources}, return_tensors="pt").to(self._model.device)
            longest, pad = max(map(len, said)), self._model.config.pad_token_id
            tokens = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in said], device=self._model.device)
            with torch.inference_mode():
                scored += zip(*self._scored(batch, tokens, 1), strict=True)
        return scored

    def _batches(self, encoded: Sequence[Sequence[int]], beams: int) -> list[list[int]]:
        """Indices of sentences that go together: alike in length, as many as the room for tokens allows.

        What comes of a sentence does not depend on its company: a batch has one limit of length for all of it.
        """
        room = _BATCH_TOKENS["cuda" if self._model.device.type == "cuda" else "cpu"]
        batches: list[list[int]] = []
        for index in sorted(range(len(encoded)), key=lambda i: len(encoded[i])):
            length = len(encoded[index])
            if batches and (len(batches[-1]) + 1) * length * beams <= room \
                    and _limit(length) == _limit(len(encoded[batches[-1][0]])):
                batches[-1].append(index)
            else:
                batches.append([index])
        return batches

    def _search_batch(self, encoded: Sequence[Sequence[int]], beams: int, wish: Wish) -> list[list[Hypothesis]]:
        batch = self._tokenizer.pad({"input_ids": list(encoded)}, return_tensors="pt").to(self._model.device)
        options = {**self._options(wish), "do_sample": False, "max_length": None,
                   "max_new_tokens": _limit(len(encoded[0]))}
        with torch.inference_mode():
            if wish.starts:
                each, widened = wish.starts, {name: part.repeat_interleave(wish.starts, dim=0)
                                              for name, part in batch.items()}
                tokens = self._model.generate(**widened, decoder_input_ids=self._starts(batch, wish.starts),
                                              num_beams=1, **options)
            else:
                each = wish.wanted
                tokens = self._model.generate(**batch, num_beams=beams, num_return_sequences=each, **options)
            logprobs, counts = self._scored(batch, tokens, each)
        begins = 1 if self._first is None else 2
        texts = self._tokenizer.batch_decode(tokens[:, begins:], skip_special_tokens=True)
        hypotheses = [Hypothesis(text.strip(), logprob, count)
                      for text, logprob, count in zip(texts, logprobs, counts, strict=True)]
        lists = [hypotheses[start:start + each] for start in range(0, len(hypotheses), each)]
        return [_plausible(own) for own in lists]

    def _starts(self, batch: Any, count: int) -> torch.Tensor:
        """What the decoder is given: its first token, the language, and each of the likeliest first words."""
        first = [self._model.config.decoder_start_token_id] + ([] if self._first is None else [self._first])
        given = torch.tensor([first] * len(batch["input_ids"]), device=self._model.device)
        scores = self._model(**batch, decoder_input_ids=given, use_cache=False).logits[:, -1]
        scores[:, list({*self._ends, *self._tokenizer.all_special_ids})] = -torch.inf
        likeliest = scores.topk(count, dim=-1).indices.reshape(-1, 1)
        return torch.cat([given.repeat_interleave(count, dim=0), likeliest], dim=1)

    def _options(self, wish: Wish) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self._first is not None and not wish.starts:
            options["forced_bos_token_id"] = self._first
        if wish.use:
            options["logits_processor"] = LogitsProcessorList([_WordBonus([self._spellings(w) for w in wish.use])])
        avoided = [ids for word in wish.avoid for ids in self._spellings(word) if ids]
        if avoided:
            options["bad_words_ids"] = avoided
        return options

    def _spellings(self, word: str) -> list[list[int]]:
        """Tokens of a word as the target language writes it, with and without a capital."""
        spelled = []
        for form in dict.fromkeys((word, word[:1].upper() + word[1:])):
            ids = self._tokenizer(text_target=form, add_special_tokens=False)["input_ids"]
            unknown = self._tokenizer.unk_token_id
            if ids and unknown not in ids:
                spelled.append(list(ids))
        return spelled

    def _scored(self, batch: Any, tokens: torch.Tensor, each: int) -> tuple[list[float], list[int]]:
        """Log probability and length of sequences [count * each, length] that begin with the decoder's first token."""
        pad = self._model.config.pad_token_id
        given, said = tokens[:, :-1], tokens[:, 1:]
        encoder = self._model.get_encoder()(**batch).last_hidden_state.repeat_interleave(each, dim=0)
        logits = self._model(attention_mask=batch["attention_mask"].repeat_interleave(each, dim=0),
                             encoder_outputs=(encoder,), decoder_input_ids=given, use_cache=False).logits
        chosen = torch.log_softmax(logits.float(), dim=-1).gather(-1, said.unsqueeze(-1)).squeeze(-1)
        counted = said != pad
        if self._first is not None:
            counted[:, 0] = False  # the target language is no choice of the model's
        totals = chosen.masked_fill(~counted, 0.0).sum(dim=1)
        return totals.tolist(), counted.sum(dim=1).clamp(min=1).tolist()


def _limit(tokens: int) -> int:
    """How long the translation of a sentence may become, in tokens: alike for sentences of like length."""
    return min(_LONGEST, 3 * (-(-tokens // 16) * 16) + 20)


def _plausible(own: Sequence[Hypothesis]) -> list[Hypothesis]:
    """Hypotheses that say something, likeliest first, without those that are far less likely than the favourite."""
    ranked = sorted((each for each in own if each.text), key=lambda each: -each.logprob / each.tokens)
    return [each for each in ranked
            if each.logprob / each.tokens > ranked[0].logprob / ranked[0].tokens - _STRANGEST]
