"""Hybrid Demucs: music taken apart into drums, bass, the rest and voices; voices are speech, all else is M&E.

The network is torchaudio's; its weights are not part of any package. They are read from the file that the user names,
or from where torchaudio keeps what it once fetched.

Source: Défossez, "Hybrid Spectrogram and Waveform Source Separation" (MDX workshop 2021).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dubbing.engines.base import Sound
from dubbing.engines.separate.windows import MODEL_RATE, separate
from dubbing.errors import UnavailableError

if TYPE_CHECKING:
    from dubbing.weights.store import Store

NAME = "hdemucs"
SOURCES = ("drums", "bass", "other", "vocals")
#: Where torchaudio keeps the weights of its bundle HDEMUCS_HIGH_MUSDB_PLUS, below torch's folder of downloads.
_BUNDLED = Path("torchaudio/models/hdemucs_high_trained.pt")
_WINDOW_S, _OVERLAP_S = 10, 1


class DemucsSeparator:
    """Separator of :mod:`dubbing.engines.base`. ``weights``: a state of ``torchaudio.models.HDemucs``."""

    id: ClassVar[str] = "demucs"
    version: ClassVar[str] = "1"
    licence: ClassVar[str] = "MIT (code); weights trained on MUSDB18"
    is_fake: ClassVar[bool] = False
    memory_mb: ClassVar[int] = 2600

    def __init__(self, weights: Path | None = None, store: Store | None = None, device: str | None = None) -> None:
        self._given, self._store, self._device = weights, store, device
        self._model: Any = None

    def why_unavailable(self) -> str | None:
        if self._weights() is not None:
            return None
        return (f"Its weights are not here: point DUBBING_MODEL_{NAME.upper()} at hdemucs_high_trained.pt "
                "of torchaudio's bundle HDEMUCS_HIGH_MUSDB_PLUS.")

    def load(self) -> None:
        if self._model is not None:
            return
        weights = self._weights()
        if weights is None:
            raise UnavailableError(self.why_unavailable() or "", "Choose another separator, or upload an M&E track.")
        self._model = _load(weights, self._wanted_device())

    def release(self) -> None:
        self._model = None
        gc.collect()

    def separate(self, blocks: Iterator[Sound], sample_rate: int) -> Iterator[tuple[Sound, Sound]]:
        """Stream ``[channels, samples]`` blocks into (speech, M&E); any number of channels, any rate."""
        self.load()
        yield from separate(self._voices, int(_WINDOW_S * MODEL_RATE), int(_OVERLAP_S * MODEL_RATE), blocks,
                            sample_rate)

    def _voices(self, window: Sound) -> Sound:
        import torch

        # The network has learned from sound of about this strength, and hears nothing in digital silence.
        level = float(window.std())
        if level < 1e-6:
            return window * 0
        with torch.inference_mode():
            heard = torch.from_numpy(window / level).to(self._wanted_device())[None]
            voices = self._model(heard)[0, SOURCES.index("vocals")]
        found: Sound = voices.float().cpu().numpy() * level
        return found

    def _weights(self) -> Path | None:
        if self._given is not None:
            return self._given if self._given.is_file() else None
        named = self._models().find(NAME)
        if named is not None:
            return next((path for path in (named, named / _BUNDLED.name) if path.is_file()), None)
        kept = _torch_downloads() / _BUNDLED
        return kept if kept.is_file() else None

    def _models(self) -> Store:
        if self._store is None:
            from dubbing.weights.store import Store

            self._store = Store()
        return self._store

    def _wanted_device(self) -> str:
        if self._device is None:
            import torch

            self._device = "cuda" if torch.cuda.is_available() else "cpu"
        return self._device


def _torch_downloads() -> Path:
    """torch.hub's folder, found without importing torch."""
    import os

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("TORCH_HOME") or cache / "torch") / "hub"


def _load(weights: Path, device: str) -> Any:
    """The network in the width that the weights have. Raises UnavailableError for a file that holds no such weights."""
    import pickle

    import torch
    from torchaudio.models import HDemucs

    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
        state = state.get("state_dict", state)
        width = int(state["freq_encoder.0.conv.weight"].shape[0])
        model = HDemucs(sources=list(SOURCES), nfft=4096, depth=6, channels=width)
        model.load_state_dict(state)
    except (KeyError, AttributeError, RuntimeError, ValueError, pickle.UnpicklingError, EOFError) as error:
        raise UnavailableError(f"{weights.name} holds no weights of Hybrid Demucs.",
                               "Fetch the file of torchaudio's bundle HDEMUCS_HIGH_MUSDB_PLUS again.") from error
    return model.eval().to(device)
