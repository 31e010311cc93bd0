"""Neural translation of text through transformers: OPUS-MT, M2M-100, MADLAD-400 and NLLB, where there are weights."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dubbing.domain.translation import Brief, Candidate
from dubbing.engines.base import Report, TranslationRequest, silent
from dubbing.engines.translate.common import primary
from dubbing.engines.translate.context import in_context
from dubbing.engines.translate.nbest import SMOOTHED, line_candidates
from dubbing.errors import UnavailableError
from dubbing.weights.hub import hub_answers
from dubbing.weights.store import Store

if TYPE_CHECKING:
    from dubbing.engines.translate.seq2seq import Seq2Seq

M2M100, MADLAD, NLLB = "m2m100_418M", "madlad400-3b-mt", "nllb-200-distilled-600M"

_M2M100_CODES = (
    "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu ha he hi hr ht hu hy "
    "id ig ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr ms my ne nl no ns oc or pa pl ps pt ro ru "
    "sd si sk sl so sq sr ss su sv sw ta th tl tn tr uk ur uz vi wo xh yi yo zh zu")
_M2M100_LANGUAGES = frozenset(_M2M100_CODES.split())

#: FLORES-200 codes of the languages in which a video is usually dubbed.
_FLORES = (
    "ar:arb_Arab bg:bul_Cyrl bn:ben_Beng ca:cat_Latn cs:ces_Latn da:dan_Latn de:deu_Latn el:ell_Grek en:eng_Latn "
    "es:spa_Latn et:est_Latn fa:pes_Arab fi:fin_Latn fr:fra_Latn gl:glg_Latn he:heb_Hebr hi:hin_Deva hr:hrv_Latn "
    "hu:hun_Latn id:ind_Latn it:ita_Latn ja:jpn_Jpan ko:kor_Hang lt:lit_Latn lv:lvs_Latn ms:zsm_Latn nb:nob_Latn "
    "nl:nld_Latn no:nob_Latn pl:pol_Latn pt:por_Latn ro:ron_Latn ru:rus_Cyrl sk:slk_Latn sl:slv_Latn sr:srp_Cyrl "
    "sv:swe_Latn sw:swh_Latn ta:tam_Taml te:tel_Telu th:tha_Thai tl:tgl_Latn tr:tur_Latn uk:ukr_Cyrl ur:urd_Arab "
    "vi:vie_Latn zh:zho_Hans")
_NLLB_CODES = dict(pair.split(":") for pair in _FLORES.split())
#: MADLAD-400 knows four hundred; these are offered, under the codes that it has for them.
_MADLAD_CODES = {code: code for code in (*_NLLB_CODES, "eu", "ga", "hy", "is", "ka", "kk", "km", "lo", "mk", "mn", "my",
                                         "ne", "si", "sq")} | {"nb": "no", "tl": "fil", "he": "iw"}


class TransformersTranslator:
    """Takes, for a pair, the OPUS-MT model made for it, else MADLAD-400, M2M-100 or NLLB; present ones before others.

    Only weights are read: safetensors, or pickles with ``weights_only``; no code from a repository is run.
    NLLB may not be used commercially, and it and MADLAD-400 are taken only when they were pulled by name.
    """

    id: ClassVar[str] = "transformers"
    version: ClassVar[str] = "3"
    licence: ClassVar[str] = "Apache-2.0 (transformers); the model's own licence for its output"
    is_fake: ClassVar[bool] = False
    needs_sound: ClassVar[bool] = False
    quality: ClassVar[int] = 80

    def __init__(self, device: str = "", store: Store | None = None) -> None:
        self._store = store or Store()
        self._device = device
        self._loaded: dict[str, tuple[Any, Any]] = {}

    def why_unavailable(self) -> str | None:
        if self._store.present("opus-mt-") or any(self._store.find(name) for name in (MADLAD, M2M100, NLLB)):
            return None
        if not self._store.offline and hub_answers():
            return None
        return "No text translation model is in the cache and the model hub does not answer; " \
               "`dubbing models pull m2m100_418M` adds one when it does."

    def load(self) -> None:
        """Models are loaded when a pair asks for them."""

    def release(self) -> None:
        self._loaded.clear()
        gc.collect()

    def supports(self, source: str, target: str) -> bool:
        pair = primary(source), primary(target)
        if pair[0] == pair[1]:
            return False
        if self._present(*pair):
            return True
        reachable = not self._store.offline and hub_answers()
        return reachable and set(pair) <= _M2M100_LANGUAGES

    def translate(self, request: TranslationRequest, source: str, target: str) -> str:
        """Sentence by sentence, by beam search. Raises UnavailableError when no model can be had for the pair."""
        found = self.candidates([request], Brief(source, target))[0]
        return found[0].text if found else ""

    def candidates(self, requests: Sequence[TranslationRequest], brief: Brief, report: Report = silent,
                   ) -> list[tuple[Candidate, ...]]:
        """The n-best of beam search, batched over all lines. Raises UnavailableError when no model can be had."""
        pair = primary(brief.source), primary(brief.target)
        name = self._present(*pair) or self._fetch(*pair)
        model = self._model(name, *pair)
        found = line_candidates(requests, brief, model.search, self.id, report)
        return in_context(requests, found, *pair, model.score, SMOOTHED)

    def _present(self, source: str, target: str) -> str | None:
        """The best model in the cache for a pair."""
        opus = f"opus-mt-{source}-{target}"
        if opus in self._store.present("opus-mt-"):
            return opus
        known = ((MADLAD, _MADLAD_CODES.keys()), (M2M100, _M2M100_LANGUAGES), (NLLB, _NLLB_CODES.keys()))
        return next((name for name, codes in known if {source, target} <= codes and self._store.find(name)), None)

    def _fetch(self, source: str, target: str) -> str:
        """Pull the pair's own model, or the one for a hundred languages. Raises UnavailableError."""
        opus = f"opus-mt-{source}-{target}"
        try:
            self._store.fetch(opus)
            return opus
        except UnavailableError:
            if not {source, target} <= _M2M100_LANGUAGES:
                raise
        self._store.fetch(M2M100)
        return M2M100

    def _model(self, name: str, source: str, target: str) -> Seq2Seq:
        """The model, told which languages it translates."""
        from dubbing.engines.translate.seq2seq import Seq2Seq

        tokenizer, model = self._load(name)
        if name == M2M100:
            return Seq2Seq(model, tokenizer, languages=(source, target), first=tokenizer.get_lang_id(target))
        if name == NLLB:
            code = tokenizer.convert_tokens_to_ids(_NLLB_CODES[target])
            return Seq2Seq(model, tokenizer, languages=(_NLLB_CODES[source], _NLLB_CODES[target]), first=code)
        if name == MADLAD:
            return Seq2Seq(model, tokenizer, prefix=f"<2{_MADLAD_CODES[target]}> ")
        return Seq2Seq(model, tokenizer)

    def _load(self, name: str) -> tuple[Any, Any]:
        if name not in self._loaded:
            folder = self._store.fetch(name)
            import torch
            from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

            device = self._device or ("cuda" if torch.cuda.is_available() else "cpu")
            safe = any(Path(folder).glob("*.safetensors"))
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            model = AutoModelForSeq2SeqLM.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_safetensors=safe, weights_only=True,
                dtype=torch.float16 if device == "cuda" and name != MADLAD else "auto")
            self._loaded = {name: (tokenizer, model.eval().to(device))}  # one at a time: they are large
        return self._loaded[name]
