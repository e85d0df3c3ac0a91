"""The order of texts: that of the Unicode Collation Algorithm (https://www.unicode.org/reports/tr10/), by its root
table, in which Łódź comes with l and é with e; and numbers in texts by their value: Item 2 comes before Item 10.

Keys are short, as all of a list that comes before a page is walked through: what is met often has one byte, and a run
of what most letters have another. A title of 22 letters has 31 bytes, where a character for each weight would take 112.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache, lru_cache
from itertools import groupby, pairwise
from typing import Any

SORT_KEY_LIMIT = 120
# Of how many ways in which keys were written this is the last. A place in a list says it with its key.
KEY_VERSION = 2
# Sorts after every text, by code points as by bytes of UTF-8: empty values come last.
LAST = "\U0010ffff"
# Of so many characters the order is known; long texts that begin with the same ones come in that of their records.
SORTED_BY = 80
MOST_PRIMARIES = 90
LEVEL_ENDS = " "
# Weights begin at a letter, not at control characters, and leave out what is no character (the surrogates).
FIRST_WEIGHT = 0x100
SURROGATES = 0xD800, 0x800
# What texts are mostly of, in order: the weights of these are written as characters of one byte, from this one on.
OFTEN = " 0123456789abcdefghijklmnopqrstuvwxyz"
FIRST_OF_OFTEN = ord("?")
# The smallest weight of accents, and of case: what most letters have, which is left out at the end of a level. So many
# of it in a row are one character, a smaller one where they are more, and what is greater has greater ones.
USUAL = (0x20, 0x02)
LONGEST_RUN = 26
RUN_OF_NONE = ord("[")
USUAL_WEIGHT = ord("`")
LAST_OF_ONE_BYTE = ord("~")
DIGITS = re.compile(r"\d+")


@cache
def load_collator() -> Any:
    """The table of weights, which takes a fifteenth of a second to be read where no start has kept it: by a process
    that serves before it does, as others would wait for the one that writes the first text, and else at the first text
    that is sorted."""
    from app.records.kinds.weights import CompactCollator

    return CompactCollator()


def spell_number(number: re.Match[str]) -> str:
    """A number with its length before it, in digits: shorter ones are smaller."""
    digits = str(int(number[0]))
    return f"{'9' * (len(digits) // 9)}{len(digits) % 9}{digits}"


@lru_cache(maxsize=4096)
def collate(text: str) -> str:
    """The sort key of a text. Keys compare by their code points as the texts do by letters, then accents, then case."""
    collator = load_collator()
    key = collator.sort_key(DIGITS.sub(spell_number, text[:SORTED_BY]))
    levels: list[list[int]] = [[]]
    for weight in key:
        if weight:
            levels[-1].append(weight)
        else:
            levels.append([])
    letters, *others = levels[:3]
    written = "".join(map(write_letter, letters[:MOST_PRIMARIES]))
    for weights, usual in zip(others, USUAL, strict=False):
        written += LEVEL_ENDS + write_level(weights, usual)
    return written[:SORT_KEY_LIMIT].rstrip(LEVEL_ENDS)


@cache
def weigh_often() -> tuple[list[int], list[int]]:
    """The weights of what texts are mostly of, and the codes of their characters. Where others are between two of them,
    the code between theirs is left to these."""
    collator = load_collator()
    weights = [collator.sort_key(each)[0] for each in OFTEN]
    codes = [FIRST_OF_OFTEN]
    for before, weight in pairwise([0, *weights]):
        codes.append(codes[-1] + (1 if weight == before + 1 else 2))
    return weights, [code - 1 for code in codes[1:]]


@lru_cache(maxsize=4096)
def write_letter(weight: int) -> str:
    """The weight of a letter, as one character, or as two where it is between those that are met often."""
    weights, codes = weigh_often()
    place = bisect_left(weights, weight)
    if place == len(weights):
        return write_weight(weight - weights[-1])
    return chr(codes[place]) if weights[place] == weight else chr(codes[place] - 1) + write_weight(weight)


def write_level(weights: list[int], usual: int) -> str:
    """The weights of accents or of case, but for usual ones at the end."""
    written = ended = ""
    for weight, alike in groupby(weights):
        count = len(list(alike))
        if weight == usual:
            full, rest = divmod(count, LONGEST_RUN)
            written += chr(RUN_OF_NONE - LONGEST_RUN) * full + (chr(RUN_OF_NONE - rest) if rest else "")
        else:
            code = USUAL_WEIGHT + weight - usual
            written += (chr(code) if code <= LAST_OF_ONE_BYTE else write_weight(code)) * count
            ended = written
    return ended


def write_weight(weight: int) -> str:
    """A weight of 16 bits as a character: greater ones have greater code points."""
    code = weight + FIRST_WEIGHT
    first, count = SURROGATES
    return chr(code + count if code >= first else code)
