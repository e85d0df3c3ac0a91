"""Files as they are sent to those who may have them: the one place that says how browsers are to take them."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from litestar.exceptions import NotFoundException
from litestar.response import File

from app.files.names import content_disposition
from app.files.uploads import path_of, preview_of


class KeptFile(Protocol):
    """What a row tells of a file: the key that it is stored by, its name, its type, and whether it has a preview."""

    @property
    def key(self) -> str:
        """The key that it is stored by."""

    @property
    def name(self) -> str:
        """What it was called where it came from."""

    @property
    def media_type(self) -> str:
        """Its type, by its content."""

    @property
    def preview(self) -> bool:
        """Whether there is a small picture of it."""


def answer_preview(directory: Path, file: KeptFile) -> File:
    """The small picture of a file. Raises NotFoundException where there is none."""
    path = preview_of(directory, file.key)
    if not file.preview or not path.exists():
        raise NotFoundException
    return File(path, media_type="image/webp", content_disposition_type="inline")


def answer_file(directory: Path, file: KeptFile) -> File:
    """A file as it was brought: pictures in the window, everything else as a download, and nothing of it runs.

    Raises NotFoundException where it is not there any more.
    """
    path = path_of(directory, file.key)
    if not path.exists():
        raise NotFoundException
    return File(
        path,
        media_type=file.media_type,
        headers={
            "content-disposition": content_disposition(file.name, inline=file.preview),
            "content-security-policy": "sandbox; default-src 'none'",
        },
    )
