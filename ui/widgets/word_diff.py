"""What changed between two texts, word by word: told by strike-through and underline, not by colour alone."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from enum import StrEnum
from html import escape

from ui.text import t

#: A word with its inner apostrophes and hyphens, one sign of a script written without blanks, blanks, or a mark.
_TOKEN = re.compile(
    r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
    r"(?:['’\-][^\W\u3040-\u30ff\u3400-\u9fff]+)*|\s+|[^\w\s]"
)

_STYLES = {
    "removed": "text-decoration:line-through 2px;background:rgba(208,59,59,.16);border-radius:3px;"
               "padding:0 2px;margin-right:2px",
    "added": "text-decoration:underline 2px;text-underline-offset:3px;background:rgba(38,138,80,.18);"
             "border-radius:3px;padding:0 1px",
}


class Change(StrEnum):
    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text that stayed, went or came."""

    change: Change
    text: str


def word_diff(before: str, after: str) -> list[Piece]:
    """The pieces that lead from ``before`` to ``after``, in reading order; what went stands before what came.

    Without the added pieces they spell ``before``, without the removed ones ``after``.
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    pieces: list[Piece] = []
    for code, a0, a1, b0, b1 in _steps(old, new):
        if code == "equal":
            pieces.append(Piece(Change.SAME, "".join(old[a0:a1])))
            continue
        if a1 > a0:
            pieces.append(Piece(Change.REMOVED, "".join(old[a0:a1])))
        if b1 > b0:
            pieces.append(Piece(Change.ADDED, "".join(new[b0:b1])))
    return pieces


def diff_html(before: str, after: str) -> str:
    """The difference as HTML that is safe to show; screen readers hear "removed" and "added"."""
    return "".join(_piece_html(piece) for piece in word_diff(before, after))


def _steps(old: list[str], new: list[str]) -> list[tuple[str, int, int, int, int]]:
    """Steps of the comparison; a lone blank between two changes belongs to both, so that phrases stay together."""
    steps: list[tuple[str, int, int, int, int]] = []
    codes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for place, (code, a0, a1, b0, b1) in enumerate(codes):
        inner = 0 < place < len(codes) - 1
        if code == "equal" and not (inner and "".join(old[a0:a1]).isspace()):
            steps.append((code, a0, a1, b0, b1))
        elif steps and steps[-1][0] != "equal":
            steps[-1] = ("replace", steps[-1][1], a1, steps[-1][3], b1)
        else:
            steps.append(("replace", a0, a1, b0, b1))
    return steps


def _piece_html(piece: Piece) -> str:
    text = escape(piece.text)
    if piece.change is Change.SAME:
        return text
    tag = "del" if piece.change is Change.REMOVED else "ins"
    said = f'<span class="dw-unseen">[{escape(t(f"activity.diff.{piece.change}"))}] </span>'
    return f'<{tag} style="{_STYLES[piece.change]}">{said}{text}</{tag}>'
