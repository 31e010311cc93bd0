"""The picture of spans, and the words of the lip-sync plan."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from ui.widgets.timeline import Look, Row, Span, legend_html, tick_step_ms, timeline_svg

SVG = "{http://www.w3.org/2000/svg}"


def rects(rows: list[Row], duration_ms: int) -> list[dict[str, str]]:
    root = ElementTree.fromstring(timeline_svg(rows, duration_ms, "what it shows"))
    return [one.attrib for one in root.findall(f"{SVG}rect")]


def test_spans_stand_where_they_belong_whatever_the_width() -> None:
    thin, solid = rects([Row("Ana", (Span(0, 10_000, Look.THIN), Span(2_500, 5_000, Look.SOLID)))], 10_000)
    assert (thin["x"], thin["width"]) == ("0.000%", "100.000%")
    assert (solid["x"], solid["width"]) == ("25.000%", "25.000%")


def test_every_look_has_a_form_of_its_own() -> None:
    forms = {(one["height"], one["fill"].startswith("url"), "stroke" in one)
             for one in rects([Row("a", tuple(Span(0, 5, look) for look in Look))], 10)}
    assert len(forms) == len(Look)


def test_what_is_outside_is_cut_or_left_out_and_what_is_short_stays_visible() -> None:
    cut, short = rects([Row("a", (Span(-500, 500, Look.SOLID), Span(1000, 1001, Look.SOLID),
                                  Span(5000, 6000, Look.SOLID)))], 2000)
    assert (cut["x"], cut["width"]) == ("0.000%", "25.000%")
    assert float(short["width"].rstrip("%")) >= 0.25


@pytest.mark.parametrize("duration_ms", [1, 900, 22_000, 61_000, 600_000, 7_200_000, 100_000_000])
def test_there_are_never_more_than_a_few_time_marks(duration_ms: int) -> None:
    step = tick_step_ms(duration_ms)
    assert step % 1000 == 0 and duration_ms / step <= 8


def test_names_and_titles_are_text_and_the_picture_has_a_name() -> None:
    drawn = timeline_svg([Row("<Ana> & co", (Span(0, 5, Look.SOLID, "a < b"),))], 10, 'says "all"')
    root = ElementTree.fromstring(drawn)
    assert root.attrib["role"] == "img" and root.attrib["aria-label"] == 'says "all"'
    assert [one.text for one in root.iter(f"{SVG}title")] == ["a < b"]
    assert "<Ana> & co" in [one.text for one in root.iter(f"{SVG}text")]


def test_the_legend_shows_each_look_beside_its_meaning() -> None:
    html = legend_html([(Look.THIN, "seen"), (Look.HATCHED, "left <alone>")])
    assert len(re.findall("<svg", html)) == 2 and "left &lt;alone&gt;" in html
