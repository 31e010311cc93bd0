"""Spleeter (MIT): voices and accompaniment, a U-Net for each, that share out the spectrum of music between them.

The networks know 11 kHz; above, voices have what they have of the highest band that the networks do know. To them
singing is a voice like any other, and noise may be one: DeepFilterNet then hears what they found and keeps the speech.

Source: Hennequin, Khlif, Voituret and Moussallam, "Spleeter: a fast and efficient music source separation tool with
pre-trained models" (JOSS 2020), after Jansson et al., "Singing voice separation with deep U-Net convolutional
networks" (ISMIR 2017).
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dubbing.engines.base import Separator, Sound
from dubbing.engines.separate.deepfilter import DeepFilterSeparator
from dubbing.engines.separate.windows import separate
from dubbing.errors import UnavailableError

_FFT, _HOP, _BINS, _FRAMES = 4096, 1024, 1024, 512
#: A window is as long as the networks' own pieces: 512 frames, 11.9 s.
_WINDOW, _OVERLAP = (_FRAMES - 1) * _HOP, 16 * _HOP
_EXTENDED_FROM = 896
NAME = "spleeter-2stems"
FILES = ("vocals.ckpt", "accompaniment.ckpt")


class SpleeterSeparator:
    """Separator of :mod:`dubbing.engines.base`. ``folder`` holds both checkpoints; by default the store fetches it."""

    id: ClassVar[str] = "spleeter"
    version: ClassVar[str] = "1"
    licence: ClassVar[str] = "MIT"
    is_fake: ClassVar[bool] = False
    memory_mb: ClassVar[int] = 900

    def __init__(self, folder: Path | None = None, second: Separator | None = None) -> None:
        self._folder = folder
        self._second: Separator = second or DeepFilterSeparator()
        self._networks: list[Any] = []

    def why_unavailable(self) -> str | None:
        # It takes speech out of music better than the embedded one, but nobody is made to fetch it.
        if self._weights() is not None:
            return None
        return f"Its weights are not here: `dubbing models pull {NAME}` fetches them (89 MB)."

    def load(self) -> None:
        if self._networks:
            return
        folder = self._weights()
        if folder is None:
            raise UnavailableError(self.why_unavailable() or "", "Choose another separator, or upload an M&E track.")
        self._networks = [_network(folder / name) for name in FILES]

    def release(self) -> None:
        self._networks = []
        self._second.release()
        gc.collect()

    def separate(self, blocks: Iterator[Sound], sample_rate: int) -> Iterator[tuple[Sound, Sound]]:
        """Stream ``[channels, samples]`` blocks into (speech, M&E); any number of channels, any rate."""
        self.load()
        if self._second.why_unavailable() is not None:
            yield from separate(self._voices, _WINDOW, _OVERLAP, blocks, sample_rate)
            return
        heard: list[Sound] = []

        def noted() -> Iterator[Sound]:
            for block in blocks:
                heard.append(np.atleast_2d(np.asarray(block, np.float32)))
                yield heard[-1]

        voices = (found for found, _ in separate(self._voices, _WINDOW, _OVERLAP, noted(), sample_rate))
        for speech, _ in self._second.separate(voices, sample_rate):
            mix = np.concatenate(heard, axis=1)
            heard[:] = [mix[:, speech.shape[1] :]]
            yield speech, mix[:, : speech.shape[1]] - speech

    def _weights(self) -> Path | None:
        if self._folder is not None:
            return self._folder
        from dubbing.weights.store import Store

        return Store().find(NAME)

    def _voices(self, window: Sound) -> Sound:
        import torch

        with torch.inference_mode():
            hann = torch.hann_window(_FFT)
            whole = torch.stft(torch.from_numpy(window), _FFT, _HOP, window=hann, center=True, pad_mode="constant",
                               return_complex=True)
            # [1, 2, frames, bins], as the networks were taught
            heard = whole.abs()[None, :, :_BINS].transpose(2, 3)
            powers = [net(heard)[0].transpose(1, 2).square() for net in self._networks]
            share = (powers[0] + 1e-10 / 2) / (powers[0] + powers[1] + 1e-10)
            above = share[:, _EXTENDED_FROM:].mean(1, keepdim=True).expand(-1, whole.shape[1] - _BINS, -1)
            found = torch.istft(whole * torch.cat([share, above], dim=1), _FFT, _HOP, window=hann, center=True,
                                length=window.shape[1])
        made: Sound = found.numpy()
        return made


def _network(checkpoint: Path) -> Any:
    """A U-Net with the weights of a file: arrays by name, read without running anything that the file might hold."""
    import pickle

    import torch

    # The arrays are numpy's; the function that puts them together has had two homes.
    rebuild = np.zeros(1).__reduce__()[0]
    arrays: list[Any] = [rebuild, (rebuild, "numpy.core.multiarray._reconstruct"), np.ndarray, np.dtype,
                         type(np.dtype(np.float32))]
    try:
        with torch.serialization.safe_globals(arrays):
            state = torch.load(checkpoint, map_location="cpu", weights_only=True)
        network = unet()
        network.load_state_dict({name: torch.as_tensor(value) for name, value in state.items()}, strict=False)
        missing = {name for name in network.state_dict() if not name.endswith("num_batches_tracked")} - set(state)
        if missing:
            raise KeyError(min(missing))
    except (KeyError, AttributeError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise UnavailableError(f"{checkpoint.name} holds no weights of Spleeter.",
                               "Run: dubbing models verify spleeter-2stems") from error
    return network.eval()


def unet() -> Any:
    """The network of one instrument: six layers down, six up, a mask on spectra ``[batch, 2, frames, bins]``."""
    import torch
    from torch import nn

    class Cut(nn.Module):
        def forward(self, x: Any) -> Any:
            return x[:, :, 1:-2, 1:-2]

    def down(inside: int, outside: int) -> tuple[Any, Any]:
        return (nn.Sequential(nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(inside, outside, 5, 2)),
                nn.Sequential(nn.BatchNorm2d(outside, eps=1e-3), nn.LeakyReLU(0.2)))

    def up(inside: int, outside: int) -> Any:
        return nn.Sequential(nn.ConvTranspose2d(inside, outside, 5, 2), Cut(), nn.ReLU(),
                             nn.BatchNorm2d(outside, eps=1e-3))

    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            widths = (2, 16, 32, 64, 128, 256, 512)
            for i in range(6):
                conv, act = down(widths[i], widths[i + 1])
                self.add_module(f"down{i + 1}_conv", conv)
                self.add_module(f"down{i + 1}_act", act)
            for i, (inside, outside) in enumerate(((512, 256), (512, 128), (256, 64), (128, 32), (64, 16), (32, 1))):
                self.add_module(f"up{i + 1}", up(inside, outside))
            self.up7 = nn.Sequential(nn.Conv2d(1, 2, 4, dilation=2, padding=3), nn.Sigmoid())

        def forward(self, x: Any) -> Any:
            kept, heard = [], x
            for i in range(1, 7):
                conv = getattr(self, f"down{i}_conv")(heard)
                kept.append(conv)
                heard = getattr(self, f"down{i}_act")(conv)
            found: Any = getattr(self, "up1")(kept[5])  # noqa: B009 (one name among seven)
            for i in range(2, 7):
                found = getattr(self, f"up{i}")(torch.cat([kept[6 - i], found], dim=1))
            return self.up7(found) * x

    return UNet()
