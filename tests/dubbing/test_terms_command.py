"""Glossary, forbidden words and pronunciations from the command line, over a real database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.media_factory import make


@pytest.fixture
def dubbing(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Call the command in this process; returns (exit code, standard output)."""
    from dubbing.cli import main

    def call(*arguments: str | Path) -> tuple[int, str]:
        with pytest.raises(SystemExit) as stopped:
            main([str(a) for a in arguments])
        return int(stopped.value.code or 0), capsys.readouterr().out

    return call


def test_words_are_kept_replaced_forbidden_spoken_and_forgotten(tmp_path: Path, dubbing: Any) -> None:
    clip = make(tmp_path, "clip.mp4", frames=20, sound="bursts")
    code, out = dubbing("project", "new", clip, "--to", "en", "--to", "it", "--from", "es", "--json")
    made = json.loads(out)["project"]
    code, out = dubbing("project", "terms", made, "--lang", "en", "--keep", "Marcos", "--term", "bocadillo=sandwich",
                        "--forbid", "travel=trip", "--say", "Zaldívar=/θalˈðiβaɾ/", "--say", "Ana=Anna", "--json")
    rows = {(one["kind"], one["language"], one["word"], one["becomes"]) for one in json.loads(out)["terms"]}
    assert code == 0 and rows == {
        ("glossary", "es -> en", "Marcos", "Marcos"), ("glossary", "es -> en", "bocadillo", "sandwich"),
        ("forbidden", "en", "travel", "trip"), ("pronunciation", "en", "Zaldívar", "/θalˈðiβaɾ/"),
        ("pronunciation", "en", "Ana", "Anna")}
    code, out = dubbing("project", "terms", made, "--remove", "marcos", "--remove", "Ana")
    assert code == 0 and "Marcos" not in out and "sandwich" in out and "project run" in out

    table = tmp_path / "terms.csv"
    table.write_text("source_language,target_language,source,target\nes,it,Madrid,\n")
    rows = json.loads(dubbing("project", "terms", made, "--csv", table, "--json")[1])["terms"]
    assert {"kind": "glossary", "language": "es -> it", "word": "Madrid", "becomes": "Madrid"} in rows


@pytest.mark.parametrize(("given", "words"), [
    (["--keep", "Ana"], "several target languages"), (["--keep", "Ana", "--lang", "fr"], "not dubbed into fr"),
    (["--lang", "en", "--keep", "Ana"], "not known yet"), (["--lang", "en", "--term", "Ana"], "what becomes of a word"),
    (["--remove", "Ana"], "not among the terms")])
def test_what_cannot_be_saved_is_one_sentence(tmp_path: Path, dubbing: Any, given: list[str], words: str) -> None:
    clip = make(tmp_path, "clip.mp4", frames=20, sound="bursts")
    made = json.loads(dubbing("project", "new", clip, "--to", "en", "--to", "it", "--json")[1])["project"]
    code, out = dubbing("project", "terms", made, "--json", *given)
    assert code == 2 and words in json.loads(out)["error"]
