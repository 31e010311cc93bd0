"""Voice prints: the Resemblyzer speaker encoder over a sliding window.

Importing this module imports torch; only the diarizer does, when it loads.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from dubbing.engines.base import Sound

SAMPLE_RATE = 16000
WINDOW_S = 1.6
HOP_S = 0.2
_HOP_SAMPLES = 160
_TAPER_SAMPLES = 400
_MELS = 40
_SIZE = 256
_FRAMES = 160
_STEP = 20
_LOUDNESS_DB = -30.0
_BATCH = 64


class VoicePrint(torch.nn.Module):
    """Resemblyzer's GE2E encoder: 40 mel bands, three LSTM layers, 256 non-negative numbers of unit length.

    Source: Wan et al., "Generalized End-to-End Loss for Speaker Verification", 2018.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        import torchaudio

        self.lstm = torch.nn.LSTM(_MELS, _SIZE, 3, batch_first=True)
        self.linear = torch.nn.Linear(_SIZE, _SIZE)
        bank = torchaudio.functional.melscale_fbanks(_TAPER_SAMPLES // 2 + 1, 0.0, SAMPLE_RATE / 2, _MELS, SAMPLE_RATE,
                                                     norm="slaney", mel_scale="slaney")
        self.register_buffer("bank", bank, persistent=False)
        self.register_buffer("taper", torch.hann_window(_TAPER_SAMPLES), persistent=False)
        state = torch.load(folder / "pretrained.pt", map_location="cpu", weights_only=True)["model_state"]
        self.load_state_dict({name: value for name, value in state.items() if name.startswith(("lstm.", "linear."))},
                             strict=True)
        self.eval()

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Prints ``[batch, 256]`` of mel power ``[batch, 160, 40]`` (windows of 1.6 s)."""
        _, (hidden, _) = self.lstm(mel)
        return torch.nn.functional.normalize(torch.relu(self.linear(hidden[-1])), dim=1)

    def sliding(self, speech: Sound) -> npt.NDArray[np.float32]:
        """Prints ``[windows, 256]`` of one stretch of speech ``[samples]``, a window of 1.6 s every 0.2 s.

        A stretch shorter than a window is said again until the window is full, and gives one print.
        """
        with torch.inference_mode():
            mel = self._mel(torch.from_numpy(speech).to(self.linear.weight.device))
            if len(mel) < _FRAMES:
                mel = mel.repeat(_FRAMES // len(mel) + 1, 1)[:_FRAMES]
            windows = mel.unfold(0, _FRAMES, _STEP).transpose(1, 2)
            prints = [self(batch.contiguous()).cpu() for batch in windows.split(_BATCH)]
        return torch.cat(prints).numpy()

    def _mel(self, speech: torch.Tensor) -> torch.Tensor:
        """Mel power ``[frames, 40]`` every 10 ms, a quiet voice raised to the loudness of the training data."""
        level = 10 * torch.log10(speech.square().mean() + 1e-12)
        speech = speech * 10 ** (torch.clamp(_LOUDNESS_DB - level, min=0.0, max=60.0) / 20)
        spectrum = torch.stft(speech, _TAPER_SAMPLES, _HOP_SAMPLES, window=self.taper, center=True,
                              pad_mode="constant", return_complex=True).abs().square()
        return spectrum.T @ self.bank
