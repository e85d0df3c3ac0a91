"""Pages of messages: posting, editing, deleting, answering by emoji; typing; files."""

from __future__ import annotations

from typing import Any

from litestar import MediaType, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.response import Redirect

from app.accounts.access import AnyRequest, host_of
from app.accounts.members import Member
from app.accounts.shell import render_page
from app.chat.attachment_pages import delete_files, files_of
from app.chat.attachments import MOST_A_MESSAGE, find_unsent, has_files, take_off
from app.chat.channels import push_change, push_message, push_people, push_rooms
from app.chat.composer import MESSAGE_LIMIT, make_key
from app.chat.drafts import delete_draft, place_of
from app.chat.limits import WritingLimit
from app.chat.messages import (
    Message,
    SentAlready,
    delete_message,
    edit_message,
    find_answered,
    get_message,
    list_revisions,
    post_message,
)
from app.chat.notices import notify_edit, notify_message, withdraw_message
from app.chat.reactions import react
from app.chat.room_pages import render_room
from app.chat.rooms import Room, find_membership, get_room
from app.chat.timeline import ShownMessage, find_mentions, show_message, show_plain
from app.database import Transaction
from app.live.node import Node
from app.live.presence import Person
from app.settings import Settings
from app.web.calls import is_call, refuse_call
from app.web.forms import Form, Invalid, number_of
from app.web.templates import render
from app.web.texts import _l

MESSAGES = "/chat/{slug:str}/messages/{number:int}"


def origin_of(request: AnyRequest, settings: Settings) -> str:
    """The origin that addresses of this workspace begin with."""
    return f"{settings.scheme}://{host_of(request)}"


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
        if is_call(request):
            return refuse_message(transaction, invalid)
        key = "" if isinstance(invalid, SentAlready) else form["key"]
        error = next(iter(invalid.errors.values()))
        return await render_room(
            request,
            transaction,
            member,
            room,
            reply=await show_answered(transaction, room, number_of(form["reply"])),
            text=form["text"],
            key=key,
            error=error,
            status=invalid.status,
        )
    if is_call(request):
        return Response(make_key(), status_code=200, media_type=MediaType.TEXT)
    return Redirect(f"/chat/{slug}?at=end#composer", status_code=303)


async def show_answered(transaction: Transaction, room: Room, message_id: int) -> ShownMessage | None:
    """The message of the room that was going to be answered, if it can be."""
    found = await find_answered(transaction, room, message_id)
    return await show_message(transaction, await transaction.get_one(Message, found)) if found else None


def refuse_message(transaction: Transaction, invalid: Invalid) -> Response[Any]:
    """Tell the page why a message is not posted; where the box's key is used up, the key of the next one."""
    if isinstance(invalid, SentAlready):
        return Response(make_key(), status_code=409, media_type=MediaType.TEXT)
    return refuse_call(transaction.tenant.language, next(iter(invalid.errors.values())), invalid.status)


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
    brought = [number_of(text) for text in form.values.get("file", [])]
    if len(brought) > MOST_A_MESSAGE:
        raise Invalid(text=_l("A message takes up to %(limit)d files.", limit=MOST_A_MESSAGE))
    files = await find_unsent(transaction, room, member, brought)
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
        await delete_draft(transaction, member, place_of(room))
        plain = not (files or message.reply_to_id or rendered.refers)
        shown = show_plain(message, member) if plain else await show_message(transaction, message)
        await push_message(transaction, room, shown)
        await notify_message(transaction, room, message, member, rendered)
        if before is None and room.kind != "discussion":
            await push_rooms(transaction, member)
            push_people(transaction, room)
    return message


@post("/chat/{slug:str}/typing")
async def type_in_room(request: AnyRequest, transaction: Transaction, member: Member, slug: str) -> Response[Any]:
    """Tell those who look at a room that somebody types. It is not logged, and gone after some seconds."""
    room = await get_room(transaction, member, slug)
    return signal_typing(request, transaction, member, f"room.{room.id}", place_of(room))


def signal_typing(
    request: AnyRequest, transaction: Transaction, member: Member, channel: str, place: str
) -> Response[Any]:
    """Say on a channel that a member types in the box of a place."""
    node: Node = request.app.state.node
    person = Person(member.id, member.name)
    html = render(transaction.tenant.language, "chat/typing_push.html", place=place, person=person)
    node.signal(transaction.tenant.id, channel, html)
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
    writing: WritingLimit,
    slug: str,
    number: int,
    form: Form,
) -> Response[Any]:
    """Save one's own message anew."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    named = (await find_mentions(transaction, [message.id]))[message.id]
    try:
        await writing.check(member, change=True)
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
            return refuse_call(transaction.tenant.language, error, invalid.status)
        return await render_message_form(request, transaction, member, room, message, form, status=invalid.status)
    if changed:
        await notify_edit(transaction, room, message)
        await push_change(transaction, room, message, named=named)
    if is_call(request):
        return Response(None, status_code=204)
    return Redirect(f"/chat/{slug}?at={message.number}", status_code=303)


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
    named = (await find_mentions(transaction, [message.id]))[message.id]
    if await delete_message(transaction, message, member):
        keys = await take_off(transaction, message)
        await withdraw_message(transaction, room, message)
        await push_change(transaction, room, message, named=named)
        directory = files_of(settings, transaction.tenant)
        transaction.after_commit.append(lambda: delete_files(directory, keys))
    if is_call(request):
        return Response(None, status_code=204)
    return Redirect(f"/chat/{slug}?at={message.number}", status_code=303)


@post(f"{MESSAGES}/react")
async def put_emoji(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    writing: WritingLimit,
    slug: str,
    number: int,
    form: Form,
) -> Response[Any]:
    """Put an emoji under a message, or take one's own away."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    try:
        await writing.check(member, change=True)
        if not await react(transaction, message, member, form["emoji"], on=True):
            await react(transaction, message, member, form["emoji"], on=False)
    except Invalid as invalid:
        error = next(iter(invalid.errors.values()))
        return refuse_call(transaction.tenant.language, error, invalid.status)
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


handlers = [
    post_to_room,
    type_in_room,
    show_message_form,
    change_message,
    remove_message,
    put_emoji,
    show_message_history,
]
