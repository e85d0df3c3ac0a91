"""Files on their way to a message: read, stored on disk, and noted as their member's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import MediaType, Response

from app.accounts.access import AnyRequest, write_signed_in
from app.accounts.members import Member
from app.chat.attachments import Attachment
from app.chat.rooms import Room
from app.chat.unsent_files import add_attachment, measure_upload
from app.database import Transaction
from app.files.arriving import Arriving
from app.files.storing import NotStored, delete_files, files_of, key_of_upload, store_form
from app.files.upload_forms import FORM_TEXT_LIMIT
from app.settings import Settings
from app.web.calls import refuse_call
from app.web.forms import Invalid
from app.web.templates import render
from app.web.texts import _l

Enter = Callable[[Transaction, Member], Awaitable[Room]]


async def store_files(request: AnyRequest, transaction: Transaction, settings: Settings, enter: Enter) -> Response[Any]:
    """Store the files of a form for a room. The transaction is ended before they are read.

    `enter` gives the room, and raises unless who asks may bring files to it, as they are when the files are there: an
    upload may last for hours. A form with one file may have `upload`, the key of this upload, and `box`, the one of the
    box that it is brought to.
    """
    tenant = transaction.tenant
    directory = files_of(settings, tenant)
    quota = settings.files_quota_megabytes * 1_000_000
    limit = settings.file_limit_megabytes * 1_000_000
    content_type = request.headers.get("content-type", "")
    arriving: Arriving = request.app.state.arriving
    try:
        kept = await measure_upload(transaction, request.headers.get("x-upload", ""))
        chunks = await arriving.take(request, transaction, quota=quota, text=FORM_TEXT_LIMIT, kept=kept)
        sent = await store_form(
            chunks, content_type, directory=directory, limit=limit, fields=["file"], most_text=FORM_TEXT_LIMIT
        )
    except NotStored as refusal:
        return refuse_call(tenant.language, refusal.text, refusal.status)
    texts, stored = dict(sent.texts), sent.files
    if not stored:
        return refuse_call(tenant.language, _l("No file was sent."), 400)
    added: list[Attachment] = []
    upload = key_of_upload(sent)
    box = texts.get("box", "")
    try:
        async with write_signed_in(request) as (writing, member):
            room = await enter(writing, member)
            for file in stored:
                added.append(await add_attachment(writing, room, member, file, quota=quota, upload=upload, box=box))
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
