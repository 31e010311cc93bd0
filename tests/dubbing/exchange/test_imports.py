from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dubbing.domain.workspace import ImportedLine
from dubbing.errors import DubbingError, MediaError, UsageError
from dubbing.exchange.imports import fit_to, load_lines, parse_import, spoken_lines
from dubbing.exchange.manual_dub import MOST_LINES, for_sheet, parse_manual_dub, write_manual_dub
from dubbing.exchange.subtitles import Cue
from dubbing.exchange.ttml import parse_ttml, write_ttml

HELLO = [ImportedLine(1000, 2500, "Hello, you.", "Ana", "Hola; tú."), ImportedLine(3000, 4000, "Bye.", "Bo", "")]


@pytest.mark.parametrize("content", [
    b"speaker,start_time,end_time,transcription,translation\nAna,1.0,2.5,\"Hello, you.\",Hola; t\xc3\xba.\n"
    b"Bo,3,4,Bye.,\n",
    "\ufeffSpeaker;Start;End;Transcription;Translation\r\nAna;1,0;2,5;Hello, you.;\"Hola; tú.\"\r\n"
    "Bo;3;4;Bye.;\r\n".encode(),
    "speaker\tstart\tend\ttranscription\ttranslation\nAna\t0:01\t00:00:02.500\tHello, you.\tHola; tú.\n"
    "Bo\t00:03\t4s\tBye.\n".encode("utf-16"),
    "Translation,Notes,End (ms),Start (ms),Source text,Character\nHola; tú.,x,2500,1000,\"Hello,\n you.\",Ana\n"
    ",,4000,3000,Bye.,Bo\n".encode(),
    "Ana,1.0,2.5,\"Hello, you.\",Hola; tú.\n\n,,,,\nBo,3,4,Bye.\n".encode(),
    "speaker,start,end,transcription,translation\nAna,1,2.5,\"Hello, you.\",Hola; tú.\nBo,3,4,Bye.,".encode("cp1252"),
])
def test_tables_as_people_make_them(content: bytes) -> None:
    assert parse_import("dub.csv", content) == HELLO


@pytest.mark.parametrize(("content", "said"), [
    (b"", "is empty"), (b"\n\n", "is empty"), (b"\0\0", "is empty"),
    (b"speaker,start,end,transcription\n", "holds no lines"),
    (b"speaker,start,end,text\nAna,1,2,Hi\nBo,4,3,Bye\n", r"line 3: it ends \(00:00:03\.000\) before it starts"),
    (b"speaker,start,end,text\nAna,2,2,Hi\n", "line 2: it ends when it starts"),
    (b"speaker,start,end,text\nAna,,2,Hi\n", "line 2: it has no start"),
    (b"speaker,start,end,text\nAna,soon,2,Hi\n", "line 2: 'soon' is no time"),
    (b"speaker,start,end,text\nAna,00:00:01:12,2,Hi\n", "line 2: '00:00:01:12' counts frames"),
    (b"speaker,start,end,text\nAna,0:61,99,Hi\n", "60 minutes and seconds"),
    (b"speaker,start_ms,end_ms,text\nAna,1.5,2000,Hi\n", "no number of milliseconds"),
    (b"speaker,start,end,text\nAna,-1,2,Hi\n", "is no time"), (b"speaker,start,end,text\nAna,1e999,2,Hi\n", "no time"),
    (b"speaker,start,end,text\nAna,999999999999,2,Hi\n", "beyond 100 hours"),
    (b"a,b,c\nd,e,f\n", "no row of column names"), (b"\xff\xfe\x00", "."),
    (("speaker,start,end,text\n" + "Ana,2,1,x\n" * 7).encode(), r"line 4: .* \(and 4 more\)"),
])
def test_faults_name_their_lines(content: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_import("dub.csv", content)


def test_no_more_lines_than_can_be_handled() -> None:
    many = "speaker,start,end,text\n" + "".join(f"A,{i},{i + 1},x\n" for i in range(MOST_LINES + 1))
    with pytest.raises(UsageError, match="at most 20000"):
        parse_manual_dub(many.encode(), "dub.csv")
    with pytest.raises(UsageError, match="larger than 20 MB"):
        parse_import("dub.csv", b"x" * 20_000_001)


SRT = b"1\n00:00:01,000 --> 00:00:02,500\n<i>Hello,</i>\nyou.\n\n2\n00:00:03,000 --> 00:00:04,000\nBye.\n"
VTT = b"WEBVTT\n\n00:01.000 --> 00:02.500\n<v Ana>Hello,\nyou.\n\n00:03.000 --> 00:04.000\n<v Bo>Bye.\n"
ASS = (b"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname\nStyle: Default,Arial\n\n[Events]\n"
       b"Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
       b"Dialogue: 0,0:00:01.00,0:00:02.50,Default,Ana,0,0,0,,{\\b1}Hello,\\Nyou.\n"
       b"Dialogue: 0,0:00:03.00,0:00:04.00,Default,Bo,0,0,0,,Bye.\n")
TTML = (b'<?xml version="1.0"?><tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttm="http://www.w3.org/ns/ttml#metadata" '
        b'xmlns:ttp="http://www.w3.org/ns/ttml#parameter" ttp:frameRate="25" ttp:tickRate="1000"><head><metadata>'
        b'<ttm:agent xml:id="a" type="person"><ttm:name type="full">Ana</ttm:name></ttm:agent>'
        b'<ttm:agent xml:id="b"/></metadata></head><body><div begin="1s">'
        b'<p end="1500t" ttm:agent="a"><span>Hello,</span><br/>\n  you.</p></div>'
        b'<div ttm:agent="b"><p begin="00:00:02:25" dur="1s">Bye.</p><p begin="9s">No end.</p></div></body></tt>')


@pytest.mark.parametrize(("name", "content", "speakers"), [
    ("a.srt", SRT, ["", ""]), ("A.VTT", VTT, ["Ana", "Bo"]), ("a.ass", ASS, ["Ana", "Bo"]),
    ("a.ttml", TTML, ["Ana", "b"]),
])
def test_subtitles_become_lines(name: str, content: bytes, speakers: list[str]) -> None:
    lines = parse_import(name, content)
    assert [(one.start_ms, one.end_ms, one.text, one.translation) for one in lines] == [
        (1000, 2500, "Hello, you.", ""), (3000, 4000, "Bye.", "")]
    assert [one.speaker for one in lines] == speakers


@pytest.mark.parametrize(("name", "content", "said"), [
    ("a.srt", b"1\n00:00:01,000 --> soon\nHi\n", "line 2: the times cannot be understood"),
    ("a.srt", b"not a subtitle", "is not a subtitle file"), ("a.vtt", b"WEBVTT\n\n", "no lines|not a subtitle"),
    ("a.ttml", b"<tt", "not well-formed"), ("a.ttml", b"<html/>", "not a TTML"),
    ("a.ttml", b'<!DOCTYPE x [<!ENTITY a "b">]><tt/>', "declares entities"),
    ("a.ttml", TTML.replace(b"1500t", b"later"), "a time that cannot be understood"),
    ("a.docx", b"PK", "no kind that is known"), ("../../x.exe", b"", "x.exe is of no kind"),
])
def test_what_cannot_be_read_says_why(name: str, content: bytes, said: str) -> None:
    with pytest.raises((UsageError, MediaError), match=said):
        parse_import(name, content)


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=40).map(
    lambda text: " ".join(text.replace("\x85", "").split()))


@given(st.lists(st.builds(
    lambda start, length, *texts: ImportedLine(start, start + length, *texts),
    st.integers(0, 359_000_000), st.integers(1, 100_000), TEXTS.filter(bool), TEXTS, TEXTS), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_tables_survive_the_way_out_and_in(tmp_path_factory: pytest.TempPathFactory, lines: list[ImportedLine]) -> None:
    path = tmp_path_factory.getbasetemp() / "a.csv"
    assert write_manual_dub(path, lines) == len(lines)
    assert parse_manual_dub(path.read_bytes(), "a.csv") == lines


@given(st.sampled_from(["a.csv", "a.tsv", "a.srt", "a.vtt", "a.ass", "a.ttml", "a.txt"]),
       st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda text: text.encode(errors="replace")),
                 st.builds(lambda whole, at, piece: whole[:at] + piece + whole[at + len(piece):],
                           st.sampled_from([SRT, VTT, ASS, TTML, b"speaker,start,end,text\nA,1,2,x\nB,3,4,y\n"]),
                           st.integers(0, 400), st.binary(max_size=12))))
@settings(max_examples=300, deadline=None)
def test_nothing_from_outside_breaks_it(name: str, content: bytes) -> None:
    try:
        lines = parse_import(name, content)
    except DubbingError as error:
        assert error.message and "Traceback" not in error.message
        return
    assert lines and all(0 <= one.start_ms < one.end_ms and (one.text or one.translation) for one in lines)
    spoken, names = spoken_lines(lines)
    assert {one.speaker for one in spoken} == names.keys() and all(names.values())


@given(TEXTS)
def test_no_cell_is_a_formula(text: str) -> None:
    assert for_sheet(text)[:1] not in ("=", "+", "@")


def test_speakers_keep_their_names() -> None:
    lines = [ImportedLine(0, 1, "a", "ANA "), ImportedLine(1, 2, "b", ""), ImportedLine(2, 3, "c", "Ana"),
             ImportedLine(3, 4, "d", "Bo  Li")]
    spoken, names = spoken_lines(lines)
    assert [one.speaker for one in spoken] == ["S1", "S0", "S1", "S2"]
    assert names == {"S1": "ANA", "S0": "S0", "S2": "Bo Li"}


def test_lines_are_fit_to_the_video() -> None:
    assert [one.end_ms for one in fit_to(HELLO, 3500)] == [2500, 3500]
    with pytest.raises(UsageError, match=r"1 of 2 lines begin after the end of the video \(2\.8 s\), .* at 3\.0 s"):
        fit_to(HELLO, 2800)


def test_lines_of_a_project_are_found_again(tmp_path: Path) -> None:
    assert load_lines({}) == ()
    with pytest.raises(DubbingError, match="cannot be read"):
        load_lines({"imported": {"path": str(tmp_path / "gone.json")}})


@given(st.lists(st.builds(lambda start, length, text, who: Cue(start, start + length, text, who),
                          st.integers(0, 10**7), st.integers(1, 10**5), st.text(min_size=1, max_size=30),
                          st.text(max_size=12)), max_size=5))
@settings(max_examples=60, deadline=None)
def test_ttml_survives_the_way_out_and_in(tmp_path_factory: pytest.TempPathFactory, cues: list[Cue]) -> None:
    path = tmp_path_factory.getbasetemp() / "a.ttml"
    count = write_ttml(path, cues, "es")
    back = parse_ttml(path.read_bytes(), "a.ttml")
    assert len(back) <= count and all(one.start_ms < one.end_ms for one in back)
    if len(cues) == 1 and cues[0].text.isascii() and cues[0].text.isprintable() and cues[0].text.strip():
        assert " ".join(back[0].text.split()) == " ".join(cues[0].text.split())
        assert (back[0].start_ms, back[0].end_ms) == (cues[0].start_ms, cues[0].end_ms)
