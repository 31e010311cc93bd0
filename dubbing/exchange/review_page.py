"""The page of a review package: one HTML file that plays the dub beside its lines, without a server or a network."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from dubbing.exchange.manual_dub import clock
from dubbing.exchange.scripts import ScriptLine

_WORDS: dict[str, dict[str, str]] = {
    "en": {"line": "Line", "time": "Time", "who": "Character", "original": "Original", "dub": "Dub", "state": "State",
           "notes": "Comments", "stale": "changed since it was dubbed", "hint": "Select a time to play from there.",
           "draft": "draft", "needs_review": "needs review", "changes_requested": "changes requested",
           "approved": "approved", "locked": "locked", "lines": "lines", "video": "The dubbed video"},
    "es": {"line": "Línea", "time": "Tiempo", "who": "Personaje", "original": "Original", "dub": "Doblaje",
           "state": "Estado", "notes": "Comentarios", "stale": "cambiada desde que se dobló",
           "hint": "Elija un tiempo para reproducir desde ahí.", "draft": "borrador", "needs_review": "por revisar",
           "changes_requested": "cambios pedidos", "approved": "aprobada", "locked": "bloqueada", "lines": "líneas",
           "video": "El vídeo doblado"},
}
_STYLE = """
:root { color-scheme: light dark; --edge: #8a8f98; --soft: #f3f4f6; --play: #0b57d0 }
@media (prefers-color-scheme: dark) { :root { --soft: #23262b; --play: #8ab4f8; --edge: #7d828b } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1rem }
header { position: sticky; top: 0; background: Canvas; padding-bottom: .5rem }
video { width: 100%; max-height: 42vh; background: #000; display: block }
h1 { font-size: 1.3rem; margin: 0 0 .5rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: start; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid var(--edge) }
tr.now { background: var(--soft); outline: 2px solid var(--play) }
button { font: inherit; color: var(--play); background: none; border: 0; min-height: 24px; padding: 0 .2rem;
  text-decoration: underline; cursor: pointer; white-space: nowrap }
button:focus-visible { outline: 3px solid var(--play); outline-offset: 2px }
@media (max-width: 40rem) { thead { display: none } td { display: block; border: 0; padding: .1rem .3rem }
  tr { display: block; border-bottom: 1px solid var(--edge); padding: .4rem 0 } td:empty { display: none }
  td[data-name]::before { content: attr(data-name) ": "; font-weight: 600 } }
"""
_SCRIPT = """
const video = document.querySelector("video"), rows = [...document.querySelectorAll("tbody tr")];
document.querySelector("tbody").addEventListener("click", event => {
  const row = event.target.closest("button")?.closest("tr");
  if (row) { video.currentTime = row.dataset.at / 1000; video.play(); }
});
video.addEventListener("timeupdate", () => {
  const ms = video.currentTime * 1000;
  for (const row of rows) row.classList.toggle("now", ms >= +row.dataset.at && ms < +row.dataset.to);
});
"""


def review_page(title: str, language: str, lines: Sequence[ScriptLine], video: str, subtitles: str,
                locale: str = "en") -> bytes:
    """The page; ``video`` and ``subtitles`` (WebVTT) are names of files beside it, ``locale`` that of its words."""
    words, called = _WORDS.get(locale, _WORDS["en"]), html.escape(language)
    heads = "".join(f"<th scope=col>{words[name]}</th>" for name in ("time", "who", "original", "dub", "state",
                                                                    "notes"))
    page = f"""<!doctype html>
<html lang="{html.escape(locale)}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)} · {called}</title>
<style>{_STYLE}</style>
<header>
<h1>{html.escape(title)} · {called} · {len(lines)} {words["lines"]}</h1>
<video controls preload="metadata" aria-label="{words["video"]}" src="{html.escape(video)}">
<track kind="subtitles" srclang="{called}" label="{called}" src="{html.escape(subtitles)}">
</video>
<p>{words["hint"]}</p>
</header>
<main>
<table>
<thead><tr>{heads}</tr></thead>
<tbody>
{"".join(_row(line, language, words) for line in lines)}</tbody>
</table>
</main>
<script>{_SCRIPT}</script>
</html>
"""
    return page.encode()


def _row(line: ScriptLine, language: str, words: Mapping[str, str]) -> str:
    state = words.get(line.state, line.state) + (f"; {words['stale']}" if line.is_stale else "")
    return (f'<tr data-at="{line.start_ms}" data-to="{line.heard_until_ms}">'
            f'<td><button type=button aria-label="{words["line"]} {html.escape(line.id)}">{clock(line.start_ms)}'
            f'</button></td><td>{html.escape(line.character)}</td>'
            f'<td data-name="{words["original"]}">{html.escape(line.source_text)}</td>'
            f'<td data-name="{words["dub"]}" lang="{html.escape(language)}">{html.escape(line.target_text)}</td>'
            f'<td data-name="{words["state"]}">{html.escape(state)}</td>'
            f'<td>{"<br>".join(html.escape(one) for one in line.comments)}</td></tr>\n')
