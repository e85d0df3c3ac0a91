"""Files that people attach: stored under the data directory, without trust in what the browser says about them.

A stored file is named by a random key and is there completely or not at all. What it is, is told by its content;
pictures lose what they say about where, when and with what they were taken, and get a small preview.
"""

from __future__ import annotations

import asyncio
import codecs
import io
import os
import re
import secrets
import struct
import unicodedata
import warnings
import zlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar
from urllib.parse import quote

import puremagic
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)
from PIL import Image, ImageOps

NAME_LIMIT = 120
EXTENSION_LIMIT = 20
KEY = re.compile(r"[0-9a-f]{32}")

# Bytes that are read at once, and that are gathered before they are written.
PIECE = 64 * 1024
GATHERED = 256 * 1024

MOST_FILES = 10
MOST_PARTS = 500
TEXT_LIMIT = 64 * 1024
# What each part may add to a form around its content: its boundary and its headers.
PART_OVERHEAD = 8 * 1024

MOST_PIXELS = 50_000_000
PREVIEW_SIDE = 1280
# A file of a million empty pieces, or a picture of a thousand passes, is small to send and long to work through.
MOST_SEGMENTS = 50_000
MOST_GIF_BLOCKS = 1_000_000  # of at most 255 bytes each
MOST_SCANS = 100

DOWNLOAD = "application/octet-stream"
PICTURE_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
DOCUMENT_TYPES = {"application/pdf", "application/rtf"}
# What else may be said of a file that is no text. All that is not here is a download: a browser runs none of these.
HARMLESS_TYPES = {
    "application/gzip",
    "application/vnd.oasis.opendocument.presentation",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.text",
    "application/x-7z-compressed",
    "application/x-bzip2",
    "application/x-tar",
    "application/x-xz",
    "application/zip",
    "audio/aac",
    "audio/flac",
    "audio/midi",
    "audio/mpeg",
    "audio/ogg",
    "audio/wave",
    "audio/x-wav",
    "image/avif",
    "image/bmp",
    "image/heic",
    "image/heif",
    "image/tiff",
    "video/mp4",
    "video/mpeg",
    "video/ogg",
    "video/quicktime",
    "video/webm",
    "video/x-matroska",
    "video/x-msvideo",
}
# puremagic's confidence is a tenth for each byte that it compared.
SURE = 0.4
CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\f\r\x1b") + b"\x7f"

# A picture of 50 megapixels takes 200 MB and more while it is decoded, so only few are at a time.
PICTURES = ThreadPoolExecutor(max_workers=2, thread_name_prefix="picture")
# Pillow only warns of a picture with too many pixels, until it has twice as many.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)

Result = TypeVar("Result")


class TooLarge(Exception):
    """There are more bytes, or more files in a form, than allowed. Nothing of them is kept."""


class Unreadable(Exception):
    """The body is no multipart form, or one without a file. Nothing of it is kept."""


class Unwalkable(Exception):
    """A picture's file is not built as its format says."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as it was stored.

    `key` names it on disk, `name` is what the person called it, cleaned for display and for `Content-Disposition`.
    `size` is in bytes, of what is stored. `media_type` is told by the content and is never one that a browser runs.
    `width` and `height` are in pixels, of a picture as it is looked at; `preview` says whether it has a preview.
    """

    key: str
    name: str
    size: int
    media_type: str
    width: int | None
    height: int | None
    preview: bool


async def store_upload(chunks: AsyncIterator[bytes], *, name: str, directory: Path, limit: int) -> StoredFile:
    """Store a file of at most `limit` bytes that a person calls `name`.

    Raises TooLarge as soon as there are more bytes. Whatever is raised, nothing stays behind.
    """
    upload = Upload(directory, limit)
    try:
        async for chunk in chunks:
            await upload.write(chunk)
        return await upload.finish(name)
    except BaseException:  # a cancelled request leaves nothing either
        await upload.discard()
        raise


async def read_multipart(
    chunks: AsyncIterator[bytes], content_type: str, *, directory: Path, limit: int, field: str = "file"
) -> tuple[dict[str, str], list[StoredFile]]:
    """Read a form that a browser sent as `multipart/form-data`: its texts, and the files of one of its fields.

    Each file may have `limit` bytes; there may be ten, and 64 KiB of text. Of texts with the same name the last counts.
    A field without a chosen file, which browsers send as an empty file without a name, is no file.

    Raises TooLarge or Unreadable; whatever is raised, none of the files is kept.
    """
    form = UploadForm(directory, limit, field)
    try:
        parser = parser_for(content_type)
        received = 0
        async for chunk in chunks:
            received += len(chunk)
            if received > MOST_FILES * limit + TEXT_LIMIT + MOST_PARTS * PART_OVERHEAD:
                raise TooLarge
            # An empty chunk would tell the parser that this was all; after the last boundary, nothing counts.
            if chunk and not parser.closed:
                for event in parser.parse(chunk):
                    await form.take(event)
        parser.close()
        if not form.files:
            raise Unreadable("there is no file")
        return form.texts, form.files
    except BaseException as error:
        await form.discard()
        if isinstance(error, ParserLimitReached):
            raise TooLarge(str(error)) from error
        if isinstance(error, MultipartError | UnicodeError):
            raise Unreadable(str(error)) from error
        raise


def parser_for(content_type: str) -> PushMultipartParser:
    """A parser for a body with this `Content-Type`."""
    media_type, options = parse_options_header(content_type)
    boundary = options.get("boundary", "")
    if media_type != "multipart/form-data" or not 1 <= len(boundary) <= 200:
        raise Unreadable("this is no multipart form")
    return PushMultipartParser(boundary, max_segment_count=MOST_PARTS)


def path_of(directory: Path, key: str) -> Path:
    """Where a stored file is. Raises ValueError for what is no key."""
    if not KEY.fullmatch(key):
        raise ValueError("not the key of a stored file")
    return directory / key[:2] / key


def preview_of(directory: Path, key: str) -> Path:
    """Where the preview of a stored picture is, a WebP. Raises ValueError for what is no key."""
    return path_of(directory, key).with_name(f"{key}.webp")


def delete_stored(directory: Path, key: str) -> None:
    """Delete a stored file and its preview; what is gone already is no error."""
    path_of(directory, key).unlink(missing_ok=True)
    preview_of(directory, key).unlink(missing_ok=True)


def content_disposition(name: str, *, inline: bool) -> str:
    """The `Content-Disposition` header of a file with this name (RFC 6266).

    Old clients get the name in ASCII; there are no characters in it that they unquote in different ways.
    """
    name = clean_name(name)
    plain = "".join(
        character if " " <= character <= "~" and character not in '"%\\/' else "_"
        for character in unicodedata.normalize("NFKD", name)
        if not unicodedata.combining(character)
    )
    encoded = quote(name, safe="!#$&+-.^_`|~")
    return f"{'inline' if inline else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def clean_name(name: str) -> str:
    """A file's name as it may be shown: one line, no folders, nothing invisible that turns or hides letters.

    At most 120 characters, of which the extension stays; `file` when nothing is left.
    """
    visible = "".join(filter(None, map(clean_character, name)))
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", visible))[-1]
    cleaned = trim(" ".join(last.split()))
    if len(cleaned) > NAME_LIMIT:
        stem, _, extension = cleaned.rpartition(".")
        if stem and len(extension) <= EXTENSION_LIMIT:
            cleaned = f"{trim(stem[: NAME_LIMIT - len(extension) - 1])}.{extension}"
        else:
            cleaned = trim(cleaned[:NAME_LIMIT])
    # Letters, numbers, punctuation and symbols can be seen; marks and joiners alone can't.
    return cleaned if any(unicodedata.category(character)[0] in "LNPS" for character in cleaned) else "file"


def trim(name: str) -> str:
    """Without the ends that hide a file (leading dot), that Windows drops (trailing dot), or that join nothing."""
    return name.strip(" .\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}")


def clean_character(character: str) -> str:
    """A character as it may be in a name: blanks are spaces, and controls nothing.

    Of the invisible ones only the joiners stay, which emoji and Persian need.
    """
    if character.isspace():
        return " "
    if character in "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}":
        return character
    return "" if unicodedata.category(character) in ("Cc", "Cf", "Cs") else character


async def in_thread(function: Callable[..., Result], *arguments: object, executor: Executor | None = None) -> Result:
    """Run a function in a thread, and be cancelled only when it is over: until then its files are in use."""
    future = asyncio.get_running_loop().run_in_executor(executor, function, *arguments)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([future])
        if not future.cancelled():
            future.exception()  # seen, so that nobody reports it as lost
        raise


class Upload:
    """A file on its way in. `finish` or `discard` has to end it."""

    def __init__(self, directory: Path, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.key = secrets.token_hex(16)
        self.path = path_of(directory, self.key)
        self.preview = preview_of(directory, self.key)
        self.part = self.path.with_name(f".{self.key}.part")
        self.stripped = self.path.with_name(f".{self.key}.stripped")
        self.preview_part = self.path.with_name(f".{self.key}.preview")
        self.file: IO[bytes] | None = None
        self.gathered = bytearray()

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes. Raises TooLarge when they are too many."""
        self.size += len(chunk)
        if self.size > self.limit:
            raise TooLarge
        self.gathered += chunk
        if len(self.gathered) >= GATHERED:
            await in_thread(self.put_down)

    async def finish(self, name: str) -> StoredFile:
        """Look at the file, clean it, and put it in its place."""
        await in_thread(self.put_down)
        kind = await in_thread(self.close)
        return await in_thread(self.settle, name, kind, executor=PICTURES if kind else None)

    async def discard(self) -> None:
        """Leave nothing of it, wherever it got to."""
        await in_thread(self.remove)

    def put_down(self) -> None:
        """Write what is gathered."""
        if self.file is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.file = create(self.part)
        self.file.write(self.gathered)
        self.gathered.clear()

    def close(self) -> str | None:
        """Close what was written, and say which kind of picture its first bytes promise."""
        if self.file is not None:
            self.file.close()
        with self.part.open("rb") as file:
            return promised_kind(file.read(12))

    def settle(self, name: str, kind: str | None) -> StoredFile:
        """Find out what the file is; then let it appear, the preview first."""
        picture = self.look_at_picture(kind) if kind else None
        media_type = PICTURE_TYPES[picture.kind] if picture else DOWNLOAD if kind else media_type_of(self.part)
        if picture:
            with create(self.preview_part) as file:
                file.write(picture.preview)
            publish(self.preview_part, self.preview)
        size = self.part.stat().st_size
        publish(self.part, self.path)
        return StoredFile(
            key=self.key,
            name=clean_name(name),
            size=size,
            media_type=media_type,
            width=picture.width if picture else None,
            height=picture.height if picture else None,
            preview=picture is not None,
        )

    def look_at_picture(self, kind: str) -> Picture | None:
        """Strip and decode what says that it is a picture; None, and the bytes as they came, when it is none.

        A picture of too many pixels is stripped all the same, as it may be a real one.
        """
        try:
            with self.part.open("rb", PIECE) as source, create(self.stripped) as target:
                STRIPPERS[kind](source, target)
        except Unwalkable:
            self.stripped.unlink()
            return None
        picture = None
        try:
            picture = decode(self.stripped, kind)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            pass
        except Exception:  # decoders raise anything for a broken picture
            self.stripped.unlink()
            return None
        self.stripped.replace(self.part)
        return picture

    def remove(self) -> None:
        """Close and delete all that there may be."""
        if self.file is not None:
            with suppress(OSError):  # a full disk is told again at the close
                self.file.close()
        for path in (self.part, self.stripped, self.preview_part, self.path, self.preview):
            path.unlink(missing_ok=True)


class UploadForm:
    """A multipart form on its way in: what the parser finds, in the order in which it does."""

    def __init__(self, directory: Path, limit: int, field: str) -> None:
        self.directory = directory
        self.limit = limit
        self.field = field
        self.texts: dict[str, str] = {}
        self.files: list[StoredFile] = []
        self.segment: MultipartSegment | None = None
        self.upload: Upload | None = None
        self.text = bytearray()
        self.text_left = TEXT_LIMIT

    async def take(self, event: MultipartSegment | bytes | None) -> None:
        """Take a part's beginning, some of its content, or its end."""
        if event is None:
            await self.end_part()
        elif isinstance(event, bytes | bytearray):
            await self.take_content(bytes(event))
        else:
            self.segment = event
            if event.filename is None:
                self.spend(len(event.name.encode()))

    async def take_content(self, content: bytes) -> None:
        """Take bytes of a file or of a text."""
        assert self.segment is not None  # noqa: S101  (the parser tells of a part before its content)
        if self.segment.filename is None:
            self.spend(len(content))
            self.text += content
            return
        if self.upload is None:
            self.upload = self.start_file()
        await self.upload.write(content)

    async def end_part(self) -> None:
        """Keep the part that is now complete."""
        assert self.segment is not None  # noqa: S101  (the parser tells of a part before its end)
        name, filename = self.segment.name, self.segment.filename
        if filename is None:
            self.texts[name] = self.text.decode().replace("\0", "")
            self.text.clear()
        elif filename or self.upload:
            if self.upload is None:
                self.upload = self.start_file()
            self.files.append(await self.upload.finish(filename))
            self.upload = None

    def start_file(self) -> Upload:
        """Begin with a file of the form."""
        assert self.segment is not None  # noqa: S101
        if self.segment.name != self.field:
            raise Unreadable("there is a file in a field that takes none")
        if len(self.files) == MOST_FILES:
            raise TooLarge("there are too many files")
        return Upload(self.directory, self.limit)

    def spend(self, size: int) -> None:
        """Count text, of which a form has only so much."""
        self.text_left -= size
        if self.text_left < 0:
            raise TooLarge("there is too much text")

    async def discard(self) -> None:
        """Leave nothing of all the files."""
        await in_thread(self.remove)

    def remove(self) -> None:
        """Delete the files that are complete, and the one that is not."""
        if self.upload is not None:
            self.upload.remove()
        for file in self.files:
            delete_stored(self.directory, file.key)


def create(path: Path) -> IO[bytes]:
    """A new file for only us, never one that is there already."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", PIECE)


def publish(part: Path, path: Path) -> None:
    """Let a finished file appear under its name, so that it is whole even after a power cut."""
    sync(part)
    part.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file or a folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# What a file is


def promised_kind(head: bytes) -> str | None:
    """The kind of picture, in Pillow's words, that the first 12 bytes of a file promise."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    return None


def media_type_of(path: Path) -> str:
    """The type of a file that is no picture of ours. Text is plain, whatever language it is in."""
    found = recognised_type(path)
    if found in DOCUMENT_TYPES:
        return found
    if is_text(path):
        return "text/plain"
    return found if found in HARMLESS_TYPES else DOWNLOAD


def recognised_type(path: Path) -> str:
    """What puremagic is sure of, and empty when it is not, or of several types at once."""
    try:
        matches = puremagic.magic_file(path)
    except (puremagic.PureError, ValueError):  # nothing known, an empty file
        return ""
    best = (matches[0].confidence, len(matches[0].byte_match)) if matches else (0, 0)
    if best[0] < SURE:
        return ""
    types = {match.mime_type for match in matches if (match.confidence, len(match.byte_match)) == best}
    for common in ("application/pdf", "application/zip"):  # others share their first bytes
        if common in types:
            return common
    return types.pop() if len(types) == 1 else ""


def is_text(path: Path) -> bool:
    """Whether a file is text in UTF-8, without control characters, and not empty."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    anything = False
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                anything = True
                if len(piece.translate(None, CONTROLS)) < len(piece):
                    return False
                decoder.decode(piece)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return anything


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that could be decoded; width and height in pixels as it is looked at, and a preview as WebP."""

    kind: str
    width: int
    height: int
    preview: bytes


def decode(path: Path, kind: str) -> Picture:
    """Decode a picture and make its preview, of the first frame and without metadata.

    Raises DecompressionBombError or DecompressionBombWarning for too many pixels, and anything for a broken picture.
    """
    with Image.open(path, formats=[kind]) as opened:
        width, height = opened.size
        if width * height > MOST_PIXELS:
            raise Image.DecompressionBombError(f"{width} × {height} pixels")
        turned = opened.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        # A JPEG can be decoded at a half, a quarter or an eighth of its size, in so much less memory.
        opened.draft(None, (2 * PREVIEW_SIDE, 2 * PREVIEW_SIDE))
        opened.load()
        small = with_plain_colours(opened)
        small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        ImageOps.exif_transpose(small, in_place=True)
    encoded = io.BytesIO()
    small.save(encoded, "WEBP", quality=80, method=4, exif=b"", xmp=b"", icc_profile=b"")
    if turned:
        width, height = height, width
    return Picture(kind, width, height, encoded.getvalue())


def with_plain_colours(image: Image.Image) -> Image.Image:
    """The picture in RGB, with an alpha channel if anything of it is transparent."""
    if image.mode.startswith("I"):
        # Pillow would cut 16-bit greys off at 255.
        image = image.point(lambda value: value * (1 / 257), "F").convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


# What pictures say about their makers is left out while they are copied. Only what is needed to show them stays: a list
# of what is harmless can't miss a new kind of metadata. Orientation is needed, so it is written back, alone.


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
        elif (
            (marker == 0xE2 and content.startswith(b"ICC_PROFILE\0"))
            or (marker == 0xEE and content.startswith(b"Adobe"))
            or not (0xE0 <= marker <= 0xEF or marker == 0xFE)
        ):
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
    for _ in range(PIECE):
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
        piece = source.read(PIECE)
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
    b"IHDR PLTE IDAT IEND tRNS bKGD cHRM cICP gAMA hIST iCCP mDCV cLLI pHYs sBIT sPLT sRGB acTL fcTL fdAT".split()
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
        elif name == b"eXIf" and length <= PIECE:
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


WEBP_CHUNKS = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"))
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
        elif name in WEBP_CHUNKS:
            target.write(head)
            copy(source, target, padded)
        elif name == b"EXIF" and length <= PIECE and orientation == 1:
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


# Repetition, and the profile of the colours.
GIF_APPLICATIONS = frozenset((b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"))


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
            first = read_block(source)
            kept = label == b"\xf9" or (label == b"\xff" and first[1:] in GIF_APPLICATIONS)
            if kept:
                target.write(introducer + label + first)
            if first != b"\0":
                blocks -= copy_blocks(source, target if kept else None, blocks)
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


def copy_blocks(source: IO[bytes], target: IO[bytes] | None, limit: int) -> int:
    """Copy, or only pass over, a row of blocks with its end; returns how many. Raises Unwalkable beyond the limit."""
    for count in range(1, limit + 1):
        block = read_block(source)
        if target is not None:
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


def read_exactly(source: IO[bytes], length: int) -> bytes:
    """So many bytes. Raises Unwalkable when the file ends before."""
    content = source.read(length)
    if len(content) < length:
        raise Unwalkable
    return content


def copy(source: IO[bytes], target: IO[bytes], length: int) -> None:
    """Copy so many bytes, piece by piece. Raises Unwalkable when the file ends before."""
    while length:
        piece = read_exactly(source, min(length, PIECE))
        target.write(piece)
        length -= len(piece)


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
