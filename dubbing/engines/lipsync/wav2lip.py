"""Lip-sync by Wav2Lip with the user's own checkpoint, in our tracks, matte and blend. Chosen by name only.

The public weights were trained on the BBC's LRS2 and may not be used commercially; none are shipped or fetched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from dubbing.domain.speech import Phoneme
from dubbing.engines.base import GlimpsedFace, Report, SeenPerson, SpeakerSpan, silent
from dubbing.engines.lipsync.atlas import WEIGHTS, AtlasLipSyncer
from dubbing.errors import UnavailableError

MODEL = "wav2lip"
HOW = ("Download wav2lip_gan.pth or wav2lip.pth from the Wav2Lip project (non-commercial use only) and name the file "
       "with --checkpoint or DUBBING_WAV2LIP_CHECKPOINT.")


class Wav2LipSyncer(AtlasLipSyncer):
    """``lipsync_core.neural.wav2lip.Wav2LipSync`` behind the ``LipSyncer`` protocol.

    checkpoint: the weights; DUBBING_WAV2LIP_CHECKPOINT, then the weight store's "wav2lip" when None. Faces, speaker
    models and scores are those of ``learner``, so changing the engine does not compute them again.
    """

    id: ClassVar[str] = "wav2lip"
    licence: ClassVar[str] = "code Apache-2.0; public weights non-commercial"
    is_fake: ClassVar[bool] = False
    on_request_only: ClassVar[bool] = True

    def __init__(self, checkpoint: str | Path | None = None) -> None:
        super().__init__()
        self.learner = AtlasLipSyncer()
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
        if (stamp := _stamp(path)) not in self._hashes:
            self._hashes[stamp] = sha256(path)
        return f"1-{self._hashes[stamp][:16]}{'+detail' if _wants_detail() else ''}"

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

    def release(self) -> None:
        super().release()
        self.learner.release()

    def track(self, video: Path, folder: Path, report: Report = silent) -> None:
        self.learner.track(video, folder, report)

    def model(self, video: Path, tracks: Path, spans: Sequence[SpeakerSpan], folder: Path,
              report: Report = silent, *, or_largest: bool = False,
              assigned: Mapping[str, Sequence[int]] | None = None) -> dict[str, list[tuple[int, int]]]:
        return self.learner.model(video, tracks, spans, folder, report, or_largest=or_largest, assigned=assigned)

    def people(self, tracks: Path, models: Path) -> list[SeenPerson]:
        return self.learner.people(tracks, models)

    def glance(self, video: Path, times_ms: Sequence[float]) -> list[list[GlimpsedFace]]:
        return self.learner.glance(video, times_ms)

    def score(self, video: Path, tracks: Path, dubbed: Path, takes: Sequence[tuple[str, int, Sequence[Phoneme]]],
              report: Report = silent) -> dict[str, Any]:
        return self.learner.score(video, tracks, dubbed, takes, report)

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

        if (stamp := _stamp(path)) in self._whole_files:
            return None
        try:
            wav2lip.load(path)
        except CheckpointError as error:
            return f"{error}. {HOW}"
        self._whole_files.add(stamp)
        return None


def _stamp(path: Path) -> tuple[Path, int, int]:
    """Tells whether a file is still the one that was read."""
    stat = path.stat()
    return path, stat.st_size, stat.st_mtime_ns


def _wants_detail() -> bool:
    from dubbing.config import load_settings

    return load_settings().wav2lip_detail
