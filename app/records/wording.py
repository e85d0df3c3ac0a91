"""What became of a text, word by word: what was taken out and what was put in, with some words around."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from markupsafe import Markup, escape

WORDS = re.compile(r"\w+|\s+|[^\w\s]")
# Shorter texts are shown whole, as they were and as they are.
SHORTEST = 60
# Comparing takes the longer the more words differ; of more than this, a difference by words says little, too.
MOST_COMPARED = 300
AROUND = 8
LONGEST_PIECE = 400


# Of what a page shows, so many characters are compared, and fewer at once: comparing words that are much alike takes
# milliseconds.
COMPARED_ON_A_PAGE = 20_000
COMPARED_AT_ONCE = 1_000


async def compare_texts(texts: Sequence[tuple[str, str]]) -> list[Markup | None]:
    """What is different in each of some texts, as they were and as they are; None where it is better shown whole, or
    where too much was compared before. More than a little is compared in a thread."""
    compared: list[tuple[str, str] | None] = []
    total = 0
    for before, after in texts:
        size = len(before) + len(after) if before and after else 0
        total += size
        compared.append((before, after) if size and total <= COMPARED_ON_A_PAGE else None)

    def compare() -> list[Markup | None]:
        return [differs_by_words(*pair) if pair else None for pair in compared]

    return compare() if total <= COMPARED_AT_ONCE else await asyncio.to_thread(compare)


def differs_by_words(before: str, after: str) -> Markup | None:
    """What is different in a text, for a page; None where it is better shown whole."""
    if not before or not after or max(len(before), len(after)) < SHORTEST:
        return None
    old, new = WORDS.findall(before), WORDS.findall(after)
    start = count_same(old, new)
    end = count_same(old[start:][::-1], new[start:][::-1])
    one, other = old[start : len(old) - end], new[start : len(new) - end]
    if max(len(one), len(other)) > MOST_COMPARED:
        return None
    return Markup().join(
        [
            *shorten(old[:start], is_first=True),
            *compare_words(one, other),
            *shorten(old[len(old) - end :], is_last=True),
        ]
    )


def count_same(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words two texts begin with that are the same."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def compare_words(one: Sequence[str], other: Sequence[str]) -> Iterator[Markup]:
    """What stayed, was taken out, and was put in."""
    for what, a, b, c, d in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if what == "equal":
            yield from shorten(one[a:b])
            continue
        if b > a:
            yield Markup("<del>{}</del>").format(cut("".join(one[a:b])))
        if d > c:
            yield Markup("<ins>{}</ins>").format(cut("".join(other[c:d])))


def shorten(words: Sequence[str], *, is_first: bool = False, is_last: bool = False) -> Iterator[Markup]:
    """Words that stayed: those beside what changed."""
    if len(words) <= AROUND * (1 if is_first or is_last else 2):
        yield escape("".join(words))
        return
    if not is_first:
        yield escape("".join(words[:AROUND]))
    yield Markup("…")
    if not is_last:
        yield escape("".join(words[-AROUND:]))


def cut(text: str) -> str:
    """The beginning of what is long by itself."""
    return text if len(text) <= LONGEST_PIECE else text[:LONGEST_PIECE] + "…"
