"""The API's sentences in the languages of the workspace.

What goes wrong is said by ``dubbing`` in English, as a sentence with a hint, and kept so in the database (a failed
job, a note). ``ui/sentences.toml`` holds each sentence's pattern, ``{}`` where a value stands, with its translations;
a translation numbers the values (``{1}``) where it needs them in another order. Values that are words themselves (a
role, a state) are translated too. What is not there is shown in English: better understood by some than lost.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

from ui.text import DEFAULT_LOCALE, locale

FILE = Path(__file__).parent / "sentences.toml"


def said(text: str, code: str | None = None) -> str:
    """``text`` in the person's language (or in ``code``); several sentences in a row are translated one by one."""
    code = code or locale()
    if code == DEFAULT_LOCALE or not text:
        return text
    return _one(text, code) or " ".join(_one(part, code) or part for part in _sentences(text))


def _one(text: str, code: str) -> str | None:
    for longest, pattern, translations in _patterns():
        found = pattern.fullmatch(text) if longest in text else None
        if found and code in translations:
            return translations[code].format(*(_word(value, code) for value in found.groups()))
    return None


def _word(value: str, code: str) -> str:
    """A value that is put into a sentence: a known word, a sentence itself, or a name that stays as it is."""
    known = _file()["words"].get(value.strip('"'), {}).get(code)
    return known or (_one(value, code) if value.endswith(".") else None) or value


def _sentences(text: str) -> list[str]:
    """Pieces that each end a sentence; nothing of the text is lost but the blanks between them."""
    return re.split(r"(?<=[.!?])\s+(?=[A-Z“`])", text)


@lru_cache(maxsize=1)
def _file() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[str, re.Pattern[str], dict[str, str]]]:
    """(a part that must be there, pattern, translations), the most literal text first: the most particular wins."""
    entries = sorted([*_file()["sentence"], *_file()["advice"]],
                     key=lambda entry: -len(entry[DEFAULT_LOCALE].replace("{}", "")))
    return [(max(entry[DEFAULT_LOCALE].split("{}"), key=len), _pattern(entry[DEFAULT_LOCALE]),
             {code: text for code, text in entry.items() if code != DEFAULT_LOCALE}) for entry in entries]


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile("(.+?)".join(re.escape(part) for part in template.split("{}")), re.DOTALL)
