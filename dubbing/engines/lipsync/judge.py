"""The judge of finished files, behind the pipeline's words and errors; a fresh face track, no project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dubbing.domain.speech import Phoneme
from dubbing.engines.base import Report, silent
from dubbing.engines.lipsync.atlas import WEIGHTS, told
from dubbing.errors import MediaError, UnavailableError

SPEAKER = "speaker"


def judge(video: Path, *, audio: Path | None, reference: Path | None, phonemes: Sequence[Phoneme] | None,
          syncnet: Path | None, pages: Sequence[Path], report: Report = silent) -> dict[str, Any]:
    """What ``lipsync_core.metrics.judge`` finds about ``video``, as JSON values.

    phonemes: of the speech, with times in ms of the video; None: heard. syncnet: adds LSE-D and LSE-C ("lse", a list
    of faces). pages: report files to write, .html or .png. Raises MediaError and UnavailableError.
    """
    from dubbing.weights.store import Store
    from lipsync_core.engine import Line
    from lipsync_core.metrics.album import Album
    from lipsync_core.metrics.judge import JudgeError
    from lipsync_core.metrics.judge import judge as look
    from lipsync_core.metrics.report import write_report
    from lipsync_core.speech.sound import RATE, read_mono

    network = _syncnet(syncnet)
    models = Store().fetch(WEIGHTS)
    album = Album() if pages else None
    lines = []
    if phonemes:
        sound = read_mono(audio or video)
        end_ms = max(p.end_ms for p in phonemes)
        lines = [Line(SPEAKER, 0.0, phonemes, 0.0, end_ms, sound, RATE)]
    try:
        with told():
            found = look(video, models, reference=reference, audio=audio, lines=lines, album=album, report=report)
            result = found.as_dict()
            if network is not None:
                result["lse"] = _lse(video, audio, models, network)
    except JudgeError as error:
        raise MediaError(f"{video.name} cannot be judged: {error}.",
                         "Give the video that the dub was made from as --reference.") from error
    if not found.frames:
        raise MediaError(f"No face was found in {video.name}.", "Give a video in which a face can be seen.")
    for page in pages:
        is_png = page.suffix.lower() == ".png"
        against = f"against {reference.name}" if reference else "on its own"
        write_report(found, album or Album(), html=None if is_png else page, png=page if is_png else None,
                     title=f"Lip-sync of {video.name}", subtitle=f"Judged {against}")
    return result


def _syncnet(path: Path | None) -> Any:
    if path is None:
        return None
    from lipsync_core.models.checkpoint import CheckpointError
    from lipsync_core.models.syncnet import load

    try:
        return load(path)
    except CheckpointError as error:
        raise UnavailableError(f"The SyncNet weights cannot be used: {error}.",
                               "Give syncnet_v2.model of the syncnet_python project.") from error


def _lse(video: Path, audio: Path | None, models: Path, network: Any) -> list[dict[str, Any]]:
    """LSE of every face that is long enough, with its track's first and last moment."""
    from lipsync_core.face.analyse import analyse_video
    from lipsync_core.face.models import FaceModels
    from lipsync_core.lse import score_track
    from lipsync_core.speech.sound import read_mono

    analysis = analyse_video(video, FaceModels(models))
    sound = read_mono(audio or video)
    rows = []
    for track in analysis.tracks:
        found = score_track(video, analysis, track, sound, network)
        if found is not None:
            first, last = (round(float(analysis.times_ms[track.frames[i]])) for i in (0, -1))
            rows.append({"start_ms": first, "end_ms": last, **found.to_json()})
    return rows
