"""What quality control says of a dub: findings, each of one check."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters: an error is not shipped, a warning is looked at, an info is good to know."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check has to say, in ``message`` for people.

    check: stable name, e.g. "word_errors". utterance_id: "" for what concerns the whole dub. value and limit: what
    was measured and what it is held against, in ``unit`` ("" for shares and ratios); None where there is nothing to
    measure. at_ms: where in the video to look. subject: the word, number or name that it is about: of one line and
    check there is one finding a subject.
    """

    check: str
    severity: Severity
    utterance_id: str
    message: str
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    at_ms: int | None = None
    subject: str = ""
