"""Marks in a line's text: pauses, sounds that are no words, emphasis.

``[pause]``, ``[pause 400]`` (ms) and ``[pause 1.5 s]`` ask for silence; ``[laughs]``, ``(risas)``, ``[LAUGHTER]`` and
their like, as subtitles write them, name a sound that people make; ``*word*`` is emphasised. Brackets round anything
else are text. What is marked is never said, counted as syllables or translated; it is kept at its place.

``PATTERN`` is a regular expression that JavaScript understands, too (flags "giu"), so that the page's counters leave
out what is left out here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from dubbing.domain.utterances import is_spaceless

#: Of a pause without a length, and of a sound.
PAUSE_MS = 400
MOST_PAUSE_MS = 10_000
#: Numbers without a unit below this are seconds.
_SECONDS_BELOW = 20.0

#: kind -> language -> words; the first is what is written in that language.
_SOUNDS: dict[str, dict[str, str]] = {
    "laugh": {
        "en": "laughs|laugh|laughing|laughter|chuckles|chuckle|chuckling|giggles|giggle|giggling|snickers",
        "es": "ríe|rie|ríen|rien|se ríe|se ríen|risas|risa|riendo|carcajadas|carcajada",
        "de": "lacht|lachen|lachend|gelächter|kichert|kichern", "fr": "rit|rient|rires|rire|riant|ricane|glousse",
        "it": "ride|ridono|risate|risata|ridendo|ridacchia", "pt": "ri|riem|risos|riso|rindo|risadas|gargalhadas",
        "nl": "lacht|lachen|gelach|grinnikt", "pl": "śmieje się|śmiech|śmieją się|chichocze", "sv": "skrattar|skratt",
        "ru": "смеётся|смеется|смех|смеются", "ja": "笑|笑い|笑う|笑い声", "zh": "笑|笑声|笑聲", "ko": "웃음|웃음소리"},
    "sigh": {
        "en": "sighs|sigh|sighing", "es": "suspira|suspiro|suspiros|suspirando", "de": "seufzt|seufzen|seufzer",
        "fr": "soupire|soupir|soupirs", "it": "sospira|sospiro|sospirando", "pt": "suspira|suspiro|suspirando",
        "nl": "zucht|zuchten", "pl": "wzdycha|westchnienie", "sv": "suckar|suck", "ru": "вздыхает|вздох",
        "ja": "ため息|溜め息", "zh": "叹气|嘆氣", "ko": "한숨"},
    "breath": {
        "en": "breath|breathes|breathing|inhales|exhales|inhale|exhale|pants|panting",
        "es": "respira|respiración|respirando|inhala|exhala", "de": "atmet|atmet ein|atmet aus|atmen|atemzug",
        "fr": "respire|respiration", "it": "respira|respiro|inspira|espira", "pt": "respira|respiração|inspira|expira",
        "nl": "ademt|ademhaling", "pl": "oddycha|oddech", "sv": "andas", "ru": "дышит|вдох|выдох", "ja": "息",
        "zh": "呼吸", "ko": "숨"},
    "gasp": {
        "en": "gasps|gasp|gasping", "es": "jadea|jadeos|jadeo", "de": "keucht|keuchen", "fr": "halète|halètements",
        "it": "ansima|sussulta", "pt": "ofega|arfa|ofegante", "nl": "hijgt", "pl": "dyszy", "sv": "flämtar",
        "ru": "ахает|задыхается"},
    "cough": {
        "en": "coughs|cough|coughing", "es": "tose|tos|tosiendo", "de": "hustet|husten", "fr": "tousse|toux",
        "it": "tossisce|tosse|tossendo", "pt": "tosse|tossindo", "nl": "hoest|hoesten", "pl": "kaszle|kaszel",
        "sv": "hostar", "ru": "кашляет|кашель", "ja": "咳|せき", "zh": "咳嗽", "ko": "기침"},
    "throat": {
        "en": "clears throat|clears his throat|clears her throat|clearing throat|throat clearing",
        "es": "carraspea|carraspeo|se aclara la garganta", "de": "räuspert sich|räuspern",
        "fr": "se racle la gorge|raclement de gorge", "it": "si schiarisce la voce|si schiarisce la gola",
        "pt": "pigarreia|pigarro|limpa a garganta", "nl": "schraapt keel", "pl": "odchrząkuje"},
    "sob": {
        "en": "sobs|sob|sobbing|cries|crying|weeps|weeping", "es": "llora|llorando|solloza|sollozos|sollozo|llanto",
        "de": "schluchzt|schluchzen|weint|weinen", "fr": "sanglote|sanglots|sanglot|pleure|pleurs",
        "it": "piange|piangendo|singhiozza|singhiozzi", "pt": "chora|chorando|soluça|soluços", "nl": "huilt|snikt",
        "pl": "płacze|szlocha", "sv": "gråter", "ru": "плачет|рыдает", "ja": "泣く|すすり泣き", "zh": "哭泣",
        "ko": "울음"},
    "sniff": {"en": "sniffs|sniffles|sniff", "es": "sorbe|resopla", "de": "schnieft", "fr": "renifle", "it": "tira su",
              "pt": "funga"},
    "groan": {"en": "groans|groan|groaning|moans|moan|grunts|grunt", "es": "gime|gruñe|gemidos|gemido",
              "de": "stöhnt|ächzt|stöhnen", "fr": "gémit|grogne|gémissements", "it": "geme|grugnisce|gemiti",
              "pt": "geme|grunhe|gemidos", "nl": "kreunt", "pl": "jęczy"},
    "scream": {"en": "screams|scream|screaming|shrieks", "es": "grito|gritos|chilla|chillidos", "de": "schrei|kreischt",
               "fr": "cri|cris|hurle", "it": "urlo|urla|strilla", "pt": "grito|gritos|berra", "nl": "gilt",
               "pl": "krzyk"},
    "sneeze": {"en": "sneezes|sneeze", "es": "estornuda|estornudo", "de": "niest|niesen", "fr": "éternue",
               "it": "starnutisce|starnuto", "pt": "espirra|espirro", "nl": "niest", "pl": "kicha", "ja": "くしゃみ"},
    "music": {"en": "music|music playing|singing|♪|♪♪", "es": "música", "de": "musik", "fr": "musique", "it": "musica",
              "pt": "música", "nl": "muziek", "pl": "muzyka", "ru": "музыка", "ja": "音楽", "zh": "音乐", "ko": "음악"},
    "applause": {"en": "applause|applauds|clapping", "es": "aplausos", "de": "applaus|beifall",
                 "fr": "applaudissements", "it": "applausi", "pt": "aplausos", "nl": "applaus", "pl": "oklaski",
                 "ru": "аплодисменты", "ja": "拍手", "zh": "掌声", "ko": "박수"},
    "inaudible": {"en": "inaudible|unintelligible|indistinct|blank_audio|no audio", "es": "inaudible|ininteligible",
                  "de": "unverständlich", "fr": "inaudible|inintelligible", "it": "incomprensibile", "pt": "inaudível",
                  "nl": "onverstaanbaar", "pl": "niesłyszalne", "ru": "неразборчиво", "ja": "聞き取れない"},
}
_PAUSES = {"en": "pause|beat|silence|long pause|short pause", "es": "pausa|silencio", "de": "pause|stille",
           "fr": "pause|silence", "it": "pausa|silenzio", "pt": "pausa|silêncio", "nl": "pauze|stilte",
           "pl": "pauza|cisza", "sv": "paus", "ru": "пауза", "ja": "間|ポーズ", "zh": "停顿", "ko": "멈춤"}

_KIND_OF = {word: kind for kind, by_language in _SOUNDS.items()
            for words in by_language.values() for word in words.split("|")}


def _either(words: set[str]) -> str:
    """Longer words first: "se ríe" before "ríe"."""
    return "|".join(re.escape(word).replace(r"\ ", " ") for word in sorted(words, key=lambda word: (-len(word), word)))


_OTHER = r"[^\s\[\]()（）［］【】*]+"
#: A pause (groups 1, 2: its length and unit) or a sound (group 3: its word), brackets included.
PATTERN = (r"[\[(（［【]\s*(?:"
           rf"(?:{_either({word for words in _PAUSES.values() for word in words.split('|')})})"
           r"(?:\s*(\d+(?:[.,]\d+)?)\s*(ms|seconds|second|segundos|sec|s)?)?"
           rf"|(?:{_OTHER}\s+){{0,2}}({_either(set(_KIND_OF))})(?:\s+{_OTHER}){{0,2}}"
           r")\s*[.!…]?\s*[\])）］】]")
#: ``*word*``; a multiplication is none. Group 1: what is emphasised.
EMPHASIS = r"(?<![a-zà-ÿœ0-9*])\*(?=[^\s*])([^*]{1,200}?[^\s*]|[^\s*])\*(?![a-zà-ÿœ0-9*])"
#: ``{word|ipa}``: how a word is pronounced, for synthesizers that take it. Groups: the word, its IPA.
IPA = r"\{([^{}|]+)\|([^{}|]+)\}"

_MARK = re.compile(PATTERN, re.IGNORECASE)
_EMPHASIS = re.compile(EMPHASIS, re.IGNORECASE)
_IPA = re.compile(IPA)
_AFTER_WORDS = re.compile(r"\s*([.,;:!?…。、，！？]+)(?=\s|$)")
_CLAUSE = re.compile(r"[,;:.!?…—–。、，！？][\"'”’»)]*(?=\s|$)|[。、，！？]")


@dataclass(frozen=True, slots=True)
class Words:
    """Text to say; ``emphasised`` are (first, one past the last) characters of it."""

    text: str
    emphasised: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence."""

    ms: int = PAUSE_MS


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound that is no word: "laugh", "sigh", "breath", "gasp", "cough", "throat", "sob", "sniff", "groan", "scream",
    "sneeze"; or what is nobody's to say: "music", "applause", "inaudible"."""

    kind: str


Piece: TypeAlias = Words | Pause | Sound


@dataclass(frozen=True, slots=True)
class Token:
    """A mark taken out of a text by ``protect``, and where it stood.

    place: "start", "end", "inside", "emphasis" or "all" (the whole text is emphasised). share: of the text's letters
    that came before. clause: so many of its ``clauses`` ends came before, -1 where it stood inside a clause.
    word: what was emphasised.
    """

    mark: str
    place: str
    share: float = 0.0
    clause: int = -1
    clauses: int = 0
    word: str = ""


def has_marks(text: str) -> bool:
    """Whether ``text`` has a pause, a sound or an emphasis in it."""
    return _MARK.search(text) is not None or _EMPHASIS.search(text) is not None


def parse(text: str) -> tuple[Piece, ...]:
    """``text`` in order. Punctuation after a mark goes to the words before it; words without marks come as one piece.

    A text without a letter between two marks makes no piece.
    """
    pieces: list[Piece] = []
    begin = 0
    for match in _MARK.finditer(text):
        _add_words(pieces, text[begin: match.start()])
        pieces.append(_piece(match))
        begin = match.end()
    _add_words(pieces, text[begin:])
    return tuple(pieces)


def spoken(text: str) -> str:
    """What of ``text`` is said: no marks, and no blanks where they were. A text without marks comes back as it is."""
    if not has_marks(text):
        return text
    said = ""
    for piece in parse(text):
        if isinstance(piece, Words):
            said += piece.text if not said or _is_written_together(said, piece.text) else f" {piece.text}"
    return said


def shown(text: str) -> str:
    """``text`` as subtitles show it: sounds stay; pauses and emphasis, which only a voice needs, do not."""
    if not has_marks(text):
        return text
    kept = _MARK.sub(lambda match: match[0] if match[3] is not None else " ", text)
    kept = re.sub(r"[ \t]+", " ", _EMPHASIS.sub(r"\1", kept))
    return re.sub(r" +(?=[.,;:!?…\n])", "", kept).strip()


def silence_ms(text: str) -> int:
    """The time that marks between words take: of pauses what they ask for, of a sound ``PAUSE_MS``."""
    pieces = parse(text)
    places = [index for index, piece in enumerate(pieces) if isinstance(piece, Words)]
    inner = pieces[places[0]: places[-1]] if places else ()
    return sum(piece.ms if isinstance(piece, Pause) else PAUSE_MS for piece in inner if not isinstance(piece, Words))


def between(text: str, change: Callable[[str], str]) -> str:
    """``text`` with ``change`` applied to what lies between its pauses and sounds."""
    changed, begin = "", 0
    for match in _MARK.finditer(text):
        changed += change(text[begin: match.start()]) + match[0]
        begin = match.end()
    return changed + change(text[begin:])


def without_ipa(text: str) -> str:
    """``text`` with ``{word|ipa}`` written as the word alone."""
    return _IPA.sub(r"\1", text)


def written(piece: Pause | Sound, language: str = "en") -> str:
    """A mark in the words of a language (ISO 639-1); in English where that has none."""
    if isinstance(piece, Pause):
        word = _PAUSES.get(language, _PAUSES["en"]).split("|")[0]
        return f"[{word}]" if piece.ms == PAUSE_MS else f"[{word} {piece.ms}]"
    words = _SOUNDS[piece.kind]
    return f"[{words.get(language, words['en']).split('|')[0]}]"


def protect(text: str) -> tuple[str, tuple[Token, ...]]:
    """(``text`` without marks, the marks): a translator never sees what it could garble."""
    tokens: list[Token] = []
    said = spoken(text)
    letters, clauses = max(_letters(said), 1), len(_CLAUSE.findall(said.rstrip(".!?…。！？")))
    before = ""
    for piece in parse(text):
        if isinstance(piece, Words):
            tokens += [Token("*", "emphasis", _letters(before + piece.text[: (start + end) // 2]) / letters,
                             word=piece.text[start:end]) for start, end in piece.emphasised]
            before += piece.text if not before or _is_written_together(before, piece.text) else f" {piece.text}"
            continue
        done = _letters(before)
        place = "start" if done == 0 else "end" if done == letters else "inside"
        at_clause = _CLAUSE.search(before[-2:]) is not None
        tokens.append(Token(written(piece), place, done / letters, len(_CLAUSE.findall(before)) if at_clause else -1,
                            clauses))
    if len(tokens) == 1 and tokens[0].place == "emphasis" and _letters(tokens[0].word) == letters:
        tokens = [replace(tokens[0], place="all")]
    return said, tuple(tokens)


def restore(text: str, tokens: tuple[Token, ...], language: str = "en") -> str:
    """``text``, a translation of what ``protect`` gave, with the marks put back and worded in ``language``.

    A mark at an edge stays there; one after the n-th of as many clauses goes after the n-th; another goes to the end of
    a clause or of a word at the same share of the letters. Emphasis goes to the same word where it was kept, else to
    the longest of the words about its place.
    """
    plain = text.strip()
    if not _letters(plain):
        return " ".join([plain, *(_worded(token, language) for token in tokens if token.mark != "*")]).strip()
    spans: list[tuple[int, int]] = []
    for token in tokens:
        if token.place == "emphasis" and (span := _emphasised(plain, token, spans)) is not None:
            spans.append(span)
    # At one place an emphasis ends before a mark, and another begins after it.
    inserts = [insert for start, end in spans for insert in ((start, 2, "*"), (end, 0, "*"))]
    for token in reversed(tokens):
        if token.place == "inside":
            place = _boundary(plain, token)
            place = next((end for start, end in spans if start < place < end), place)
            inserts.append((place, 1, f" {_worded(token, language)}"))
    for place, _, mark in sorted(inserts, key=lambda insert: insert[:2], reverse=True):
        plain = plain[:place] + mark + plain[place:]
    plain = f"*{plain}*" if any(token.place == "all" for token in tokens) else plain
    first = [_worded(token, language) for token in tokens if token.place == "start"]
    last = [_worded(token, language) for token in tokens if token.place == "end"]
    return " ".join([*first, plain, *last])


def _worded(token: Token, language: str) -> str:
    match = _MARK.fullmatch(token.mark)
    return token.mark if match is None else written(_piece(match), language)


def _piece(match: re.Match[str]) -> Pause | Sound:
    if match[3] is not None:
        return Sound(_KIND_OF[match[3].lower()])
    return Pause(duration_ms(match[1], match[2]))


def duration_ms(length: str | None, unit: str | None) -> int:
    """The silence that a mark with these groups of ``PATTERN`` asks for; a sound's is a usual pause's."""
    if length is None:
        return PAUSE_MS
    value, named = float(length.replace(",", ".")), (unit or "").lower()
    is_ms = named == "ms" or (not named and value >= _SECONDS_BELOW)
    return min(math.floor((value if is_ms else value * 1000) + 0.5), MOST_PAUSE_MS)


def _add_words(pieces: list[Piece], text: str) -> None:
    """Put ``text`` after ``pieces``; punctuation that it begins with ends the words before."""
    previous = next((index for index in reversed(range(len(pieces))) if isinstance(pieces[index], Words)), None)
    mark = _AFTER_WORDS.match(text) if pieces else None
    if mark is not None:
        text = text[mark.end():]
        words = pieces[previous] if previous is not None else None
        if isinstance(words, Words) and previous is not None and words.text[-1].isalnum():
            pieces[previous] = replace(words, text=words.text + mark[1])
    words = _words(" ".join(text.split()) if pieces or _MARK.search(text) is None else text)
    if _letters(words.text):
        pieces.append(words)


def _words(text: str) -> Words:
    text = text.strip()
    said, spans, begin = "", [], 0
    for match in _EMPHASIS.finditer(text):
        said += text[begin: match.start()]
        spans.append((len(said), len(said) + len(match[1])))
        said += match[1]
        begin = match.end()
    return Words(said + text[begin:], tuple(spans))


def _is_written_together(before: str, after: str) -> bool:
    return is_spaceless(before[-1]) and is_spaceless(after[0])


def _letters(text: str) -> int:
    return sum(char.isalnum() for char in text)


def _ends(text: str, pattern: re.Pattern[str]) -> list[int]:
    """Where matches end with letters after them."""
    return [match.end() for match in pattern.finditer(text) if _letters(text[match.end():])]


def _boundary(text: str, token: Token) -> int:
    """Where in ``text`` a mark from inside a text goes."""
    clauses = _ends(text, _CLAUSE)
    if token.clause > 0 and token.clauses == len(clauses) >= token.clause:
        return clauses[token.clause - 1]
    total = _letters(text)

    def distance(place: int) -> float:
        return abs(_letters(text[:place]) / total - token.share)

    reach = 0.2 if token.clause > 0 else 0.08
    near = [place for place in clauses if distance(place) <= reach]
    words = _ends(text, re.compile(r"(?<=\S)(?=\s)"))
    spaceless = [place for place in range(1, len(text)) if is_spaceless(text[place]) and text[place - 1].isalnum()]
    return min(near or words or spaceless or [len(text)], key=distance)


def _emphasised(text: str, token: Token, taken: list[tuple[int, int]]) -> tuple[int, int] | None:
    """The part of ``text`` that ``token`` emphasises, apart from what is ``taken``; None where nothing is left."""
    def is_free(span: tuple[int, int]) -> bool:
        return all(span[1] <= start or span[0] >= end for start, end in taken)

    same = re.search(rf"(?<!\w){re.escape(token.word)}(?!\w)", text, re.IGNORECASE)
    if same is not None and is_free(same.span()):
        return same.span()
    total = max(_letters(text), 1)
    words = [match.span() for match in re.finditer(r"[^\W_]+(?:['’-][^\W_]+)*", text)
             if is_free(match.span())]
    if not words:
        return None

    def cost(span: tuple[int, int]) -> float:
        away = abs(_letters(text[: (span[0] + span[1]) // 2]) / total - token.share)
        return away - 0.02 * min(span[1] - span[0], 6)

    start, end = min(words, key=cost)
    following = [span for span in words if span[0] >= end][: max(0, len(token.word.split()) - 1)]
    whole = (start, following[-1][1]) if following else (start, end)
    return whole if is_free(whole) else (start, end)
