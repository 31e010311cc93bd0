"""Lip-sync of one file to one sound, and the judgement of any file: no project, nothing kept."""

from __future__ import annotations

import errno
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dubbing.errors import MediaError, UsageError
from dubbing.options import ADAPT_MINUTES, check_adapting
from dubbing.pipeline.progress import Clock, Listener, Progress, nobody

if TYPE_CHECKING:
    from dubbing.domain.speech import Phoneme
    from dubbing.engines.base import Adapter, AdaptReport, LipSyncer, Report, Say
    from dubbing.media.audio import Sound
    from dubbing.media.probe import AudioInfo, MediaInfo
    from dubbing.transcripts import Spelling

SPEAKER = "speaker"
STILL_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic",
                            ".heif"})
_OUT_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")
_RATE = 16_000
#: Sound that outlasts the pictures by less than this is the last frame's own; one that ends earlier is common.
_TAIL_MS, _REST_MS = 60.0, 500.0
#: Sound with more channels than 5.1 is written as stereo.
_MOST_CHANNELS = 6


@dataclass(frozen=True, slots=True)
class LipSyncResult:
    """``repainted`` of ``frame_count`` frames got a new mouth; ``seconds`` by stage; ``notes`` for a person.

    adaptation: what an adapted generator was compared with (``won``, ``rows`` and more), empty where it was not tried,
    None where it was not asked for.
    """

    out: Path
    backend: str
    duration_s: float
    frame_count: int
    repainted: int
    words_from: str
    notes: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    adaptation: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        return {"out": str(self.out), "backend": self.backend, "duration_s": round(self.duration_s, 3),
                "frame_count": self.frame_count, "repainted": self.repainted, "words_from": self.words_from,
                "notes": list(self.notes), "stages": [{"name": n, "seconds": round(s, 2)}
                                                      for n, s in self.seconds.items()],
                **({"adaptation": self.adaptation} if self.adaptation is not None else {})}


def lipsync(video: Path, sound: Path, out: Path, *, backend: str = "auto", checkpoint: Path | None = None,
            transcript: Path | None = None, language: str = "", adapt: bool = False,
            adapt_minutes: float = ADAPT_MINUTES, say: Say | None = None, listener: Listener = nobody) -> LipSyncResult:
    """Write ``video`` (or a still picture) to ``out``, saying ``sound``; its own sound is replaced.

    transcript: the words of ``sound`` (text, subtitles or a recognizer's JSON), which makes closures exact; without
    it the phones are heard by the engine. language: of the sound, as a tag of its track and to spell the transcript;
    told by the transcript where left out. adapt: train the generator "own" on the video with its own sound first, for
    at most ``adapt_minutes``, and use it if it beats the atlas. say: is told how long that takes here. Raises
    MediaError, UsageError, UnavailableError and StorageError.
    """
    from dubbing import registry
    from dubbing.media import probe

    video, sound, out = Path(video), Path(sound), Path(out)
    if out.suffix.lower() not in _OUT_SUFFIXES:
        raise UsageError(f"{out.name} does not end in .mp4, .mov or .mkv.", "Choose one of these suffixes.")
    _check_target(out, video, sound)
    _check_language(language)
    is_still = video.suffix.lower() in STILL_SUFFIXES
    heard = _sound_of(sound)
    info = None if is_still else probe.probe(video)
    if checkpoint is not None and backend == "auto":
        backend = "own" if adapt else "wav2lip"
    if checkpoint is not None and backend not in ("wav2lip", "own"):
        raise UsageError("A checkpoint was given, but not the backend that it is for.", "Add --backend wav2lip.")
    check_adapting(adapt, backend, adapt_minutes)
    if adapt and is_still:
        raise UsageError(f"{video.name} is a still picture, which nothing can be adapted to.", "Leave --adapt out.")
    weights = str(checkpoint) if checkpoint else None
    adapter: Adapter | None = registry.choose("lipsync", "own", checkpoint=weights) if adapt else None
    # What an adapted generator has to beat, and what is used where it does not, is the atlas.
    engine: LipSyncer = registry.choose("lipsync", "auto") if adapt else registry.choose(
        "lipsync", backend, checkpoint=weights)
    said = _read(transcript, language)
    run = _Run(listener)
    with _work_folder() as work:
        if is_still:
            from dubbing.media.still import still_video

            with run.stage("still", "frame") as report:
                video = still_video(video, len(heard) / _RATE, work / "still.mp4", report=report)
            info = probe.probe(video)
        assert info is not None
        duration_ms = _pictures_end_ms(info)
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
        adapted = None
        if adapter is not None:
            with run.stage("adapt", "step") as report:
                adapted = _adapt(adapter, video, work, adapt_minutes, say, report)
            if adapted.generator is not None:
                engine = registry.choose("lipsync", "own", checkpoint=str(adapted.generator))
        with run.stage("lipsync", "frame") as report:
            painted = _render(engine, video, work, phonemes, heard, duration_ms, report)
        with run.stage("export", "frame") as report:
            wav = _wav(sound, work / "sound.wav", duration_ms)
            done = _export(engine, video, work, wav, out, said.language if said is not None else language, report)
    notes = [note for note in (adapted.note if adapted is not None else "", painted.note) if note]
    if not painted.frames and not painted.note:
        notes.append("No frame was repainted.")
    notes += _sound_notes(sound, len(heard) / _RATE * 1000 - duration_ms)
    return LipSyncResult(out, engine.id, duration_ms / 1000, done.frame_count, painted.frames,
                         "transcript" if said is not None else "sound", (*notes, *done.notes), run.seconds,
                         dict(adapted.figures) if adapted is not None else None)


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


@contextmanager
def _work_folder() -> Iterator[Path]:
    """A folder that is gone afterwards; a full disk is told as such."""
    from dubbing.media.atomic import storage_error

    with tempfile.TemporaryDirectory(prefix="dubbing-lipsync-") as folder:
        try:
            yield Path(folder)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise storage_error(error, Path(folder)) from error


def _check_target(out: Path, *inputs: Path) -> None:
    """Raise before anything long begins when ``out`` is one of the inputs or cannot be written."""
    from dubbing.errors import StorageError
    from dubbing.media.atomic import storage_error

    if out.is_dir():
        raise StorageError(f"{out} is a folder, not a file.", "Name a file to write.")
    for path in inputs:
        if out.exists() and path.exists() and out.samefile(path):
            raise UsageError(f"{out} is {path.name}, which is read.", "Choose another name for the result.")
    folder = out.absolute().parent
    try:
        while not folder.exists():
            folder = folder.parent
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise storage_error(error, out) from error


def _check_language(language: str) -> None:
    from dubbing.media.languages import iso639_2

    if language and language != "und" and iso639_2(language) == "und":
        raise UsageError(f"{language} is no language code.", "Give an ISO 639-1 code, such as en or es.")


def _pictures_end_ms(info: MediaInfo) -> float:
    """When the last frame ends on the file's clock: its own sound may be longer or shorter."""
    assert info.video is not None
    return info.video.start_ms + (info.video.duration_ms or info.video.frame_count / info.video.frame_rate * 1000)


def _sound_notes(sound: Path, excess_ms: float) -> list[str]:
    notes = []
    if excess_ms > _TAIL_MS:
        notes.append(f"The sound is {excess_ms / 1000:.1f} s longer than the pictures; its end is left out.")
    if excess_ms < -_REST_MS:
        notes.append(f"The sound ends {-excess_ms / 1000:.1f} s before the pictures; the mouth rests from there.")
    if (channels := _stream_of(sound).channels) > _MOST_CHANNELS:
        notes.append(f"The sound's {channels} channels were mixed to stereo.")
    return notes


def _stream_of(sound: Path) -> AudioInfo:
    """The first sound stream of a file that may hold pictures too; MediaError where there is none."""
    from dubbing.media import probe

    streams = probe.probe(sound, needs_video=False).audio
    if not streams:
        raise MediaError(f"{sound.name} has no sound.", "Give a file with the speech that is to be said.")
    return streams[0]


def _sound_of(path: Path) -> Sound:
    from dubbing.media import audio

    _stream_of(path)
    heard = audio.read_mono_16k(path)
    if len(heard) < _RATE // 10:
        raise MediaError(f"{path.name} holds no sound to speak of.", "Give a recording of at least 0.1 s.")
    return heard


@dataclass(frozen=True, slots=True)
class _Said:
    """A transcript, spelled in ``language``."""

    spelling: Spelling
    language: str


def _read(transcript: Path | None, language: str) -> _Said | None:
    if transcript is None:
        return None
    from dubbing.engines.tts.phonemes import language_of
    from dubbing.transcripts import read_transcript, spell

    text = read_transcript(transcript)
    return _Said(spell(text, language), language or text.language or language_of(text.text))


def _phonemes(engine: LipSyncer, heard: Sound, said: _Said | None) -> Sequence[Phoneme]:
    words, anchors = (said.spelling.words, said.spelling.anchors) if said is not None else (None, ())
    return engine.hear(heard, _RATE, words, anchors)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _model(engine: LipSyncer, video: Path, work: Path, duration_ms: int, report: Report) -> list[tuple[int, int]]:
    from dubbing.engines.base import SpeakerSpan

    spans = [SpeakerSpan(SPEAKER, 0, duration_ms)]
    on_camera = engine.model(video, work / "tracks", spans, _made(work / "mouths"), report, or_largest=True)
    return on_camera.get(SPEAKER, [])


def _adapt(adapter: Adapter, video: Path, work: Path, minutes: float, say: Say | None,
           report: Report) -> AdaptReport:
    """The speaker is taken to speak whenever the video is heard to; its own sound is what is learnt from."""
    from dubbing.engines.base import unsaid

    return adapter.adapt(video, work / "tracks", work / "mouths", SPEAKER, (), _made(work / "adapted"),
                         minutes=minutes, report=report, say=say or unsaid)


def _render(engine: LipSyncer, video: Path, work: Path, phonemes: Sequence[Phoneme], heard: Sound, duration_ms: float,
            report: Report) -> Any:
    """The whole video is covered: where the sound is silent or over, the mouth rests."""
    from dubbing.engines.base import LipSyncLine

    line = LipSyncLine("line", SPEAKER, 0, phonemes, heard, _RATE, 0, int(duration_ms) + 1)
    return engine.render(video, work / "tracks", work / "mouths", line, _made(work / "patches"), report)


def _wav(sound: Path, out: Path, duration_ms: float) -> Path:
    """``sound`` at its own rate and channels (stereo where there are too many), no longer than the pictures."""
    from dubbing.media import audio

    stream = _stream_of(sound)
    rate = stream.sample_rate
    left = round(duration_ms / 1000 * rate)
    layout = "stereo" if stream.channels > _MOST_CHANNELS else None

    def parts() -> Iterator[Sound]:
        nonlocal left
        for block in audio.blocks(sound, rate, layout):
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


def _with_rest(phonemes: Sequence[Phoneme], end_ms: float) -> list[Phoneme]:
    """With a pause up to ``end_ms``: where the sound is over, the mouth has to rest, and that is judged too."""
    from dubbing.domain.speech import Phoneme

    last_ms = max((p.end_ms for p in phonemes), default=0.0)
    return [*phonemes, *([Phoneme(" ", last_ms, end_ms)] if end_ms > last_ms else [])]


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
        _check_target(page)
    _check_language(language)
    info = probe.probe(video)
    if reference is not None:
        probe.probe(reference)
    if sound is not None:
        _stream_of(sound)
    said = _read(transcript, language)
    run = _Run(listener)
    phonemes = None
    if said is not None:
        if sound is None and not info.audio:
            raise MediaError(f"{video.name} has no sound to lay the transcript onto.", "Give the speech with --audio.")
        with run.stage("hear", "sound"):
            phonemes = _phonemes(registry.choose("lipsync", "atlas"), _sound_of(sound or video), said)
        phonemes = _with_rest(phonemes, _pictures_end_ms(info))
    with run.stage("quality", "frame") as report:
        found = judge(video, audio=sound, reference=reference, phonemes=phonemes, syncnet=syncnet, pages=pages,
                      report=report)
    return {"video": str(video), "reference": str(reference) if reference else None,
            "words_from": "transcript" if said is not None else "sound", **found}
