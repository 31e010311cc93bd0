"""Lip-sync of one file to one sound, and the judgement of any file: no project, nothing kept."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dubbing.errors import MediaError, UsageError
from dubbing.pipeline.progress import Clock, Listener, Progress, nobody

if TYPE_CHECKING:
    from dubbing.domain.speech import Phoneme
    from dubbing.engines.base import LipSyncer, Report
    from dubbing.media.audio import Sound

SPEAKER = "speaker"
STILL_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})
_RATE = 16_000
#: Sound that outlasts the pictures by less than this is the last frame's own.
_TAIL_MS = 60.0


@dataclass(frozen=True, slots=True)
class LipSyncResult:
    """``repainted`` of ``frame_count`` frames got a new mouth; ``seconds`` by stage; ``notes`` for a person."""

    out: Path
    backend: str
    duration_s: float
    frame_count: int
    repainted: int
    words_from: str
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"out": str(self.out), "backend": self.backend, "duration_s": round(self.duration_s, 3),
                "frame_count": self.frame_count, "repainted": self.repainted, "words_from": self.words_from,
                "notes": list(self.notes), "stages": [{"name": n, "seconds": round(s, 2)}
                                                      for n, s in self.seconds.items()]}


def lipsync(video: Path, sound: Path, out: Path, *, backend: str = "auto", checkpoint: Path | None = None,
            transcript: Path | None = None, language: str = "", listener: Listener = nobody) -> LipSyncResult:
    """Write ``video`` (or a still picture) to ``out``, saying ``sound``; its own sound is replaced.

    transcript: the words of ``sound`` (text, subtitles or a recognizer's JSON), which makes closures exact; without
    it the phones are heard by the engine. Raises MediaError, UsageError, UnavailableError and StorageError.
    """
    from dubbing import registry
    from dubbing.media import probe

    video, sound, out = Path(video), Path(sound), Path(out)
    is_still = video.suffix.lower() in STILL_SUFFIXES
    heard = _sound_of(sound)
    info = None if is_still else probe.probe(video)
    if checkpoint is not None and backend == "auto":
        backend = "wav2lip"
    if checkpoint is not None and backend != "wav2lip":
        raise UsageError("A checkpoint was given, but not the backend that it is for.", "Add --backend wav2lip.")
    engine: LipSyncer = registry.choose("lipsync", backend, checkpoint=str(checkpoint) if checkpoint else None)
    run = _Run(listener)
    with tempfile.TemporaryDirectory(prefix="dubbing-lipsync-") as folder:
        work = Path(folder)
        said = _read(transcript, language)
        if is_still:
            from dubbing.media.still import still_video

            with run.stage("still", "frame") as report:
                video = still_video(video, len(heard) / _RATE, work / "still.mp4", report=report)
            info = probe.probe(video)
        assert info is not None
        duration_ms = float(info.duration_ms)
        with run.stage("weights", "file"):
            engine.load()
        with run.stage("hear", "sound"):
            phonemes = _phonemes(engine, heard, said)
        with run.stage("faces", "frame") as report:
            engine.track(video, _made(work / "tracks"), report)
        with run.stage("mouths", "frame") as report:
            seen = _model(engine, video, work, int(duration_ms), report)
        if not seen:
            raise MediaError(f"No face can be lip-synced in {video.name}.",
                             "The speaker's mouth must be in view, larger than about 30 pixels, and not in profile.")
        with run.stage("lipsync", "frame") as report:
            painted = _render(engine, video, work, phonemes, heard, duration_ms, report)
        with run.stage("export", "frame") as report:
            wav = _wav(sound, work / "sound.wav", duration_ms)
            done = _export(engine, video, work, wav, out, language, report)
    notes = [painted.note] if painted.note else []
    if not painted.frames and not painted.note:
        notes.append("No frame was repainted.")
    excess_ms = len(heard) / _RATE * 1000 - duration_ms
    if excess_ms > _TAIL_MS:
        notes.append(f"The sound is {excess_ms / 1000:.1f} s longer than the pictures; its end is left out.")
    return LipSyncResult(out, engine.id, duration_ms / 1000, done.frame_count, painted.frames,
                         "transcript" if said is not None else "sound", (*notes, *done.notes), run.seconds)


@dataclass
class _Run:
    """Times the stages and tells the listener."""

    listener: Listener
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, unit: str) -> Iterator[Report]:
        clock = Clock(name, unit, self.listener)
        yield clock
        self.seconds[name] = time.monotonic() - clock.started
        self.listener(Progress(name, 1, 1, unit, "", self.seconds[name], 0.0))


def _sound_of(path: Path) -> Sound:
    from dubbing.media import audio, probe

    probe.probe(path, needs_video=False, needs_audio=True)
    heard = audio.read_mono_16k(path)
    if len(heard) < _RATE // 10:
        raise MediaError(f"{path.name} holds no sound to speak of.", "Give a recording of at least 0.1 s.")
    return heard


def _read(transcript: Path | None, language: str) -> Any:
    if transcript is None:
        return None
    from dubbing.transcripts import read_transcript, spell

    return spell(read_transcript(transcript), language)


def _phonemes(engine: LipSyncer, heard: Sound, said: Any) -> list[Phoneme]:
    words, anchors = (said.words, said.anchors) if said is not None else (None, ())
    return list(engine.hear(heard, _RATE, words, anchors))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _model(engine: LipSyncer, video: Path, work: Path, duration_ms: int, report: Report) -> list[tuple[int, int]]:
    from dubbing.engines.base import SpeakerSpan

    spans = [SpeakerSpan(SPEAKER, 0, duration_ms)]
    on_camera = engine.model(video, work / "tracks", spans, _made(work / "mouths"), report, or_largest=True)
    return on_camera.get(SPEAKER, [])


def _render(engine: LipSyncer, video: Path, work: Path, phonemes: list[Phoneme], heard: Sound, duration_ms: float,
            report: Report) -> Any:
    """The whole video is covered: where the sound is silent or over, the mouth rests."""
    from dubbing.engines.base import LipSyncLine

    line = LipSyncLine("line", SPEAKER, 0, [p for p in phonemes if p.start_ms < duration_ms], heard, _RATE, 0,
                       int(duration_ms) + 1)
    return engine.render(video, work / "tracks", work / "mouths", line, _made(work / "patches"), report)


def _wav(sound: Path, out: Path, duration_ms: float) -> Path:
    """``sound`` at its own rate and channels, no longer than the pictures."""
    from dubbing.media import audio, probe

    rate = probe.probe(sound, needs_video=False, needs_audio=True).audio[0].sample_rate
    left = int(duration_ms / 1000 * rate)

    def parts() -> Iterator[Sound]:
        nonlocal left
        for block in audio.blocks(sound, rate):
            if left <= 0:
                return
            yield block[:, :left]
            left -= block.shape[1]

    audio.write_wav(out, parts(), rate)
    return out


def _export(engine: LipSyncer, video: Path, work: Path, wav: Path, out: Path, language: str, report: Report) -> Any:
    from dubbing.media.tracks import AudioTrack
    from dubbing.media.write import export_video

    return export_video(video, out, [AudioTrack(wav, language or "und")], engine.patches(work / "patches"),
                        report=report)


def score(video: Path, *, sound: Path | None = None, reference: Path | None = None, syncnet: Path | None = None,
          transcript: Path | None = None, language: str = "", pages: Sequence[Path] = (),
          listener: Listener = nobody) -> dict[str, Any]:
    """How well the mouth in ``video`` says what is heard, and what became of the picture; JSON values.

    sound: the speech, when it is not the video's own. reference: the original video, without which everything that
    compares with it is left out. transcript: the words; heard by the phone network otherwise. syncnet: adds LSE.
    pages: one-page reports to write (.html, .png). Raises MediaError, UsageError and UnavailableError.
    """
    from dubbing import registry
    from dubbing.engines.lipsync.judge import judge
    from dubbing.media import probe

    video = Path(video)
    for page in pages:
        if page.suffix.lower() not in (".html", ".htm", ".png"):
            raise UsageError(f"{page.name} does not end in .html or .png.", "Choose one of these suffixes.")
        if not page.resolve().parent.is_dir():
            raise UsageError(f"There is no folder {page.resolve().parent}.", "Make it first, or name another.")
    info = probe.probe(video)
    if reference is not None:
        probe.probe(reference)
    if sound is not None:
        probe.probe(sound, needs_video=False, needs_audio=True)
    said = _read(transcript, language)
    run = _Run(listener)
    phonemes = None
    if said is not None:
        if sound is None and not info.audio:
            raise MediaError(f"{video.name} has no sound to lay the transcript onto.", "Give the speech with --audio.")
        with run.stage("hear", "sound"):
            phonemes = _phonemes(registry.choose("lipsync", "atlas"), _sound_of(sound or video), said)
    with run.stage("quality", "frame") as report:
        found = judge(video, audio=sound, reference=reference, phonemes=phonemes, syncnet=syncnet, pages=pages,
                      report=report)
    return {"video": str(video), "reference": str(reference) if reference else None,
            "words_from": "transcript" if said is not None else "sound", **found}
