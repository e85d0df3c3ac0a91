"""Metadata of pictures in boxes (HEIC, AVIF, JPEG XL, JPEG 2000): overwritten with zeros where it lies.

The boxes' places are referred to by numbers all over the file, so nothing may move. What is not known to be needed to
show the picture becomes free space.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from app.web.picture_metadata import MOST_SEGMENTS, PIECE, Unwalkable, copy, read_exactly

# At the top of the file: ISO base media, HEIF, AVIF; JPEG XL; JPEG 2000.
TOP = frozenset((b"ftyp", b"meta", b"mdat", b"moov", b"idat", b"JXL ", b"jxlc", b"jxlp", b"jxli", b"jxll"))
TOP_2000 = frozenset((b"jP  ", b"jp2h", b"jp2c"))
META = frozenset((b"hdlr", b"pitm", b"iinf", b"iloc", b"iref", b"iprp", b"idat", b"grpl"))
MOVIE = frozenset((b"mvhd", b"trak", b"mvex", b"tkhd", b"tref", b"edts", b"elst", b"mdia", b"mdhd", b"hdlr", b"minf"))
MOVIE_INSIDE = frozenset((b"moov", b"trak", b"mdia"))
# Items that are pictures, or tell how pictures are put together.
ITEMS = frozenset(b"av01 hvc1 hvc2 lhv1 avc1 jpeg j2k1 unci grid iovl iden tmap".split())
LARGEST_TABLE = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its name, where it begins, where its content does, and where it ends."""

    name: bytes
    start: int
    content: int
    end: int


def strip_boxes(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy a picture in boxes, and overwrite its metadata in the copy. Raises Unwalkable."""
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    copy(source, target, size)
    for box in boxes_in(source, 0, size):
        if box.name == b"meta":
            strip_meta(source, target, box)
        elif box.name == b"moov":
            strip_movie(source, target, box)
        elif box.name not in TOP and box.name not in TOP_2000:
            free(target, box)
    target.seek(0, os.SEEK_END)


def boxes_in(source: IO[bytes], start: int, end: int) -> Iterator[Box]:
    """The boxes in a stretch of a file."""
    for _ in range(MOST_SEGMENTS):
        if start == end:
            return
        source.seek(start)
        size, name = struct.unpack(">I4s", read_exactly(source, 8))
        content = start + 8
        if size == 1:
            (size,) = struct.unpack(">Q", read_exactly(source, 8))
            content += 8
        elif size == 0:
            size = end - start
        if size < content - start or start + size > end:
            raise Unwalkable
        yield Box(name, start, content, start + size)
        start += size
    raise Unwalkable


def free(target: IO[bytes], box: Box) -> None:
    """Make a box free space."""
    target.seek(box.start + 4)
    target.write(b"free")
    blank(target, box.content, box.end)


def blank(target: IO[bytes], start: int, end: int) -> None:
    """Overwrite a stretch with zeros."""
    target.seek(start)
    while start < end:
        start += target.write(bytes(min(end - start, PIECE)))


def strip_movie(source: IO[bytes], target: IO[bytes], parent: Box) -> None:
    """Leave of a moving picture what it takes to show it: no user data, and no metadata of its own."""
    for box in boxes_in(source, parent.content, parent.end):
        if box.name not in MOVIE:
            free(target, box)
        elif box.name in MOVIE_INSIDE:
            strip_movie(source, target, box)


def strip_meta(source: IO[bytes], target: IO[bytes], meta: Box) -> None:
    """Overwrite the items that are no pictures, and thumbnails, which may show what was cut off."""
    boxes = {}
    for box in boxes_in(source, meta.content + 4, meta.end):
        if box.name in META:
            boxes[box.name] = box
        else:
            free(target, box)
    thumbnails = find_thumbnails(source, boxes[b"iref"]) if b"iref" in boxes else set()
    dropped = strip_items(source, target, boxes[b"iinf"], thumbnails) if b"iinf" in boxes else set()
    if b"iloc" in boxes:
        inside = boxes.get(b"idat")
        for item, start, end in extents_of(table(source, boxes[b"iloc"]), inside.content if inside else None):
            if item in dropped:
                if not 0 <= start <= end <= source.seek(0, os.SEEK_END):
                    raise Unwalkable
                blank(target, start, end)


def find_thumbnails(source: IO[bytes], box: Box) -> set[int]:
    """The numbers of the items that are thumbnails of others."""
    width = 2 if read_at(source, box.content, 4)[0] == 0 else 4
    return {
        int.from_bytes(read_at(source, reference.content, width), "big")
        for reference in boxes_in(source, box.content + 4, box.end)
        if reference.name == b"thmb"
    }


def strip_items(source: IO[bytes], target: IO[bytes], box: Box, thumbnails: set[int]) -> set[int]:
    """Rename the items that are not needed, and forget what all are called; the numbers of those."""
    version = read_at(source, box.content, 4)[0]
    dropped = set()
    for entry in boxes_in(source, box.content + (6 if version == 0 else 8), box.end):
        if entry.name != b"infe":
            raise Unwalkable
        version = read_at(source, entry.content, 4)[0]
        if version not in (2, 3):
            raise Unwalkable
        width = 2 if version == 2 else 4
        head = read_at(source, entry.content + 4, width + 6)
        name = entry.content + 4 + width + 2
        item = int.from_bytes(head[:width], "big")
        if item in thumbnails or head[width + 2 :] not in ITEMS:
            dropped.add(item)
            target.seek(name)
            target.write(b"skip")
        blank(target, name + 4, entry.end)
    return dropped


def extents_of(content: bytes, inside: int | None) -> Iterator[tuple[int, int, int]]:
    """From the table of where items lie (`iloc`): an item's number, and where each stretch of it begins and ends."""
    reader = Reader(content)
    version = reader.number(1)
    reader.number(3)
    sizes = reader.number(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 2 if version < 2 else 4
    for _ in range(reader.number(wide)):
        item = reader.number(wide)
        method = reader.number(2) & 15 if version else 0
        reader.number(2)
        base = reader.number(base_size)
        for _ in range(reader.number(2)):
            if version:
                reader.number(index_size)
            start = base + reader.number(offset_size)
            length = reader.number(length_size)
            if method == 1 and inside is not None:
                start += inside
            if method < 2 and length:
                yield item, start, start + length


class Reader:
    """Numbers of a table, one after another. Raises Unwalkable at its end."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.place = 0

    def number(self, size: int) -> int:
        """The next number, of so many bytes."""
        if self.place + size > len(self.content):
            raise Unwalkable
        self.place += size
        return int.from_bytes(self.content[self.place - size : self.place], "big")


def table(source: IO[bytes], box: Box) -> bytes:
    """The content of a box that is a table."""
    if box.end - box.content > LARGEST_TABLE:
        raise Unwalkable
    return read_at(source, box.content, box.end - box.content)


def read_at(source: IO[bytes], place: int, length: int) -> bytes:
    """So many bytes from a place."""
    source.seek(place)
    return read_exactly(source, length)
