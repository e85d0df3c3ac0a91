"""The table of weights that texts are sorted by, as pyuca has it, in half a megabyte and not in ten: in arrays, without
an object for each of 30,000 characters. What is read of it is kept from one start to the next."""

from __future__ import annotations

import hashlib
import marshal
import sys
from array import array
from bisect import bisect_left
from pathlib import Path

from pyuca import Collator  # type: ignore[import-untyped]

from app.web.fast.kept_compiled import keep, load_kept

# What stands between the weights, which are four digits each, three of them for an element.
BETWEEN_WEIGHTS = str.maketrans("", "", "[].* ")
ELEMENT = 3
# A character, where its weights begin, and how many they are, in one number.
CODE, BEGIN, COUNT = 40, 8, 2**8 - 1


class WeightTable:
    """The elements of characters, and of some that belong together. `known` has those of the characters that were met:
    texts are written in few."""

    def __init__(self) -> None:
        self.weights = array("H")
        self.entries = array("Q")
        self.together: dict[tuple[int, ...], int] = {}
        self.most_together: dict[int, int] = {}
        self.known: dict[int, list[list[int]]] = {}

    def add(self, codes: tuple[int, ...], elements: str) -> None:
        """Add a line of the table."""
        begin = len(self.weights)
        self.weights.frombytes(bytes.fromhex(elements.translate(BETWEEN_WEIGHTS)))
        entry = begin << BEGIN | len(self.weights) - begin
        if len(codes) == 1:
            self.entries.append(codes[0] << CODE | entry)
        else:
            self.together[codes] = entry
            self.most_together[codes[0]] = max(self.most_together.get(codes[0], 1), len(codes))

    def end(self) -> None:
        """All lines are there."""
        self.entries = array("Q", sorted(self.entries))
        if sys.byteorder == "little":
            self.weights.byteswap()

    def list_parts(self) -> tuple[bytes, bytes, dict[tuple[int, ...], int], dict[int, int]]:
        """All of it, as it can be kept."""
        return self.weights.tobytes(), self.entries.tobytes(), self.together, self.most_together

    def restore(
        self, weights: bytes, entries: bytes, together: dict[tuple[int, ...], int], most_together: dict[int, int]
    ) -> None:
        """Be the table whose parts these are."""
        self.weights.frombytes(weights)
        self.entries.frombytes(entries)
        self.together, self.most_together = together, most_together

    def find(self, code: int) -> list[list[int]]:
        """The elements of a character; none where the table does not have it."""
        at = bisect_left(self.entries, code << CODE)
        return self.read(self.entries[at]) if at < len(self.entries) and self.entries[at] >> CODE == code else []

    def read(self, entry: int) -> list[list[int]]:
        """The elements that an entry leads to."""
        begin = entry >> BEGIN & 2 ** (CODE - BEGIN) - 1
        end = begin + (entry & COUNT)
        return [self.weights[place : place + ELEMENT].tolist() for place in range(begin, end, ELEMENT)]

    def find_prefix(self, codes: list[int]) -> tuple[list[int], list[list[int]] | None, list[int]]:
        """As many characters as the table knows together, their elements (None: not even the first), and the others."""
        if not codes:
            return [], None, codes
        first = codes[0]
        for length in range(min(self.most_together.get(first, 1), len(codes)), 1, -1):
            if entry := self.together.get(tuple(codes[:length])):
                return codes[:length], self.read(entry), codes[length:]
        elements = self.known.get(first)
        if elements is None and (elements := self.find(first)):
            self.known[first] = elements
        return (codes[:1], elements, codes[1:]) if elements else ([], None, codes)


class CompactCollator(Collator):  # type: ignore[misc]
    """pyuca's, with such a table."""

    def load(self, filename: str) -> None:
        """Read the table, if no start before has kept what is in it."""
        with Path(filename).open("rb") as file:
            name = f"weights-{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"
        kept = load_kept(name)
        if kept is None or not self.restore(kept):
            self.table = WeightTable()
            self.read_lines(filename)
            keep(name, marshal.dumps((self.implicit_weights, *self.table.list_parts())))

    def restore(self, kept: bytes) -> bool:
        """Be what was kept; whether that was possible."""
        table = WeightTable()
        try:
            implicit_weights, *parts = marshal.loads(kept)  # noqa: S302  (we wrote it)
            table.restore(*parts)
        except (EOFError, TypeError, ValueError):
            return False
        self.table, self.implicit_weights = table, implicit_weights
        return True

    def read_lines(self, filename: str) -> None:
        """Read the table as pyuca has it."""
        with Path(filename).open(encoding="utf-8") as lines:
            for line in lines:
                said = line.partition("#")[0]
                about, _, elements = said.partition(";")
                if about.startswith("@implicitweights"):
                    first, _, last = about.split()[1].partition("..")
                    self.implicit_weights.append([int(first, 16), int(last, 16), int(elements, 16)])
                elif elements and not about.startswith("@"):
                    self.table.add(tuple(int(code, 16) for code in about.split()), elements.strip())
        self.table.end()
