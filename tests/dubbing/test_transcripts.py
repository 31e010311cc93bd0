"""Transcripts come as text, subtitles or a recognizer's JSON, and become IPA with the times that they carry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dubbing.errors import MediaError, UnavailableError
from dubbing.transcripts import SaidLine, SaidText, read_transcript, spell

SRT = "1\n00:00:01,000 --> 00:00:02,500\n<i>Buenos días,</i>\nme llamo Ana.\n\n2\n"
SRT += "00:00:03,000 --> 00:00:04,000\nHola.\n"
VTT = "WEBVTT\n\n00:01.000 --> 00:02.500\n<v Ana>Buenos días, me llamo Ana.\n\n00:03.000 --> 00:04.000\nHola.\n"
TIMED = (SaidLine("Buenos días, me llamo Ana.", 1000, 2500), SaidLine("Hola.", 3000, 4000))


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_plain_text_has_lines_without_times(tmp_path: Path) -> None:
    said = read_transcript(put(tmp_path, "words.txt", "\ufeffBuenos  días.\n\nHola.\n"))
    assert said.lines == (SaidLine("Buenos días."), SaidLine("Hola."))


@pytest.mark.parametrize(("name", "content"), [("a.srt", SRT), ("a.vtt", VTT)])
def test_subtitles_keep_their_times(tmp_path: Path, name: str, content: str) -> None:
    assert read_transcript(put(tmp_path, name, content)).lines == TIMED


def test_a_recognizers_json_is_read_in_its_variants(tmp_path: Path) -> None:
    words = [{"word": " Buenos", "start": 1.0, "end": 1.4}, {"word": " días", "start": 1.5, "end": 2.5}]
    segment = {"start": 1, "end": 2.5, "text": " Buenos días", "words": words}
    whole = {"language": "es", "text": "x", "segments": [segment]}
    said = read_transcript(put(tmp_path, "a.json", json.dumps(whole)))
    assert said == SaidText((SaidLine("Buenos días", 1000, 2500),), "es")
    words_alone = [{"words": [*words, {"word": "7"}]}]
    said = read_transcript(put(tmp_path, "b.json", json.dumps(words_alone)))
    assert said.lines == (SaidLine("Buenos días 7", 1000, 2500),)
    assert read_transcript(put(tmp_path, "c.json", '{"text": "Hola."}')).lines == (SaidLine("Hola."),)


@pytest.mark.parametrize(("name", "content"), [
    ("a.json", "{"), ("b.json", '{"segments": [3]}'), ("c.json", '{"language": "es"}'), ("d.txt", b"\xff\xfe\x00\xd8"),
    ("e.txt", "... !"), ("f.srt", "no subtitles here"), ("g.json", '[{"start": "x", "end": 1, "text": "a"}]')])
def test_what_is_no_transcript_is_refused(tmp_path: Path, name: str, content: str | bytes) -> None:
    with pytest.raises(MediaError):
        read_transcript(put(tmp_path, name, content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="nowhere"):
        read_transcript(tmp_path / "nowhere.txt")


def test_spelling_keeps_which_words_a_time_belongs_to() -> None:
    spelling = spell(SaidText((*TIMED, SaidLine("Adiós."))), "es")
    assert ["".join(word) for word in spelling.words] == ["bwenos", "ðias", "me", "ʎamo", "ana", "ola", "aðjos"]
    assert spelling.anchors == ((0, 5, 1000, 2500), (5, 6, 3000, 4000))


def test_the_language_comes_from_the_caller_the_file_or_the_words() -> None:
    assert spell(SaidText((SaidLine("chat"),), "fr")).words == (("ʃ", "a"),)
    assert spell(SaidText((SaidLine("chat"),), "fr"), "en-US").words[0][0] == "tʃ"
    assert spell(SaidText((SaidLine("el mundo de la noche"),))).words[-1][-2:] == ("tʃ", "e")
    with pytest.raises(UnavailableError):
        spell(SaidText((SaidLine("Xyzzy"),)))
