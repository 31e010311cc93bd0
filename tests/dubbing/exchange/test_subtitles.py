from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubbing.errors import MediaError, UsageError
from dubbing.exchange.subtitles import (
    Cue,
    break_lines,
    cells,
    line_limit,
    read_subtitles,
    split_cue,
    write_subtitles,
)

CUES = [
    Cue(61_234, 63_500, "Second: 5 < 6 & {braces} stay", "Ana & Bob"),
    Cue(0, 1500, "Hello.\nHow are you?", "Eva"),
    Cue(4_000_000, 4_001_000, "これは日本語です。"),
]


@pytest.mark.parametrize("fmt", ["srt", "vtt"])
def test_round_trip_in_reading_order(tmp_path: Path, fmt: str) -> None:
    path = tmp_path / f"subs.{fmt}"
    assert write_subtitles(path, CUES) == 3
    back = read_subtitles(path)
    assert [(c.start_ms, c.end_ms, c.text) for c in back] == sorted((c.start_ms, c.end_ms, c.text) for c in CUES)
    assert [c.speaker for c in back] == (["Eva", "Ana and Bob", ""] if fmt == "vtt" else ["", "", ""])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_webvtt_is_escaped_and_names_voices(tmp_path: Path) -> None:
    write_subtitles(tmp_path / "a.vtt", CUES)
    text = (tmp_path / "a.vtt").read_text(encoding="utf-8")
    assert text.startswith("WEBVTT\n\n")
    assert "00:01:01.234 --> 00:01:03.500\n<v Ana and Bob>Second: 5 &lt; 6 &amp; {braces} stay\n" in text
    assert "01:06:40.000 --> 01:06:41.000" in text


def test_files_of_others(tmp_path: Path) -> None:
    notes = ("WEBVTT\n\nNOTE by hand\n\nintro\n00:01.000 --> 00:02.000 line:1\n<v.loud Mary>Hi <i>there</i>\n\n"
             "NOTE between\n\nnext\n00:03.000 --> 00:04.000\n- b &amp; c\n")
    windows = ("1\r\n00:00:01,000 --> 00:00:02,000\r\n{\\an8}<i>Hi there</i>\r\n\r\n"
               "2\r\n00:00:03,000 --> 00:00:04,000\r\n- b & c\r\n")
    for name, content in {"notes.vtt": notes.encode(), "windows.srt": windows.encode("utf-16"),
                          "bom.srt": windows.encode("utf-8-sig")}.items():
        (tmp_path / name).write_bytes(content)
        cues = [(cue.start_ms, cue.end_ms, cue.text) for cue in read_subtitles(tmp_path / name)]
        assert cues == [(1000, 2000, "Hi there"), (3000, 4000, "- b & c")], name
    (tmp_path / "cp1252.srt").write_bytes("1\n00:00:01,000 --> 00:00:02,000\nCafé\n".encode("cp1252"))
    assert read_subtitles(tmp_path / "cp1252.srt")[0].text == "Café"


def test_what_is_no_subtitle_file(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot be read"):
        read_subtitles(tmp_path / "missing.srt")
    (tmp_path / "text.srt").write_text("just words")
    with pytest.raises(MediaError, match="not a subtitle file"):
        read_subtitles(tmp_path / "text.srt")
    with pytest.raises(UsageError, match="docx"):
        write_subtitles(tmp_path / "a.docx", CUES)


def test_nothing_to_say_is_a_valid_file(tmp_path: Path) -> None:
    assert write_subtitles(tmp_path / "a.vtt", [Cue(0, 1000, "  "), Cue(5, 5, "no time")]) == 0
    assert (tmp_path / "a.vtt").read_text().startswith("WEBVTT")


@pytest.mark.parametrize(("text", "lines"), [
    ("short", ["short"]),
    ("kept\nas it is", ["kept", "as it is"]),
    ("where I chased my own dreams growing up, and then some more",
     ["where I chased my own dreams", "growing up, and then some more"]),
    ("这是一个非常长的中文字幕，需要分成两行显示。", ["这是一个非常长的中文字幕，", "需要分成两行显示。"]),
])
def test_line_breaks(text: str, lines: list[str]) -> None:
    assert break_lines(text) == lines


def test_wide_characters_count_two() -> None:
    assert cells("abc") == 3 and cells("日本") == 4 and cells("e\u0301") == 1
    assert line_limit("日本語") == 32 and line_limit("English") == 42


def test_no_line_starts_with_closing_punctuation() -> None:
    for filler in range(1, 30):
        for line in break_lines("あ" * filler + "。」" + "い" * 12 + "、" + "う" * 9):
            assert line[0] not in "。」、"


def test_a_long_line_becomes_several_cues_that_share_its_time() -> None:
    parts = split_cue(Cue(1000, 11_000, "These are quite a few words. " * 10, "Ana"))
    assert len(parts) > 1
    assert parts[0].start_ms == 1000 and parts[-1].end_ms == 11_000
    assert all(a.end_ms == b.start_ms for a, b in zip(parts, parts[1:], strict=False))
    assert all(p.speaker == "Ana" and p.text.count("\n") <= 1 and p.end_ms > p.start_ms for p in parts)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab cdé fgh, ij. 日本語、中文。ー 가나다 x"), max_size=200))
def test_breaking_changes_nothing_but_spaces(text: str) -> None:
    lines = break_lines(text)
    assert "".join("".join(lines).split()) == "".join(text.split())
    longest = max((cells(word) for word in text.split()), default=0)
    assert all(cells(line) <= max(line_limit(text), longest) for line in lines)
