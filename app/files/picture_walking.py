"""Walking through a picture's file, piece by piece and within bounds, whatever its format."""

from __future__ import annotations

from typing import IO

# Bytes that are read at once.
METADATA_CHUNK = 64 * 1024
# A file of a million empty pieces, or a picture of a thousand passes, is small to send and long to work through.
MOST_SEGMENTS = 50_000


class Unwalkable(Exception):
    """A picture's file is not built as its format says."""


def read_exactly(source: IO[bytes], length: int) -> bytes:
    """So many bytes. Raises Unwalkable when the file ends before."""
    content = source.read(length)
    if len(content) < length:
        raise Unwalkable
    return content


def copy(source: IO[bytes], target: IO[bytes], length: int) -> None:
    """Copy so many bytes, piece by piece. Raises Unwalkable when the file ends before."""
    while length:
        piece = read_exactly(source, min(length, METADATA_CHUNK))
        target.write(piece)
        length -= len(piece)
