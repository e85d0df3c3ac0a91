"""What was typed into a field that takes names, taken apart: with commas, semicolons or line ends between them.

A name may have commas and semicolons, too. What can be read in one way alone is read so. Where it can be read in
several, as the name of one, "Bruno, Carla", and as those of two, it means none of them: all of them are offered.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from app.folding import fold
from app.web.texts import drop_unseen

# How a list of choices sends what was chosen of it.
CHOSEN_ID = re.compile(r"#([1-9][0-9]{0,17})")
SEPARATORS = re.compile("([,;])")
# A name or an address has fewer letters.
LONGEST_TYPED_NAME = 400


def chosen_id(text: str) -> int:
    """The id of what was chosen of a list, or 0 for what was typed."""
    found = CHOSEN_ID.fullmatch(text.strip())
    return int(found[1]) if found else 0


def list_pieces(text: str, most: int) -> list[str]:
    """What stands between the commas and semicolons of a text, if it has any; no more than the first of them."""
    return SEPARATORS.split(text, most)[: 2 * most : 2] if SEPARATORS.search(text) else []


class KnownNames:
    """The names, as they are compared, and the addresses that a text may have in it."""

    def __init__(self, folded: Collection[str], addresses: Collection[str] = ()) -> None:
        self.folded, self.addresses = folded, addresses

    @cached_property
    def sizes(self) -> dict[str, list[int]]:
        """Of how many pieces the names are that have something in them that separates names, by their first pieces."""
        found: dict[str, set[int]] = {}
        for each in (each for known in (self.folded, self.addresses) for each in known if "," in each or ";" in each):
            pieces = SEPARATORS.split(each)
            found.setdefault(fold(pieces[0]), set()).add(len(pieces) // 2 + 1)
        return {piece: sorted(sizes) for piece, sizes in found.items()}

    @cached_property
    def longest(self) -> int:
        """Of how many pieces the longest of them is."""
        return max((sizes[-1] for sizes in self.sizes.values()), default=1)

    def sizes_from(self, piece: str) -> list[int]:
        """Of how many pieces the names are that begin with one, of those that have several."""
        return self.sizes.get(fold(drop_unseen(piece)), []) if len(piece) <= LONGEST_TYPED_NAME else []

    def has(self, text: str) -> bool:
        """Whether a text is one of them as a whole."""
        if len(text) > LONGEST_TYPED_NAME:
            return False
        text = drop_unseen(text)
        return fold(text) in self.folded or text.strip().lower() in self.addresses


class TypedPart(NamedTuple):
    """A part of what was typed: a name, or a text with the names that `may_be` meant by it, as it can be read in
    several ways."""

    text: str
    may_be: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What to look for."""
        return self.may_be or (self.text,)


def split_typed(texts: Iterable[str], names: KnownNames, most: int) -> list[TypedPart]:
    """The parts of texts that have commas, semicolons or line ends between them; more than `most` of too many."""
    parts: list[TypedPart] = []
    for line in (line for text in texts for line in text.splitlines()):
        if len(parts) > most:
            break
        # What is behind more pieces than are looked at stays one.
        pieces, at = SEPARATORS.split(line, (most + 1) * names.longest), 0
        while at < len(pieces) and len(parts) <= most:
            spans = find_spans(pieces, at, names)
            end = max((stop for _, stop in spans), default=at + 1)
            part = read_pieces(pieces, at, end, spans, names) if spans else [TypedPart(pieces[at])]
            parts += [TypedPart(text.strip(), may_be) for text, may_be in part if text.strip()]
            at = end + 1
    return parts


def find_spans(pieces: Sequence[str], at: int, names: KnownNames) -> list[tuple[int, int]]:
    """Where names of several pieces stand, from a place on, as far as each begins before another one ends. Between two
    pieces is what separates them."""
    spans: list[tuple[int, int]] = []
    end = at + 1
    while at < end:
        for stop in (at + 2 * size - 1 for size in names.sizes_from(pieces[at])):
            if stop <= len(pieces) and names.has("".join(pieces[at:stop])):
                spans.append((at, stop))
                end = max(end, stop)
        at += 2
    return spans


def read_pieces(
    pieces: Sequence[str], at: int, end: int, spans: Sequence[tuple[int, int]], names: KnownNames
) -> list[TypedPart]:
    """The names of some pieces, if there is one way alone to read all of them as names; else they are one part."""
    single = [
        (place, place + 1)
        for place in range(at, end, 2)
        if not pieces[place].strip() or chosen_id(pieces[place]) or names.has(pieces[place])
    ]
    stops: dict[int, list[int]] = {}
    for begin, stop in (*spans, *single):
        stops.setdefault(begin, []).append(stop)
    # From each place on: in how many ways that is read, two standing for more, and where the first name ends.
    ways = {end + 1: (1, end + 1)}
    for place in range(end - 1, at - 1, -2):
        if there := [stop for stop in stops.get(place, ()) if stop + 1 in ways]:
            ways[place] = (min(2, sum(ways[stop + 1][0] for stop in there)), there[0])
    if at not in ways or ways[at][0] > 1:
        found = ("".join(pieces[begin:stop]).strip() for begin, stop in (*spans, *single))
        return [TypedPart("".join(pieces[at:end]), tuple(dict.fromkeys(filter(None, found))))]
    parts = []
    while at < end:
        stop = ways[at][1]
        parts.append(TypedPart("".join(pieces[at:stop])))
        at = stop + 1
    return parts
