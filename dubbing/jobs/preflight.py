"""preflight: a look at a video before any work, for what will be hard, and for what makes a dub impossible.

A long video is looked at and listened to in pieces; what is said of it is said of these pieces.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dubbing import registry
from dubbing.domain.workspace import Finding
from dubbing.errors import DubbingError, MediaError
from dubbing.pipeline.progress import Clock

if TYPE_CHECKING:
    from dubbing.api import Workspace
    from dubbing.domain.project import Job
    from dubbing.engines.base import GlimpsedFace
    from dubbing.jobs.listening import Heard
    from dubbing.ledger import HeldJob
    from dubbing.media.probe import MediaInfo
    from dubbing.pipeline.progress import Listener

    Say = Callable[[int, str], None]

#: Videos up to this are looked at as a whole, longer ones in so many pieces of so many ms.
WHOLE_MS, PIECES, PIECE_MS = 40_000, 8, 5_000
PICTURES = 12
LONG_MS = 20 * 60_000
#: A face below this many pixels has too small a mouth to be repainted well.
SMALL_FACE = 110.0
#: Degrees beyond which a mouth is hard to repaint, and in how many of the faces that is worth saying.
TURNED_YAW, TURNED_PITCH, TURNED_SHARE = 35.0, 32.0, 0.35
#: Cuts a minute from which faces are seen too briefly to learn from.
CUTS_A_MINUTE = 4.0
_STEPS = 6


def run(workspace: Workspace, job: Job, held: HeldJob, listener: Listener) -> dict[str, Any]:
    """The result holds "findings", "media" (what probing said), "sha256", and "file": its size and time."""
    from dubbing.media.probe import probe
    from dubbing.pipeline.artifact import file_sha256

    path = Path(str(job.payload["video"]))
    options: Mapping[str, Any] = job.payload.get("options") or {}
    clock = Clock("preflight", "step", listener)

    def say(step: int, message: str) -> None:
        held.check()
        clock(step, _STEPS, message)

    say(0, "Reading the file")
    try:
        info = probe(path)
    except MediaError as error:
        return {"findings": [asdict(Finding("unreadable", True, error.message, error.hint))], "media": {}}
    status = path.stat()
    findings = look(path, info, options, workspace, say)
    say(5, "Reading the file")
    return {"findings": [asdict(finding) for finding in findings], "media": info.to_json(),
            "sha256": file_sha256(path, lambda *_: held.check()), "file": [status.st_size, status.st_mtime_ns]}


def look(path: Path, info: MediaInfo, options: Mapping[str, Any], workspace: Workspace, say: Say) -> list[Finding]:
    """Everything there is to say about a video; what cannot be looked at for want of an engine is left out."""
    findings = of_the_file(path, info, workspace)
    if not info.audio:
        return [*findings, Finding("no_sound", True, "The video has no sound, so there is no speech to dub.",
                                   "Give a video with its original sound.")]
    say(1, "Listening")
    heard = _heard(path, info, options)
    if heard is not None:
        findings += of_the_sound(heard, info, options)
    if options.get("lipsync", "auto") != "off" and not any(finding.is_blocking for finding in findings):
        say(3, "Looking for faces")
        findings += _of_the_picture(path, info, options, say)
    return findings


def spans(duration_ms: int) -> list[tuple[int, int]]:
    """The pieces of a video that are looked at."""
    if duration_ms <= WHOLE_MS:
        return [(0, duration_ms)]
    apart = (duration_ms - PIECE_MS) / (PIECES - 1)
    return [(round(i * apart), round(i * apart) + PIECE_MS) for i in range(PIECES)]


def of_the_file(path: Path, info: MediaInfo, workspace: Workspace) -> list[Finding]:
    """What the container tells."""
    from dubbing.media.formats import why_not_played
    from dubbing.media.frames import is_interlaced

    picture, found = info.video, []
    assert picture is not None
    if picture.is_variable_rate:
        found.append(Finding("variable_frame_rate", False, "Its frame rate varies.",
                             "The dub keeps the time of every picture. If an editing program makes trouble of it, "
                             "convert the video to a constant rate first."))
    if picture.is_hdr:
        found.append(Finding("hdr", False, f"It is HDR ({picture.colour_transfer.upper()}).",
                             "The dub stays HDR. Pages show it with plain colours.",
                             {"transfer": picture.colour_transfer}))
    if is_interlaced(path):
        found.append(Finding("interlaced", False, "It is interlaced: each picture holds two moments.",
                             "Mouths look better when it is deinterlaced first."))
    if picture.height % 2 or picture.width % 2:
        found.append(Finding("odd_size", False, f"Its size is odd ({picture.width}×{picture.height}).",
                             "Where mouths are repainted, its edge is repeated once.",
                             {"height": picture.height, "width": picture.width}))
    if reason := why_not_played(info.to_json()):
        found.append(Finding("codec", False, f"Browsers may not play it as it is ({picture.codec.upper()}, "
                             f"{picture.width}×{picture.height}).",
                             "A copy is made for the pages; the dub is made from the original.", {"reason": reason}))
    if info.duration_ms > LONG_MS:
        found.append(_long(info, workspace))
    return found


def _long(info: MediaInfo, workspace: Workspace) -> Finding:
    from dubbing.jobs.eta import Work, costs

    known = costs(workspace.storage)
    work = Work(info.duration_ms, ("",))
    parts = [work.cost(stage, known) for stage in work.stages()]
    minutes = round(info.duration_ms / 60_000)
    values: dict[str, Any] = {"minutes": minutes}
    hint = "Check a line or two on a short piece first."
    if all(part is not None for part in parts):
        values["work_minutes"] = max(1, round(sum(part or 0.0 for part in parts) / 60))
        hint = f"As fast as before, each language takes about {values['work_minutes']} minutes. {hint}"
    return Finding("long", False, f"It lasts {minutes} minutes.", hint, values)


def _heard(path: Path, info: MediaInfo, options: Mapping[str, Any]) -> Heard | None:
    from dubbing.jobs.listening import RATE, listen
    from dubbing.media.excerpt import mono_between

    try:
        diarizer = registry.choose("diarize", str(options.get("diarizer", "auto")))
        separator = registry.choose("separate", str(options.get("separator", "auto")))
    except DubbingError:
        return None
    pieces = [mono_between(path, start, end, RATE) for start, end in spans(info.duration_ms)]
    return listen(pieces, diarizer, separator, options.get("speakers"))


def of_the_sound(heard: Heard, info: MediaInfo, options: Mapping[str, Any]) -> list[Finding]:
    """What was heard."""
    is_whole = info.duration_ms <= WHOLE_MS
    if heard.peak < 1e-3:
        where = "from start to end" if is_whole else "wherever it was listened to"
        return [Finding("silent", is_whole, f"The video is silent {where}.", "Give a video in which somebody speaks.")]
    found = []
    if heard.speech_ms == 0:
        found.append(Finding("silent", False, "Nobody was heard speaking.",
                             "Check that the right sound track comes first in the file."))
    if heard.speakers > 1:
        hint = "Give their number if you know it, and check who says what on the page of speakers."
        if options.get("speakers"):
            hint = "Check who says what on the page of speakers."
        found.append(Finding("several_speakers", False, f"{heard.speakers} voices are heard.", hint,
                             {"speakers": heard.speakers}))
    if heard.has_music:
        found.append(Finding("music", False, "Music plays in it.",
                             "It is kept, as well as it can be told apart from the speech. A separate track of music "
                             "and effects, where you have one, sounds better.",
                             {"music_db": round(heard.music_db, 1)}))
    return found


def _of_the_picture(path: Path, info: MediaInfo, options: Mapping[str, Any], say: Say) -> list[Finding]:
    try:
        lipsyncer = registry.choose("lipsync", str(options.get("lipsync", "auto")))
    except DubbingError:
        return []
    lipsyncer.load()
    try:
        pictures = [(i + 0.5) * info.duration_ms / PICTURES for i in range(PICTURES)]
        found = of_the_faces(lipsyncer.glance(path, pictures))
        say(4, "Looking for cuts")
        looked_at = spans(info.duration_ms)
        cuts = lipsyncer.count_cuts(path, looked_at)
    finally:
        lipsyncer.release()
    minutes = sum(end - start for start, end in looked_at) / 60_000
    if cuts and cuts / minutes >= CUTS_A_MINUTE:
        found.append(Finding("cuts", False, f"It is cut often: {cuts} times in {minutes * 60:.0f} s.",
                             "Each speaker's mouth is learned across the shots; one seen for less than a second or "
                             "two stays as it is.", {"cuts": cuts, "a_minute": round(cuts / minutes, 1)}))
    return found


def of_the_faces(pictures: list[list[GlimpsedFace]]) -> list[Finding]:
    """What single pictures show; of each the largest face counts."""
    faces = [faces[0] for faces in pictures if faces]
    if not faces:
        return [Finding("no_face", False, "No face was seen.",
                        "The sound is dubbed; mouths can only be repainted where a speaker's face is in the picture.",
                        {"pictures": len(pictures)})]
    found = []
    height = statistics.median(face.height for face in faces)
    if height < SMALL_FACE:
        found.append(Finding("small_faces", False, f"Faces are small: {height:.0f} pixels high.",
                             "Repainted mouths may look soft. Give the video in a higher resolution if there is one.",
                             {"height": round(height), "share": round(statistics.median(
                                 face.height_share for face in faces), 3)}))
    turned = [face for face in faces if abs(face.yaw) > TURNED_YAW or abs(face.pitch) > TURNED_PITCH]
    if len(turned) >= TURNED_SHARE * len(faces):
        found.append(Finding("turned_faces", False, f"Faces are turned away in {len(turned)} of {len(faces)} pictures.",
                             "A mouth seen from the side stays as it is.",
                             {"turned": len(turned), "faces": len(faces)}))
    return found
