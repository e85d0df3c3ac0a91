"""A part of a file, as it is asked for by `Range` (RFC 9110, 14): who was cut off goes on where that was."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path
from typing import IO

from msgspec import Struct

from app.files.uploads import in_thread

READ_PIECE = 256 * 1024
RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class Unsatisfiable(Exception):
    """The file has nothing of what is asked for."""


class ByteRange(Struct, frozen=True):
    """Bytes of a file: from `begin`, `size` of the `whole`."""

    begin: int
    size: int
    whole: int

    @property
    def content_range(self) -> str:
        """What is said of it."""
        return f"bytes {self.begin}-{self.begin + self.size - 1}/{self.whole}"


def read_range(asked: str | None, whole: int) -> ByteRange | None:
    """The part that a header asks for; None for what is answered by the whole: no header, several parts at once, or
    something else than bytes. Raises Unsatisfiable."""
    found = RANGE.fullmatch(asked.strip()) if asked else None
    if found is None or found[1] == found[2] == "":
        return None
    if not found[1]:
        size = min(int(found[2]), whole)
        return make_part(whole - size, size, whole)
    begin, last = int(found[1]), int(found[2]) if found[2] else whole
    if last < begin and found[2]:
        return None
    return make_part(begin, min(last, whole - 1) - begin + 1, whole)


def make_part(begin: int, size: int, whole: int) -> ByteRange:
    """A part. Raises Unsatisfiable for one that has nothing."""
    if size <= 0:
        raise Unsatisfiable
    return ByteRange(begin, size, whole)


def open_at(path: Path, place: int) -> IO[bytes]:
    """A file, to be read from a place on."""
    file = path.open("rb")
    file.seek(place)
    return file


async def read_part(path: Path, part: ByteRange) -> AsyncGenerator[bytes]:
    """The pieces of a part of a file."""
    with closing(await in_thread(open_at, path, part.begin)) as file:
        left = part.size
        while left and (piece := await in_thread(file.read, min(READ_PIECE, left))):
            left -= len(piece)
            yield piece
