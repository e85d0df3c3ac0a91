"""Files that people attach: stored under the data directory, without trust in what the browser says about them.

A stored file is named by a random key and is there completely or not at all. What it is, is told by its content;
pictures lose what they say about where, when and with what they were taken, and get a small preview.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import time
from collections.abc import Callable, Set
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, TypeVar

from msgspec import Struct

from app.files.decoding import (
    DECODER,
    MOST_JPEG_PIXELS,
    MOST_PIXELS,
    MOST_WEBP_PIXELS,
    Abandoned,
    Picture,
    TooCostly,
    TooManyPixels,
    Undecodable,
    decode,
)
from app.files.names import clean_name
from app.files.picture_boxes import strip_boxes
from app.files.picture_metadata import STRIPPERS
from app.files.picture_tags import strip_tiff
from app.files.picture_walking import Unwalkable
from app.files.types import DOWNLOAD, OTHER, PICTURE_TYPES, media_type_of, promised_kind
from app.web.texts import Text, _l

KEY = re.compile(r"[0-9a-f]{32}")

# Bytes that are read at once, and that are gathered before they are written.
UPLOAD_CHUNK = 64 * 1024
GATHERED = 256 * 1024

# What an upload leaves behind when the program is killed is this old, in seconds, when it is deleted.
ABANDONED_AFTER = 24 * 3600

# One picture is decoded at a time: this thread waits for the process that does it.
PICTURES = ThreadPoolExecutor(max_workers=1, thread_name_prefix="picture")

TOO_MANY_PIXELS = _l(
    "A picture can be up to %(limit)d megapixels, a JPEG up to %(jpeg)d, a WebP up to %(webp)d.",
    limit=MOST_PIXELS // 1_000_000,
    jpeg=MOST_JPEG_PIXELS // 1_000_000,
    webp=MOST_WEBP_PIXELS // 1_000_000,
)
TOO_COSTLY = _l("This picture takes too much time or memory to read. Save a smaller version and try again.")
UNCLEAN = _l(
    "This picture is damaged, or its hidden data, such as the location, can't be removed. Save it"
    " as JPEG or PNG and try again."
)

# Pictures of which nothing may move: their metadata is overwritten.
STRIPPED_IN_PLACE = {"TIFF": strip_tiff, "BOXES": strip_boxes}

Received = TypeVar("Received")


class TooLarge(Exception):
    """There are more bytes, or more files in a form, than allowed. Nothing of them is kept."""


class Unclean(Exception):
    """It says that it is a picture, and its metadata can't be taken out with certainty. Nothing of it is kept."""


class Unreadable(Exception):
    """The body is no multipart form, or one without a file. Nothing of it is kept."""


class StoredFile(Struct, frozen=True):
    """A file as it was stored.

    `key` names it on disk, `name` is what the person called it, cleaned for display and for `Content-Disposition`.
    `size` is in bytes, of what is stored. `media_type` is told by the content and is never one that a browser runs.
    `width` and `height` are in pixels, of a picture as it is looked at; `preview` says whether it has a preview. A
    picture that was not decoded says in `problem` why; it is kept without metadata, for download.
    """

    key: str
    name: str
    size: int
    media_type: str
    width: int | None
    height: int | None
    preview: bool
    problem: Text | None = None


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


def delete_abandoned(directory: Path) -> None:
    """Delete what uploads have left that were cut off by the program's end more than a day ago."""
    for path in directory.glob("??/.*"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > ABANDONED_AFTER:
                path.unlink()


def delete_unnamed(directory: Path, kept: Set[str]) -> None:
    """Delete stored files that nothing names, and what was cut off, when they are more than a day old: younger ones may
    be about to be named."""
    delete_abandoned(directory)
    for path in directory.glob("??/*"):
        if path.name.partition(".")[0] not in kept:
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > ABANDONED_AFTER:
                    path.unlink()


async def in_thread(
    function: Callable[..., Received],
    *arguments: object,
    executor: Executor | None = None,
    stop: Callable[[], None] | None = None,
) -> Received:
    """Run a function in a thread, and be cancelled only when it is over: until then its files are in use.

    `stop` is called when it is cancelled, to let it be over soon.
    """
    future = asyncio.get_running_loop().run_in_executor(executor, function, *arguments)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if stop is not None:
            stop()
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
        self.abandoned = False
        self.problem: Text | None = None

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
        kind = await in_thread(self.close, name)
        return await in_thread(self.settle, name, kind, executor=PICTURES if kind else None, stop=self.abandon)

    async def discard(self) -> None:
        """Leave nothing of it, wherever it got to."""
        await in_thread(self.remove)

    def abandon(self) -> None:
        """Stop looking at it: nobody waits for it any more."""
        self.abandoned = True
        DECODER.abandon(self.key)

    def put_down(self) -> None:
        """Write what is gathered."""
        if self.file is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.file = create(self.part)
        self.file.write(self.gathered)
        self.gathered.clear()

    def close(self, name: str) -> str | None:
        """Close what was written, and say which kind of picture it says it is. Raises Unclean."""
        if self.file is not None:
            self.file.close()
        kind = promised_kind(self.part, clean_name(name))
        if kind == OTHER:
            raise Unclean
        return kind

    def settle(self, name: str, kind: str | None) -> StoredFile:
        """Find out what the file is; then let it appear, the preview first. Raises Unclean."""
        if self.abandoned:
            raise Abandoned
        picture = self.look_at_picture(kind) if kind else None
        if picture:
            media_type = PICTURE_TYPES[picture.kind]
            put_in_place(self.preview_part, self.preview)
        else:
            media_type = DOWNLOAD if kind in PICTURE_TYPES else media_type_of(self.part)
        size = self.part.stat().st_size
        put_in_place(self.part, self.path)
        return StoredFile(
            key=self.key,
            name=clean_name(name),
            size=size,
            media_type=media_type,
            width=picture.width if picture else None,
            height=picture.height if picture else None,
            preview=picture is not None,
            problem=self.problem,
        )

    def look_at_picture(self, kind: str) -> Picture | None:
        """Strip and decode what says that it is a picture; None for one that is kept for download, as it is not shown.

        Only what was stripped is ever kept, also of a picture with too many pixels. Raises Unclean for one that is not
        built as its format says: where nobody can tell what is what, nobody can tell what is metadata.
        """
        try:
            with self.part.open("rb", UPLOAD_CHUNK) as source, create(self.stripped) as target:
                (STRIPPERS | STRIPPED_IN_PLACE)[kind](source, target)
        except Unwalkable as error:
            raise Unclean from error
        picture = None
        try:
            if kind in PICTURE_TYPES:
                picture = decode(self.stripped, kind, self.preview_part, self.key)
        except TooManyPixels:
            self.problem = TOO_MANY_PIXELS
        except TooCostly:
            self.problem = TOO_COSTLY
            self.preview_part.unlink(missing_ok=True)  # what of it was written
        except Undecodable as error:
            raise Unclean from error
        self.stripped.replace(self.part)
        return picture

    def remove(self) -> None:
        """Close and delete all that there may be."""
        if self.file is not None:
            with suppress(OSError):  # a full disk is told again at the close
                self.file.close()
        for path in (self.part, self.stripped, self.preview_part, self.path, self.preview):
            path.unlink(missing_ok=True)


def create(path: Path) -> IO[bytes]:
    """A new file for only us, never one that is there already."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b", UPLOAD_CHUNK)


def put_in_place(part: Path, path: Path) -> None:
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
