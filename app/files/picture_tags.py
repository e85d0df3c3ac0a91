"""TIFF pictures without metadata: only what it takes to show them is copied, and all else is zeros.

Pictures and tables are referred to by their places in the file, so nothing may move. What nothing refers to any more
(programs that change a TIFF leave what was there before) is left out as well.
"""

from __future__ import annotations

import os
import re
import struct
from typing import IO

from msgspec import Struct

from app.files.picture_walking import Unwalkable, read_exactly

MOST_DIRECTORIES = 2_000
MOST_ENTRIES = 1_000
# Stretches of a file that hold its pixels, and how often its bytes may be copied, as pages may share them.
MOST_STRETCHES = 200_000
MOST_COPIES = 4
# What it takes to show a picture: TIFF 6.0, its supplements, and the profile of its colours.
NEEDED = frozenset(
    (
        *(254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284),
        *(286, 287, 290, 291, 292, 293, 296, 297, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332, 334),
        *(336, 338, 339, 340, 341, 342, 347, 512, 513, 514, 515, 529, 530, 531, 532, 34675),
    )
)
SUB_DIRECTORIES = 330
# Where the pixels are, and how many bytes: in strips, in tiles, in a JPEG.
PIXELS = {273: 279, 324: 325, 513: 514}
# What a JPEG among the pixels can have of its own.
IN_PIXELS = re.compile(rb"Exif\0\0|http://ns\.adobe\.com/|<\?xpacket|<x:xmpmeta|Photoshop 3\.0\0")
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


class Layout(Struct, frozen=True):
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
    """Copy of a TIFF what it takes to show it. Raises Unwalkable."""
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    head = read_exactly(source, 8)
    layout = Layout("<" if head[:2] == b"II" else ">", head[2:4] in (b"+\0", b"\0+"))
    first = head[4:8]
    if layout.big:
        if struct.unpack(layout.order + "HH", first) != (8, 0):
            raise Unwalkable
        first = read_exactly(source, 8)
        head += first
    target.truncate(size)
    target.write(head)
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
        self.stretches = MOST_STRETCHES
        self.bytes = MOST_COPIES * size

    def directories(self, first: int) -> None:
        """Copy the directories that follow one another, and those below them. Raises Unwalkable."""
        todo = [first]
        while todo:
            place = todo.pop()
            if not place:
                continue
            if place in self.seen or len(self.seen) == MOST_DIRECTORIES:
                raise Unwalkable
            self.seen.add(place)
            todo += self.directory(place)
        if not self.seen:
            raise Unwalkable

    def directory(self, place: int) -> list[int]:
        """Copy what is needed of a directory, with its values and pixels; the directories that it leads to."""
        layout = self.layout
        head, entry = struct.calcsize(layout.count), struct.calcsize(layout.entry)
        (count,) = struct.unpack(layout.count, self.read(place, head))
        if count > MOST_ENTRIES:
            raise Unwalkable
        content = self.read(place + head, count * entry)
        following = self.read(place + head + count * entry, struct.calcsize(layout.place))
        kept = []
        numbers: dict[int, list[int]] = {}
        for start in range(0, len(content), entry):
            tag, form, length, value = struct.unpack(layout.entry, content[start : start + entry])
            if tag not in NEEDED:
                continue
            size = SIZES.get(form, 1) * length
            inline = size <= len(value)
            at = 0 if inline else struct.unpack(layout.place, value)[0]
            if tag in PIXELS or tag in PIXELS.values() or tag == SUB_DIRECTORIES:
                numbers[tag] = self.numbers(value[:size] if inline else self.read(at, size), form)
            if inline:
                # What is behind a short value is no value.
                value = value[:size].ljust(len(value), b"\0")
            else:
                self.keep(at, size)
            kept.append(struct.pack(layout.entry, tag, form, length, value))
        for offsets, lengths in PIXELS.items():
            if len(numbers.get(offsets, ())) != len(numbers.get(lengths, ())):
                raise Unwalkable
            for at, size in zip(numbers.get(offsets, ()), numbers.get(lengths, ()), strict=True):
                self.keep(at, size, pixels=True)
        self.write(place, struct.pack(layout.count, len(kept)) + b"".join(kept) + following)
        return [*numbers.get(SUB_DIRECTORIES, ()), struct.unpack(layout.place, following)[0]]

    def numbers(self, content: bytes, form: int) -> list[int]:
        """Places in the file, or lengths of stretches of it."""
        letter = {3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}.get(form)
        self.stretches -= len(content) // 2
        if letter is None or self.stretches < 0:
            raise Unwalkable
        return [each for (each,) in struct.iter_unpack(self.layout.order + letter, content)]

    def keep(self, place: int, length: int, *, pixels: bool = False) -> None:
        """Copy a stretch."""
        self.bytes -= length
        if self.bytes < 0:
            raise Unwalkable
        content = self.read(place, length)
        if pixels and IN_PIXELS.search(content):
            raise Unwalkable
        self.write(place, content)

    def read(self, place: int, length: int) -> bytes:
        """So many bytes from a place."""
        if place + length > self.size:
            raise Unwalkable
        self.source.seek(place)
        return read_exactly(self.source, length)

    def write(self, place: int, content: bytes) -> None:
        """Put bytes at their place."""
        self.target.seek(place)
        self.target.write(content)
