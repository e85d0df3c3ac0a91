"""Texts as they are compared and searched: without accents, case and strokes."""

from __future__ import annotations

import itertools
import re
import unicodedata


class FoldedLetters(dict[int, str]):
    """Letters by their code points, without accents and case: each is folded once, as looking one up is so much faster.

    One letter may become many ('ﷺ' is four words), and none of them changes with the letters around it.
    """

    MOST = 20_000

    def __missing__(self, code: int) -> str:
        decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", chr(code)).casefold())
        folded = "".join(character for character in decomposed if not unicodedata.combining(character))
        if len(self) < self.MOST:
            self[code] = folded
        return folded


FOLDED = FoldedLetters()


# Where Unicode has its Latin letters, and how it names those with a stroke, or without their dot.
LATIN = (range(0xC0, 0x2B0), range(0x1D6C, 0x1D80), range(0x1E00, 0x1F00), range(0x2C60, 0x2C80), range(0xA720, 0xA800))


STROKED_NAME = re.compile(
    r"LATIN (?P<case>SMALL|CAPITAL) LETTER "
    r"(?:DOTLESS (?P<dotless>I)|(?P<letter>[A-Z]) WITH (?:[A-Z]+ )*(?:STROKE|BAR)\b.*)"
)


def fold(text: str) -> str:
    """Text as it is compared: without accents, case and double spaces. 'São  João' becomes 'sao joao'."""
    return " ".join(text.translate(FOLDED).split())


def list_stroked() -> dict[int, str]:
    """Latin letters with a stroke or without their dot, by their code points, each with the one that people type for it
    who have none such on their keyboards. Unicode takes them apart for nobody: they are letters of their own."""
    found = {}
    for code in itertools.chain.from_iterable(LATIN):
        name = unicodedata.name(chr(code), "")
        if named := STROKED_NAME.fullmatch(name):
            letter = named["letter"] or named["dotless"]
            found[code] = letter if named["case"] == "CAPITAL" else letter.lower()
    return found


STROKED = list_stroked()


def without_strokes(text: str) -> str:
    """A text whose letters have no strokes: 'Łódź' becomes 'Lódź'."""
    return text if text.isascii() else text.translate(STROKED)


def fold_searched(text: str) -> str:
    """Text as it is searched: folded, and without strokes. 'Łódź' becomes 'lodz'."""
    return without_strokes(fold(text))
