"""The order of texts: that of the Unicode Collation Algorithm (https://www.unicode.org/reports/tr10/), by its root
table, in which Łódź comes with l and é with e; and numbers in texts by their value: Item 2 comes before Item 10.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

SORT_KEY_LIMIT = 120
# Sorts after every text, by code points as by bytes of UTF-8: empty values come last.
LAST = "\U0010ffff"
# Of so many characters the order is known; long texts that begin with the same ones come in that of their records.
SORTED_BY = 80
MOST_PRIMARIES = 90
LEVEL_ENDS = " "
# Weights begin at a letter, not at control characters, and leave out what is no character (the surrogates).
FIRST_WEIGHT = 0x100
SURROGATES = 0xD800, 0x800
# The smallest weight of accents, and of case: what most letters have, which is left out at the end of a level.
USUAL = (0x20, 0x02)
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
    primaries, *others = levels[:3]
    written = "".join(map(write_weight, primaries[:MOST_PRIMARIES]))
    for weights, usual in zip(others, USUAL, strict=False):
        while weights and weights[-1] == usual:
            weights.pop()
        written += LEVEL_ENDS + "".join(map(write_weight, weights))
    return written[:SORT_KEY_LIMIT].rstrip(LEVEL_ENDS)


def write_weight(weight: int) -> str:
    """A weight of 16 bits as a character: greater ones have greater code points."""
    code = weight + FIRST_WEIGHT
    first, count = SURROGATES
    return chr(code + count if code >= first else code)
