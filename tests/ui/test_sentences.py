"""What the API says is said in every language of the workspace: read from the sources, so that none is forgotten."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from ui.sentences import FILE, said
from ui.text import DEFAULT_LOCALE, LOCALES

ROOT = Path(__file__).resolve().parents[2]
#: Whose errors a person at the browser can meet.
SOURCES = ("dubbing/team", "dubbing/storage", "dubbing/jobs", "dubbing/exchange", "dubbing/media", "dubbing/pipeline",
           "dubbing/api.py", "dubbing/options.py", "dubbing/registry.py", "dubbing/understand.py",
           "dubbing/localize.py", "dubbing/wording.py", "dubbing/voicing.py", "dubbing/judging.py", "dubbing/qc",
           "dubbing/ledger.py", "dubbing/delivery.py")
ERRORS = {"DubbingError", "UsageError", "MediaError", "UnavailableError", "StorageError", "ConflictError",
          "ForbiddenError", "Cancelled"}


def templates(node: ast.expr) -> list[str]:
    """The texts an expression can be, ``{}`` for what is put in."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)]
    if isinstance(node, ast.IfExp):
        return templates(node.body) + templates(node.orelse)
    return []


def said_in(tree: ast.Module) -> set[str]:
    """Every sentence and hint of a file: of its errors, and of what a pre-flight finds."""
    assigned: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            assigned.setdefault(node.targets[0].id, []).extend(templates(node.value))
    found: set[str] = set()
    for node in ast.walk(tree):
        called = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
        places = node.args[:2] if called in ERRORS else node.args[2:4] if called == "Finding" else \
            node.args if called == "Reason" else []
        for argument in places:
            is_told_before = called == "Finding" and isinstance(argument, ast.Name)
            found.update(assigned.get(argument.id, ()) if is_told_before else templates(argument))
    return {text for text in found if re.search("[a-z]", text)}


def sentences() -> dict[str, str]:
    """Every sentence and hint that can be told, with a file that tells it."""
    found: dict[str, str] = {}
    for source in SOURCES:
        path = ROOT / source
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            texts = said_in(ast.parse(file.read_text(encoding="utf-8")))
            found |= dict.fromkeys(texts, str(file.relative_to(ROOT)))
    return found


@pytest.fixture(scope="module")
def entries() -> list[dict[str, str]]:
    return list(tomllib.loads(FILE.read_text(encoding="utf-8"))["sentence"])


def test_every_sentence_that_can_be_raised_is_translated(entries: list[dict[str, str]]) -> None:
    known = {entry[DEFAULT_LOCALE] for entry in entries}
    raised = sentences()
    assert len(raised) > 200
    assert not {text: file for text, file in raised.items() if text not in known}


def test_no_sentence_is_kept_that_nobody_says(entries: list[dict[str, str]]) -> None:
    raised = sentences()
    listed = [entry[DEFAULT_LOCALE] for entry in entries]
    assert not [text for text in listed if text not in raised]
    assert len(listed) == len(set(listed))


def test_every_language_puts_in_the_same_values(entries: list[dict[str, str]]) -> None:
    for entry in entries:
        values = [f"«{n}»" for n in range(entry[DEFAULT_LOCALE].count("{}"))]
        for code in LOCALES:
            shown = entry[code].format(*values)
            assert sorted(re.findall("«[0-9]+»", shown)) == values, entry[DEFAULT_LOCALE]
            assert shown.count("`") == entry[DEFAULT_LOCALE].count("`"), entry[DEFAULT_LOCALE]


def test_a_sentence_is_said_in_the_persons_language_with_its_values(entries: list[dict[str, str]]) -> None:
    for entry in entries:
        values = [f"v{n}" for n in range(entry[DEFAULT_LOCALE].count("{}"))]
        english = entry[DEFAULT_LOCALE].format(*values)
        if values and not entry[DEFAULT_LOCALE].replace("{}", "").strip(" .:()"):
            continue
        assert said(english, "es") != english or entry["es"] == entry[DEFAULT_LOCALE], english


def test_what_is_not_known_stays_as_it_is() -> None:
    assert said("Something that nobody wrote down.", "es") == "Something that nobody wrote down."
    assert said("", "es") == ""


def test_what_adds_an_engine_is_said_as_engines_say_it() -> None:
    """Advice is put together from pieces: the words that stand between its values are in some engine's file."""
    files = [ROOT / "dubbing" / "relay.py", *(ROOT / "dubbing" / "engines").rglob("*.py"),
             *(ROOT / "dubbing" / "weights").rglob("*")]
    source = " ".join(file.read_text(encoding="utf-8") for file in files if file.suffix in (".py", ".toml"))
    plain = re.sub(r"[`\"\\\s]+(?:f\")?", " ", source)
    advice = tomllib.loads(FILE.read_text(encoding="utf-8"))["advice"]
    first = [" ".join(max(entry[DEFAULT_LOCALE].split("{}"), key=len).split()[:4]) for entry in advice]
    assert len(first) > 10 and not [words for words in first if words not in plain]
