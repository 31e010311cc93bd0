"""Japanese text to Kokoro's phonemes: readings by Open JTalk, kana to IPA by the table of misaki 0.7 (Apache-2.0)."""

from __future__ import annotations

from typing import Any

from dubbing.errors import UnavailableError

_VOWELS = ["a", "i", "ɯ", "e", "o"]
_ROWS = {
    "アイウエオ": "a i ɯ e o", "カキクケコ": "ka kʲi kɯ ke ko",
    "ガギグゲゴ": "ɡa ɡʲi ɡɯ ɡe ɡo", "サシスセソ": "sa ɕi sɨ se so",
    "ザジズゼゾ": "ʣa ʥi zɨ ʣe ʣo", "タチツテト": "ta ʨi ʦɨ te to",
    "ダヂヅデド": "da ʥi zɨ de do", "ナニヌネノ": "na ɲi nɯ ne no",
    "ハヒフヘホ": "ha çi ɸɯ he ho", "バビブベボ": "ba bʲi bɯ be bo",
    "パピプペポ": "pa pʲi pɯ pe po", "マミムメモ": "ma mʲi mɯ me mo",
    "ラリルレロ": "ɾa ɾʲi ɾɯ ɾe ɾo", "ヤユヨ": "ja jɯ jo",
    "ワヲヴヰヱ": "βa o vɯ i e", "ァィゥェォ": "a i ɯ e o",
    "ャュョヮ": "ja jɯ jo βa",
}
_PALATAL = {
    "キ": "kʲ", "ギ": "ɡʲ", "シ": "ɕ", "ジ": "ʥ", "チ": "ʨ", "ヂ": "ʥ", "ニ": "ɲ", "ヒ": "ç",
    "ビ": "bʲ", "ピ": "pʲ", "ミ": "mʲ", "リ": "ɾʲ", "フ": "ɸʲ", "テ": "tʲ", "デ": "dʲ", "ヴ": "bʲ",
}
_SMALL = {
    "ク": "kᵝ", "グ": "ɡᵝ", "シ": "ɕ", "ジ": "ʥ", "チ": "ʨ", "ツ": "ʦ", "フ": "ɸ", "ヴ": "v",
    "ウ": "β", "テ": "tʲ", "デ": "dʲ", "ト": "t", "ド": "d", "キ": "kʲ", "ニ": "ɲ", "ヒ": "ç",
    "イ": "j",
}
_MARKS = {"。": ".", "、": ",", "？": "?", "！": "!", "…": "…", "，": ",", "．": ".", "：": ":", "；": ";"}


def _table() -> dict[str, str]:
    table = {kana: sound for row, sounds in _ROWS.items() for kana, sound in zip(row, sounds.split(), strict=True)}
    for first, onset in _PALATAL.items():
        table |= {first + small: onset + vowel for small, vowel in zip("ャュョ", "aɨo", strict=True)}
    for first, onset in _SMALL.items():
        table |= {first + small: onset + vowel for small, vowel in zip("ァィゥェォ", _VOWELS, strict=True)}
    return table


_KANA = _table()


class Japanese:
    """Readings and phonemes of Japanese text; imports Open JTalk in ``load``."""

    def __init__(self) -> None:
        self._frontend: Any = None

    def load(self) -> None:
        if self._frontend is not None:
            return
        try:
            import pyopenjtalk
        except ImportError as error:
            raise UnavailableError(
                "Open JTalk, which reads Japanese text, is not installed.", "Install the package pyopenjtalk-plus."
            ) from error
        self._frontend = pyopenjtalk.run_frontend

    def phonemes(self, text: str) -> str:
        """Kokoro's symbols for ``text``, words separated by spaces, punctuation kept."""
        self.load()
        words: list[str] = []
        for node in self._frontend(text, use_sudachi_kanji_yomi=False):
            surface = node["string"]
            if node["pos"] == "記号":
                mark = _MARKS.get(surface)
                if mark and words:
                    words[-1] += mark
                continue
            words.append(kana_to_phonemes(node["pron"].replace("’", "").replace("'", "")))
        return " ".join(word for word in words if word)


def kana_to_phonemes(kana: str) -> str:
    """Katakana to Kokoro's symbols; ン takes the place of articulation of what follows."""
    out: list[str] = []
    index = 0
    while index < len(kana):
        pair = kana[index: index + 2]
        if len(pair) == 2 and pair in _KANA:
            out.append(_KANA[pair])
            index += 2
            continue
        char = kana[index]
        index += 1
        if char == "ー":
            out.append("ː")
        elif char == "ッ":
            out.append("ʔ")
        elif char == "ン":
            out.append(_nasal(kana[index: index + 2]))
        else:
            out.append(_KANA.get(char, ""))
    return "".join(out)


def _nasal(following: str) -> str:
    sound = _KANA.get(following) or _KANA.get(following[:1], "")
    for starts, nasal in (("mpb", "m"), ("kɡ", "ŋ"), ("ɲʨʥ", "ɲ"), ("ntdɾzʣʦ", "n")):
        if sound[:1] and sound[0] in starts:
            return nasal
    return "ɴ"
