"""Adapting the library's own generator to one speaker, in the pipeline's words and errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dubbing.engines.base import AdaptReport, Report, Say, Sound, SpeakerSpan
from dubbing.engines.lipsync.atlas import WEIGHTS, ear, told
from dubbing.errors import UnavailableError


def adapt(weights: Path, video: Path, tracks: Path, models: Path, speaker: str, spans: Sequence[SpeakerSpan],
          folder: Path, *, sound: Sound | None, minutes: float, work: Path | None, report: Report,
          say: Say) -> AdaptReport:
    """Run ``lipsync_core.train.adapt``; what cannot be adapted to is no error but a note, and the atlas is used."""
    from dubbing.weights.store import Store
    from lipsync_core.engine import Span
    from lipsync_core.models.checkpoint import CheckpointError
    from lipsync_core.train.adapt import AdaptError
    from lipsync_core.train.adapt import adapt as run

    heard = [Span(s.speaker, s.start_ms, s.end_ms) for s in spans]
    try:
        with told():
            done = run(video, tracks, models, speaker, folder, models_folder=Store().fetch(WEIGHTS), generator=weights,
                       spans=heard, sound=sound, network=ear(), seconds=60 * minutes, work=work, report=report, say=say)
    except AdaptError as error:
        return AdaptReport(False, f"{error}; the atlas is used.", {})
    except CheckpointError as error:
        raise UnavailableError(f"The generator cannot be adapted: {error}.",
                               "Leave --adapt out, or name other weights.") from error
    return AdaptReport(done.won, done.note, done.figures, done.weights)
