"""A report as one HTML file: what was found, what was measured, without a server or a network."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping

from dubbing.domain.quality import Severity
from dubbing.domain.workspace import QcFinding, QcReport
from dubbing.qc.page_words import CHECK_WORDS, FIGURE_WORDS, WORDS

_STYLE = """
:root { color-scheme: light dark; --edge: #d5d8dd; --soft: #f5f6f8; --quiet: #5b616b; --link: #0b57d0;
  --error: #b3261e; --warning: #8a5a00; --info: #1f5fa8; --good: #1b6e3c }
@media (prefers-color-scheme: dark) { :root { --edge: #3b4048; --soft: #22252a; --quiet: #a5abb5; --link: #8ab4f8;
  --error: #f2b8b5; --warning: #f2c46d; --info: #a8c7fa; --good: #8fd6a6 } }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 76rem; padding: 1.5rem 1rem 4rem }
h1 { font-size: 1.5rem; line-height: 1.2; margin: 0 0 .25rem }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
p { margin: .25rem 0; color: var(--quiet) }
.stale { border-inline-start: 4px solid var(--warning); padding: .5rem .75rem; background: var(--soft);
  color: CanvasText; margin: 1rem 0 }
.counts, .figures { display: grid; gap: .75rem; margin: 1rem 0; padding: 0; list-style: none }
.counts { grid-template-columns: repeat(3, minmax(5rem, 1fr)) }
.figures { grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)) }
.counts li, .figures li { border: 1px solid var(--edge); border-radius: .5rem; padding: .6rem .8rem }
.counts b, .figures b { display: block; font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums }
.figures b { font-size: 1.15rem }
.figures span, .counts span { color: var(--quiet); font-size: .9rem }
.error { color: var(--error) } .warning { color: var(--warning) } .info { color: var(--info) }
.good { color: var(--good) }
table { border-collapse: collapse; width: 100% }
caption { text-align: start; font-weight: 600; padding: 1.5rem 0 .4rem; font-size: 1.1rem }
th, td { text-align: start; vertical-align: top; padding: .5rem .6rem .5rem 0; border-bottom: 1px solid var(--edge) }
th { font-size: .85rem; color: var(--quiet); font-weight: 600 }
td.time { font-variant-numeric: tabular-nums; white-space: nowrap }
td .texts { color: var(--quiet); font-size: .92rem; margin-top: .15rem }
td .texts span { display: block }
.kind { font-weight: 600; white-space: nowrap }
tr.aside td { opacity: .65 }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: .5rem 0 }
dt { font-weight: 600 } dd { margin: 0; color: var(--quiet) }
@media (max-width: 42rem) { thead { display: none } tr { display: block; padding: .5rem 0;
  border-bottom: 1px solid var(--edge) } td { display: block; border: 0; padding: .1rem 0 }
  td.kind, td.time, td.check { display: inline-block; margin-inline-end: .75rem }
  dl { grid-template-columns: 1fr } dd { margin-bottom: .4rem } }
@media print { body { max-width: none; padding: 0 } tr { break-inside: avoid } }
"""


def qc_page(title: str, report: QcReport, texts: Mapping[str, tuple[str, str]], locale: str = "en",
            tell: Callable[[str], str] = str) -> bytes:
    """The page. ``texts`` are (source, target) by line id, ``locale`` is the language of the page's own words, and
    ``tell`` says a message in it."""
    words = WORDS.get(locale, WORDS["en"])
    open_ones = [one for one in report.findings if not one.is_dismissed]
    aside = [one for one in report.findings if one.is_dismissed]
    made = "" if report.made_at is None else f"{report.made_at:%Y-%m-%d %H:%M} UTC"
    stale = f'<p class="stale">{words["stale"]}</p>' if report.is_stale else ""
    page = f"""<!doctype html>
<html lang="{html.escape(locale)}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)} · {html.escape(report.language)} · {words["title"]}</title>
<style>{_STYLE}</style>
<header>
<h1>{html.escape(title)} · {html.escape(report.language)}</h1>
<p>{words["title"]}{" · " + made if made else ""}</p>
{stale}</header>
<main>
{_counts(report, words)}
{_figures(report, locale, words)}
{_table(open_ones, texts, report.language, words["findings"], locale, words, tell)
 if open_ones else f'<p class="good">{words["nothing"] if report.made_at else words["never"]}</p>'}
{_table(aside, texts, report.language, words["dismissed"], locale, words, tell) if aside else ""}
{_skipped(report, locale, words, tell)}
</main>
</html>
"""
    return page.encode()


def clock(ms: int) -> str:
    """``1:02:03.4``, without hours where there are none."""
    tenths = round(ms / 100)
    hours, rest = divmod(tenths, 36_000)
    minutes, rest = divmod(rest, 600)
    told = f"{minutes}:{rest // 10:02d}.{rest % 10}"
    return f"{hours}:{told.zfill(7)}" if hours else told


def _counts(report: QcReport, words: Mapping[str, str]) -> str:
    boxes = "".join(
        f'<li><b class="{severity.value if report.counts.get(severity) else "good"}">{report.counts.get(severity, 0)}'
        f'</b><span>{words[severity.value + "s"]}</span></li>' for severity in Severity)
    return f'<ul class="counts">{boxes}</ul>'


def _table(found: list[QcFinding], texts: Mapping[str, tuple[str, str]], language: str, caption: str, locale: str,
           words: Mapping[str, str], tell: Callable[[str], str]) -> str:
    heads = "".join(f"<th scope=col>{words[name]}</th>" for name in ("severity", "where", "check", "message"))
    rows = "\n".join(_row(one, texts.get(one.utterance_id), language, locale, words, tell) for one in found)
    return (f"<table><caption>{caption} ({len(found)})</caption>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n"
            f"</tbody></table>")


def _row(one: QcFinding, texts: tuple[str, str] | None, language: str, locale: str, words: Mapping[str, str],
         tell: Callable[[str], str]) -> str:
    where = words["whole"] if not one.utterance_id else " · ".join(
        part for part in (clock(one.at_ms) if one.at_ms is not None else "", one.utterance_id,
                          html.escape(one.speaker_name)) if part)
    said = "" if texts is None else (f'<div class="texts"><span>{html.escape(texts[0])}</span>'
                                     f'<span lang="{html.escape(language)}">{html.escape(texts[1])}</span></div>')
    why = f'<div class="texts">{html.escape(f"{one.dismissed_by}: {one.dismissed_reason}".strip(": "))}</div>' \
        if one.is_dismissed else ""
    check = CHECK_WORDS.get(locale, CHECK_WORDS["en"]).get(one.check, one.check)
    return (f'<tr{" class=aside" if one.is_dismissed else ""}><td class="kind {one.severity.value}">'
            f'{words[one.severity.value]}</td><td class="time">{where}</td><td class="check">{html.escape(check)}</td>'
            f"<td>{html.escape(tell(one.message))}{said}{why}</td></tr>")


def _figures(report: QcReport, locale: str, words: Mapping[str, str]) -> str:
    named = FIGURE_WORDS.get(locale, FIGURE_WORDS["en"])
    boxes = "".join(f"<li><b>{html.escape(_told(report.figures[key], unit, locale))}</b><span>{label}</span></li>"
                    for key, (label, unit) in named.items() if report.figures.get(key) is not None)
    return f'<h2>{words["measured"]}</h2><ul class="figures">{boxes}</ul>' if boxes else ""


def _told(value: float | int | str | None, unit: str, locale: str) -> str:
    if isinstance(value, str) or value is None:
        return str(value)
    if unit == "%":
        told = f"{100 * value:.1f} %" if 0 < value < 1 else f"{100 * value:.0f} %"
    elif isinstance(value, int) or unit == "ms":
        told = f"{value:.0f} {unit}".strip()
    else:
        told = f"{value:.2f} {unit}".strip() if not unit else f"{value:.1f} {unit}"
    return told if locale == "en" else told.replace(".", ",")


def _skipped(report: QcReport, locale: str, words: Mapping[str, str], tell: Callable[[str], str]) -> str:
    if not report.skipped:
        return ""
    named = CHECK_WORDS.get(locale, CHECK_WORDS["en"])
    rows = "".join(f"<dt>{html.escape(named.get(check, check))}</dt><dd>{html.escape(tell(reason))}</dd>"
                   for check, reason in report.skipped.items())
    return f'<h2>{words["skipped"]}</h2><dl>{rows}</dl>'
