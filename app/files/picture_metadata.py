"""What pictures say about where, when and with what they were taken: left out while they are copied.

Only what is needed to show them stays: a list of what is harmless can't miss a new kind of metadata. Orientation is
needed, so it is written back, alone.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Callable
from typing import IO

from app.files.picture_walking import METADATA_CHUNK, MOST_SEGMENTS, Unwalkable, copy, read_exactly

# As `MOST_SEGMENTS`: blocks of at most 255 bytes each, and the passes of a picture.
MOST_GIF_BLOCKS = 1_000_000
MOST_SCANS = 100


# JPEG: frames, tables, scans, the number of lines, restarts and hierarchies (ITU T.81, table B.1).
JPEG_SEGMENTS = frozenset(range(0xC0, 0xD0)) | frozenset(range(0xDA, 0xE0))


def strip_jpeg(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy a JPEG up to its end, without metadata, comments and what cameras append. Raises Unwalkable."""
    target.write(read_exactly(source, 2))
    orientation = 1
    scans = 0
    for _ in range(MOST_SEGMENTS):
        marker = read_marker(source)
        if marker == 0xD9:  # end
            if not scans:
                raise Unwalkable
            target.write(b"\xff\xd9")
            return
        if marker <= 0x01 or 0xD0 <= marker <= 0xD8:  # these are no segments and can't be between them
            raise Unwalkable
        (length,) = struct.unpack(">H", read_exactly(source, 2))
        if length < 2:
            raise Unwalkable
        content = read_exactly(source, length - 2)
        if marker == 0xE1 and content.startswith(b"Exif\0\0") and orientation == 1:
            orientation = orientation_of(content[6:])
            if orientation != 1:
                write_segment(target, marker, b"Exif\0\0" + only_orientation(orientation))
        elif marker == 0xE0 and content.startswith(b"JFIF\0") and len(content) >= 14:
            write_segment(target, marker, content[:12] + b"\0\0")  # without its thumbnail
        elif marker == 0xEE and content.startswith(b"Adobe") and len(content) >= 12:
            write_segment(target, marker, content[:12])
        elif marker in JPEG_SEGMENTS or (marker == 0xE2 and content.startswith(b"ICC_PROFILE\0")):
            write_segment(target, marker, content)
        if marker == 0xDA:
            scans += 1
            if scans > MOST_SCANS:
                raise Unwalkable
            copy_scan(source, target)
    raise Unwalkable


def read_marker(source: IO[bytes]) -> int:
    """The next marker of a JPEG, which any number of FF may precede."""
    if read_exactly(source, 1) != b"\xff":
        raise Unwalkable
    for _ in range(METADATA_CHUNK):
        (marker,) = read_exactly(source, 1)
        if marker != 0xFF:
            return int(marker)
    raise Unwalkable


def write_segment(target: IO[bytes], marker: int, content: bytes) -> None:
    """Write a segment of a JPEG."""
    target.write(struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content)


# In the coded data of a JPEG, FF is followed by 00, or by a restart marker.
END_OF_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def copy_scan(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy the coded data of a JPEG, and stop before the marker that ends it."""
    while True:
        piece = source.read(METADATA_CHUNK)
        if len(piece) < 2:
            raise Unwalkable
        end = END_OF_SCAN.search(piece)
        # A marker may lie across the end of the piece.
        copied = end.start() if end else len(piece) - piece.endswith(b"\xff")
        target.write(piece[:copied])
        source.seek(copied - len(piece), os.SEEK_CUR)
        if end:
            return


# PNG: third edition, and the animation chunks that it took in.
PNG_CHUNKS = frozenset(
    b"IHDR PLTE IDAT IEND tRNS bKGD cHRM cICP gAMA hIST iCCP mDCV cLLI pHYs sBIT sRGB acTL fcTL fdAT".split()
)


def strip_png(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy a PNG up to its end, with only the chunks that it takes to show it. Raises Unwalkable."""
    target.write(read_exactly(source, 8))
    for position in range(MOST_SEGMENTS):
        head = read_exactly(source, 8)
        length, name = struct.unpack(">I4s", head)
        if length >= 2**31 or (position == 0) != (name == b"IHDR") or (name == b"IEND" and length):
            raise Unwalkable
        if name in PNG_CHUNKS:
            target.write(head)
            copy(source, target, length + 4)
        elif name == b"eXIf" and length <= METADATA_CHUNK:
            orientation = orientation_of(read_exactly(source, length).removeprefix(b"Exif\0\0"))
            read_exactly(source, 4)
            if orientation != 1:
                chunk = name + only_orientation(orientation)
                target.write(struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)))
        else:
            source.seek(length + 4, os.SEEK_CUR)
        if name == b"IEND":
            return
    raise Unwalkable


WEBP_CHUNKS = frozenset((b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ICCP"))
WEBP_FRAME_CHUNKS = frozenset((b"VP8 ", b"VP8L", b"ALPH"))
WEBP_FRAME_HEAD = 16
WEBP_HAS_EXIF = 0x08
WEBP_HAS_XMP = 0x04


def strip_webp(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy a WebP with only the chunks that it takes to show it, and say so in its header. Raises Unwalkable."""
    _, size, _ = struct.unpack("<4sI4s", read_exactly(source, 12))
    end = 8 + size
    target.write(b"RIFF\0\0\0\0WEBP")
    flags = None
    orientation = 1
    for _ in range(MOST_SEGMENTS):
        if source.tell() >= end:
            break
        head = read_exactly(source, 8)
        name, length = struct.unpack("<4sI", head)
        if source.tell() + length > end:
            raise Unwalkable
        padded = length + length % 2
        if name == b"VP8X":
            if flags is not None or target.tell() != 12 or length != 10:
                raise Unwalkable
            content = read_exactly(source, length)
            flags = content[0] & ~(WEBP_HAS_EXIF | WEBP_HAS_XMP)
            target.write(head + content)
        elif name == b"ANMF":
            copy_webp_frame(source, target, length)
        elif name in WEBP_CHUNKS:
            target.write(head)
            copy(source, target, padded)
        elif name == b"EXIF" and length <= METADATA_CHUNK and orientation == 1:
            orientation = orientation_of(read_exactly(source, padded).removeprefix(b"Exif\0\0"))
        else:
            source.seek(padded, os.SEEK_CUR)
    else:
        raise Unwalkable
    if target.tell() == 12:
        raise Unwalkable
    if flags is not None:
        if orientation != 1:
            flags |= WEBP_HAS_EXIF
            content = only_orientation(orientation)
            target.write(struct.pack("<4sI", b"EXIF", len(content)) + content)
        written = target.tell()
        target.seek(20)
        target.write(bytes([flags]))
    else:
        written = target.tell()
    target.seek(4)
    target.write(struct.pack("<I", written - 8))


def copy_webp_frame(source: IO[bytes], target: IO[bytes], length: int) -> None:
    """Copy a frame of an animation, of which any other chunks may be a part as well."""
    end = source.tell() + length
    start = target.tell()
    target.write(b"ANMF\0\0\0\0")
    copy(source, target, WEBP_FRAME_HEAD)
    while source.tell() < end:
        head = read_exactly(source, 8)
        name, size = struct.unpack("<4sI", head)
        padded = size + size % 2
        if source.tell() + padded > end:
            raise Unwalkable
        if name in WEBP_FRAME_CHUNKS:
            target.write(head)
            copy(source, target, padded)
        else:
            source.seek(padded, os.SEEK_CUR)
    if source.tell() != end:
        raise Unwalkable
    written = target.tell()
    target.seek(start + 4)
    target.write(struct.pack("<I", written - start - 8))
    target.seek(written)


# How often an animation is repeated: the two names that programs know it by, and the one block that says it.
GIF_REPETITIONS = frozenset((b"NETSCAPE2.0", b"ANIMEXTS1.0"))
GIF_REPETITION = re.compile(rb"\x03\x01..", re.DOTALL)


def strip_gif(source: IO[bytes], target: IO[bytes]) -> None:
    """Copy a GIF up to its end, without comments and what programs noted in it. Raises Unwalkable."""
    head = read_exactly(source, 13)
    target.write(head + read_exactly(source, colours_size(head[10])))
    images = 0
    blocks = MOST_GIF_BLOCKS
    for _ in range(MOST_SEGMENTS):
        introducer = source.read(1)
        if introducer == b",":
            descriptor = read_exactly(source, 9)
            table = read_exactly(source, colours_size(descriptor[8]))
            target.write(introducer + descriptor + table + read_exactly(source, 1))
            blocks -= copy_blocks(source, target, blocks)
            images += 1
        elif introducer == b"!":
            label = read_exactly(source, 1)
            block = first = read_block(source)
            # Of the extensions that are kept nothing is but what they are for.
            if label == b"\xf9" and len(first) == 5:
                target.write(introducer + label + first + b"\0")
            repeats = label == b"\xff" and first[1:] in GIF_REPETITIONS
            while block != b"\0":
                blocks -= 1
                if not blocks:
                    raise Unwalkable
                block = read_block(source)
                if repeats and GIF_REPETITION.fullmatch(block):
                    target.write(introducer + label + first + block + b"\0")
                    repeats = False
        elif introducer in (b";", b"") and images:  # some programs leave the end away
            target.write(b";")
            return
        else:
            raise Unwalkable
    raise Unwalkable


def colours_size(flags: int) -> int:
    """The bytes of the colour table that a GIF's flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def read_block(source: IO[bytes]) -> bytes:
    """A block of a GIF with its length in front; one of length 0 ends a row of them."""
    length = read_exactly(source, 1)
    return length + read_exactly(source, length[0])


def copy_blocks(source: IO[bytes], target: IO[bytes], limit: int) -> int:
    """Copy a row of blocks with its end; returns how many. Raises Unwalkable beyond the limit."""
    for count in range(1, limit + 1):
        block = read_block(source)
        target.write(block)
        if block == b"\0":
            return count
    raise Unwalkable


STRIPPERS: dict[str, Callable[[IO[bytes], IO[bytes]], None]] = {
    "JPEG": strip_jpeg,
    "PNG": strip_png,
    "WEBP": strip_webp,
    "GIF": strip_gif,
}


def orientation_of(exif: bytes) -> int:
    """How a picture has to be turned, 1 (not at all) to 8, from its EXIF (a TIFF file without a picture)."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None or len(exif) < 8:
        return 1
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    if start + 2 > len(exif):
        return 1
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    for entry in range(start + 2, min(start + 2 + 12 * count, len(exif) - 11), 12):
        tag, form, _, value = struct.unpack_from(f"{order}HHIH", exif, entry)
        if tag == 0x0112:
            return value if form == 3 and 1 <= value <= 8 else 1
    return 1


def only_orientation(orientation: int) -> bytes:
    """An EXIF that says nothing else."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
