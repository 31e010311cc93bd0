"""What a dub is asked to be: kept with the project, so that a later run does the same."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from dubbing.errors import UsageError
from dubbing.media.languages import iso639_2


@dataclass(frozen=True, slots=True)
class DubOptions:
    """Target languages, what is known of the source, and an engine for each kind ("auto": the best there is).

    checkpoint: the weights of the lip-sync engine wav2lip.
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
        if self.checkpoint is not None and self.lipsync != "wav2lip":
            raise UsageError("A checkpoint was given, but not the engine that it is for.", "Add --lipsync wav2lip.")
        return self

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "targets": list(self.targets)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DubOptions:
        """The inverse of ``to_json``; unknown names (of a newer version) are left out."""
        known = {field.name for field in fields(cls)} & data.keys()
        return cls(**{**{name: data[name] for name in known}, "targets": tuple(data.get("targets", ()))})
