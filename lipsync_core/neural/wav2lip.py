"""Wav2Lip as a lip-sync generator: our tracks, box, matte and blend around the network.

What the original does around its network (a detector on every frame that stops the program when it finds no face, a
hard rectangle pasted back, two lossy encodes) is replaced; what the network sees is the same: a face of 96 x 96 in BGR
with its lower half black, the whole face of the same frame as reference, and 200 ms of log-mel. Networks of the same
signature with more pixels a side (S below), or that want another reference, run in the same way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lipsync_core.atlas.foreground import foreground_of, sample
from lipsync_core.atlas.model import Atlas
from lipsync_core.atlas.plan import Plates
from lipsync_core.engine import FACES, SPEAKERS, AtlasLipSync, Line, Rendered, Report, plates_of
from lipsync_core.face.types import FaceAnalysis, FaceTrack
from lipsync_core.face.video import Picture, VideoSource
from lipsync_core.neural.box import Boxes, face_boxes
from lipsync_core.neural.composite import FACE, Image, Seen, finish, network_face, see
from lipsync_core.patch import Patch, PatchWriter, read_patches

if TYPE_CHECKING:
    from torch import Tensor

#: ``(audio [B, 1, 80, 16], face [B, 6, S, S]) -> [B, 3, S, S]``, all in [0, 1] but the audio. Some take a number for
#: each frame [B] besides.
Generator = Callable[..., "Tensor"]
#: The face that a network is shown as reference for the plate of this index, float32 [3, S, S]; None: its own.
Reference = Callable[[int], "Image | None"]

#: One frame at the network's 25 a second: training lets frame f hear the window that starts at frame f - 1.
TRAINING_LEAD_MS = 40.0
_PADDING_MS = 400.0
_BATCH, _CUDA_BATCH = 8, 32


def _quiet(_done: float, _total: float, _message: str = "") -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the network is used.

    batch: frames in one call. lead_ms: how long before its frame a window of sound starts; 0 is what the released
    inference does, 40 what the network was trained with. keep_texture: lay the source's fine texture over what the
    network left as it was. detail: lay the teeth and texture of the speaker's own mouths (the atlas) over the soft
    neural one. size: S, pixels a side of the network's faces. own_mouth, crisp: see ``composite.finish``.
    """

    batch: int = _BATCH
    lead_ms: float = TRAINING_LEAD_MS
    keep_texture: bool = True
    detail: bool = False
    size: int = FACE
    own_mouth: bool = False
    crisp: float = 0.0


class Wav2LipSync(AtlasLipSync):
    """Wav2Lip behind the interface of the atlas; tracks, on-camera intervals and scores are the atlas's own.

    generator: a ``lipsync_core.models.wav2lip.Wav2Lip`` or any callable of its signature. device, dtype: where its
    inputs are made. Results depend on the generator to the last bit of its arithmetic.
    """

    def __init__(self, models_folder: Path, generator: Generator, options: Options | None = None,
                 device: str = "cpu", dtype: Any = None) -> None:
        super().__init__(models_folder)
        self.generator, self.options = generator, options or Options()
        self.device, self.dtype = device, dtype

    def render(self, video: Path, tracks: Path, models: Path, line: Line, folder: Path,
               report: Report = _quiet) -> Rendered:
        """Write the repainted mouth of one line into ``folder`` as patches. The line must have its sound."""
        analysis = FaceAnalysis.load(Path(tracks) / FACES)
        own, note = own_tracks(analysis, Path(models), line.speaker)
        plates = plates_of(analysis, own, line.cover_start_ms, line.cover_end_ms)
        if line.sound is None or not len(line.sound):
            note = note or "The line has no sound."
        elif own and not len(plates.frames):
            note = "The speaker's mouth cannot be seen during this line."
        if note:
            with PatchWriter(Path(folder), 2, 2):
                return Rendered(0, note)
        heard = windows_of(line, analysis.times_ms[plates.frames], self.options.lead_ms)
        boxes = {t.id: face_boxes(t) for t in own if t.id in set(plates.tracks.tolist())}
        model = speaker_folder(Path(models), line.speaker)
        answers = self.generate(video, plates, boxes, heard, self.references(video, analysis, model, plates),
                                self.told(line, analysis, model, plates))
        things = Things(model)
        if self.options.detail:
            patches = self._detailed(video, model, plates, boxes, answers, things)
        else:
            patches = (finish(seen, made, keep_texture=self.options.keep_texture, front=things.before(seen),
                              own_mouth=self.options.own_mouth, crisp=self.options.crisp)
                       for seen, made in answers)
        written = write(patches, Path(folder), largest(analysis, plates, boxes), len(plates.frames), report)
        first, stop = np.searchsorted(analysis.times_ms, [line.cover_start_ms, line.cover_end_ms])
        hidden = int(stop - first) - written
        notes = [f"The mouth is hidden in {hidden} of {stop - first} frames."] if hidden > 0.1 * (stop - first) else []
        if things.frames:
            notes.append(f"Something in front of the mouth was kept in {things.frames} frames.")
        return Rendered(written, " ".join(notes))

    def references(self, video: Path, analysis: FaceAnalysis, model: Path, plates: Plates) -> Reference:
        """What the network is shown beside each masked face; here, as Wav2Lip does, the same frame's whole face.

        model: the folder of the speaker's atlas.
        """
        return lambda _index: None

    def told(self, line: Line, analysis: FaceAnalysis, model: Path,
             plates: Plates) -> npt.NDArray[np.float32] | None:
        """One number for every plate [N] that the network takes as its third argument; None for networks without."""
        return None

    def generate(self, video: Path, plates: Plates, boxes: dict[int, Boxes], heard: npt.NDArray[np.float32],
                 reference: Reference = lambda _index: None,
                 told: npt.NDArray[np.float32] | None = None) -> Iterator[tuple[Seen, Image]]:
        """Each plate frame as the network saw it, and its answer float32 [3, S, S], in order.

        heard: [N, 1, 80, 16], the window of every plate. told: see the method. At most one batch of frames is in
        memory.
        """
        waiting: list[tuple[Seen, tuple[npt.NDArray[np.float32], ...]]] = []
        for index, _, seen in look(video, plates, boxes, self.options.size):
            given = heard[index], network_face(seen, reference(index))
            waiting.append((seen, given if told is None else (*given, told[index])))
            if len(waiting) == self.options.batch:
                yield from self._answers(waiting)
                waiting = []
        if waiting:
            yield from self._answers(waiting)

    def _detailed(self, video: Path, model: Path, plates: Plates, boxes: dict[int, Boxes],
                  answers: Iterator[tuple[Seen, Image]], things: Things) -> Iterator[Patch]:
        from lipsync_core.face.mesh import FaceMesh
        from lipsync_core.face.models import FaceModels
        from lipsync_core.neural.detail import painted_details

        kept = {seen.frame: made.astype(np.float16) for seen, made in answers}
        if kept:
            yield from painted_details(lambda: look(video, plates, boxes, self.options.size), model, plates, kept,
                                       FaceMesh(FaceModels(self.models_folder)), things)

    def _answers(self, waiting: Sequence[tuple[Seen, tuple[npt.NDArray[np.float32], ...]]]
                 ) -> Iterator[tuple[Seen, Image]]:
        import torch

        given = [torch.from_numpy(np.stack(rows)) for rows in zip(*(row for _, row in waiting), strict=True)]
        with torch.inference_mode():
            made = self.generator(*(rows.to(self.device, self.dtype) for rows in given))
        answers = made.float().cpu().numpy()
        for (seen, _), answer in zip(waiting, answers, strict=True):
            yield seen, answer


class Things:
    """What stands before one speaker's mouth, frame after frame, told by how that face looks elsewhere.

    folder: the speaker's model. frames: in how many frames something was found.
    """

    def __init__(self, folder: Path) -> None:
        atlas = Atlas.load(folder)
        chosen = sample(len(atlas.frames))
        self._foreground = foreground_of(atlas, ((i, p) for i, p in enumerate(read_patches(folder)) if i in chosen))
        self.frames = 0

    def before(self, seen: Seen) -> Image | None:
        """Soft mask of the rectangle, None where nothing stands in front; call it once a frame, in order."""
        mask = self._foreground.mask(seen.region, seen.points - (seen.left, seen.top))
        self.frames += mask is not None
        return mask


def speaker_folder(models: Path, speaker: str) -> Path:
    """Where the model of a speaker lies who has one."""
    entries = json.loads((models / SPEAKERS).read_text())["speakers"]
    return models / next(e["folder"] for e in entries if e["speaker"] == speaker)


def fastest(checkpoint: Path) -> tuple[Generator, str, int]:
    """The network of a checkpoint as it runs fastest on this machine: (generator, device of its inputs, batch).

    On CUDA the fused program in float16 as a CUDA graph, elsewhere PyTorch with folded norms in float32. Raises
    ``lipsync_core.models.checkpoint.CheckpointError``.
    """
    import torch

    from lipsync_core.models import wav2lip

    network = wav2lip.load(checkpoint)
    if torch.cuda.is_available():
        from lipsync_core.models.fused import FusedWav2Lip
        from lipsync_core.models.graph import GraphedWav2Lip

        return GraphedWav2Lip(FusedWav2Lip(network), _CUDA_BATCH), "cuda", _CUDA_BATCH
    return network.fold(), "cpu", _BATCH


def look(video: Path, plates: Plates, boxes: dict[int, Boxes],
         size: int = FACE) -> Iterator[tuple[int, Picture, Seen]]:
    """(index of the plate, the frame, the frame as cut for a network of ``size`` pixels a side), in order.

    Faces that lie outside the picture are left out.
    """
    wanted = {int(frame): index for index, frame in enumerate(plates.frames)}
    for picture in VideoSource(video).frames(int(plates.frames[0]), int(plates.frames[-1]) + 1):
        index = wanted.get(picture.number)
        if index is None:
            continue
        box = boxes[int(plates.tracks[index])]
        at = int(np.searchsorted(box.frames, picture.number))
        matrix = box.crop_matrix(at, size)
        seen = see(picture, matrix, plates.points[index], float(plates.alpha[index]), size)
        if seen is not None:
            yield index, picture, seen


def windows_of(line: Line, times_ms: npt.NDArray[np.float64], lead_ms: float) -> npt.NDArray[np.float32]:
    """The log-mel window that each video frame hears, [N, 1, 80, 16]; before and after the line it is silence.

    times_ms: of the frames, on the video's clock (any frame rate, also a varying one).
    """
    from lipsync_core.models import mel
    from lipsync_core.speech.features import at_16k

    assert line.sound is not None
    sound = at_16k(line.sound, line.sample_rate)
    into_line = times_ms - line.start_ms - lead_ms
    before, after = (int(mel.RATE * ms / 1000) for ms in (
        max(-float(into_line.min()), 0) + _PADDING_MS,
        max(float(into_line.max()) - 1000 * len(sound) / mel.RATE, 0) + _PADDING_MS))
    columns = mel.log_mel(np.pad(sound, (before, after)))
    starts = np.floor((into_line + 1000 * before / mel.RATE) * mel.STEPS_PER_SECOND / 1000 + 1e-6).astype(np.int64)
    return mel.windows(columns, starts).numpy()


def own_tracks(analysis: FaceAnalysis, models: Path, speaker: str) -> tuple[list[FaceTrack], str]:
    """The tracks on which ``speaker`` is seen, and why there are none."""
    entries = json.loads((models / SPEAKERS).read_text())["speakers"]
    entry = next((e for e in entries if e["speaker"] == speaker), {})
    ids = set(entry.get("tracks", ()))
    found = [t for t in analysis.tracks if t.id in ids]
    return found, "" if found else entry.get("note") or "The speaker is not seen in this video."


def largest(analysis: FaceAnalysis, plates: Plates, boxes: dict[int, Boxes]) -> tuple[int, int]:
    """Even height and width into which every patch of a line fits."""
    spans = [np.ptp(box.corners[np.isin(box.frames, plates.frames)], axis=1) for box in boxes.values()]
    width, height = np.concatenate([s for s in spans if len(s)]).max(0)
    return (min(int(height) // 2 * 2 + 6, analysis.height // 2 * 2),
            min(int(width) // 2 * 2 + 6, analysis.width // 2 * 2))


def write(patches: Iterator[Patch], folder: Path, size: tuple[int, int], total: int, report: Report) -> int:
    """Write patches as they come; returns how many."""
    with PatchWriter(folder, *size) as writer:
        for patch in patches:
            writer.write(patch)
            report(len(writer), total, "Repainting the mouth")
        return len(writer)
