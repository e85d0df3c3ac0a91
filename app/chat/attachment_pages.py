"""Files of messages: brought before they are sent, and fetched by those who may see them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from litestar import MediaType, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.response import File, Redirect

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.chat.attachments import Attachment, add_attachment, delete_unsent, get_attachment, take_out, take_out_upload
from app.chat.composer import MESSAGE_LIMIT
from app.chat.drafts import keep_draft, place_of
from app.chat.rooms import Room, get_room
from app.database import Database, Tenant, Transaction
from app.jobs.sweeps import sweeps
from app.settings import Settings
from app.web.calls import is_call, refuse_call
from app.web.errors import EXPLANATIONS, is_disk_full
from app.web.file_names import content_disposition
from app.web.forms import Form, Invalid, number_of
from app.web.templates import render
from app.web.texts import _l
from app.web.upload_forms import read_multipart
from app.web.uploads import UNCLEAN, TooLarge, Unclean, Unreadable, delete_abandoned, delete_stored, path_of, preview_of


def files_of(settings: Settings, tenant: Tenant) -> Path:
    """Where the files of a workspace are."""
    return settings.data_dir / "files" / str(tenant.id)


async def delete_files(directory: Path, keys: Iterable[str]) -> None:
    """Delete files from the disk."""
    for key in keys:
        await asyncio.to_thread(delete_stored, directory, key)


@sweeps(Attachment)
async def sweep_files(transaction: Transaction, limit: int) -> int:
    """Delete files that were never sent, and what cut off uploads have left."""
    directory = files_of(transaction.info["settings"], transaction.tenant)
    keys = await delete_unsent(transaction, limit)

    async def clear() -> None:
        await delete_files(directory, keys)
        await asyncio.to_thread(delete_abandoned, directory)

    transaction.after_commit.append(clear)
    return len(keys)


@post("/chat/{slug:str}/files", request_max_body_size=None, opt={"writes": False})
async def bring_files(
    request: AnyRequest,
    database: Database,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    slug: str,
) -> Response[Any]:
    """Store files that are going to be sent; the answer is what the box shows of them."""
    room = await get_room(transaction, member, slug)
    return await store_files(request, database, transaction, member, settings, room)


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
            return refuse_call(tenant.language, next(iter(error.errors.values())), 422)
        raise
    there = {attachment.key for attachment in added}
    await delete_files(directory, [file.key for file in stored if file.key not in there])
    problems = {each.id: file.problem for each, file in zip(added, stored, strict=True)}
    html = render(tenant.language, "chat/_brought.html", files=added, problems=problems)
    return Response(html, status_code=200, media_type=MediaType.HTML)


@get("/files/{file_id:int}/preview")
async def show_preview(transaction: Transaction, member: Member, settings: Settings, file_id: int) -> File:
    """The small picture of a file, to those who may see its message."""
    attachment = await get_attachment(transaction, member, file_id)
    path = preview_of(files_of(settings, transaction.tenant), attachment.key)
    if not attachment.preview or not path.exists():
        raise NotFoundException
    return File(path, media_type="image/webp", content_disposition_type="inline")


@get("/files/{file_id:int}")
async def show_file(transaction: Transaction, member: Member, settings: Settings, file_id: int) -> File:
    """A file as it was brought: pictures in the window, everything else as a download."""
    attachment = await get_attachment(transaction, member, file_id)
    path = path_of(files_of(settings, transaction.tenant), attachment.key)
    if not path.exists():
        raise NotFoundException
    return File(
        path,
        media_type=attachment.media_type,
        headers={
            "content-disposition": content_disposition(attachment.name, inline=attachment.preview),
            "content-security-policy": "sandbox; default-src 'none'",
        },
    )


@post("/files/{file_id:int}/take-out", request_max_body_size=MESSAGE_LIMIT)
async def take_out_file(
    request: AnyRequest, transaction: Transaction, member: Member, settings: Settings, file_id: int, form: Form
) -> Response[Any]:
    """Take a file out of the box. Without JavaScript the whole box comes with it, and what is typed in it is kept."""
    room, keys = await take_out(transaction, member, file_id)
    directory = files_of(settings, transaction.tenant)
    transaction.after_commit.append(lambda: delete_files(directory, keys))
    if is_call(request):
        return Response(None, status_code=204)
    reply = number_of(form["reply"])
    await keep_draft(transaction, member, place_of(room), form["text"], key=form["key"], reply_to_id=reply)
    address = f"/discussion/{room.subject}" if room.kind == "discussion" else f"/chat/{room.slug}?at=end#composer"
    return Redirect(address, status_code=303)


@post("/files/take-out", request_max_body_size=MESSAGE_LIMIT)
async def take_out_brought(transaction: Transaction, member: Member, settings: Settings, form: Form) -> Response[None]:
    """Take a file out of the box that is named by the key of its upload, as its page may not know it otherwise."""
    keys = await take_out_upload(transaction, member, form["upload"])
    directory = files_of(settings, transaction.tenant)
    transaction.after_commit.append(lambda: delete_files(directory, keys))
    return Response(None, status_code=204)


handlers = [bring_files, show_preview, show_file, take_out_file, take_out_brought]
