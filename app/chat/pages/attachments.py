"""Files of messages: brought before they are sent, and fetched by those who may see them."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import File

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.chat.attaching import store_files
from app.chat.attachments import Attachment, delete_unsent, get_attachment
from app.chat.composer import MESSAGE_FORM_LIMIT
from app.chat.drafts import keep_message_draft
from app.chat.ended_discussions import delete_ended
from app.chat.rooms import Room
from app.chat.unsent_files import discard_file, enter_to_bring, hold_files, take_out_upload
from app.database import Transaction
from app.files.answers import answer_file, answer_preview
from app.files.storing import clear_swept, delete_files, files_of
from app.jobs.sweeps import sweeps_with_settings
from app.settings import Settings
from app.web.calls import is_call
from app.web.forms import Form
from app.web.redirects import see_other


@sweeps_with_settings(Attachment)
async def sweep_files(transaction: Transaction, limit: int, settings: Settings) -> int:
    """Delete files that were never sent, and what cut off uploads have left."""
    keys = await delete_unsent(transaction, limit)
    clear_swept(transaction, files_of(settings, transaction.tenant), keys)
    return len(keys)


@sweeps_with_settings(Room, last=True)
async def sweep_discussions(transaction: Transaction, limit: int, settings: Settings) -> int:
    """Delete the discussions of what is gone for good, with their files."""
    directory = files_of(settings, transaction.tenant)
    count, keys = await delete_ended(transaction, limit)
    if keys:
        transaction.after_commit.append(lambda: delete_files(directory, keys))
    return count


@post("/chat/{slug:str}/files", request_max_body_size=None, opt={"streams": True})
async def bring_files(
    request: AnyRequest, transaction: Transaction, member: Member, settings: Settings, slug: str
) -> Response[Any]:
    """Store files that are going to be sent; the answer is what the box shows of them."""

    async def enter(transaction: Transaction, member: Member) -> Room:
        return await enter_to_bring(transaction, member, slug)

    await enter(transaction, member)
    return await store_files(request, transaction, settings, enter)


@get("/files/{file_id:int}/preview")
async def show_preview(transaction: Transaction, member: Member, settings: Settings, file_id: int) -> File:
    """The small picture of a file, to those who may see its message."""
    attachment = await get_attachment(transaction, member, file_id)
    return answer_preview(files_of(settings, transaction.tenant), attachment)


@get("/files/{file_id:int}")
async def show_file(transaction: Transaction, member: Member, settings: Settings, file_id: int) -> File:
    """A file as it was brought: pictures in the window, everything else as a download."""
    attachment = await get_attachment(transaction, member, file_id)
    return answer_file(files_of(settings, transaction.tenant), attachment)


@post("/files/{file_id:int}/take-out", request_max_body_size=MESSAGE_FORM_LIMIT)
async def take_out_file(
    request: AnyRequest, transaction: Transaction, member: Member, settings: Settings, file_id: int, form: Form
) -> Response[Any]:
    """Take a file out of the box. Without JavaScript the whole box comes with it, and what is typed in it is kept."""
    room, keys = await discard_file(transaction, member, file_id)
    directory = files_of(settings, transaction.tenant)
    transaction.after_commit.append(lambda: delete_files(directory, keys))
    if is_call(request):
        return Response(None, status_code=204)
    reply = form.number("reply")
    await keep_message_draft(transaction, member, room.place, form["text"], key=form["key"], reply_to_id=reply)
    address = f"/discussion/{room.subject}" if room.kind == "discussion" else f"/chat/{room.slug}?at=end#composer"
    return see_other(address)


@post("/files/take-out", request_max_body_size=MESSAGE_FORM_LIMIT)
async def take_out_brought(transaction: Transaction, member: Member, settings: Settings, form: Form) -> Response[None]:
    """Take a file out of the box that is named by the key of its upload, as its page may not know it otherwise."""
    keys = await take_out_upload(transaction, member, form["upload"])
    directory = files_of(settings, transaction.tenant)
    transaction.after_commit.append(lambda: delete_files(directory, keys))
    return Response(None, status_code=204)


@post("/files/hold", request_max_body_size=MESSAGE_FORM_LIMIT)
async def hold_brought(transaction: Transaction, member: Member, form: Form) -> Response[None]:
    """Say which box has files, by its key, or which message that is sent from one: `taken-by`."""
    uploads, held = form.values.get("upload", ()), form.values.get("held", ())
    await hold_files(
        transaction, member, uploads, held=held, box=form["box"] or None, taken_by=form["taken-by"] or None
    )
    return Response(None, status_code=204)


handlers = [bring_files, show_preview, show_file, take_out_file, take_out_brought, hold_brought]
