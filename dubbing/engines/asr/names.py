"""Names that a team has written down, heard where they are said: Whisper is told of them, and not believed blindly.

A Whisper that is shown names writes them well, and now and then writes one that nobody said, or changes the style of
all else. So it listens twice, with the names and without: of the first hearing only those words are taken that are
names and that sound like what was heard without them. A name that both hearings missed is still found where a word of
low confidence sounds almost like it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from dubbing.engines.asr.timing import TimedText

#: How alike the two hearings must sound where one has a name; with less it was put in by the prompt.
HEARD_ALIKE = 0.38
#: How alike a doubtful word must sound to be a name that both hearings missed.
SURELY_ALIKE = 0.8
#: Above this Whisper is sure of a word.
DOUBTFUL = 0.6
_MOST_NAMES = 64
_LONGEST_NAME = 60
_SHORTEST_SOUNDS = 4

#: Spellings of one sound, longest first; what is left is compared letter by letter.
_SPELLINGS = (("tsch", "č"), ("sch", "š"), ("tch", "č"), ("chr", "kr"), ("sh", "š"), ("ch", "č"), ("ph", "f"),
              ("th", "t"), ("gh", "g"), ("ck", "k"), ("cz", "č"), ("sz", "š"), ("qu", "kw"), ("ll", "l"), ("x", "ks"),
              ("q", "k"), ("ce", "se"), ("ci", "si"), ("cy", "si"), ("c", "k"), ("w", "v"), ("y", "i"), ("j", "ž"),
              ("h", ""))
_VOWELS = "aeiouæøœə"
#: Sounds that are easily taken for one another.
_NEAR = ("pb", "td", "kg", "fv", "szšž", "čšž", "mn", "lr", "vu", "ži")


def clean(names: Sequence[str]) -> tuple[str, ...]:
    """Names worth asking for: each once, neither empty nor a sentence, no more than Whisper has room for."""
    found = {" ".join(name.split()): None for name in names}
    return tuple(name for name in found if name and len(name) <= _LONGEST_NAME)[:_MOST_NAMES]


def likeness(first: str, second: str) -> float:
    """How alike two spellings sound, in [0, 1], whatever the language: consonants count twice as much as vowels."""
    a, b = _sounds(first), _sounds(second)
    if not a or not b:
        return 0.0
    row = [0.0]
    for sound in b:
        row.append(row[-1] + _weight(sound))
    for left in a:
        above, row[0] = row[0], row[0] + _weight(left)
        for index, right in enumerate(b, 1):
            change = above + _change(left, right)
            above, row[index] = row[index], min(change, row[index] + _weight(left), row[index - 1] + _weight(right))
    whole = max(sum(map(_weight, a)), sum(map(_weight, b)))
    return max(0.0, 1.0 - row[-1] / whole)


def merged(heard: Sequence[TimedText], told: str, names: Sequence[str]) -> str | None:
    """The words heard without names, with those of the names that the other hearing, ``told``, has in their places.

    A place counts where Whisper doubted a word without the names, where the words with them hold (a word of) a name,
    and where both sound alike. None when nothing changes.
    """
    plain, other, words = [word.text.strip() for word in heard], told.split(), _name_words(names)
    result: list[str] = []
    changed = False
    matcher = SequenceMatcher(None, [_plain(word) or word for word in plain], [_plain(word) or word for word in other],
                              autojunk=False)
    for kind, a, b, c, d in matcher.get_opcodes():
        while kind == "replace" and b - a > d - c and _plain(plain[a]) in _PARTICLES:
            result.append(plain[a])  # an article before a name is none of it
            a += 1
        is_meant = kind == "replace" and _is_named(other[c:d], words) \
            and min(word.confidence for word in heard[a:b]) < DOUBTFUL \
            and likeness(" ".join(plain[a:b]), " ".join(other[c:d])) >= HEARD_ALIKE
        result += other[c:d] if is_meant else plain[a:b]
        changed |= is_meant
    return " ".join(result) if changed else None


def merged_characters(heard: str, told: str, names: Sequence[str]) -> str | None:
    """As ``merged``, for scripts without blanks: characters within a name, however they look without it."""
    result, changed = "", False
    for kind, a, b, c, d in SequenceMatcher(None, heard, told, autojunk=False).get_opcodes():
        is_meant = kind == "replace" and _is_within_name(told, c, d, names)
        result += told[c:d] if is_meant else heard[a:b]
        changed |= is_meant
    return result if changed else None


def snapped(words: Sequence[TimedText], names: Sequence[str]) -> list[TimedText]:
    """Words of which a doubtful run sounds almost like a name, as that name; times stay those of the run."""
    spellings = sorted({*names, *_words_of(names)}, key=lambda name: (-len(name.split()), name))
    known = _name_words(names)
    found = list(words)
    for name in spellings:
        size = len(name.split())
        if len(_sounds(name)) < _SHORTEST_SOUNDS:
            continue
        index = 0
        while index < len(found):
            runs = [found[index:index + length] for length in (size, size - 1, size + 1)
                    if 1 <= length <= len(found) - index]
            best = max(runs, key=lambda run: likeness(_text(run), name), default=[])
            if best and _is_meant(best, name, known):
                found[index:index + len(best)] = _renamed(best, name)
            index += 1
    return found


def _is_meant(run: Sequence[TimedText], name: str, known: frozenset[str]) -> bool:
    if min(word.confidence for word in run) >= DOUBTFUL:
        return False
    plain = {_plain(_bare(word.text)) for word in run}
    return not plain & (known | _PARTICLES) and likeness(_text(run), name) >= SURELY_ALIKE


def _text(run: Sequence[TimedText]) -> str:
    return " ".join(_bare(word.text) for word in run)


#: Small words that no name swallows: "a Thrain" is not "Athrane".
_PARTICLES = frozenset(("a", "an", "and", "the", "of", "in", "on", "to", "is", "i", "y", "o", "el", "la", "los", "las",
                        "de", "un", "una", "en", "le", "les", "des", "et", "der", "die", "das", "und", "il", "lo", "e",
                        "os", "as", "um", "uma"))


def _renamed(run: Sequence[TimedText], name: str) -> list[TimedText]:
    """``name`` in the time of ``run``: word for word where there are as many, else shared out by letters."""
    lead = run[0].text[:len(run[0].text) - len(run[0].text.lstrip(_EDGES))]
    tail = _tail(run[-1].text)
    parts = name.split()
    confidence = min(word.confidence for word in run)
    blank = " " if run[0].text.startswith(" ") else ""
    if len(parts) == len(run):
        made = [replace(word, text=f"{blank}{part}", confidence=confidence)
                for word, part in zip(run, parts, strict=True)]
    else:
        made = _shared(run, parts, blank, confidence)
    made[0].text = f"{blank}{lead.strip()}{parts[0]}"
    made[-1].text += tail
    return made


def _shared(run: Sequence[TimedText], parts: Sequence[str], blank: str, confidence: float) -> list[TimedText]:
    start, end, letters = run[0].start, run[-1].end, sum(map(len, parts))
    made, done = [], 0
    for part in parts:
        edges = [None if start is None or end is None else start + (end - start) * at / letters
                 for at in (done, done + len(part))]
        made.append(TimedText(f"{blank}{part}", edges[0], edges[1], confidence))
        done += len(part)
    return made


_EDGES = " \"'“‘¿¡([{-—"


def _bare(text: str) -> str:
    """A word without what surrounds it, and without an English genitive."""
    inner = re.sub(r"^\W+|\W+$", "", text)
    return re.sub(r"['’]s$", "", inner)


def _tail(text: str) -> str:
    stripped = text.strip(_EDGES)
    return stripped[len(_bare(text)):]


def _is_named(words: Sequence[str], name_words: frozenset[str]) -> bool:
    return any(_plain(_bare(word)) in name_words for word in words)


def _is_within_name(text: str, start: int, end: int, names: Sequence[str]) -> bool:
    """Whether a stretch of ``text`` lies within an occurrence of a name."""
    for name in names:
        at = text.find(name)
        while at >= 0:
            if at <= start and end <= at + len(name):
                return True
            at = text.find(name, at + 1)
    return False


def _words_of(names: Sequence[str]) -> list[str]:
    """The words of names of several words that are names of their own."""
    return [word for name in names for word in name.split() if len(name.split()) > 1 and word[:1].isupper()
            and len(word) >= _SHORTEST_SOUNDS]


def _name_words(names: Sequence[str]) -> frozenset[str]:
    """Words by which a name is known: "of" in "Duke of York" is none."""
    words = [word for name in names for word in name.split() if len(name.split()) == 1 or word[:1].isupper()
             or any(char.isdigit() for char in word)]
    return frozenset(_plain(_bare(word)) for word in words)


def _plain(text: str) -> str:
    return re.sub(r"\W+", "", text.casefold())


def _sounds(text: str) -> str:
    """A spelling as sounds: accents, doubled letters and silent h gone, spellings of one sound made one."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(char for char in decomposed if char.isalpha() and not unicodedata.combining(char))
    for spelling, sound in _SPELLINGS:
        letters = letters.replace(spelling, sound)
    return re.sub(r"(.)\1+", r"\1", letters)


def _weight(sound: str) -> float:
    return 0.5 if sound in _VOWELS else 1.0


def _change(left: str, right: str) -> float:
    """What it costs to take one sound for another."""
    if left == right:
        return 0.0
    if left in _VOWELS and right in _VOWELS:
        return 0.25
    if any(left in group and right in group for group in _NEAR):
        return 0.4
    return max(_weight(left), _weight(right)) if (left in _VOWELS) == (right in _VOWELS) else 1.2
