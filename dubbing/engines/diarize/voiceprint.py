"""Voice prints: the Resemblyzer speaker encoder as an embedding model of pyannote.audio.

Importing this module imports torch and pyannote; only the diarizer does, when it loads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pyannote.audio import Model
from pyannote.audio.core.task import Problem, Resolution, Specifications

SAMPLE_RATE = 16000
_HOP = 160
_WINDOW = 400
_MELS = 40
_SIZE = 256
_PARTIAL_FRAMES = 160
_PARTIAL_STEP = 80
_LOUDNESS_DB = -30.0
_SHORTEST_SAMPLES = 8000


class VoicePrint(Model):
    """Resemblyzer's GE2E encoder: 40 mel bands, three LSTM layers, 256 non-negative numbers of unit length.

    Takes waveforms ``[batch, 1, samples]`` and, as pyannote hands them, weights ``[batch, frames]`` that say when
    the speaker is heard; gives ``[batch, 256]``, NaN for a voice heard for less than half a second.

    Source: Wan et al., "Generalized End-to-End Loss for Speaker Verification", 2018.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(sample_rate=SAMPLE_RATE, num_channels=1)
        import torchaudio

        self.lstm = torch.nn.LSTM(_MELS, _SIZE, 3, batch_first=True)
        self.linear = torch.nn.Linear(_SIZE, _SIZE)
        bank = torchaudio.functional.melscale_fbanks(_WINDOW // 2 + 1, 0.0, SAMPLE_RATE / 2, _MELS, SAMPLE_RATE,
                                                     norm="slaney", mel_scale="slaney")
        self.register_buffer("bank", bank, persistent=False)
        self.register_buffer("taper", torch.hann_window(_WINDOW), persistent=False)
        self.specifications = Specifications(problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=5.0)
        state = torch.load(folder / "pretrained.pt", map_location="cpu", weights_only=True)["model_state"]
        known = {name: value for name, value in state.items() if name.startswith(("lstm.", "linear."))}
        self.load_state_dict(known, strict=False)
        self.eval()

    @property
    def dimension(self) -> int:
        return _SIZE

    def forward(self, waveforms: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
        prints = []
        for index, waveform in enumerate(waveforms[:, 0]):
            voice = waveform
            if weights is not None:
                mask = torch.nn.functional.interpolate(weights[index][None, None], size=len(waveform), mode="nearest")
                voice = waveform[mask[0, 0] > 0.5]
            prints.append(self.embed(voice))
        return torch.stack(prints)

    def embed(self, voice: torch.Tensor) -> torch.Tensor:
        """The print of one speaker's ``[samples]``: the mean over windows of 1.6 s every 0.8 s, of unit length."""
        if len(voice) < _SHORTEST_SAMPLES:
            return torch.full((_SIZE,), float("nan"), device=voice.device)
        mel = self._mel(self._loud_enough(voice))
        if len(mel) < _PARTIAL_FRAMES:  # a short voice is said again until a window is full
            mel = mel.repeat(_PARTIAL_FRAMES // len(mel) + 1, 1)[:_PARTIAL_FRAMES]
        starts = range(0, len(mel) - _PARTIAL_FRAMES + 1, _PARTIAL_STEP)
        windows = torch.stack([mel[start:start + _PARTIAL_FRAMES] for start in starts])
        _, (hidden, _) = self.lstm(windows)
        partial = torch.nn.functional.normalize(torch.relu(self.linear(hidden[-1])), dim=1)
        return torch.nn.functional.normalize(partial.mean(dim=0), dim=0)

    def _loud_enough(self, voice: torch.Tensor) -> torch.Tensor:
        """Raise a quiet voice to the loudness that the encoder was trained on."""
        level = 10 * torch.log10(voice.square().mean() + 1e-12)
        return voice * 10 ** (torch.clamp(_LOUDNESS_DB - level, min=0.0, max=60.0) / 20)

    def _mel(self, voice: torch.Tensor) -> torch.Tensor:
        """Mel power ``[frames, 40]``, 25 ms windows every 10 ms."""
        spectrum = torch.stft(voice, _WINDOW, _HOP, window=self.taper, center=True, pad_mode="constant",
                              return_complex=True).abs().square()
        return spectrum.T @ self.bank

    def training_step(self, *_: Any) -> None:
        """Not trained here."""
        raise NotImplementedError("VoicePrint is used as it is.")
