"""Lip-sync by Wav2Lip with the user's own checkpoint, in our tracks, matte and blend. Chosen by name only.

The public weights were trained on the BBC's LRS2 and may not be used commercially; none are shipped or fetched.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from dubbing.engines.lipsync.atlas import WEIGHTS
from dubbing.engines.lipsync.neural import NeuralLipSyncer, stamp
from dubbing.errors import UnavailableError

MODEL = "wav2lip"
HOW = ("Download wav2lip_gan.pth or wav2lip.pth from the Wav2Lip project (non-commercial use only) and name the file "
       "with --checkpoint or DUBBING_WAV2LIP_CHECKPOINT.")


class Wav2LipSyncer(NeuralLipSyncer):
    """``lipsync_core.neural.wav2lip.Wav2LipSync`` behind the ``LipSyncer`` protocol.

    checkpoint: the weights; DUBBING_WAV2LIP_CHECKPOINT, then the weight store's "wav2lip" when None.
    """

    id: ClassVar[str] = "wav2lip"
    licence: ClassVar[str] = "code Apache-2.0; public weights non-commercial"
    is_fake: ClassVar[bool] = False

    def __init__(self, checkpoint: str | Path | None = None) -> None:
        super().__init__()
        self._given = Path(checkpoint) if checkpoint is not None else None
        self._hashes: dict[tuple[Path, int, int], str] = {}
        self._whole_files: set[tuple[Path, int, int]] = set()

    @property
    def version(self) -> str:  # type: ignore[override]
        """Names the weights by their hash, so that results of different checkpoints are never taken for each other."""
        from lipsync_core.models.checkpoint import sha256

        path = self._find()
        if path is None or not path.is_file():
            return "1"
        if (mark := stamp(path)) not in self._hashes:
            self._hashes[mark] = sha256(path)
        return f"1-{self._hashes[mark][:16]}{'+detail' if _wants_detail() else ''}"

    def why_unavailable(self) -> str | None:
        from dubbing.weights.store import Store

        reason = super().why_unavailable()
        if reason is not None:
            return reason
        store = Store()
        if store.commercial_only:
            return store.why_unavailable(MODEL)
        path = self._find()
        if path is None:
            return f"No checkpoint is named. {HOW}"
        return f"There is no checkpoint {path}. {HOW}" if not path.is_file() else self._damage(path)

    def load(self) -> None:
        if self._core is not None:
            return
        from dubbing.weights.store import Store
        from lipsync_core.models.checkpoint import CheckpointError
        from lipsync_core.neural.wav2lip import Options, Wav2LipSync, fastest

        try:
            generator, device, batch = fastest(self._path())
        except CheckpointError as error:
            raise UnavailableError(f"The checkpoint cannot be used: {error}.", HOW) from error
        options = Options(batch=batch, detail=_wants_detail())
        self._core = Wav2LipSync(Store().fetch(WEIGHTS), generator, options, device)

    def _find(self) -> Path | None:
        from dubbing.config import load_settings
        from dubbing.weights.store import Store

        return self._given or load_settings().wav2lip_checkpoint or Store().find(MODEL)

    def _path(self) -> Path:
        path = self._find()
        if path is None or not path.is_file():
            raise UnavailableError(f"There is no checkpoint {path or ''}".rstrip() + ".", HOW)
        return path

    def _damage(self, path: Path) -> str | None:
        """What is wrong with the file's content; each file is read once."""
        from lipsync_core.models import wav2lip
        from lipsync_core.models.checkpoint import CheckpointError

        if (mark := stamp(path)) in self._whole_files:
            return None
        try:
            wav2lip.load(path)
        except CheckpointError as error:
            return f"{error}. {HOW}"
        self._whole_files.add(mark)
        return None


def _wants_detail() -> bool:
    from dubbing.config import load_settings

    return load_settings().wav2lip_detail
