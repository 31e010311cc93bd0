"""What a language model answered: found in whatever stands around it, and checked line by line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from dubbing.domain import terms, tongues
from dubbing.domain.estimate import count_syllables
from dubbing.domain.translation import Brief
from dubbing.engines.base import TranslationRequest
from dubbing.engines.translate.common import primary

_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
#: What must come back as it went out: marks, placeholders, stand-ins for names.
_KEPT = re.compile(r"\[[^\]\[]*\]|\{[^{}]*\}|⟦[^⟧]*⟧|\bX[a-z]{2}q\b")
_OPENING = re.compile(r"[\[{]")
#: Brackets that open nothing: an answer with more of them is noise.
_MOST_FAILURES = 40
_QUOTES = {'"': '"', "“": "”", "«": "»", "„": "“", "「": "」", "'": "'"}
_PREAMBLE = re.compile(r"^(?:translation|here(?:'s| is)[^:]{0,40}|traducción|übersetzung|traduction|traduzione|tradução"
                       r")\s*:\s*", re.IGNORECASE)
_REFUSAL = re.compile(
    r"^(?:(?:(?:i'm|i am) )?sorry,? (?:but )?(?:i can(?:not|'t| not)|i(?:'m| am) (?:unable|not able))"
    r"|i can(?:not|'t| not) (?:help|assist|translate|fulfil)|as an ai\b|lo siento,? (?:pero )?no puedo"
    r"|desculpe,? (?:mas )?não posso|es tut mir leid,? (?:aber )?ich kann|je suis désolée?,? (?:mais )?je ne peux"
    r"|mi dispiace,? (?:ma )?non posso)", re.IGNORECASE)
#: A translation is never so many times as long as its source, beside a few words.
_LONGEST = 4.0


def texts_by_id(said: str) -> dict[str, list[str]]:
    """The texts of every line that an answer holds, in whatever form: none of what is cut off or not text."""
    found: dict[str, list[str]] = {}
    for value in _values(_THOUGHT.sub("", said)):
        for name, texts in _lines(value):
            if texts and name not in found:
                found[name] = texts
    return found


def _values(said: str) -> Iterator[Any]:
    """Every JSON value in a text, outermost first: an answer that was cut off still holds whole lines."""
    decoder, place, failures = json.JSONDecoder(strict=False), 0, 0
    while failures < _MOST_FAILURES and (match := _OPENING.search(said, place)) is not None:
        try:
            value, place = decoder.raw_decode(said, match.start())
            yield value
        except (ValueError, RecursionError):
            place, failures = match.start() + 1, failures + 1


def _lines(value: Any) -> Iterator[tuple[str, list[str]]]:
    """(id, texts) of a JSON value: a line, a list of lines, or lines by their id."""
    if isinstance(value, list):
        for each in value:
            if isinstance(each, dict):
                yield from _lines(each)
        return
    if not isinstance(value, dict):
        return
    if "id" in value:
        texts = next((value[name] for name in ("texts", "candidates", "translations", "text", "translation")
                      if name in value), None)
        yield str(value["id"]).strip(), _strings(texts)
        return
    for name, inner in value.items():
        if isinstance(inner, (list, dict)) and not _strings(inner):
            yield from _lines(inner)
        elif name.strip().isdigit():
            yield name.strip(), _strings(inner)


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        texts = [each.get("text") if isinstance(each, dict) and "id" not in each else each for each in value]
        return [text for text in texts if isinstance(text, str) and text.strip()] if texts else []
    return []


def tidied(text: str, source: str) -> str:
    """A text without what was put around it: blanks, quotation marks, "Translation:"."""
    text = _PREAMBLE.sub("", re.sub(r"\s+", " ", text).strip())
    if len(text) > 2 and _QUOTES.get(text[0]) == text[-1] and text[0] not in source:
        text = text[1:-1].strip()
    return text


def faults(text: str, request: TranslationRequest, brief: Brief) -> Iterator[str]:
    """What makes a text unusable, as a model is told it."""
    source, target = primary(brief.source), primary(brief.target)
    if not any(char.isalnum() for char in text):
        yield "there is nothing to say in it"
        return
    if sorted(_KEPT.findall(text)) != sorted(_KEPT.findall(request.text)):
        yield "what stands in brackets, or a word like Xaaq, is not as in the original"
    if _REFUSAL.match(text) and not _REFUSAL.match(request.text):
        yield "it is no translation"
    elif _own_echo(text, request) > 1:
        yield "it is the original, not a translation"
    elif tongues.is_in_foreign_script(_KEPT.sub("", text), target) or tongues.is_still_in(text, source, target) \
            or tongues.language_among(text) not in (None, target):
        yield f"it is not in the language {target}"
    if _weight(text) > _LONGEST * _weight(request.text) + 60:
        yield "it says much more than the original"


def wishes(text: str, request: TranslationRequest, brief: Brief) -> Iterator[str]:
    """What makes a text worse than it could be, as a model is told it; it is still a translation."""
    if _own_echo(text, request) == 1:
        yield "it is the original: translate it unless it is a name"
    yield from (f"it must say “{terms.wanted(rule)}” for “{rule.source}”" for rule in terms.missed(text, request.terms))
    yield from (f"it must not say “{word}”" + (f" but “{instead}”" if instead else "")
                for word, instead in brief.forbidden if terms.contains(text, word))
    if request.budget is not None:
        count = count_syllables(text, primary(brief.target))
        low, high = request.budget.syllables_low, request.budget.syllables_high
        if count > high:
            yield f"it has {count} syllables, and may have {high}"
        elif count < low:
            yield f"it has {count} syllables, and needs {low}"


def _own_echo(text: str, request: TranslationRequest) -> int:
    """How many words a text that is its source has, without names and what the glossary keeps; 0 where it is not."""
    words = tongues.words_of(text)
    if words != tongues.words_of(request.text):
        return 0
    kept = {word for rule in request.terms if rule.target in (None, rule.source)
            for word in tongues.words_of(rule.source)}
    return sum(word not in kept and word not in _names(request.text) for word in words)


def _names(text: str) -> frozenset[str]:
    """Words with a capital that do not begin the text."""
    return frozenset(word.casefold() for word in re.findall(r"(?<=\s)[^\W\d_]+", text) if word[0].isupper())


def _weight(text: str) -> float:
    """Length, in which a Chinese, Japanese or Korean character counts for two and a half."""
    return sum(2.5 if ord(char) > 0x2E7F else 1.0 for char in text)
