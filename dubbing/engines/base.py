"""What the pipeline asks of an engine, one Protocol a kind.

An engine is cheap to construct and imports its model library in ``load`` alone, so that listing
engines costs nothing. ``id`` and ``version`` go into every artifact key: raise ``version`` whenever
the same input would give another output. ``why_unavailable`` answers without loading a model: ``None``
when the engine can run now (weights that can be fetched count as available), else one sentence that
says what is missing and what would add it.

Sound is float32 in [-1, 1]: mono as ``[samples]``, multi-channel as ``[channels, samples]``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias, runtime_checkable

from dubbing.domain.speech import Diarization, Phoneme, Transcript
from dubbing.domain.translation import Brief, Budget, Candidate, TermRule

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Sound: TypeAlias = npt.NDArray[np.float32]
else:
    # Pages and `--help` need the names of this module, and no arrays: numpy takes a tenth of a second.
    Sound = Any

#: The voice of a cloning engine that is the speaker's own.
CLONE = "clone"

#: ``report(done, total, message)``; an engine calls it as often as it likes.
Report = Callable[[float, float, str], None]


def silent(_done: float, _total: float, _message: str = "") -> None:
    """The ``Report`` of a caller who does not watch."""


#: ``say(sentence)``: something that a person should know now.
Say = Callable[[str], None]


def unsaid(_sentence: str) -> None:
    """The ``Say`` of a caller who does not listen."""


@runtime_checkable
class Engine(Protocol):
    """What every kind has in common."""

    id: ClassVar[str]
    version: ClassVar[str]
    licence: ClassVar[str]
    is_fake: ClassVar[bool]

    def why_unavailable(self) -> str | None: ...

    def load(self) -> None:
        """Bring the model into memory; calling it twice is free."""

    def release(self) -> None:
        """Give the memory back."""


class Recognizer(Engine, Protocol):
    def transcribe(self, sound_16k: Sound, *, language: str | None, names: Sequence[str] = (),
                   report: Report = silent) -> Transcript:
        """Words with times from 16 kHz mono sound; ``language`` None means detect it.

        names: proper names and terms that may be said (the glossary's), to be preferred where the sound allows it.
        """


class Diarizer(Engine, Protocol):
    def diarize(self, sound_16k: Sound, *, speakers: int | None, report: Report = silent) -> Diarization: ...


@dataclass(frozen=True, slots=True)
class TranslationRequest:
    """One utterance to translate; ``sound_16k`` is its own audio, for engines that listen.

    ``must_be_sure`` asks an engine that doubts its own result to return "": another one is asked then.
    before, after: source texts of the lines around it, for engines that read in context. budget: how many syllables
    fit its place. terms: glossary entries whose source occurs in it. examples: (source, target) of similar lines that
    people approved. wanted: how many candidates are of use.
    """

    text: str
    duration_ms: int
    sound_16k: Sound | None = None
    must_be_sure: bool = False
    id: str = ""
    speaker: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    budget: Budget | None = None
    terms: tuple[TermRule, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()
    wanted: int = 1


class Translator(Engine, Protocol):
    needs_sound: ClassVar[bool]

    def supports(self, source: str, target: str) -> bool:
        """Whether this engine, as it is installed now, translates ``source`` into ``target``."""

    def translate(self, request: TranslationRequest, source: str, target: str) -> str: ...

    def candidates(self, requests: Sequence[TranslationRequest], brief: Brief, report: Report = silent,
                   ) -> list[tuple[Candidate, ...]]:
        """For every request its possible translations, the engine's own favourite first; () where it has none.

        One line that is refused or malformed costs that line alone: its tuple is empty, nothing is raised. Raises
        UnavailableError when the engine cannot work at all (no server, no model).
        """


class Rewriter(Translator, Protocol):
    """A translator that can also say a text again in more or fewer syllables (``rewrites`` is True)."""

    rewrites: ClassVar[bool]

    def rewrite(self, requests: Sequence[tuple[TranslationRequest, str]], brief: Brief, report: Report = silent,
                ) -> list[tuple[Candidate, ...]]:
        """For every (request, text so far) texts of the same meaning within ``request.budget``; () where none."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A synthesis identity. ``sex`` is "female", "male" or "unknown"; ``pitch_hz`` its usual pitch, 0 where not known.

    ``is_native`` is False where the voice speaks the language with an accent and others do not.
    """

    id: str
    languages: tuple[str, ...]
    sex: str
    pitch_hz: float
    is_native: bool = True


@dataclass(frozen=True, slots=True)
class Speech:
    """What a synthesizer said: mono sound and the exact time of every phoneme."""

    sound: Sound
    sample_rate: int
    phonemes: tuple[Phoneme, ...]


class Synthesizer(Engine, Protocol):
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes that this engine speaks intelligibly."""

    def voices(self, language: str) -> tuple[Voice, ...]: ...

    def synthesize(self, text: str, language: str, voice: str, *, speed: float = 1.0) -> Speech:
        """Speak ``text``; ``speed`` 1.0 is the voice's natural tempo, larger is faster.

        Where ``takes_ipa`` is True, ``{word|ipa}`` in the text says how a word is pronounced. Raises DubbingError
        when the text holds nothing that can be spoken.
        """


class Cloner(Synthesizer, Protocol):
    """A synthesizer that speaks like a person whom it is shown (``clones`` is True).

    Its voice for a speaker is ``clone`` (see :data:`CLONE`): the stage hands it that speaker's reference.
    """

    clones: ClassVar[bool]

    def imitate(self, text: str, language: str, reference: Path, *, speed: float = 1.0) -> Speech:
        """Speak ``text`` in the voice of the WAV file ``reference`` (mono, 6 to 15 s of one person)."""


def imitates(engine: Synthesizer, language: str, voice: str) -> bool:
    """Whether ``voice`` is, as far as can be known, the speaker's own: that takes a consent.

    Of an engine that clones it is the voice :data:`CLONE`; of one that clones and does not offer that, any.
    """
    if not getattr(engine, "clones", False):
        return False
    is_own = voice == CLONE or voice.startswith(tuple(f"{CLONE}{sign}" for sign in "+-*"))
    return is_own or all(one.id != CLONE for one in engine.voices(language))


class Separator(Engine, Protocol):
    def separate(self, blocks: Iterator[Sound], sample_rate: int) -> Iterator[tuple[Sound, Sound]]:
        """Stream ``[channels, samples]`` blocks into (speech, M&E) blocks that sum to the input.

        The output is as long as the input in total and aligned with it to the sample.
        """


@dataclass(frozen=True, slots=True)
class LipSyncLine:
    """An utterance to re-animate: when its take is heard in the video, and what it says.

    ``cover_start_ms`` to ``cover_end_ms`` (video clock) is where the mouth is repainted: the original
    utterance and the take together, so that a mouth that still speaks the original rests instead.
    """

    id: str
    speaker: str
    start_ms: int
    phonemes: Sequence[Phoneme]
    sound: Sound
    sample_rate: int
    cover_start_ms: int
    cover_end_ms: int


@dataclass(frozen=True, slots=True)
class SpeakerSpan:
    """The original speech of ``speaker``: what the active-speaker search and the atlas learn from."""

    speaker: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class LipSyncReport:
    """What became of a line: ``frames`` repainted, and why not more, in words for a person."""

    frames: int
    note: str = ""
    quality: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AdaptReport:
    """What became of adapting a generator to a speaker.

    won: the file ``generator`` is to be used in place of the mouth atlas. note: one or two sentences with the figures,
    or why it was not tried. figures: the same as JSON values, empty where it was not tried.
    """

    won: bool
    note: str
    figures: Mapping[str, Any]
    generator: Path | None = None


@dataclass(frozen=True, slots=True)
class GlimpsedFace:
    """A face in one picture: its height over the picture's, its height in pixels, yaw and pitch in degrees."""

    height_share: float
    height: float
    yaw: float
    pitch: float


@dataclass(frozen=True, slots=True)
class SeenPerson:
    """A person as the tracker saw one; ``speaker`` is "" where nobody is known to speak with this face.

    tracks: ids of the face tracks. seen: intervals (ms). height_share: median height of the face over the picture's.
    at_ms: when the face is seen best, box: top, left, bottom, right of it there, in shares of the picture. turned:
    share of its frames in which the mouth is hidden or turned away.
    """

    id: str
    speaker: str
    tracks: tuple[int, ...]
    seen: tuple[tuple[int, int], ...]
    height_share: float
    at_ms: float
    box: tuple[float, float, float, float]
    turned: float


class PatchLike(Protocol):
    """Finished pixels for one rectangle of one frame: planes of yuv420p in the upright picture.

    ``y`` is [height, width], ``u`` and ``v`` [height/2, width/2]; ``left`` and ``top`` are even luma pixels;
    frames count from 0 in presentation order.
    """

    @property
    def frame(self) -> int: ...
    @property
    def left(self) -> int: ...
    @property
    def top(self) -> int: ...
    @property
    def y(self) -> npt.NDArray[np.uint8]: ...
    @property
    def u(self) -> npt.NDArray[np.uint8]: ...
    @property
    def v(self) -> npt.NDArray[np.uint8]: ...


class LipSyncer(Engine, Protocol):
    """Repaints mouths. ``track`` and ``model`` do not depend on the target language."""

    def track(self, video: Path, folder: Path, report: Report = silent) -> None:
        """Find faces in every shot; write what ``model`` and ``render`` need into ``folder``."""

    def model(self, video: Path, tracks: Path, spans: Sequence[SpeakerSpan], folder: Path,
              report: Report = silent, *, or_largest: bool = False,
              assigned: Mapping[str, Sequence[int]] | None = None) -> dict[str, list[tuple[int, int]]]:
        """Learn each speaker's mouths into ``folder``; returns on-camera intervals (ms) by speaker.

        or_largest: a speaker whom nobody is seen to be is taken for the largest face of each shot. assigned: ids of
        face tracks by the speaker whom they show ("": nobody who speaks), whatever they look like.
        """

    def hear(self, sound: Sound, sample_rate: int, words: Sequence[Sequence[str]] | None = None,
             anchors: Sequence[tuple[int, int, float, float]] = ()) -> Sequence[Phoneme]:
        """When each phone of mono ``sound`` is said: of the known ``words`` (IPA symbols each), else as heard.

        anchors: (first word, word after the last, start_ms, end_ms) of pieces whose times are known. What comes back
        may know more than its phones (how the lips stand): hand it on to ``render`` as it is. Raises MediaError when
        the words cannot be what is said.
        """

    def render(self, video: Path, tracks: Path, models: Path, line: LipSyncLine, folder: Path,
               report: Report = silent) -> LipSyncReport:
        """Write repainted mouth patches of one line into ``folder`` (see lipsync_core.patch)."""

    def patches(self, folder: Path) -> Iterator[PatchLike]:
        """The patches that ``render`` wrote into ``folder``, in frame order."""

    def patched_frames(self, folder: Path) -> Sequence[int]:
        """The frame of each of these patches, without decoding any."""

    def patch_boxes(self, folder: Path) -> Sequence[tuple[int, int, int, int]]:
        """(left, top, height, width) of each of these patches in the upright picture, without decoding any."""

    def people(self, tracks: Path, models: Path) -> list[SeenPerson]:
        """Everybody who is seen, whoever is seen longest first."""

    def glance(self, video: Path, times_ms: Sequence[float]) -> list[list[GlimpsedFace]]:
        """The faces in single pictures, largest first: for a look at a video before any work."""

    def count_cuts(self, video: Path, spans: Sequence[tuple[float, float]]) -> int:
        """How many shots end within stretches (ms) of a video."""

    def score(self, video: Path, tracks: Path, dubbed: Path, takes: Sequence[tuple[str, int, Sequence[Phoneme]]],
              report: Report = silent) -> dict[str, Any]:
        """Lip-sync quality of the finished file ``dubbed``; ``takes`` are (speaker, start in ms, phonemes)."""

    def contact_sheet(self, video: Path, tracks: Path, dubbed: Path,
                      takes: Sequence[tuple[str, int, Sequence[Phoneme]]], out: Path) -> None:
        """Draw original and dubbed mouths side by side into the PNG ``out``."""


class Adapter(Engine, Protocol):
    """A lip-syncer whose generator can be adapted to one speaker of one video."""

    def adapt(self, video: Path, tracks: Path, models: Path, speaker: str, spans: Sequence[SpeakerSpan], folder: Path,
              *, sound: Sound | None = None, minutes: float, work: Path | None = None, report: Report = silent,
              say: Say = unsaid) -> AdaptReport:
        """Adapt and compare within ``minutes``; what came of it lies in ``folder``.

        spans: where who is heard. sound: the speech of the video at 16 kHz, mono; the video's own sound when None.
        work: keeps half-done work, so that the next call with the same folder goes on. say: is told once how long it
        takes here. Raises UnavailableError when there is no generator.
        """
