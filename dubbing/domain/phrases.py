"""A line in phrases: where the original speaker paused, so does the dub.

The pauses of the original are the gaps between its words. Each is given a place in the translation: where about as
much of it has been said, at a clause's end rather than before a conjunction, and never after a word that leans on the
next. A pause for which there is no good place is left out.

Source: Federico, Virkar, Enyedi and Barra-Chicote, "Evaluating and Optimizing Prosodic Alignment for Automatic
Dubbing" (Interspeech 2020), of whose scores the two that need no language model are used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dubbing.domain import marks
from dubbing.domain.estimate import count_syllables
from dubbing.domain.speech import Word
from dubbing.domain.utterances import is_spaceless

#: A gap between words from which on it is heard as a pause.
LEAST_PAUSE_MS = 300
#: Words of a line may begin and end so much outside it, for a person has moved its times.
_TOLERANCE_MS = 60

#: What it costs, in shares of the line, to pause after such a word.
_SENTENCE, _CLAUSE, _BEFORE_CONJUNCTION, _BEFORE_SUBJECT, _BETWEEN_WORDS, _INSIDE = 0.0, 0.04, 0.15, 0.25, 0.45, 9.0
#: Where the original's pause ends a sentence, one that does not costs more; and the other way round.
_OTHER_KIND = 0.12
#: A pause that a person asked for at a place is the likeliest place for one of the original's.
_ASKED = -0.1
#: What leaving a pause out costs: a longer one is kept at a worse place.
_LEFT_OUT, _LEFT_OUT_A_SECOND = 0.22, 0.3

_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)\]」』]*$")
_CLAUSE_END = re.compile(r"[,;:—–、，；：][\"'”’»)\]」』]*$")
_TOKEN = re.compile(r"(?:\{[^{}]*\}|\S)+")
_SPACELESS_CLAUSE = re.compile(r"[^、，。！？；：…]+[、，。！？；：…]*[」』”’)]*")
_ANY_MARK = re.compile(r"[.,;:!?…—–、，。！？；：][\"'”’»)\]」』]*$")

#: A phrase may begin with one of these.
_CONJUNCTIONS = {
    "en": "and but or so because that which who when where while if although though before after until since then to "
          "for with without as than unless whether nor yet",
    "es": "y e o u pero que porque cuando donde si aunque mientras como sino para con sin pues entonces ni cuyo",
    "it": "e ed o ma che perché quando dove se anche mentre come però per con senza allora né poi",
    "pt": "e ou mas que porque quando onde se embora enquanto como porém para com sem então nem pois",
    "fr": "et ou mais que qui parce quand où si bien pendant comme car pour avec sans alors ni donc puis",
    "de": "und oder aber dass weil wenn wo als ob obwohl während wie denn um mit ohne dann sondern bis der die das",
}
_SUBJECTS = {
    "en": "i i'm i've i'll you you're he he's she she's it's we we're they they're there",
    "es": "yo tú usted él ella nosotros ustedes ellos ellas", "it": "io tu lui lei noi voi loro",
    "pt": "eu tu você ele ela nós vocês eles elas", "fr": "je j'ai j'étais tu il elle on nous vous ils elles c'est",
    "de": "ich du er sie es wir ihr",
}
#: A phrase does not end with one of these: they belong to the word after them.
_LEANING = {
    "en": "a an the of to in on at by for from with and or but my your his her its our their this that these those is "
          "are was were be been am i you he she it we they not very so as if no can could will would must may might do "
          "does did have has had into than too",
    "es": "el la los las un una unos unas de del a al en por para con sin y e o u pero que mi tu su mis tus sus este "
          "esta estos estas ese esa no se me te le lo nos les muy más es son era soy está están he ha han hay si como",
    "it": "il lo la i gli le un uno una di del dello della dei degli delle a al alla ai in nel nella da dal dalla con "
          "su sul sulla per tra e ed o ma che mio mia tuo tua suo sua non si mi ti ci vi è sono era ho ha hanno molto "
          "più se come",
    "pt": "o a os as um uma de do da dos das em no na nos nas por para com sem e ou mas que meu minha seu sua não se "
          "me te lhe muito mais é são era estou está tem há ao à pelo pela",
    "fr": "le la les un une des de du à au aux en par pour avec sans et ou mais que qui mon ma mes ton ta son sa ses "
          "ce cette ces ne pas se me te lui nous vous je tu il elle on très plus est sont était ai a ont",
    "de": "der die das den dem des ein eine einen einem einer von zu zum zur in im an am auf bei mit nach für und oder "
          "aber dass mein meine dein sein seine ihr ihre nicht sehr ist sind war bin hat haben ich du er sie es wir",
}


@dataclass(frozen=True, slots=True)
class Phrase:
    """What is said without a pause, and when the original was: ms from the line's start.

    gap_ms: the silence that the text itself asks for before it, None where it does not. emphasised: (first, one past
    the last) characters of ``text`` that are to stand out.
    """

    start_ms: int
    end_ms: int
    text: str
    gap_ms: int | None = None
    emphasised: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class SourcePause:
    """A pause of the original, in ms from the line's start; ``share`` of its speech came before, ``ends_sentence``
    when a sentence did."""

    start_ms: int
    end_ms: int
    share: float
    ends_sentence: bool

    @property
    def duration_ms(self) -> int:
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class _Boundary:
    """A place between two words: so many characters in, so much of the syllables said, its cost."""

    at: int
    next_at: int
    share: float
    cost: float
    ends_sentence: bool
    asked_ms: int | None


def source_pauses(words: Sequence[Word], start_ms: int, end_ms: int) -> list[SourcePause]:
    """Pauses of ``LEAST_PAUSE_MS`` and more between those ``words`` that lie in the line (times of the video)."""
    own = [word for word in words if word.start_ms >= start_ms - _TOLERANCE_MS
           and word.end_ms <= end_ms + _TOLERANCE_MS and word.end_ms > word.start_ms]
    total = sum(word.end_ms - word.start_ms for word in own)
    found, said = [], 0
    for word, following in zip(own, own[1:], strict=False):
        said += word.end_ms - word.start_ms
        begin, end = max(word.end_ms, start_ms) - start_ms, min(following.start_ms, end_ms) - start_ms
        if end - begin >= LEAST_PAUSE_MS:
            found.append(SourcePause(begin, end, said / total, _SENTENCE_END.search(word.text) is not None))
    return found


def phrases_of(text: str, language: str, words: Sequence[Word], start_ms: int, end_ms: int) -> tuple[Phrase, ...]:
    """``text`` (a translation, marks and all) in the phrases in which it is said; () when nothing is.

    words: of the original line (times of the video, as ``start_ms`` and ``end_ms`` of the line). Every word is in
    exactly one phrase, in order; a phrase that ends inside a clause ends in a comma, so that it is said as one that
    goes on.
    """
    whole, emphasised, asked, lead_ms = _pieces(text)
    if not any(char.isalnum() for char in whole):
        return ()
    boundaries = _boundaries(whole, language, asked)
    taken = _aligned(source_pauses(words, start_ms, end_ms), boundaries)
    breaks = [one for index, one in enumerate(boundaries) if index in taken or one.asked_ms is not None]
    silences = _silences(breaks, {boundaries[index].at: pause for index, pause in taken.items()}, end_ms - start_ms)
    starts = [0, *(end for _, end in silences)]
    ends = [*(start for start, _ in silences), end_ms - start_ms]
    first_chars, last_chars = [0, *(one.next_at for one in breaks)], [*(one.at for one in breaks), len(whole)]
    gaps = [lead_ms, *(one.asked_ms for one in breaks)]
    phrases = []
    for number, (begin, finish) in enumerate(zip(first_chars, last_chars, strict=True)):
        own = whole[begin:finish].rstrip()
        spans = tuple((max(a, begin) - begin, min(b, begin + len(own)) - begin) for a, b in emphasised
                      if a < begin + len(own) and b > begin)
        goes_on = number < len(breaks) and _ANY_MARK.search(own) is None
        comma = "、" if own and is_spaceless(own[-1]) else ","
        phrases.append(Phrase(starts[number], max(ends[number], starts[number] + 1), own + comma if goes_on else own,
                              gaps[number], spans))
    return tuple(phrases)


def _silences(breaks: Sequence[_Boundary], known: Mapping[int, SourcePause], length_ms: int) -> list[tuple[int, int]]:
    """(start, end) of the silence at each break: the original's pause, else by the share of what has been said."""
    anchors = [(0.0, 0), *((one.share, known[one.at].start_ms) for one in breaks if one.at in known), (1.0, length_ms)]
    resumes = [0, *(known[one.at].end_ms for one in breaks if one.at in known), length_ms]
    found: list[tuple[int, int]] = []
    passed = 0
    for one in breaks:
        if one.at in known:
            passed += 1
            found.append((known[one.at].start_ms, known[one.at].end_ms))
            continue
        since, (until_share, until) = resumes[passed], anchors[passed + 1]
        part = (one.share - anchors[passed][0]) / max(1e-6, until_share - anchors[passed][0])
        asked = one.asked_ms or 0
        earliest = found[-1][1] if found else 0
        start = max(earliest + 1, round(since + (until - since) * part - asked / 2))
        found.append((start, start + asked))
    return found


def _pieces(text: str) -> tuple[str, list[tuple[int, int]], dict[int, int], int | None]:
    """(the words without marks, emphasised characters, silence asked for after so many characters, before all)."""
    whole, lead = "", None
    emphasised: list[tuple[int, int]] = []
    asked: dict[int, int] = {}
    for piece in marks.parse(text):
        if isinstance(piece, marks.Words):
            joint = " " if whole and not (is_spaceless(whole[-1]) and is_spaceless(piece.text[0])) else ""
            shift = len(whole) + len(joint)
            emphasised += [(start + shift, end + shift) for start, end in piece.emphasised]
            whole += joint + piece.text
        elif whole:
            silence = piece.ms if isinstance(piece, marks.Pause) else marks.PAUSE_MS
            asked[len(whole)] = asked.get(len(whole), 0) + silence
        elif isinstance(piece, marks.Pause):
            lead = (lead or 0) + piece.ms
    asked.pop(len(whole), None)
    return whole, emphasised, asked, lead


def _boundaries(whole: str, language: str, asked: dict[int, int]) -> list[_Boundary]:
    """Every place between two words of ``whole``."""
    tokens = [match.span() for word in _TOKEN.finditer(whole) for match in _cut(word, whole)]
    syllables = [count_syllables(marks.without_ipa(whole[a:b]), language) for a, b in tokens]
    total, said = max(1, sum(syllables)), 0
    conjunctions, subjects, leaning = (set(table.get(language, "").split())
                                       for table in (_CONJUNCTIONS, _SUBJECTS, _LEANING))
    found = []
    for (start, end), count, (next_start, next_end) in zip(tokens, syllables, tokens[1:], strict=False):
        said += count
        word, following = whole[start:end], _bare(whole[next_start:next_end])
        ends_sentence = _SENTENCE_END.search(word) is not None
        if ends_sentence:
            cost = _SENTENCE
        elif _CLAUSE_END.search(word):
            cost = _CLAUSE
        elif _bare(word) in leaning:
            cost = _INSIDE
        else:
            cost = _BEFORE_CONJUNCTION if following in conjunctions else \
                _BEFORE_SUBJECT if following in subjects else _BETWEEN_WORDS
        asked_ms = next((ms for at, ms in asked.items() if end <= at <= next_start), None)
        if asked_ms is not None:
            cost = _ASKED
        found.append(_Boundary(end, next_start, said / total, cost, ends_sentence, asked_ms))
    return found


def _cut(word: re.Match[str], whole: str) -> list[re.Match[str]]:
    """A run without blanks as it is; of a script without blanks, its clauses."""
    if not any(is_spaceless(char) for char in word[0]):
        return [word]
    return list(_SPACELESS_CLAUSE.finditer(whole, word.start(), word.end())) or [word]


def _bare(word: str) -> str:
    return "".join(char for char in word.lower() if char.isalnum() or char == "'")


def _aligned(pauses: Sequence[SourcePause], boundaries: Sequence[_Boundary]) -> dict[int, SourcePause]:
    """The pause at each boundary that has one: the cheapest way of giving every pause a place, or none, in order."""
    # best[j]: (cost, places) of the pauses so far, all before boundary j.
    best: list[tuple[float, tuple[tuple[int, int], ...]]] = [(0.0, ())] * (len(boundaries) + 1)
    for number, pause in enumerate(pauses):
        missing = _LEFT_OUT + _LEFT_OUT_A_SECOND * min(1.0, pause.duration_ms / 1000)
        row = [(best[0][0] + missing, best[0][1])]
        for index, boundary in enumerate(boundaries):
            left_out = (best[index + 1][0] + missing, best[index + 1][1])
            there = (best[index][0] + _cost(pause, boundary), (*best[index][1], (index, number)))
            row.append(min(row[-1], left_out, there, key=lambda one: one[0]))
        best = row
    return {index: pauses[number] for index, number in best[-1][1]}


def _cost(pause: SourcePause, boundary: _Boundary) -> float:
    other = _OTHER_KIND if pause.ends_sentence != boundary.ends_sentence else 0.0
    return abs(pause.share - boundary.share) + boundary.cost + other
