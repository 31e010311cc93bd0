"""Word error rate between what was meant and what a recognizer heard, once both are in one spelling."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

#: Languages that are written without spaces are compared letter by letter.
BY_LETTER = frozenset({"ja", "zh", "th"})


def error_rate(meant: Sequence[str], heard: Sequence[str], language: str) -> float:
    """Errors per word over all texts (per letter where words are not spaced); ``meant`` must hold a word.

    Case, punctuation and the way numbers are written do not count.
    """
    import jiwer

    references = [normalized(text, language) for text in meant]
    hypotheses = [normalized(text, language) for text in heard]
    measure = jiwer.cer if language in BY_LETTER else jiwer.wer
    return float(measure(references, hypotheses))


def normalized(text: str, language: str) -> str:
    """Lower case, no punctuation, numbers in words; no spaces where the language has none."""
    text = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    text = re.sub(r"(?<=\d)[.,](?=\d{3}\b)", "", text)
    text = re.sub(r"\d+", lambda match: f" {_in_words(int(match[0]), language)} ", text)
    if language in BY_LETTER:
        return "".join(c for c in text if c.isalnum())
    return " ".join("".join(c if c.isalnum() else " " for c in text).split())


def _in_words(number: int, language: str) -> str:
    from num2words import num2words

    try:
        return str(num2words(number, lang={"pt": "pt_BR"}.get(language, language)))
    except (NotImplementedError, OverflowError):
        # num2words has no rules for this language, or none for numbers of this size.
        return str(number)
