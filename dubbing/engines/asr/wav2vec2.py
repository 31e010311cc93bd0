"""Word times from a wav2vec2 model: WhisperX's forced alignment, without its downloads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dubbing.engines.asr.timing import TimedText
from dubbing.engines.base import Sound

_SHORTEST_SAMPLES = 400


class Aligner:
    """A character CTC model of one language, loaded from a local folder.

    Source: Bain et al., "WhisperX: Time-Accurate Speech Transcription of Long-Form Audio", 2023; the trellis
    and its backtracking are whisperx's own.
    """

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        import json

        from transformers import Wav2Vec2ForCTC

        self._device = device
        self._model = Wav2Vec2ForCTC.from_pretrained(str(folder), local_files_only=True).eval().to(device)
        vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        self._ids = {token.lower(): index for token, index in vocabulary.items()}
        self._blank = next((self._ids[t] for t in ("<pad>", "[pad]") if t in self._ids), 0)
        self._separator = "|" if "|" in self._ids else " "

    def align(self, words: Sequence[str], sound_16k: Sound, start_s: float) -> list[TimedText] | None:
        """Times of ``words`` in a piece that begins at ``start_s``; None when they cannot be laid onto the sound.

        A word without a letter that the model knows is laid onto the likeliest sounds (a wildcard).
        """
        import torch
        from whisperx.alignment import backtrack, get_trellis, merge_repeats

        characters, owners = self._spell(words)
        if not characters:
            return None
        padded = np.pad(sound_16k, (0, max(0, _SHORTEST_SAMPLES - len(sound_16k))))
        padded = (padded - padded.mean()) / np.sqrt(padded.var() + 1e-7)
        with torch.inference_mode():
            logits = self._model(torch.from_numpy(padded.astype(np.float32))[None].to(self._device)).logits
        emission = torch.log_softmax(logits, dim=-1)[0].cpu()
        emission, tokens = self._with_wildcard(emission, characters)
        path = backtrack(get_trellis(emission, tokens, self._blank), emission, tokens, self._blank)
        if path is None:
            return None
        scale = len(padded) / 16000 / (emission.size(0) - 1) if emission.size(0) > 1 else 0.0
        timed = [TimedText(word, None, None) for word in words]
        scores: list[list[float]] = [[] for _ in words]
        for piece, owner in zip(merge_repeats(path, "".join(characters)), owners, strict=True):
            if owner < 0:
                continue
            item = timed[owner]
            item.start = start_s + piece.start * scale if item.start is None else item.start
            item.end = start_s + piece.end * scale
            scores[owner].append(float(piece.score))
        for item, values in zip(timed, scores, strict=True):
            item.confidence = float(np.mean(values)) if values else 0.0
        return timed

    def _spell(self, words: Sequence[str]) -> tuple[list[str], list[int]]:
        """Characters to align and the index of the word that each belongs to (-1: the space between)."""
        characters: list[str] = []
        owners: list[int] = []
        for index, word in enumerate(words):
            known = [char for char in word.lower() if char in self._ids and len(char) == 1]
            letters = known or [char for char in word.lower() if char.isalnum()][:1]
            if not letters:
                continue
            if characters and self._separator in self._ids:
                characters.append(self._separator)
                owners.append(-1)
            characters += letters
            owners += [index] * len(letters)
        return characters, owners

    def _with_wildcard(self, emission: Any, characters: Sequence[str]) -> tuple[Any, list[int]]:
        import torch

        others = torch.ones(emission.size(1), dtype=torch.bool)
        others[self._blank] = False
        wildcard = emission[:, others].max(dim=1).values[:, None]
        tokens = [self._ids.get(char, emission.size(1)) for char in characters]
        return torch.cat([emission, wildcard], dim=1), tokens
