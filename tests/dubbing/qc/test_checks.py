"""Every check finds a planted fault, and leaves a clean dub alone."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dubbing.domain.loudness import PRESETS, Loudness
from dubbing.domain.quality import Finding, Severity
from dubbing.domain.workspace import ForbiddenTerm, Term
from dubbing.qc.report import CHECKS, GROUPS, counts, figures, findings, skipped
from dubbing.qc.values import Audience, QcCue, QcDub, QcLine, Reason

TEXTS = Path(__file__).parents[3] / "bench/texts/everyday.toml"
A, B = (1.0, 0.1, 0.0), (0.1, 1.0, 0.0)


def line(number: int, source: str, target: str, start_ms: int, end_ms: int, **changed: Any) -> QcLine:
    """A clean line: heard as it was meant, as long as the original, on time."""
    words = len(target.split())
    made = QcLine(f"u{number:04d}", "S1", start_ms, end_ms, source, target, take_ms=end_ms - start_ms, tempo=1.05,
                  heard=target, words=words, onset_ms=20.0, voice="kokoro/af", voice_print=A)
    return replace(made, **changed)


CLEAN = QcDub(
    language="en", source_language="es",
    lines=(
        line(1, "Buenos días, Marcos.", "Good morning, Marcos.", 0, 2000),
        line(2, "Son las dos y media y tengo 1.234,50 euros.", "It is half past two and I have 1,234.50 euros.", 2500,
             6000, speaker="S2", voice="kokoro/am", voice_print=B),
        line(3, "Vivimos en Londres desde mil novecientos noventa y nueve.",
             "We have lived in London since nineteen ninety-nine.", 6500, 10000),
        line(4, "¿Y el contrato?", "And the contract?", 10500, 12000),
    ),
    cues=(QcCue("u0001", 0, 2000, "Good morning, Marcos."),
          QcCue("u0002", 2500, 6000, "It is half past two\nand I have 1,234.50 euros."),
          QcCue("u0003", 6500, 10000, "We have lived in London\nsince nineteen ninety-nine."),
          QcCue("u0004", 10500, 12000, "And the contract?")),
    terms=(Term("t", None, "es", "en", "contrato", "contract"),),
    forbidden=(ForbiddenTerm("f", None, "en", "guy", "man"),),
    loudness=Loudness(-23.1, -22.0, -3.0, 5.0), source_loudness=Loudness(-23.4, -22.1, -2.0, 6.0),
    lip_sync={"closure_hits": 1.0, "opening_r": 0.97, "opening_lag_ms": 0.0, "frames": 125.0})


def with_line(index: int, **changed: Any) -> QcDub:
    """The clean dub but for one line."""
    lines = list(CLEAN.lines)
    lines[index] = replace(lines[index], **changed)
    return replace(CLEAN, lines=tuple(lines))


def with_cue(index: int, **changed: Any) -> QcDub:
    cues = list(CLEAN.cues)
    cues[index] = replace(cues[index], **changed)
    return replace(CLEAN, cues=tuple(cues))


E, W, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
#: check, severity, line, and the dub with this fault alone.
PLANTED: list[tuple[str, Severity, str, QcDub]] = [
    ("no_translation", E, "u0001", with_line(0, target="", heard=None, words=0)),
    ("no_take", E, "u0001", with_line(0, take_ms=None, tempo=None, heard=None, onset_ms=None)),
    ("old_take", W, "u0001", with_line(0, take_is_stale=True)),
    ("not_heard", E, "u0004", with_line(3, heard="", wrong_words=3, letter_errors=1.0)),
    ("word_errors", E, "u0004", with_line(3, heard="End that con tract", wrong_words=2, letter_errors=0.4)),
    ("word_errors", W, "u0004", with_line(3, heard="And the contrast?", wrong_words=1, letter_errors=0.2)),
    ("said_twice", E, "u0004", with_line(3, heard="And the contract? And the contract?", wrong_words=3,
                                         letter_errors=1.0)),
    ("repeated_text", W, "u0002", with_line(1, source="Buenos días otra vez, Marcos.", target=CLEAN.lines[0].target,
                                            heard=CLEAN.lines[0].target)),
    ("numbers", E, "u0002", with_line(1, target="It is half past two and I have 1,334.50 euros.")),
    ("numbers", W, "u0003", with_line(2, target="We have lived in London for a long time.")),
    ("numbers", E, "u0001", with_line(0, target="Good morning, Marcos, at 7.")),
    ("names", W, "u0001", with_line(0, target="Good morning, my friend.")),
    ("names", W, "u0004", with_line(3, target="And the contract, Peter?")),
    ("untranslated", E, "u0003", with_line(2, source="Vivimos muy bien aquí.", target="Vivimos muy bien aquí.")),
    ("untranslated", E, "u0003", with_line(2, source="No sé qué decir porque está muy lejos.",
                                           target="Well, porque está muy lejos.")),
    ("untranslated", W, "u0003", with_line(2, source="Quiero un bocadillo caliente grande ahora.",
                                           target="I would love to have the bocadillo caliente grande now.")),
    ("untranslated", E, "u0004", with_line(3, target="А контракт?")),
    ("untranslated", W, "u0003", with_line(2, source="Solo un bocadillo.", target="Only a bocadillo.",
                                           heard="Only a bacadillo.", wrong_words=1, letter_errors=0.05)),
    ("glossary", E, "u0004", with_line(3, target="And the deal?")),
    ("forbidden", E, "u0004", with_line(3, target="And the guy's contract?")),
    ("fit", E, "u0001", with_line(0, tempo=1.5)),
    ("fit", W, "u0001", with_line(0, tempo=1.25)),
    ("fit", W, "u0001", with_line(0, tempo=0.87)),
    ("onset", E, "u0001", with_line(0, onset_ms=240.0)),
    ("onset", W, "u0001", with_line(0, onset_ms=150.0)),
    ("onset", E, "u0001", with_line(0, onset_ms=-180.0)),
    ("overlap", E, "u0003", with_line(2, take_ms=4200)),
    ("overlap", W, "u0001", with_line(0, take_ms=2900)),
    ("silence", E, "u0003", with_line(2, silent_ms=1900)),
    ("silence", W, "u0003", with_line(2, silent_ms=900)),
    ("left_over", E, "u0003", with_line(2, left_over_ms=200)),
    ("left_over", W, "u0003", with_line(2, left_over_ms=90)),
    ("voice_drift", E, "u0004", with_line(3, voice_print=(0.1, 0.1, 1.0))),
    ("other_voice", W, "u0004", with_line(3, voice="kokoro/bf")),
    ("clipping", E, "u0001", with_line(0, clipped_samples=60)),
    ("clipping", W, "u0001", with_line(0, clipped_samples=4)),
    ("loudness", E, "", replace(CLEAN, preset=PRESETS["ebu-r128"], loudness=Loudness(-18.0, None, -3.0, 5.0))),
    ("loudness", W, "", replace(CLEAN, preset=PRESETS["ebu-r128"], loudness=Loudness(-22.2, None, -3.0, 5.0))),
    ("loudness", E, "", replace(CLEAN, preset=PRESETS["netflix"], loudness=Loudness(-27.0, -20.0, -3.0, 5.0))),
    ("true_peak", W, "", replace(CLEAN, preset=PRESETS["ebu-r128"], loudness=Loudness(-23.0, None, -0.5, 5.0))),
    ("true_peak", E, "", replace(CLEAN, preset=PRESETS["netflix"], loudness=Loudness(-27.0, -27.0, 0.4, 5.0))),
    ("reading_speed", E, "u0004", with_cue(3, text="And the contract that we all signed in May?")),
    ("reading_speed", W, "u0004", with_cue(3, text="And the contract that we signed?")),
    ("subtitle_length", W, "u0003", with_cue(2, text="We have lived in London since nineteen ninety-nine.")),
    ("subtitle_lines", W, "u0003", with_cue(2, text="We have lived\nin London\nsince 1999.")),
    ("subtitle_duration", W, "u0004", with_cue(3, text="And?", end_ms=10900)),
    ("subtitle_duration", W, "u0004", with_cue(3, end_ms=18000)),
    ("subtitle_gap", INFO, "u0002", with_cue(0, end_ms=2480)),
    ("subtitle_gap", INFO, "u0002", with_cue(0, end_ms=2600)),
    ("lip_sync", W, "", replace(CLEAN, lip_sync={"closure_hits": 0.9})),
    ("lip_sync", E, "", replace(CLEAN, lip_sync={"opening_r": 0.4})),
    ("lip_sync", E, "", replace(CLEAN, lip_sync={"opening_lag_ms": 80.0})),
]


def test_a_clean_dub_has_no_findings() -> None:
    assert findings(CLEAN) == [] and skipped(CLEAN) == {}


@pytest.mark.parametrize(("check", "severity", "where", "dub"), PLANTED,
                         ids=[f"{check}-{severity.value}-{n}" for n, (check, severity, *_) in enumerate(PLANTED)])
def test_a_planted_fault_is_found(check: str, severity: Severity, where: str, dub: QcDub) -> None:
    found = [one for one in findings(dub) if one.check == check]
    assert [(one.severity, one.utterance_id) for one in found] == [(severity, where)], found
    assert found[0].message.endswith((".", "”.")) and "None" not in found[0].message


def test_every_check_has_a_planted_fault() -> None:
    assert {check for check, *_ in PLANTED} == set(CHECKS)


@pytest.mark.parametrize(("dub", "check"), [
    (with_line(0, target="Good morning, Marcus."), "names"),                         # spelled otherwise
    (with_line(2, target="We have lived in London since 1999."), "numbers"),         # in digits
    (with_line(1, target="It is 2:30 and I have 1234.5 euros."), "numbers"),
    (with_line(1, source="Los dos tienen 15 años.", target="Both are fifteen."), "numbers"),
    (with_line(1, source="A las 15:00.", target="At 3 p.m."), "numbers"),
    (with_line(1, source="Una cosa.", target="One thing."), "numbers"),
    (with_line(0, heard="Good morning, Marcus.", wrong_words=1, letter_errors=0.06), "word_errors"),
    (with_line(0, source="Hotel Marcos", target="Hotel Marcos"), "untranslated"),    # a name
    (with_line(2, source="Es un animal.", target="It is an animal.", heard="It is an animal."), "untranslated"),
    (with_line(0, source="No, no, no.", target="No, no, no."), "repeated_text"),
    (with_line(3, target="And the contracts?"), "glossary"),                         # inflected
    (with_line(3, target="And the guyot contract?"), "forbidden"),                   # inside another word
    (with_line(0, onset_ms=-60.0), "onset"),                                         # not seen
    (with_line(0, take_ms=2550), "overlap"),                                         # a little crosstalk
    (with_line(0, voice_print=(0.9, 0.3, 0.1)), "voice_drift"),
    (replace(CLEAN, loudness=Loudness(-22.7, None, -1.0, 5.0), preset=PRESETS["ebu-r128"]), "loudness"),
    (with_cue(3, text="And that contract we have?"), "reading_speed"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_what_only_looks_like_a_fault_is_left_alone(dub: QcDub, check: str) -> None:
    assert not [one for one in findings(dub) if one.check == check]


def test_children_read_more_slowly_and_languages_differ() -> None:
    read = with_cue(3, text="And that contract we have?")     # 17.3 characters a second

    def speeds(dub: QcDub) -> list[Finding]:
        return [one for one in findings(dub) if one.check == "reading_speed" and one.utterance_id == "u0004"]

    assert not speeds(read)
    assert speeds(replace(read, audience=Audience.CHILDREN))
    assert speeds(replace(read, language="de"))
    japanese = with_cue(3, text="契約書はどうなりましたか", end_ms=12000)
    assert speeds(replace(japanese, language="ja"))[0].limit == 4.0


def test_words_are_not_read_where_languages_inflect_their_numbers() -> None:
    dub = replace(with_line(1, source="Son las dos.", target="Два часа."), language="ru")
    assert not [one for one in findings(dub) if one.check == "numbers"]


@pytest.mark.parametrize("language", ["en", "es", "de", "it", "pt"])
def test_good_translations_are_left_alone(language: str) -> None:
    """The references of our own text set, into every other of its languages."""
    rows = tomllib.loads(TEXTS.read_text(encoding="utf-8"))["line"]
    for other in {"en", "es", "de", "it", "pt"} - {language}:
        lines = tuple(line(n, row[language], row[other], n * 4000, n * 4000 + 3000) for n, row in enumerate(rows)
                      if language in row and other in row)
        assert len(lines) > 10
        found = findings(QcDub(other, language, lines))
        assert not [one for one in found if one.check in ("names", "numbers", "untranslated", "repeated_text")]


def test_terms_that_stay_as_they_are_are_not_untranslated() -> None:
    kept = Term("t2", None, "es", "en", "bocadillo caliente", None)
    text = "I would love to have the bocadillo caliente grande now."
    dub = with_line(2, source="Quiero un bocadillo caliente grande ahora.", target=text, heard=text)
    assert not [one for one in findings(replace(dub, terms=(*dub.terms, kept))) if one.check == "untranslated"]


def test_what_could_not_be_measured_is_named() -> None:
    dub = replace(CLEAN, loudness=None, lip_sync={}, unheard=Reason("Nobody listens here."))
    told = skipped(dub)
    assert told["word_errors"] == told["not_heard"] == "Nobody listens here."
    assert set(told) == {"not_heard", "word_errors", "said_twice", "loudness", "true_peak", "lip_sync"}
    assert findings(dub) == []


def test_figures_of_the_whole_dub() -> None:
    lines = tuple(replace(one, wrong_words=n, onset_ms=30.0 * n, tempo=(1.0, 1.3, 1.1, 1.0)[n])
                  for n, one in enumerate(CLEAN.lines))
    told = figures(replace(CLEAN, lines=lines))
    assert (told["lines"], told["in_window"], told["onset_ms"]) == (4, 0.75, 60.0)
    assert told["word_error_rate"] == pytest.approx(6 / sum(one.words for one in lines), abs=1e-4)
    assert (told["integrated"], told["true_peak"], told["preset"]) == (-23.1, -3.0, "source")
    assert told["voice_likeness"] == pytest.approx(1.0) and told["lip_sync_closure_hits"] == 1.0


def test_counts_by_severity() -> None:
    assert counts([E, W, E]) == {E: 2, W: 1, INFO: 0}


def test_checks_are_named_once() -> None:
    assert len(CHECKS) == len(set(CHECKS)) == sum(len(group.names) for group in GROUPS)


def test_a_check_is_quick() -> None:
    """A feature film's worth of lines."""
    import time

    many = tuple(replace(one, id=f"u{n:04d}", start_ms=n * 3000, end_ms=n * 3000 + 2000, take_ms=2000)
                 for n, one in zip(range(1500), CLEAN.lines * 375, strict=True))
    run: Callable[[QcDub], list[Finding]] = findings
    run(CLEAN)
    started = time.process_time()
    run(replace(CLEAN, lines=many))
    assert time.process_time() - started < 5.0


def test_every_check_and_figure_has_a_name_in_every_language_of_the_page() -> None:
    from dubbing.qc.page_words import CHECK_WORDS, FIGURE_WORDS, WORDS

    for code in WORDS:
        assert set(CHECK_WORDS[code]) == set(CHECKS)
        assert WORDS[code].keys() == WORDS["en"].keys() and FIGURE_WORDS[code].keys() == FIGURE_WORDS["en"].keys()
    assert set(FIGURE_WORDS["en"]) >= set(figures(replace(CLEAN, lip_sync={"opening_r": 1.0})))
