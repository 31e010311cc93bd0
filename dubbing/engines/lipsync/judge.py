"""The judge of finished files, behind the pipeline's words and errors; a fresh face track, no project."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dubbing.domain.speech import Phoneme
from dubbing.engines.base import Report, silent
from dubbing.engines.lipsync.atlas import WEIGHTS, ear, told
from dubbing.engines.lipsync.syncnet import lip_sync_error
from dubbing.errors import MediaError
from dubbing.media.atomic import replacing

SPEAKER = "speaker"


def judge(video: Path, *, audio: Path | None, reference: Path | None, phonemes: Sequence[Phoneme] | None,
          syncnet: Path | None, pages: Sequence[Path], report: Report = silent) -> dict[str, Any]:
    """What ``lipsync_core.metrics.judge`` finds about ``video``, as JSON values.

    phonemes: of the speech, with times in ms of the video; None: heard. syncnet: adds LSE-D and LSE-C ("lse", see
    ``lip_sync_error``). pages: report files to write, .html or .png. Raises MediaError and UnavailableError.
    """
    from dubbing.weights.store import Store
    from lipsync_core.engine import Line
    from lipsync_core.metrics.album import Album
    from lipsync_core.metrics.judge import JudgeError
    from lipsync_core.metrics.judge import judge as look
    from lipsync_core.metrics.report import write_report
    from lipsync_core.speech.listen import listen
    from lipsync_core.speech.sound import RATE, read_mono

    models = Store().fetch(WEIGHTS)
    album = Album() if pages else None
    lines = []
    if phonemes:
        sound = read_mono(audio or video)
        end_ms = max(p.end_ms for p in phonemes)
        lines = [Line(SPEAKER, 0.0, phonemes, 0.0, end_ms, sound, RATE)]
    lse, why_no_lse = _lse(video, syncnet, audio)
    try:
        with told():
            found = look(video, models, reference=reference, audio=audio, lines=lines, album=album, report=report,
                         listen=lambda sound, rate: listen(sound, rate, network=ear()))
            result = found.as_dict()
    except JudgeError as error:
        raise MediaError(f"{video.name} cannot be judged: {error}.",
                         "Give the video that the dub was made from as --reference.") from error
    if not found.frames:
        raise MediaError(f"No face was found in {video.name}.", "Give a video in which a face can be seen.")
    if lse:
        result["lse"] = lse
    elif why_no_lse:
        result["omitted"]["lse"] = why_no_lse
    for page in pages:
        is_png = page.suffix.lower() == ".png"
        against = f"against {reference.name}" if reference else "on its own"
        with replacing(page) as temporary:
            write_report(found, album or Album(), html=None if is_png else temporary,
                         png=temporary if is_png else None, title=f"Lip-sync of {video.name}",
                         subtitle=f"Judged {against}")
    return result


def _lse(video: Path, syncnet: Path | None, audio: Path | None) -> tuple[dict[str, Any], str]:
    """The error and an empty string, or why there is none. Weights that cannot be used raise UnavailableError, before
    anything else is computed."""
    if syncnet is None:
        return {}, ""
    try:
        return lip_sync_error(video, syncnet, audio=audio), ""
    except MediaError as error:
        return {}, error.message
