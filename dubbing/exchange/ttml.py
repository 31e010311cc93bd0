"""TTML (W3C Timed Text Markup Language 2): the text, times and speakers of a document; styling is left out."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from dubbing.errors import MediaError
from dubbing.exchange.subtitles import Cue, split_cue
from dubbing.media.atomic import replacing

_TT, _TTM, _TTP = (f"http://www.w3.org/ns/ttml{part}" for part in ("", "#metadata", "#parameter"))
_XML = "http://www.w3.org/XML/1998/namespace"
_CLOCK = re.compile(r"(\d+):(\d{2}):(\d{2})(?:\.(\d+)|:(\d{2,}))?")
_OFFSET = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|f|t)")


@dataclass(frozen=True, slots=True)
class _Clock:
    """What a document's times count: frames and ticks a second."""

    frames: Fraction
    ticks: Fraction

    def ms(self, text: str) -> int:
        """A time expression in milliseconds. Raises ValueError."""
        if match := _CLOCK.fullmatch(text.strip()):
            hours, minutes, seconds, part, frames = match.groups()
            whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
            rest = Fraction(f"0.{part}") if part else Fraction(int(frames or 0)) / self.frames
            return round((whole + rest) * 1000)
        if match := _OFFSET.fullmatch(text.strip()):
            unit = {"h": Fraction(3600), "m": Fraction(60), "s": Fraction(1), "ms": Fraction(1, 1000),
                    "f": 1 / self.frames, "t": 1 / self.ticks}[match[2]]
            return round(Fraction(match[1]) * unit * 1000)
        raise ValueError(f"{text!r} is no time")


def parse_ttml(content: bytes, name: str) -> list[Cue]:
    """Cues of a TTML document, sorted by time. Speakers are the ``ttm:agent`` of a paragraph.

    Raises MediaError when it is none, or when a paragraph's times cannot be understood.
    """
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise MediaError(f"{name} declares entities, which are not taken from outside.", "Save it without a DOCTYPE.")
    try:
        root = ET.fromstring(content)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise MediaError(f"{name} is not well-formed XML ({error}).", "Export it again.") from error
    if root.tag not in (f"{{{_TT}}}tt", "tt"):
        raise MediaError(f"{name} is not a TTML document.", "Give TTML, SRT, WebVTT or ASS.")
    agents = {agent.get(f"{{{_XML}}}id", ""): _agent_name(agent) for agent in root.iter(f"{{{_TTM}}}agent")}
    cues: list[Cue] = []
    for element in root.iter():
        if _local(element) == "body":
            cues += _below(element, 0, "", _clock_of(root), agents, name)
    return sorted((cue for cue in cues if cue.text), key=lambda cue: (cue.start_ms, cue.end_ms))


def write_ttml(path: Path, cues: Iterable[Cue], language: str) -> int:
    """Write cues as TTML, at most two lines each, speakers as agents; returns how many were written."""
    shown = sorted((cue for cue in cues if cue.text.strip() and cue.end_ms > cue.start_ms),
                   key=lambda cue: (cue.start_ms, cue.end_ms))
    for prefix, uri in (("", _TT), ("ttm", _TTM), ("ttp", _TTP)):
        ET.register_namespace(prefix, uri)
    root = ET.Element(f"{{{_TT}}}tt", {f"{{{_XML}}}lang": language, f"{{{_TTP}}}timeBase": "media"})
    metadata = ET.SubElement(ET.SubElement(root, f"{{{_TT}}}head"), f"{{{_TT}}}metadata")
    agents = {name: f"a{i}" for i, name in enumerate(dict.fromkeys(cue.speaker for cue in shown if cue.speaker), 1)}
    for speaker, key in agents.items():
        agent = ET.SubElement(metadata, f"{{{_TTM}}}agent", {"type": "person", f"{{{_XML}}}id": key})
        ET.SubElement(agent, f"{{{_TTM}}}name", {"type": "full"}).text = _clean(speaker)
    div = ET.SubElement(ET.SubElement(root, f"{{{_TT}}}body"), f"{{{_TT}}}div")
    count = 0
    for cue in (part for whole in shown for part in split_cue(whole)):
        given = {"begin": _told(cue.start_ms), "end": _told(cue.end_ms)}
        if cue.speaker:
            given[f"{{{_TTM}}}agent"] = agents[cue.speaker]
        paragraph = ET.SubElement(div, f"{{{_TT}}}p", given)
        first, *more = cue.text.split("\n")
        paragraph.text = _clean(first)
        for line in more:
            ET.SubElement(paragraph, f"{{{_TT}}}br").tail = _clean(line)
        count += 1
    with replacing(Path(path)) as temporary:
        ET.ElementTree(root).write(temporary, encoding="utf-8", xml_declaration=True)
    return count


def _below(element: ET.Element, parent_ms: int, agent: str, clock: _Clock, agents: dict[str, str],
           name: str) -> Iterator[Cue]:
    """Cues of an element's paragraphs; times count from the parent's beginning."""
    begin, end = _span(element, parent_ms, clock, name)
    agent = element.get(f"{{{_TTM}}}agent", agent)
    if _local(element) == "p":
        speaker = ", ".join(agents.get(one, one) for one in agent.split())
        if end is not None and end > begin:
            yield Cue(begin, end, _text(element), speaker)
        return
    for child in element:
        yield from _below(child, begin, agent, clock, agents, name)


def _span(element: ET.Element, parent_ms: int, clock: _Clock, name: str) -> tuple[int, int | None]:
    try:
        begin = parent_ms + clock.ms(element.get("begin", "0s"))
        if "dur" in element.attrib:
            return begin, begin + clock.ms(element.attrib["dur"])
        return begin, parent_ms + clock.ms(element.attrib["end"]) if "end" in element.attrib else None
    except ValueError as error:
        raise MediaError(f"{name} has a time that cannot be understood ({error}).",
                         "Times look like 00:01:02.500, 62.5s or 00:01:02:12.") from error


def _text(element: ET.Element) -> str:
    parts: list[str] = []

    def walk(node: ET.Element) -> None:
        parts.append(re.sub(r"\s+", " ", node.text or ""))
        for child in node:
            if _local(child) == "br":
                parts.append("\n")
            elif _local(child) != "metadata":
                walk(child)
            parts.append(re.sub(r"\s+", " ", child.tail or ""))

    walk(element)
    lines = (line.strip() for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)


def _clock_of(root: ET.Element) -> _Clock:
    try:
        rate = Fraction(root.get(f"{{{_TTP}}}frameRate", "30"))
        multiplier = [Fraction(part) for part in root.get(f"{{{_TTP}}}frameRateMultiplier", "1 1").split()]
        frames = rate * multiplier[0] / multiplier[1]
        ticks = Fraction(root.get(f"{{{_TTP}}}tickRate", "1"))
    except (ValueError, ZeroDivisionError, IndexError):
        frames, ticks = Fraction(30), Fraction(1)
    return _Clock(frames if frames > 0 else Fraction(30), ticks if ticks > 0 else Fraction(1))


def _agent_name(agent: ET.Element) -> str:
    named = [name.text.strip() for name in agent.iter(f"{{{_TTM}}}name") if name.text and name.text.strip()]
    return named[0] if named else agent.get(f"{{{_XML}}}id", "")


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _clean(text: str) -> str:
    """Without the control characters that XML cannot hold."""
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "", text)


def _told(ms: int) -> str:
    return f"{ms // 3600000:02d}:{ms // 60000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
