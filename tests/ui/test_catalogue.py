"""The catalogue: complete in every language, complete for the code, and nothing in it that nobody shows."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import ui
from ui.text import CATALOGUE, LOCALES, t, texts

ROOT = Path(ui.__file__).parent
#: Functions that take a key as their first argument.
TAKES_KEY = {"t", "why_not"}


def entries() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}

    def walk(prefix: str, table: dict) -> None:
        for name, value in table.items():
            if isinstance(value.get("en"), str):
                found[f"{prefix}.{name}"] = value
            else:
                walk(f"{prefix}.{name}", value)

    for path in sorted(CATALOGUE.glob("*.toml")):
        walk(path.stem, tomllib.loads(path.read_text(encoding="utf-8")))
    return found


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def calls() -> Iterator[tuple[Path, ast.Call, str]]:
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                yield path, node, node.func.id


def patterns() -> Iterator[tuple[str, str]]:
    """Every key that the code asks for, as a regular expression, with where it stands."""
    for path, node, name in calls():
        for argument in node.args[:1] if name in TAKES_KEY else []:
            for branch in branches(argument):
                where = f"{path.relative_to(ROOT)}:{branch.lineno}"
                if isinstance(branch, ast.Constant) and isinstance(branch.value, str):
                    yield re.escape(branch.value), where
                elif isinstance(branch, ast.JoinedStr):
                    yield "".join(re.escape(part.value) if isinstance(part, ast.Constant) else r"[\w.]+"
                                  for part in branch.values), where
        if name == "texts" and isinstance(node.args[0], ast.Constant):
            yield re.escape(node.args[0].value) + r"\..+", f"{path.relative_to(ROOT)}:{node.lineno}"


def branches(node: ast.expr) -> list[ast.expr]:
    """Both sides of ``a if … else b``."""
    return [*branches(node.body), *branches(node.orelse)] if isinstance(node, ast.IfExp) else [node]


def string_constants() -> set[str]:
    """Strings that look like keys, wherever they stand: a table of keys counts as a use of them."""
    nodes = (node for path in ROOT.rglob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    strings = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return {value for value in strings if re.fullmatch(r"\w+(\.\w+)+", value)}


def test_every_entry_is_there_in_every_language_with_the_same_values() -> None:
    for key, entry in entries().items():
        assert {code for code in entry if "_" not in code} == set(LOCALES), key
        assert all(text.strip() for text in entry.values()), key
        wanted = placeholders(entry["en"])
        for code, text in entry.items():
            assert placeholders(text) == wanted or (code.endswith("_one") and placeholders(text) <= wanted), (key, code)
        ones = {code.removesuffix("_one") for code in entry if code.endswith("_one")}
        assert not ones or (ones == set(LOCALES) and "n" in wanted), f"{key} needs its form for one in each language"


def test_every_text_that_the_code_asks_for_exists() -> None:
    known = entries()
    missing = [f"{where}: {pattern}" for pattern, where in patterns()
               if not any(re.fullmatch(pattern, key) for key in known)]
    assert not missing, "\n".join(missing)


def test_no_text_is_left_over() -> None:
    asked = [re.compile(pattern) for pattern, _ in patterns()]
    named = string_constants()
    unused = [key for key in entries() if not key.startswith("languages.") and key not in named
              and not any(pattern.fullmatch(key) for pattern in asked)]
    assert not unused, "\n".join(unused)


def test_values_plurals_and_prefixes() -> None:
    assert t("common.time.days_ago", n=1) == "1 day ago"
    assert t("common.time.days_ago", n=2) == "2 days ago"
    assert texts("common.state")["needs_review"] == "Needs review"
    with pytest.raises(KeyError):
        t("common.no_such_text")
    with pytest.raises(KeyError):
        texts("no_such_area")
