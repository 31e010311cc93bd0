"""LSE-D and LSE-C of a finished file, with SyncNet weights that the user supplies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dubbing.engines.base import Report, silent
from dubbing.engines.lipsync.atlas import WEIGHTS
from dubbing.errors import MediaError, UnavailableError

MODEL = "syncnet"
HOW = "Download syncnet_v2.model of syncnet_python and name the file with --syncnet or DUBBING_MODEL_SYNCNET."


def lip_sync_error(video: Path, weights: Path | None = None, report: Report = silent, *,
                   audio: Path | None = None) -> dict[str, Any]:
    """LSE of every face of ``video`` that is seen for half a second or more, by a face track run afresh.

    weights: SyncNet v2; the weight store's "syncnet" when None. audio: the speech, if not the file's own.
    Returns ``{"faces": [...]}``, the longest first, each
    with "lse_d", "lse_c", "offset_frames", "distance_at_zero", "windows", "is_short" and "track", and the first one's
    figures beside it. Raises MediaError and UnavailableError.
    """
    from dubbing.weights.store import Store
    from lipsync_core.face.analyse import analyse_video
    from lipsync_core.face.models import FaceModels
    from lipsync_core.face.video import VideoError
    from lipsync_core.lse import score_track
    from lipsync_core.models import syncnet
    from lipsync_core.models.checkpoint import CheckpointError
    from lipsync_core.speech.sound import read_mono

    path = weights or Store().find(MODEL)
    if path is None:
        raise UnavailableError("SyncNet's weights are not here.", HOW)
    try:
        network = syncnet.load(path)
    except CheckpointError as error:
        raise UnavailableError(f"The weights cannot be used: {error}.", HOW) from error
    try:
        analysis = analyse_video(video, FaceModels(Store().fetch(WEIGHTS)), report)
    except VideoError as error:
        raise MediaError(f"The picture cannot be read: {error}.", "Convert the video with another tool first."
                         ) from error
    sound = read_mono(audio or video)
    found = ((track.id, score_track(video, analysis, track, sound, network)) for track in analysis.tracks)
    scored = sorted(((track, score) for track, score in found if score is not None), key=lambda pair: -pair[1].windows)
    if not scored:
        raise MediaError(f"No face of {video.name} is seen long enough with its sound to be judged.",
                         "A face must be in view for half a second or more, in a video with sound.")
    faces = [{"track": track, **score.to_json()} for track, score in scored]
    return {**scored[0][1].to_json(), "faces": faces}
