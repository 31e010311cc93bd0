"""What a dub is asked to be: kept with the project, so that a later run does the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from dubbing.domain.loudness import PRESETS
from dubbing.errors import UsageError
from dubbing.media.languages import iso639_2

#: How far music and effects may go down under dubbed lines.
MOST_DUCK_DB = 24.0
#: How long an adaptation may take, in minutes.
ADAPT_MINUTES, LEAST_ADAPT_MINUTES, MOST_ADAPT_MINUTES = 10.0, 1.0, 240.0
#: Lip-sync engines that an adapted generator may stand in for.
ADAPTABLE = ("auto", "atlas", "own")
#: What may differ from one target language to the next.
ENGINES_BY_LANGUAGE = ("translator", "synthesizer")


@dataclass(frozen=True, slots=True)
class DubOptions:
    """Target languages, what is known of the source, and an engine for each kind ("auto": the best there is).

    checkpoint: the weights of the lip-sync engine wav2lip or own. adapt: fine-tune the generator of "own" on each
    speaker, for at most ``adapt_minutes``, and use it where it beats the atlas, which is used elsewhere. by_language:
    another ``translator`` or ``synthesizer`` for one language. use_memory: exact hits of the translation memory come
    before any engine. style: notes for translators that read them. prosody, room: whether takes follow the original's
    loudness, pitch and emphasis, and its room. loudness: a preset of :mod:`dubbing.domain.loudness`. duck_db: how far
    M&E goes down under dubbed lines.
    """

    targets: tuple[str, ...]
    source: str | None = None
    speakers: int | None = None
    lipsync: str = "auto"
    translator: str = "auto"
    recognizer: str = "auto"
    diarizer: str = "auto"
    synthesizer: str = "auto"
    separator: str = "auto"
    keep_original: bool = False
    checkpoint: str | None = None
    by_language: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    use_memory: bool = True
    style: str = ""
    prosody: bool = True
    room: bool = True
    loudness: str = "source"
    duck_db: float = 0.0
    adapt: bool = False
    adapt_minutes: float = ADAPT_MINUTES

    def for_language(self, language: str) -> DubOptions:
        """Self, with the engines that were chosen for one language."""
        own = self.by_language.get(language, {})
        return replace(self, **{name: own[name] for name in ENGINES_BY_LANGUAGE if own.get(name)})

    def checked(self) -> DubOptions:
        """Self, when every language is one. Raises UsageError."""
        for code in (*self.targets, *([self.source] if self.source else [])):
            if len(code) != 2 or iso639_2(code) == "und":
                raise UsageError(f"“{code}” is not a language that is known here.",
                                 "Use two-letter codes, such as en, es, de, fr, it, pt, ja.")
        if not self.targets:
            raise UsageError("No target language was given.", "Name one with --to, for example --to en.")
        if self.source in self.targets:
            raise UsageError(f"The video is to be dubbed from {self.source} into {self.source}.",
                             "Choose another target language.")
        if self.checkpoint is not None and self.lipsync not in ("wav2lip", "own"):
            raise UsageError("A checkpoint was given, but not the engine that it is for.", "Add --lipsync wav2lip.")
        check_adapting(self.adapt, self.lipsync, self.adapt_minutes)
        for code in self.by_language:
            if code not in self.targets:
                raise UsageError(f"An engine was chosen for {code}, which is no target language.",
                                 f"The target languages are {', '.join(self.targets)}.")
        if self.loudness not in PRESETS:
            raise UsageError(f"“{self.loudness}” is not a loudness preset that is known here.",
                             f"Choose one of: {', '.join(PRESETS)}.")
        if not 0 <= self.duck_db <= MOST_DUCK_DB:
            raise UsageError(f"Music and effects cannot go down by {self.duck_db:g} dB.",
                             f"Give 0 to {MOST_DUCK_DB:g} dB; 0 leaves them as they are.")
        return self

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "targets": list(self.targets)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DubOptions:
        """The inverse of ``to_json``; unknown names (of a newer version) are left out."""
        known = {own.name for own in fields(cls)} & data.keys()
        return cls(**{**{name: data[name] for name in known}, "targets": tuple(data.get("targets", ()))})


def check_adapting(adapt: bool, lipsync: str, minutes: float) -> None:
    """Raises UsageError when the engine cannot be adapted, or the time is no time for it."""
    if adapt and lipsync not in ADAPTABLE:
        raise UsageError(f"Adapting takes the place of the lip-sync engine, which is to be {lipsync}.",
                         f"Choose one of: {', '.join(ADAPTABLE)}.")
    if not LEAST_ADAPT_MINUTES <= minutes <= MOST_ADAPT_MINUTES:
        raise UsageError(f"Adapting cannot take {minutes:g} minutes.",
                         f"Give {LEAST_ADAPT_MINUTES:g} to {MOST_ADAPT_MINUTES:g} minutes.")
