"""Metadata of TIFF pictures: left out of their directories, and overwritten with zeros where it lies.

Pictures and tables are referred to by their places in the file, so nothing may move.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import IO

from app.web.picture_metadata import PIECE, Unwalkable, copy, read_exactly

MOST_DIRECTORIES = 2_000
MOST_ENTRIES = 1_000
# What it takes to show a picture: TIFF 6.0, its supplements, and the profile of its colours.
NEEDED = frozenset(
    (
        *(254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284),
        *(286, 287, 290, 291, 292, 293, 296, 297, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332, 334),
        *(336, 338, 339, 340, 341, 342, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 34675),
    )
)
SUB_DIRECTORIES = 330
# Directories of metadata: EXIF, GPS, and what EXIF says of its own compatibility.
HIDDEN_DIRECTORIES = frozenset((34665, 34853, 40965))
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


@dataclass(frozen=True, slots=True)
class Layout:
    """How numbers are written: TIFF, or BigTIFF with larger ones."""

    order: str
    big: bool

    @property
    def place(self) -> str:
        """The form of a place in the file."""
        return self.order + ("Q" if self.big else "I")

    @property
    def count(self) -> str:
        """The form of the number of a directory's entries."""
        return self.order + ("Q" if self.big else "H")

    @property
    def entry(self) -> str:
        """The form of an entry: its tag, form, number of values, and the values or their place."""
        return self.order + ("HHQ8s" if self.big else "HHI4s")


def strip_tiff(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy a TIFF, and take the metadata out of the copy. Raises Unwalkable."""
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    copy(source, target, size)
    source.seek(0)
    head = read_exactly(source, 8)
    layout = Layout("<" if head[:2] == b"II" else ">", head[2:4] in (b"+\0", b"\0+"))
    if layout.big:
        if struct.unpack(layout.order + "HH", head[4:8]) != (8, 0):
            raise Unwalkable
        first = read_exactly(source, 8)
    else:
        first = head[4:8]
    Walk(source, target, size, layout).directories(struct.unpack(layout.place, first)[0])
    target.seek(0, os.SEEK_END)


class Walk:
    """A walk through the directories of a file."""

    def __init__(self, source: IO[bytes], target: IO[bytes], size: int, layout: Layout) -> None:
        self.source = source
        self.target = target
        self.size = size
        self.layout = layout
        self.seen: set[int] = set()

    def directories(self, first: int) -> None:
        """Clean the directories that follow one another, and those below them. Raises Unwalkable."""
        todo = [(first, False)]
        while todo:
            place, hidden = todo.pop()
            if not place:
                continue
            if place in self.seen or len(self.seen) == MOST_DIRECTORIES:
                raise Unwalkable
            self.seen.add(place)
            todo += self.clean(place, hidden)

    def clean(self, place: int, hidden: bool) -> list[tuple[int, bool]]:
        """Keep what is needed of a directory; of a hidden one, nothing. The directories that it leads to."""
        layout = self.layout
        head, entry = struct.calcsize(layout.count), struct.calcsize(layout.entry)
        (count,) = struct.unpack(layout.count, self.read(place, head))
        if count > MOST_ENTRIES:
            raise Unwalkable
        content = self.read(place + head, count * entry)
        following = b"" if hidden else self.read(place + head + count * entry, struct.calcsize(layout.place))
        kept = []
        found = []
        for start in range(0, len(content), entry):
            tag, form, length, value = struct.unpack(layout.entry, content[start : start + entry])
            size = SIZES.get(form, 1) * length
            inline = size <= len(value)
            at = 0 if inline else struct.unpack(layout.place, value)[0]
            if not inline and (size > self.size or at + size > self.size):
                raise Unwalkable
            if tag in HIDDEN_DIRECTORIES or (tag == SUB_DIRECTORIES and not hidden):
                places = value[:size] if inline else self.read(at, size)
                found += [(each, tag != SUB_DIRECTORIES) for each in self.places(places, form)]
            if tag in NEEDED and not hidden:
                kept.append(content[start : start + entry])
            elif not inline:
                self.blank(at, size)
        self.blank(place, head + len(content) + len(following))
        if not hidden:
            self.write(place, struct.pack(layout.count, len(kept)) + b"".join(kept) + following)
            found.append((struct.unpack(layout.place, following)[0], False))
        return found

    def places(self, content: bytes, form: int) -> list[int]:
        """Places of directories."""
        letter = {4: "I", 13: "I", 16: "Q", 18: "Q"}.get(form)
        if letter is None or len(content) > 8 * MOST_ENTRIES:
            raise Unwalkable
        return [each for (each,) in struct.iter_unpack(self.layout.order + letter, content)]

    def read(self, place: int, length: int) -> bytes:
        """So many bytes from a place."""
        self.source.seek(min(place, self.size))
        return read_exactly(self.source, length)

    def write(self, place: int, content: bytes) -> None:
        """Overwrite what is at a place."""
        self.target.seek(place)
        self.target.write(content)

    def blank(self, place: int, length: int) -> None:
        """Overwrite a stretch with zeros."""
        for start in range(place, place + length, PIECE):
            self.write(start, bytes(min(PIECE, place + length - start)))
