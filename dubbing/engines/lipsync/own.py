"""Lip-sync by the library's own generator, or by one that was adapted from it. Chosen by name only.

Its weights were trained on rendered heads alone and are free of anybody else's licence.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from dubbing.engines.base import AdaptReport, Report, Say, Sound, SpeakerSpan, silent, unsaid
from dubbing.engines.lipsync.atlas import WEIGHTS
from dubbing.engines.lipsync.neural import NeuralLipSyncer, stamp
from dubbing.errors import UnavailableError

if TYPE_CHECKING:
    from lipsync_core.neural.own import Weights

HOW = "`python -m lipsync_core.train` makes one; name its file with --checkpoint."


class OwnLipSyncer(NeuralLipSyncer):
    """``lipsync_core.neural.own.OwnLipSync`` behind the ``LipSyncer`` protocol.

    checkpoint: the weights (safetensors with a card); the library's own when None.
    """

    id: ClassVar[str] = "own"
    licence: ClassVar[str] = "Apache-2.0"
    is_fake: ClassVar[bool] = False

    def __init__(self, checkpoint: str | Path | None = None) -> None:
        super().__init__()
        self._given = Path(checkpoint) if checkpoint is not None else None
        self._hashes: dict[tuple[Path, int, int], str] = {}

    @property
    def version(self) -> str:  # type: ignore[override]
        """Names the weights by their hash, so that results of different ones are never taken for each other."""
        path = self.weights
        if not path.is_file():
            return "1"
        if (mark := stamp(path)) not in self._hashes:
            self._hashes[mark] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        return f"1-{self._hashes[mark]}"

    @property
    def weights(self) -> Path:
        """The file of the generator, whether it is there or not."""
        from lipsync_core.neural.weights import EMBEDDED

        return self._given or EMBEDDED

    def why_unavailable(self) -> str | None:
        if (reason := super().why_unavailable()) is not None:
            return reason
        from lipsync_core.neural.weights import problem

        path = self.weights
        if self._given is None and not path.is_file():
            return f"The generator's weights did not come with this installation ({path.name}). {HOW}"
        wrong = problem(path)
        return f"{wrong[0].upper()}{wrong[1:]}. {HOW}" if wrong else None

    def load(self) -> None:
        if self._core is not None:
            return
        import torch

        from dubbing.weights.store import Store
        from lipsync_core.neural.own import OwnLipSync

        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._core = OwnLipSync.of(Store().fetch(WEIGHTS), self._read(device), device)

    def adapt(self, video: Path, tracks: Path, models: Path, speaker: str, spans: Sequence[SpeakerSpan], folder: Path,
              *, sound: Sound | None = None, minutes: float, work: Path | None = None, report: Report = silent,
              say: Say = unsaid) -> AdaptReport:
        """See ``dubbing.engines.base.Adapter``."""
        from dubbing.engines.lipsync.adapted import adapt

        return adapt(self.weights, video, tracks, models, speaker, spans, folder, sound=sound, minutes=minutes,
                     work=work, report=report, say=say)

    def _read(self, device: str) -> Weights:
        from lipsync_core.models.checkpoint import CheckpointError
        from lipsync_core.neural.own import load

        try:
            return load(self.weights, device)
        except CheckpointError as error:
            raise UnavailableError(f"The generator cannot be used: {error}.", HOW) from error
