"""Forms with files, as browsers send them: `multipart/form-data`, read piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from app.files.uploads import StoredFile, TooLarge, Unreadable, Upload, delete_stored, in_thread

MOST_FILES = 10
MOST_PARTS = 500
FORM_TEXT_LIMIT = 64 * 1024
# What each part may add to a form around its content: its boundary and its headers.
PART_OVERHEAD = 8 * 1024


async def read_multipart(
    chunks: AsyncIterator[bytes], content_type: str, *, directory: Path, limit: int, field: str = "file"
) -> tuple[dict[str, str], list[StoredFile]]:
    """Read a form that a browser sent as `multipart/form-data`: its texts, and the files of one of its fields.

    Each file may have `limit` bytes; there may be ten, and 64 KiB of text. Of texts with the same name the last counts.

    Raises TooLarge, Unclean or Unreadable; whatever is raised, none of the files is kept.
    """
    form = await receive_multipart(chunks, content_type, directory=directory, limit=limit, fields=[field])
    if not form.files:
        raise Unreadable("there is no file")
    return dict(form.texts), form.files


async def receive_multipart(
    chunks: AsyncIterator[bytes],
    content_type: str,
    *,
    directory: Path,
    limit: int,
    fields: Sequence[str],
    most_text: int = FORM_TEXT_LIMIT,
) -> UploadForm:
    """Read such a form, whose files are in some of its fields, and which may have none: a field without a chosen one,
    which browsers send as an empty file without a name, is no file. Raises what `read_multipart` does."""
    form = UploadForm(directory, limit, fields, most_text)
    try:
        parser = parser_for(content_type)
        received = 0
        async for chunk in chunks:
            received += len(chunk)
            if received > MOST_FILES * limit + most_text + MOST_PARTS * PART_OVERHEAD:
                raise TooLarge
            # An empty chunk would tell the parser that this was all; after the last boundary, nothing counts.
            if chunk and not parser.closed:
                for event in parser.parse(chunk):
                    await form.take(event)
        parser.close()
        return form
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


class UploadForm:
    """A multipart form on its way in: what the parser finds, in the order in which it does. `files_in` has the name of
    the field of each file."""

    def __init__(self, directory: Path, limit: int, fields: Sequence[str], most_text: int) -> None:
        self.directory = directory
        self.limit = limit
        self.fields = fields
        self.texts: list[tuple[str, str]] = []
        self.files: list[StoredFile] = []
        self.files_in: list[str] = []
        self.segment: MultipartSegment | None = None
        self.upload: Upload | None = None
        self.text = bytearray()
        self.text_left = most_text

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
            self.texts.append((name, self.text.decode().replace("\0", "")))
            self.text.clear()
        elif filename or self.upload:
            if self.upload is None:
                self.upload = self.start_file()
            self.files.append(await self.upload.finish(filename))
            self.files_in.append(name)
            self.upload = None

    def start_file(self) -> Upload:
        """Begin with a file of the form."""
        assert self.segment is not None  # noqa: S101
        if self.segment.name not in self.fields:
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
