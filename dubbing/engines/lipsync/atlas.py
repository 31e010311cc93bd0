"""Own-mouth lip-sync: the speaker's own mouths from the source video, chosen and warped to fit the new speech."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dubbing.domain.speech import Phoneme
from dubbing.engines.base import (
    GlimpsedFace,
    LipSyncLine,
    LipSyncReport,
    PatchLike,
    Report,
    SeenPerson,
    Sound,
    SpeakerSpan,
    silent,
)
from dubbing.errors import DubbingError, MediaError, UnavailableError

if TYPE_CHECKING:
    from lipsync_core.engine import AtlasLipSync
    from lipsync_core.speech.network import PhoneNetwork

WEIGHTS, EAR = "mediapipe-face", "whisper-base"
SHEET_CELLS = 16
_MODULES = ("cv2", "av", "scipy", "numba", "ai_edge_litert")


class AtlasLipSyncer:
    """``lipsync_core.engine.AtlasLipSync`` behind the ``LipSyncer`` protocol."""

    id: ClassVar[str] = "atlas"
    version: ClassVar[str] = "2"
    licence: ClassVar[str] = "Apache-2.0"
    is_fake: ClassVar[bool] = False

    def __init__(self) -> None:
        self._core: AtlasLipSync | None = None

    def why_unavailable(self) -> str | None:
        missing = [name for name in _MODULES if find_spec(name) is None]
        if missing:
            return f"{', '.join(missing)} cannot be imported; `make setup` installs it."
        from dubbing.weights.store import Store

        return Store().why_unavailable(WEIGHTS)

    def load(self) -> None:
        if self._core is not None:
            return
        from dubbing.weights.store import Store
        from lipsync_core.engine import AtlasLipSync

        self._core = AtlasLipSync(Store().fetch(WEIGHTS))

    def release(self) -> None:
        self._core = None

    def track(self, video: Path, folder: Path, report: Report = silent) -> None:
        with told():
            self._loaded().track(video, folder, report)

    def model(self, video: Path, tracks: Path, spans: Sequence[SpeakerSpan], folder: Path,
              report: Report = silent, *, or_largest: bool = False,
              assigned: Mapping[str, Sequence[int]] | None = None) -> dict[str, list[tuple[int, int]]]:
        from lipsync_core.engine import Span

        with told():
            heard = [Span(s.speaker, s.start_ms, s.end_ms) for s in spans]
            return self._loaded().model(video, tracks, heard, folder, report, or_largest=or_largest,
                                        assigned=assigned)

    def hear(self, sound: Sound, sample_rate: int, words: Sequence[Sequence[str]] | None = None,
             anchors: Sequence[tuple[int, int, float, float]] = ()) -> Sequence[Phoneme]:
        from lipsync_core.speech.align import AlignmentError, align
        from lipsync_core.speech.listen import listen

        network = ear()
        if words is None:
            return listen(sound, sample_rate, network=network)
        try:
            return align(sound, sample_rate, words, anchors or None, network=network)
        except AlignmentError as error:
            raise MediaError(f"The transcript does not fit the sound: {error}.",
                             "Give the words that are said in it, or leave the transcript out.") from error

    def render(self, video: Path, tracks: Path, models: Path, line: LipSyncLine, folder: Path,
               report: Report = silent) -> LipSyncReport:
        from lipsync_core.engine import Line

        wanted = Line(line.speaker, line.start_ms, line.phonemes, line.cover_start_ms, line.cover_end_ms, line.sound,
                      line.sample_rate)
        with told():
            done = self._loaded().render(video, tracks, models, wanted, folder, report)
        return LipSyncReport(done.frames, done.note, done.quality)

    def patches(self, folder: Path) -> Iterator[PatchLike]:
        from lipsync_core.patch import read_patches

        return read_patches(folder)

    def patched_frames(self, folder: Path) -> Sequence[int]:
        from lipsync_core.patch import patched_frames

        return patched_frames(folder)

    def patch_boxes(self, folder: Path) -> Sequence[tuple[int, int, int, int]]:
        from lipsync_core.patch import patched_boxes

        return patched_boxes(folder)

    def people(self, tracks: Path, models: Path) -> list[SeenPerson]:
        from lipsync_core.engine import people_of

        return [SeenPerson(p.id, speaker, p.tracks, p.seen, p.height_share, p.at_ms, p.box, p.turned)
                for p, speaker in people_of(tracks, models)]

    def glance(self, video: Path, times_ms: Sequence[float]) -> list[list[GlimpsedFace]]:
        from lipsync_core.face.glance import glance
        from lipsync_core.face.models import FaceModels

        with told():
            found = glance(video, FaceModels(self._loaded().models_folder), times_ms)
        return [[GlimpsedFace(f.height_share, f.height, f.yaw, f.pitch) for f in faces] for faces in found]

    def count_cuts(self, video: Path, spans: Sequence[tuple[float, float]]) -> int:
        from lipsync_core.face.glance import count_cuts

        with told():
            return count_cuts(video, spans)

    def score(self, video: Path, tracks: Path, dubbed: Path, takes: Sequence[tuple[str, int, Sequence[Phoneme]]],
              report: Report = silent) -> dict[str, Any]:
        """Lip-sync quality of ``dubbed``, measured by a face track run afresh on it.

        takes: (speaker, start in ms of the video, phonemes) of every line that was repainted.
        """
        with told():
            return self._loaded().score(video, tracks, dubbed, takes, report)

    def contact_sheet(self, video: Path, tracks: Path, dubbed: Path,
                      takes: Sequence[tuple[str, int, Sequence[Phoneme]]], out: Path) -> None:
        """A PNG of original and dubbed mouths, one above the other, at closures and open vowels of the takes."""
        from lipsync_core.engine import FACES, Span, speaking_tracks
        from lipsync_core.face.types import FaceAnalysis
        from lipsync_core.metrics.sheet import contact_sheet, moments
        from lipsync_core.speech.articulation import articulate
        from lipsync_core.speech.sound import RATE, read_mono

        analysis = FaceAnalysis.load(tracks / FACES)
        sound = read_mono(dubbed)
        at: list[tuple[float, str]] = []
        whose: dict[float, list[int]] = {}
        seen = speaking_tracks(video, analysis, [Span(speaker, start_ms, start_ms + max(p.end_ms for p in phonemes))
                                                 for speaker, start_ms, phonemes in takes if phonemes])
        for speaker, start_ms, phonemes in takes:
            end_ms = max((p.end_ms for p in phonemes), default=0)
            spoken = analysis.times_ms[(analysis.times_ms >= start_ms)] - start_ms
            # With its sound, as the mouth was made: a timeline may be some tens of milliseconds off.
            heard = sound[max(int(start_ms * RATE / 1000), 0):int((start_ms + end_ms) * RATE / 1000)]
            wanted = articulate(phonemes, spoken[spoken <= end_ms], sound=heard, sample_rate=RATE)
            found = moments(wanted, start_ms, max(2, SHEET_CELLS // len(takes)))
            at += found
            whose.update({ms: [track.id for track in seen.get(speaker, [])] for ms, _ in found})
        with told():
            contact_sheet(video, dubbed, analysis, out, at=sorted(at)[:SHEET_CELLS] or None, whose=whose)

    def _loaded(self) -> AtlasLipSync:
        self.load()
        assert self._core is not None
        return self._core


def ear() -> PhoneNetwork | None:
    """The phone network that listens with Whisper; None, for the library's small one, where Whisper cannot be had."""
    from dubbing.errors import DubbingError
    from dubbing.weights.store import Store
    from lipsync_core.speech.whisper_ears import whisper_network

    store = Store()
    if store.why_unavailable(EAR) is not None:
        return None
    try:
        return whisper_network(store.fetch(EAR))
    except DubbingError:
        return None


class told:  # noqa: N801 - used like a function
    """Turn what the core says about a user's file into the pipeline's errors."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if error is None:
            return
        from lipsync_core.face.models import ModelError
        from lipsync_core.face.video import VideoError

        if isinstance(error, VideoError):
            raise MediaError(f"The picture cannot be read: {error}.", "Convert the video with another tool first."
                             ) from error
        if isinstance(error, ModelError):
            raise UnavailableError(f"The face models cannot be used: {error}.",
                                   "`dubbing models verify` checks them, `dubbing models pull` fetches them again."
                                   ) from error


def _ear() -> Any:
    """The phone network on Whisper's encoder, which hears real voices far better; ``None`` for the one that needs no
    model where Whisper cannot be had."""
    from dubbing.weights.store import Store
    from lipsync_core.speech.network import WeightsError
    from lipsync_core.speech.whisper_ears import whisper_network

    store = Store()
    if store.why_unavailable(EAR) is not None:
        return None
    try:
        return whisper_network(store.fetch(EAR))
    except (DubbingError, WeightsError):
        return None
