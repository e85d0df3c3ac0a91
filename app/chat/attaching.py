"""Files on their way to a message: read, stored on disk, and noted as their member's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from litestar import MediaType, Response

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.chat.attachments import Attachment, add_attachment
from app.chat.rooms import Room
from app.database import Database, Tenant, Transaction
from app.files.upload_forms import read_multipart
from app.files.uploads import UNCLEAN, TooLarge, Unclean, Unreadable, delete_stored
from app.settings import Settings
from app.web.calls import refuse_call
from app.web.errors import EXPLANATIONS, is_disk_full
from app.web.forms import Invalid
from app.web.templates import render
from app.web.texts import _l


def files_of(settings: Settings, tenant: Tenant) -> Path:
    """Where the files of a workspace are."""
    return settings.data_dir / "files" / str(tenant.id)


async def delete_files(directory: Path, keys: Iterable[str]) -> None:
    """Delete files from the disk."""
    for key in keys:
        await asyncio.to_thread(delete_stored, directory, key)


async def store_files(
    request: AnyRequest,
    database: Database,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    room: Room,
) -> Response[Any]:
    """Store the files of a form for a room that the member may see. The transaction is ended before they are read.

    A form with one file may have `upload`, the key of this upload.
    """
    tenant = transaction.tenant
    directory = files_of(settings, tenant)
    quota = settings.files_quota_megabytes * 1_000_000
    limit = settings.file_limit_megabytes * 1_000_000
    await transaction.close()  # a long upload holds no connection
    try:
        texts, stored = await read_multipart(
            request.stream(), request.headers.get("content-type", ""), directory=directory, limit=limit
        )
    except TooLarge:
        return refuse_call(tenant.language, _l("A file may have up to %(limit)d MB.", limit=limit // 1_000_000), 413)
    except Unreadable:
        return refuse_call(tenant.language, _l("There was no file in it."), 400)
    except Unclean:
        return refuse_call(tenant.language, UNCLEAN, 422)
    except OSError as error:
        if not is_disk_full(error):
            raise
        return refuse_call(tenant.language, EXPLANATIONS[507], 507)
    added: list[Attachment] = []
    upload = texts.get("upload", "") if len(stored) == 1 else ""
    try:
        async with database.write(tenant.id) as writing:
            for file in stored:
                added.append(await add_attachment(writing, room, member, file, quota=quota, upload=upload))
    except BaseException as error:  # whatever it is, no file stays that nothing names
        await delete_files(directory, [file.key for file in stored])
        if isinstance(error, Invalid):
            return refuse_call(tenant.language, error.first, 422)
        raise
    there = {attachment.key for attachment in added}
    await delete_files(directory, [file.key for file in stored if file.key not in there])
    problems = {each.id: file.problem for each, file in zip(added, stored, strict=True)}
    html = render(tenant.language, "chat/_brought.html", files=added, problems=problems)
    return Response(html, status_code=200, media_type=MediaType.HTML)
