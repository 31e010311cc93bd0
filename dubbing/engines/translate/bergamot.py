"""Translation by the small models that browsers carry: English and Portuguese come with the product, others are yours.

A model has 17 MB and translates some lines a second on one core.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from dubbing.domain.translation import Brief, Candidate
from dubbing.engines.base import Report, TranslationRequest, silent
from dubbing.engines.translate.common import primary
from dubbing.engines.translate.context import in_context
from dubbing.engines.translate.nbest import STUDENT, line_candidates
from dubbing.errors import UnavailableError
from dubbing.weights.store import Store

if TYPE_CHECKING:
    from dubbing.engines.translate.seq2seq import Seq2Seq

#: Models that the catalog knows, with their pairs.
EMBEDDED = {"bergamot-en-pt": (("en", "pt"), ("pt", "en"))}
OWN = "bergamot"
#: Below this a line is worth asking another translator first.
_SURE = 0.4


class BergamotTranslator:
    """One model a direction. Own models lie in a folder each, named by the pair (``enes``): ``model*.bin`` in Marian's
    binary form with 8-bit numbers, and ``vocab*.spm``, one vocabulary for both languages."""

    id: ClassVar[str] = "bergamot"
    version: ClassVar[str] = "2"
    licence: ClassVar[str] = "MPL-2.0 (the models of Firefox Translations)"
    is_fake: ClassVar[bool] = False
    needs_sound: ClassVar[bool] = False
    quality: ClassVar[int] = 60
    memory_mb: ClassVar[int] = 400

    def __init__(self, device: str = "", store: Store | None = None) -> None:
        self._store = store or Store()
        self._device = device
        self._loaded: dict[Path, Seq2Seq] = {}

    def why_unavailable(self) -> str | None:
        if self._own_pairs():
            return None
        reasons = [self._store.why_unavailable(name) for name in EMBEDDED]
        return None if None in reasons else reasons[0]

    def load(self) -> None:
        """Models are loaded when a pair asks for them."""

    def release(self) -> None:
        self._loaded.clear()
        gc.collect()

    def supports(self, source: str, target: str) -> bool:
        pair = primary(source), primary(target)
        return "".join(pair) in self._own_pairs() or any(
            pair in pairs and self._store.why_unavailable(name) is None for name, pairs in EMBEDDED.items())

    def translate(self, request: TranslationRequest, source: str, target: str) -> str:
        """Sentence by sentence, by beam search. Raises UnavailableError when no model can be had for the pair."""
        found = self.candidates([request], Brief(source, target))[0]
        return found[0].text if found else ""

    def candidates(self, requests: Sequence[TranslationRequest], brief: Brief, report: Report = silent,
                   ) -> list[tuple[Candidate, ...]]:
        """The n-best of beam search, batched over all lines; () where a line must be sure and is not."""
        model = self._model(primary(brief.source), primary(brief.target))
        found = line_candidates(requests, brief, model.search, self.id, report, STUDENT)
        found = in_context(requests, found, primary(brief.source), primary(brief.target), model.score, STUDENT)
        return [() if request.must_be_sure and own and own[0].meaning < _SURE else own
                for request, own in zip(requests, found, strict=True)]

    def _own_pairs(self) -> dict[str, Path]:
        """Folders of the user's own models by pair ("enes")."""
        folder = self._store.find(OWN)
        if folder is None or not folder.is_dir():
            return {}
        return {each.name.lower(): each for each in sorted(folder.iterdir())
                if any(each.glob("model*.bin")) and any(each.glob("vocab*.spm"))}

    def _folder(self, source: str, target: str) -> Path:
        if own := self._own_pairs().get(source + target):
            return own
        for name, pairs in EMBEDDED.items():
            if (source, target) in pairs:
                return self._store.fetch(name) / (source + target)
        raise UnavailableError(f"There is no model of Firefox Translations for {source} to {target} here.",
                               "Point DUBBING_MODEL_BERGAMOT at a folder that has one, or choose another translator.")

    def _model(self, source: str, target: str) -> Seq2Seq:
        folder = self._folder(source, target)
        if folder not in self._loaded:
            import torch

            from dubbing.engines.translate.seq2seq import Seq2Seq
            from dubbing.engines.translate.student import StudentTokenizer, UnreadableModel, load_student

            device = self._device or ("cuda" if torch.cuda.is_available() else "cpu")
            try:
                model = load_student(min(folder.glob("model*.bin")))
                tokenizer = StudentTokenizer(min(folder.glob("vocab*.spm")))
            except (UnreadableModel, OSError, RuntimeError, ValueError) as error:
                raise UnavailableError(f"The translation model in {folder.name} cannot be used: {error}",
                                       "Fetch or unpack it again; only models with one vocabulary are read.") from error
            self._loaded[folder] = Seq2Seq(model.to(device), tokenizer)
        return self._loaded[folder]
