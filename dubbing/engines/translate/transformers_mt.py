"""Neural translation of text through transformers: OPUS-MT, M2M-100 and NLLB, where their weights can be had."""

from __future__ import annotations

import gc
import re
from pathlib import Path
from typing import Any, ClassVar

from dubbing.engines.base import TranslationRequest
from dubbing.errors import UnavailableError
from dubbing.weights.hub import hub_answers
from dubbing.weights.store import Store

M2M100, NLLB = "m2m100_418M", "nllb-200-distilled-600M"

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

_SENTENCE = re.compile(r"(?<=[.!?…。！？])\s+")


class TransformersTranslator:
    """Takes, for a pair, the OPUS-MT model made for it, else M2M-100, else NLLB; present ones before others.

    Only weights are read: safetensors, or pickles with ``weights_only``; no code from a repository is run.
    NLLB may not be used commercially and is taken only when it was pulled by name.
    """

    id: ClassVar[str] = "transformers"
    version: ClassVar[str] = "1"
    licence: ClassVar[str] = "Apache-2.0 (transformers); the model's own licence for its output"
    is_fake: ClassVar[bool] = False
    needs_sound: ClassVar[bool] = False
    quality: ClassVar[int] = 80

    def __init__(self, device: str = "", store: Store | None = None) -> None:
        self._store = store or Store()
        self._device = device
        self._loaded: dict[str, tuple[Any, Any]] = {}

    def why_unavailable(self) -> str | None:
        if self._store.present("opus-mt-") or self._store.find(M2M100) or self._store.find(NLLB):
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
        pair = _primary(source), _primary(target)
        if pair[0] == pair[1]:
            return False
        if self._present(*pair):
            return True
        reachable = not self._store.offline and hub_answers()
        return reachable and set(pair) <= _M2M100_LANGUAGES

    def translate(self, request: TranslationRequest, source: str, target: str) -> str:
        """Sentence by sentence, by beam search. Raises UnavailableError when no model can be had for the pair."""
        pair = _primary(source), _primary(target)
        sentences = [part for part in _SENTENCE.split(request.text.strip()) if part]
        if not sentences:
            return ""
        name = self._present(*pair) or self._fetch(*pair)
        tokenizer, model = self._load(name)
        import torch

        options: dict[str, Any] = {}
        if name == M2M100:
            tokenizer.src_lang = pair[0]
            options["forced_bos_token_id"] = tokenizer.get_lang_id(pair[1])
        elif name == NLLB:
            tokenizer.src_lang = _NLLB_CODES[pair[0]]
            options["forced_bos_token_id"] = tokenizer.convert_tokens_to_ids(_NLLB_CODES[pair[1]])
        batch = tokenizer(sentences, return_tensors="pt", padding=True, truncation=True, max_length=400)
        longest = int(batch["input_ids"].shape[1])
        with torch.inference_mode():
            tokens = model.generate(**batch.to(model.device), num_beams=4, do_sample=False, max_length=None,
                                    max_new_tokens=min(400, 3 * longest + 20), **options)
        texts = [text.strip() for text in tokenizer.batch_decode(tokens, skip_special_tokens=True)]
        return ("" if pair[1] in ("ja", "zh") else " ").join(text for text in texts if text)

    def _present(self, source: str, target: str) -> str | None:
        """The best model in the cache for a pair."""
        opus = f"opus-mt-{source}-{target}"
        if opus in self._store.present("opus-mt-"):
            return opus
        if {source, target} <= _M2M100_LANGUAGES and self._store.find(M2M100):
            return M2M100
        if {source, target} <= set(_NLLB_CODES) and self._store.find(NLLB):
            return NLLB
        return None

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

    def _load(self, name: str) -> tuple[Any, Any]:
        if name not in self._loaded:
            folder = self._store.fetch(name)
            import torch
            from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

            device = self._device or ("cuda" if torch.cuda.is_available() else "cpu")
            safe = any(Path(folder).glob("*.safetensors"))
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            model = AutoModelForSeq2SeqLM.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, use_safetensors=safe, weights_only=True)
            self._loaded = {name: (tokenizer, model.eval().to(device))}  # one at a time: they are large
        return self._loaded[name]


def _primary(language: str) -> str:
    return language.replace("_", "-").split("-")[0].lower()
