"""Where the files of a workspace are, and a form with files on its way there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

from app.database import Tenant, Transaction
from app.files.upload_forms import UploadForm, receive_multipart
from app.files.uploads import UNCLEAN, TooLarge, Unclean, Unreadable, delete_abandoned, delete_stored
from app.settings import Settings
from app.web.error_texts import EXPLANATIONS
from app.web.errors import is_disk_full
from app.web.texts import Text, _l

# What a page may call an upload.
LONGEST_UPLOAD_KEY = 40


class NotStored(Exception):
    """Files were not stored, and why. Nothing of them is kept."""

    def __init__(self, text: Text, status: int) -> None:
        super().__init__(text.message)
        self.text = text
        self.status = status


def files_of(settings: Settings, tenant: Tenant) -> Path:
    """Where the files of a workspace are."""
    return settings.data_dir / "files" / str(tenant.id)


def key_of_upload(sent: UploadForm) -> str:
    """What its page calls the upload of a form with one file: what comes again is known by it."""
    return dict(sent.texts).get("upload", "") if len(sent.files) == 1 else ""


async def delete_files(directory: Path, keys: Iterable[str]) -> None:
    """Delete files from the disk."""
    for key in keys:
        await asyncio.to_thread(delete_stored, directory, key)


def clear_swept(transaction: Transaction, directory: Path, keys: Sequence[str]) -> None:
    """Delete files from the disk when the transaction that has swept their rows is over, and with them what cut off
    uploads have left."""

    async def clear() -> None:
        await delete_files(directory, keys)
        await asyncio.to_thread(delete_abandoned, directory)

    transaction.after_commit.append(clear)


async def store_form(
    chunks: AsyncIterator[bytes],
    content_type: str,
    *,
    directory: Path,
    limit: int,
    fields: Sequence[str],
    most_text: int,
) -> UploadForm:
    """Store the files of some of a form's fields, each of at most `limit` bytes. Raises NotStored."""
    try:
        return await receive_multipart(
            chunks, content_type, directory=directory, limit=limit, fields=fields, most_text=most_text
        )
    except TooLarge as error:
        text = _l("A file can be up to %(limit)d MB.", limit=limit // 1_000_000)
        raise NotStored(text, 413) from error
    except Unreadable as error:
        raise NotStored(_l("No file was sent."), 400) from error
    except Unclean as error:
        raise NotStored(UNCLEAN, 422) from error
    except OSError as error:
        if not is_disk_full(error):
            raise
        raise NotStored(EXPLANATIONS[507], 507) from error
