"""Metadata of pictures in boxes (HEIC, AVIF, JPEG XL): overwritten with zeros where it lies.

The boxes' places are referred to by numbers all over the file, so nothing may move. What is not known to be needed to
show the picture becomes free space, and so do bytes that no item of a picture refers to: programs that change a picture
leave there what was before.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from typing import IO

from msgspec import Struct

from app.files.picture_walking import METADATA_CHUNK, MOST_SEGMENTS, Unwalkable, copy, read_exactly

# At the top of the file: ISO base media, HEIF, AVIF; JPEG XL.
TOP = frozenset((b"ftyp", b"meta", b"mdat", b"moov", b"idat", b"JXL ", b"jxlc", b"jxlp", b"jxli", b"jxll"))
META = frozenset((b"hdlr", b"pitm", b"iinf", b"iloc", b"iref", b"iprp", b"idat", b"grpl"))
MOVIE = frozenset((b"mvhd", b"trak", b"mvex", b"tkhd", b"tref", b"edts", b"elst", b"mdia", b"mdhd", b"hdlr", b"minf"))
# What tracks of moving pictures may be: others, such as places by time, have their data among the pictures'.
HANDLERS = frozenset((b"pict", b"vide", b"auxv"))
MOVIE_INSIDE = frozenset((b"moov", b"trak", b"mdia"))
# Items that are pictures, or tell how pictures are put together.
ITEMS = frozenset(b"av01 hvc1 hvc2 lhv1 avc1 jpeg j2k1 unci grid iovl iden tmap".split())
# What pictures have of properties, without what says who made them, when, and what they are called.
PROPERTIES = frozenset(
    b"""ispe pixi colr pasp clap irot imir auxC av1C hvcC lhvC avcC jpgC j2kH uncC cmpd a1op a1lx lsel mdcv clli cclv
    amve oinf tols iscl rrtp free""".split()
)
# What the metadata of a picture begins with, or has in it.
TELLING = re.compile(
    rb"Exif\0\0|II\*\0\x08\0\0\0|MM\0\*\0\0\0\x08|http://ns\.adobe\.com/|<\?xpacket|<x:xmpmeta|Photoshop 3\.0\0"
)
LONGEST_TELLING = 20
LARGEST_TABLE = 8 * 1024 * 1024
# Stretches of items, boxes with data, and how often a byte may belong to items that are not needed.
MOST_EXTENTS = 10_000
MOST_DATA = 100
MOST_BLANKED = 4


class Box(Struct, frozen=True):
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
    top = list(boxes_in(source, 0, size))
    needed: list[tuple[int, int]] = []
    for box in top:
        if box.name == b"meta":
            needed += strip_meta(source, target, box, size)
        elif box.name == b"moov":
            strip_movie(source, target, box)
        elif box.name not in TOP:
            free(target, box)
    names = {box.name for box in top}
    if b"meta" in names and b"moov" not in names:
        data = [box for box in top if box.name in (b"mdat", b"idat")]
        if len(data) > MOST_DATA:
            raise Unwalkable
        for box in data:
            blank_between(target, box, needed)
    elif b"ftyp" not in names:
        raise Unwalkable
    refuse_telling(target)
    target.seek(0, os.SEEK_END)


def blank_between(target: IO[bytes], box: Box, needed: list[tuple[int, int]]) -> None:
    """Overwrite what no item needs of a box with data."""
    done = box.content
    for start, end in sorted(needed):
        if end <= done or start >= box.end:
            continue
        if start > done:
            blank(target, done, start)
        done = min(end, box.end)
    blank(target, done, box.end)


def refuse_telling(target: IO[bytes]) -> None:
    """Raise Unwalkable where something still looks like metadata, wherever it is."""
    target.seek(0)
    before = b""
    while piece := target.read(METADATA_CHUNK):
        if TELLING.search(before + piece):
            raise Unwalkable
        before = piece[-LONGEST_TELLING:]


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
        start += target.write(bytes(min(end - start, METADATA_CHUNK)))


def strip_movie(source: IO[bytes], target: IO[bytes], parent: Box) -> None:
    """Leave of a moving picture what it takes to show it: no user data, and no metadata of its own."""
    for box in boxes_in(source, parent.content, parent.end):
        if box.name not in MOVIE:
            free(target, box)
        elif box.name in MOVIE_INSIDE:
            strip_movie(source, target, box)
        elif box.name == b"hdlr":
            if read_at(source, box.content + 8, 4) not in HANDLERS:
                raise Unwalkable
            blank(target, box.content + 24, box.end)


def strip_meta(source: IO[bytes], target: IO[bytes], meta: Box, size: int) -> list[tuple[int, int]]:
    """Overwrite the items that are no pictures, and thumbnails, which may show what was cut off.

    Returns the stretches of the file that the others need.
    """
    boxes: dict[bytes, Box] = {}
    for box in boxes_in(source, meta.content + 4, meta.end):
        if box.name not in META:
            free(target, box)
        elif box.name in boxes:
            raise Unwalkable
        else:
            boxes[box.name] = box
    if not {b"hdlr", b"iinf", b"iloc"} <= boxes.keys() or read_at(source, boxes[b"hdlr"].content + 8, 4) != b"pict":
        raise Unwalkable
    blank(target, boxes[b"hdlr"].content + 24, boxes[b"hdlr"].end)
    if b"iprp" in boxes:
        strip_properties(source, target, boxes[b"iprp"])
    thumbnails = find_thumbnails(source, boxes[b"iref"]) if b"iref" in boxes else set()
    kept = strip_items(source, target, boxes[b"iinf"], thumbnails)
    inside = boxes.get(b"idat")
    needed = []
    blanked = 0
    extents = extents_of(table(source, boxes[b"iloc"]), inside.content if inside else None)
    for number, (item, start, end) in enumerate(extents):
        blanked += 0 if item in kept else end - start
        if not 0 <= start < end <= size or number == MOST_EXTENTS or blanked > MOST_BLANKED * size:
            raise Unwalkable
        if item in kept:
            needed.append((start, end))
        else:
            blank(target, start, end)
    if inside:
        blank_between(target, inside, needed)
    return needed


def strip_properties(source: IO[bytes], target: IO[bytes], parent: Box) -> None:
    """Free the properties that it does not take to show a picture; the others keep their numbers."""
    for box in boxes_in(source, parent.content, parent.end):
        if box.name == b"ipco":
            for each in boxes_in(source, box.content, box.end):
                if each.name not in PROPERTIES:
                    free(target, each)
        elif box.name != b"ipma":
            free(target, box)


def find_thumbnails(source: IO[bytes], box: Box) -> set[int]:
    """The numbers of the items that are thumbnails of others."""
    width = 2 if read_at(source, box.content, 4)[0] == 0 else 4
    return {
        int.from_bytes(read_at(source, reference.content, width), "big")
        for reference in boxes_in(source, box.content + 4, box.end)
        if reference.name == b"thmb"
    }


def strip_items(source: IO[bytes], target: IO[bytes], box: Box, thumbnails: set[int]) -> set[int]:
    """Rename the items that are not needed, and forget what all are called; the numbers of those that are."""
    version = read_at(source, box.content, 4)[0]
    kept = set()
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
            target.seek(name)
            target.write(b"skip")
        else:
            kept.add(item)
        blank(target, name + 4, entry.end)
    return kept


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
            if method > 1 or not length:  # in another item, or all of the file
                raise Unwalkable
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
