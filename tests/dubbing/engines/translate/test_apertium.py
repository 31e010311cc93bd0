"""Apertium as a program: pairs, marks of unknown words, notation, failure."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from dubbing.domain.translation import Brief
from dubbing.engines.base import TranslationRequest
from dubbing.engines.translate.apertium import ApertiumTranslator, _tidy
from dubbing.engines.translate.fake import FakeTranslator
from dubbing.errors import UnavailableError


def request(text: str) -> TranslationRequest:
    return TranslationRequest(text, 2000)


@pytest.fixture
def program(tmp_path: Path) -> ApertiumTranslator:
    """A stand-in that lists pairs, repeats what it is given and marks a word as unknown."""
    script = tmp_path / "apertium"
    script.write_text("""#!/bin/sh
if [ "$1" = -l ]; then echo "  eng-spa"; echo "  spa-eng_US"; echo "  spa-eng"; exit; fi
if [ "$3" = spa-eng_US ]; then echo "broken" >&2; exit 3; fi
if [ "$3" = spa-eng ]; then echo "cg-proc: command not found" >&2; exit; fi
sed -e "s/zorg/*zorg/" -e "s/^/ /"
""")
    script.chmod(script.stat().st_mode | stat.S_IEXEC)
    return ApertiumTranslator(str(script))


def test_pairs_by_two_or_three_letters(program: ApertiumTranslator) -> None:
    assert program.supports("en", "es") and program.supports("eng", "spa") and program.supports("en-GB", "es-MX")
    assert not program.supports("en", "fr")
    with pytest.raises(UnavailableError, match="no pair en to fr"):
        program.translate(request("hello"), "en", "fr")


def test_marks_notation_and_blanks_are_removed(program: ApertiumTranslator) -> None:
    assert program.translate(request("I saw [a] $zorg^ @home"), "en", "es") == "I saw a zorg home"
    assert program.translate(request("  "), "en", "es") == ""
    assert _tidy(" hola *mundo , amigo.", "Hello", lent=True) == "Hola mundo, amigo"


def test_words_that_it_does_not_know_cost_trust(program: ApertiumTranslator) -> None:
    known, doubtful, empty = program.candidates(
        [request("the house is big"), request("the zorg"), request(" ")], Brief("en", "es"))
    assert known[0].text == "the house is big" and known[0].engine == "apertium" and not empty
    assert doubtful[0].text == "the zorg" and doubtful[0].meaning == pytest.approx(known[0].meaning / 2)


def test_a_text_cannot_become_an_option_or_a_command(program: ApertiumTranslator) -> None:
    assert program.translate(request("-l; rm -rf / `x` $(y)"), "en", "es").startswith("-l; rm -rf /")


def test_a_failing_program_is_one_sentence(program: ApertiumTranslator) -> None:
    with pytest.raises(UnavailableError, match="broken"):
        program.translate(request("hola"), "es", "en-US")
    with pytest.raises(UnavailableError, match="cg-proc: command not found"):
        program.translate(request("hola"), "es", "en")


def test_a_missing_program_says_what_adds_it() -> None:
    assert "make apertium" in (ApertiumTranslator("no-such-program").why_unavailable() or "")


@pytest.mark.real
@pytest.mark.skipif(shutil.which("apertium") is None, reason="Apertium is not installed (make apertium)")
def test_the_real_program_translates() -> None:
    engine = ApertiumTranslator()
    if not engine.supports("en", "es"):
        pytest.skip("the pair English-Spanish is not installed")
    assert engine.translate(request("I have a zorgleblat and a house"), "en", "es") == "Tengo un zorgleblat y una casa"
    assert "house" in engine.translate(request("La casa es grande."), "es", "en").lower()


def test_the_fake_marks_its_text() -> None:
    fake = FakeTranslator()
    assert fake.is_fake and fake.supports("es", "en") and not fake.supports("en", "en")
    assert fake.translate(request("Hola."), "es", "en") == "[en] Hola."
    assert [found[0].text for found in fake.candidates([request("Hola."), request("Si.")], Brief("es", "en"))] == [
        "[en] Hola.", "[en] Si."]
