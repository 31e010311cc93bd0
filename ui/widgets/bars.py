"""Progress of languages as a small table: words and numbers, with a bar under each that repeats them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from dubbing.domain.workspace import LanguageProgress
from ui.text import language_name, t

_STEPS = ("transcribed", "translated", "dubbed", "reviewed", "approved")


def progress_table(progress: Sequence[LanguageProgress], caption: str) -> str:
    """HTML of a row a language: how many of its lines are through each step, and how many are stale."""
    if not progress:
        return f'<p class="dw-quiet">{escape(t("projects.no_targets"))}</p>'
    heads = "".join(f'<th scope="col">{escape(t(f"projects.step.{step}"))}</th>' for step in (*_STEPS, "stale"))
    rows = "".join(_row(one) for one in progress)
    return (f'<table class="dw-progress"><caption class="dw-unseen">{escape(caption)}</caption>'
            f'<thead><tr><th scope="col"><span class="dw-unseen">{escape(t("projects.step.language"))}</span></th>'
            f"{heads}</tr></thead><tbody>{rows}</tbody></table>")


def _row(one: LanguageProgress) -> str:
    name = language_name(one.language)
    cells = "".join(_cell(getattr(one, step), one.lines, step) for step in _STEPS)
    return (f'<tr><th scope="row"><abbr title="{escape(name)}">{escape(one.language)}</abbr>'
            f"<span>{escape(name)}</span></th>{cells}{_stale_cell(one.stale)}</tr>")


def _cell(done: int, lines: int, step: str) -> str:
    share = 100 * done / lines if lines else 0
    kind = "dw-whole" if lines and done >= lines else "dw-part"
    words = t("projects.of", done=done, lines=lines)
    return (f'<td class="{kind}"><span class="dw-unseen">{escape(words)}</span>'
            f'<span aria-hidden="true">{done}<i>/{lines}</i></span>'
            f'<span class="dw-bar dw-{step}" aria-hidden="true"><b style="width:{share:.1f}%"></b></span></td>')


def _stale_cell(stale: int) -> str:
    if not stale:
        return '<td class="dw-none">0</td>'
    return f'<td class="dw-stale"><span>⟳ {stale}</span></td>'
