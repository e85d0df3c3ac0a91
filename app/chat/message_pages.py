"""Pages of messages: posting, editing, deleting, answering by emoji; typing; files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from litestar import MediaType, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.response import File, Redirect

from app.accounts.access import AnyRequest, host_of
from app.accounts.members import Member
from app.accounts.shell import render_page
from app.chat.attachments import Attachment, add_attachment, find_unsent, get_attachment, has_files, take_off
from app.chat.channels import push_change, push_message, push_rooms
from app.chat.limits import WritingLimit
from app.chat.messages import (
    Message,
    delete_message,
    edit_message,
    get_message,
    list_revisions,
    post_message,
    react,
)
from app.chat.notices import notify_edit, notify_message, withdraw_message
from app.chat.room_pages import make_key, number_of, render_room
from app.chat.rooms import Room, find_membership, get_room
from app.chat.timeline import show_message, show_plain
from app.database import Database, Tenant, Transaction
from app.live.node import Node
from app.live.presence import Person
from app.settings import Settings
from app.web.errors import EXPLANATIONS, is_disk_full
from app.web.file_names import content_disposition
from app.web.forms import Form, Invalid
from app.web.templates import render
from app.web.texts import _l
from app.web.uploads import (
    TooLarge,
    Unreadable,
    delete_stored,
    path_of,
    preview_of,
    read_multipart,
)

# Eight thousand characters take up to twelve bytes each in a form.
MESSAGE_LIMIT = 128 * 1024
MESSAGES = "/chat/{slug:str}/messages/{number:int}"


def origin_of(request: AnyRequest, settings: Settings) -> str:
    """The origin that addresses of this workspace begin with."""
    return f"{settings.scheme}://{host_of(request)}"


def files_of(settings: Settings, tenant: Tenant) -> Path:
    """Where the files of a workspace are."""
    return settings.data_dir / "files" / str(tenant.id)


def is_call(request: AnyRequest) -> bool:
    """Whether a page of ours asks by itself, and shows no other page."""
    return "x-page" in request.headers


@post("/chat/{slug:str}", request_max_body_size=MESSAGE_LIMIT)
async def post_to_room(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    writing: WritingLimit,
    slug: str,
    form: Form,
) -> Response[Any]:
    """Post a message."""
    room = await get_room(transaction, member, slug)
    try:
        await say(request, transaction, member, settings, writing, room, form)
    except Invalid as invalid:
        error = next(iter(invalid.errors.values()))
        if is_call(request):
            return Response(error.translate(transaction.tenant.language), status_code=422, media_type=MediaType.TEXT)
        return await render_room(
            request, transaction, member, room, text=form["text"], key=form["key"], error=error, status=422
        )
    if is_call(request):
        return Response(make_key(), status_code=200, media_type=MediaType.TEXT)
    return Redirect(f"/chat/{slug}?at=end#composer", status_code=303)


async def say(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    writing: WritingLimit,
    room: Room,
    form: Form,
) -> Message:
    """Post what a box holds, and publish it. Raises Invalid."""
    await writing.check(member)
    files = await find_unsent(transaction, room, member, [number_of(text) for text in form.values.get("file", [])])
    before = await find_membership(transaction, room, member)
    message, rendered = await post_message(
        transaction,
        room,
        member,
        key=form["key"],
        text=form["text"],
        origin=origin_of(request, settings),
        reply_to_id=number_of(form["reply"]),
        with_files=bool(files),
    )
    if rendered is not None:
        for attachment in files:
            attachment.message_id = message.id
        membership = await find_membership(transaction, room, member)
        if membership is not None:
            membership.draft = ""
        await transaction.flush()
        plain = not (files or message.reply_to_id or rendered.refers)
        shown = show_plain(message, member) if plain else await show_message(transaction, message)
        await push_message(transaction, room, shown)
        await notify_message(transaction, room, message, member, rendered)
        if before is None and room.kind != "discussion":
            await push_rooms(transaction, member)
    return message


@post("/chat/{slug:str}/typing")
async def type_in_room(request: AnyRequest, transaction: Transaction, member: Member, slug: str) -> Response[Any]:
    """Tell those who look at a room that somebody types. It is not logged, and gone after some seconds."""
    room = await get_room(transaction, member, slug)
    node: Node = request.app.state.node
    html = render(
        transaction.tenant.language,
        "chat/typing_push.html",
        room_id=room.id,
        person=Person(member.id, member.name),
    )
    node.signal(transaction.tenant.id, f"room.{room.id}", html)
    return Response(None, status_code=204)


@get(f"{MESSAGES}/edit")
async def show_message_form(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int
) -> Response[str]:
    """The form of one's own message."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    if message.member_id != member.id or message.deleted_at is not None:
        raise NotFoundException
    return await render_message_form(request, transaction, member, room, message, Form([("text", message.text)]))


async def render_message_form(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    room: Room,
    message: Message,
    form: Form,
    status: int = 200,
) -> Response[str]:
    """A message's form, with what was typed."""
    return await render_page(
        request, transaction, member, "chat/message_form.html", room=room, message=message, form=form, status=status
    )


@post(f"{MESSAGES}/edit", request_max_body_size=MESSAGE_LIMIT)
async def change_message(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    slug: str,
    number: int,
    form: Form,
) -> Response[Any]:
    """Save one's own message anew."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    try:
        changed = await edit_message(
            transaction,
            message,
            member,
            text=form["text"],
            origin=origin_of(request, settings),
            with_files=await has_files(transaction, message),
        )
    except Invalid as invalid:
        form.errors = invalid.errors
        error = next(iter(invalid.errors.values()))
        if is_call(request):
            return Response(error.translate(transaction.tenant.language), status_code=422, media_type=MediaType.TEXT)
        return await render_message_form(request, transaction, member, room, message, form, status=422)
    if changed:
        await notify_edit(transaction, room, message)
        await push_change(transaction, room, message)
    if is_call(request):
        return Response(None, status_code=204)
    return Redirect(f"/chat/{slug}?at={message.number}", status_code=303)


async def delete_files(directory: Path, keys: Iterable[str]) -> None:
    """Delete files from the disk."""
    for key in keys:
        await asyncio.to_thread(delete_stored, directory, key)


@post(f"{MESSAGES}/delete")
async def remove_message(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    slug: str,
    number: int,
) -> Response[Any]:
    """Delete a message with its files."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    if await delete_message(transaction, message, member):
        keys = await take_off(transaction, message)
        await withdraw_message(transaction, room, message)
        await push_change(transaction, room, message)
        directory = files_of(settings, transaction.tenant)
        transaction.after_commit.append(lambda: delete_files(directory, keys))
    if is_call(request):
        return Response(None, status_code=204)
    return Redirect(f"/chat/{slug}?at={message.number}", status_code=303)


@post(f"{MESSAGES}/react")
async def put_emoji(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int, form: Form
) -> Response[Any]:
    """Put an emoji under a message, or take one's own away."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    try:
        if not await react(transaction, message, member, form["emoji"], on=True):
            await react(transaction, message, member, form["emoji"], on=False)
    except Invalid as invalid:
        error = next(iter(invalid.errors.values()))
        return Response(error.translate(transaction.tenant.language), status_code=422, media_type=MediaType.TEXT)
    await push_change(transaction, room, message)
    if is_call(request):
        return Response(None, status_code=204)
    return Redirect(f"/chat/{slug}?at={message.number}", status_code=303)


@get(f"{MESSAGES}/history")
async def show_message_history(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int
) -> Response[str]:
    """What a message was before it was edited, for its author and admins."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    revisions = await list_revisions(transaction, message, member)
    return await render_page(
        request, transaction, member, "chat/history.html", room=room, message=message, revisions=revisions
    )


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
    """Store the files of a form for a room that the member may see. The transaction is ended before they are read."""
    tenant = transaction.tenant
    directory = files_of(settings, tenant)
    quota = settings.files_quota_megabytes * 1_000_000
    limit = settings.file_limit_megabytes * 1_000_000
    await transaction.close()  # a long upload holds no connection
    try:
        _, stored = await read_multipart(
            request.stream(), request.headers.get("content-type", ""), directory=directory, limit=limit
        )
    except TooLarge:
        return refuse_file(tenant, _l("A file may have up to %(limit)d MB.", limit=limit // 1_000_000), 413)
    except Unreadable:
        return refuse_file(tenant, _l("There was no file in it."), 400)
    except OSError as error:
        if not is_disk_full(error):
            raise
        return refuse_file(tenant, EXPLANATIONS[507], 507)
    added: list[Attachment] = []
    try:
        async with database.write(tenant.id) as writing:
            for file in stored:
                added.append(await add_attachment(writing, room, member, file, quota=quota))
    except BaseException as error:  # whatever it is, no file stays that nothing names
        await delete_files(directory, [file.key for file in stored])
        if isinstance(error, Invalid):
            return refuse_file(tenant, next(iter(error.errors.values())), 422)
        raise
    html = render(tenant.language, "chat/brought.html", files=added)
    return Response(html, status_code=200, media_type=MediaType.HTML)


def refuse_file(tenant: Tenant, text: Any, status: int) -> Response[str]:
    """Say in a line why a file is not taken."""
    return Response(text.translate(tenant.language), status_code=status, media_type=MediaType.TEXT)


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


handlers = [
    post_to_room,
    type_in_room,
    show_message_form,
    change_message,
    remove_message,
    put_emoji,
    show_message_history,
    bring_files,
    show_preview,
    show_file,
]
