"""Pages of messages: posting, editing, deleting, answering by emoji; typing; files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import MediaType, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.response import Redirect

from app.accounts.access import AnyRequest, host_of
from app.accounts.members import Member
from app.accounts.mentions import read_texts
from app.accounts.shell import render_page
from app.accounts.undo import lead_to, show_offer
from app.chat.attachments import MOST_A_MESSAGE, Attachment, find_unsent, has_files, list_files
from app.chat.channels import push_change, push_message, push_people, push_rooms
from app.chat.composer import MESSAGE_LIMIT
from app.chat.drafts import delete_draft, keep_draft, place_of
from app.chat.limits import Pace
from app.chat.messages import (
    ChangedMeanwhile,
    Message,
    SentAlready,
    delete_message,
    edit_message,
    find_answered,
    find_any_posted,
    find_posted,
    get_message,
    list_revisions,
    post_message,
)
from app.chat.notices import notify_edit, notify_message, withdraw_message
from app.chat.reactions import react
from app.chat.room_pages import render_room
from app.chat.rooms import Room, find_membership, find_name, get_room
from app.chat.timeline import ShownMessage, count_edits, find_mentions, show_message, show_plain
from app.chat.undoing import keep_message, offer_message
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
    writing: Pace,
    slug: str,
    form: Form,
) -> Response[Any]:
    """Post a message."""
    room = await get_room(transaction, member, slug)
    try:
        message = await say(request, transaction, member, settings, writing, room, form)
    except Invalid as invalid:
        if is_call(request):
            return await refuse_message(transaction, invalid)
        key = "" if isinstance(invalid, SentAlready) else form["key"]
        error = next(iter(invalid.errors.values()))
        page = await render_room(
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
        page.headers.update(invalid.headers)
        return page
    if is_call(request):
        return answer_posted(message)
    return Redirect(f"/chat/{slug}?at=end#composer", status_code=303)


def answer_posted(message: Message) -> Response[Any]:
    """Tell the page which message it is that it has sent."""
    posted = {"id": message.id, "number": message.number, "key": message.key}
    return Response(posted, status_code=200, media_type=MediaType.JSON)


async def show_answered(transaction: Transaction, room: Room, message_id: int) -> ShownMessage | None:
    """The message of the room that was going to be answered, if it can be."""
    found = await find_answered(transaction, room, message_id)
    return await show_message(transaction, await transaction.get_one(Message, found)) if found else None


async def refuse_message(transaction: Transaction, invalid: Invalid) -> Response[Any]:
    """Tell the page why a message is not posted or changed; where it would stand against another, what is stored."""
    if isinstance(invalid, SentAlready | ChangedMeanwhile):
        return await answer_stored(transaction, invalid.message)
    words = next(iter(invalid.errors.values()))
    return refuse_call(transaction.tenant.language, words, invalid.status, dict(invalid.headers))


async def answer_stored(transaction: Transaction, message: Message) -> Response[Any]:
    """Tell a page what is stored of its member's own message, that it may not replace unseen."""
    stored = {
        "id": message.id,
        "number": message.number,
        "key": message.key,
        "text": (await read_texts(transaction, message.text))[0],
        "reply": message.reply_to_id,
        "files": [file.id for file in await list_files(transaction, message)],
        "edits": (await count_edits(transaction, [message.id])).get(message.id, 0),
        "deleted": message.deleted_at is not None,
    }
    return Response(stored, status_code=409, media_type=MediaType.JSON)


async def say(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    writing: Pace,
    room: Room,
    form: Form,
) -> Message:
    """Post what a box holds, and publish it. Raises Invalid."""
    writing.check()
    brought = {number_of(text) for text in form.values.get("file", [])} - {0}  # which names no file
    await check_taken_back(transaction, member, form)
    files = await take_files(transaction, room, member, form["key"], brought)
    before = await find_membership(transaction, room, member)
    message, rendered = await post_message(
        transaction,
        room,
        member,
        key=form["key"],
        text=form["text"],
        origin=origin_of(request, settings),
        reply_to_id=number_of(form["reply"]),
        files=brought,
    )
    if rendered is not None:
        for attachment in files:
            attachment.message_id = message.id
        keys = [message.key, *form.values.get("instead", [])]
        await delete_draft(transaction, member, place_of(room), keys=keys)
        plain = not (files or message.reply_to_id or rendered.refers)
        shown = show_plain(message, member) if plain else await show_message(transaction, message)
        await push_message(transaction, room, shown)
        await notify_message(transaction, room, message, member, rendered)
        if before is None and room.kind != "discussion":
            await push_rooms(transaction, member)
            push_people(transaction, room)
    return message


async def take_files(
    transaction: Transaction, room: Room, member: Member, key: str, brought: set[int]
) -> Sequence[Attachment]:
    """The files that go with a message. Raises Invalid when there are too many, or one of them is not there.

    Of a message that is posted they are no more to be had, and need not be.
    """
    if not brought or await find_posted(transaction, member, key) is not None:
        return []
    if len(brought) > MOST_A_MESSAGE:
        raise Invalid(text=_l("A message takes up to %(limit)d files.", limit=MOST_A_MESSAGE))
    files = await find_unsent(transaction, room, member, sorted(brought))
    if len(files) < len(brought):
        raise Invalid(text=_l("A file is not there any more. Attach it again."))
    return files


async def check_taken_back(transaction: Transaction, member: Member, form: Form) -> None:
    """Raise SentAlready when a message is sent instead of one that was taken back, and that one has come after all.

    The page had no answer to it, and could not know.
    """
    instead = form.values.get("instead", [])
    if instead and await find_posted(transaction, member, form["key"]) is None:
        posted = await find_any_posted(transaction, member, instead)
        if posted is not None:
            raise SentAlready(posted)


@post("/chat/{slug:str}/draft", request_max_body_size=MESSAGE_LIMIT)
async def keep_room_draft(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Keep what is in the box of a room."""
    room = await get_room(transaction, member, slug)
    return await answer_draft(transaction, member, place_of(room), form)


async def answer_draft(transaction: Transaction, member: Member, place: str, form: Form) -> Response[Any]:
    """Keep what is in a box; where something was sent with its key already, say what."""
    key, reply = form["key"], number_of(form["reply"])
    if not await keep_draft(transaction, member, place, form["text"], key=key, reply_to_id=reply):
        posted = await find_posted(transaction, member, key)
        if posted is not None:
            return await answer_stored(transaction, posted)
    return Response(None, status_code=204)


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
    edits = (await count_edits(transaction, [message.id])).get(message.id, 0)
    (text,) = await read_texts(transaction, message.text)
    form = Form([("text", text), ("edits", str(edits))])
    return await render_message_form(request, transaction, member, room, message, form)


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
        request,
        transaction,
        member,
        "chat/message_form.html",
        room=room,
        room_name=await find_name(transaction, member, room),
        message=message,
        form=form,
        status=status,
    )


@post(f"{MESSAGES}/edit", request_max_body_size=MESSAGE_LIMIT)
async def change_message(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    changing: Pace,
    slug: str,
    number: int,
    form: Form,
) -> Response[Any]:
    """Save one's own message anew."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    named = (await find_mentions(transaction, [message.id]))[message.id]
    try:
        changing.check()
        rendered = await edit_message(
            transaction,
            message,
            member,
            text=form["text"],
            origin=origin_of(request, settings),
            with_files=await has_files(transaction, message),
            edits=number_of(form["edits"]) if "edits" in form else None,
        )
    except Invalid as invalid:
        if is_call(request):
            return await refuse_message(transaction, invalid)
        form.errors = invalid.errors
        if isinstance(invalid, ChangedMeanwhile):
            edits = (await count_edits(transaction, [message.id])).get(message.id, 0)
            form.values["edits"] = [str(edits)]
        page = await render_message_form(request, transaction, member, room, message, form, status=invalid.status)
        page.headers.update(invalid.headers)
        return page
    if rendered is not None:
        await notify_edit(transaction, room, message, member, rendered, named=named)
        await push_change(transaction, room, message, named=named)
    if is_call(request):
        return Response(None, status_code=204)
    return Redirect(f"/chat/{slug}?at={message.number}", status_code=303)


@post(f"{MESSAGES}/delete")
async def remove_message(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
) -> Response[Any]:
    """Delete a message with its files; for some minutes they can be had back."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    named = (await find_mentions(transaction, [message.id]))[message.id]
    state = await keep_message(transaction, room, message)
    offer = None
    if await delete_message(transaction, message, member):
        offer = await offer_message(transaction, message, member, state)
        await withdraw_message(transaction, room, message)
        await push_change(transaction, room, message, named=named)
    if is_call(request):
        return Response(None, status_code=204) if offer is None else show_offer(transaction, offer)
    return lead_to(f"/chat/{slug}?at={message.number}", offer)


@post(f"{MESSAGES}/react")
async def put_emoji(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    changing: Pace,
    slug: str,
    number: int,
    form: Form,
) -> Response[Any]:
    """Put an emoji under a message, or take one's own away."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    try:
        changing.check()
        if not await react(transaction, message, member, form["emoji"], on=True):
            await react(transaction, message, member, form["emoji"], on=False)
    except Invalid as invalid:
        return await refuse_message(transaction, invalid)
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
    texts = await read_texts(transaction, *(revision.text for revision in revisions), message.text)
    return await render_page(
        request,
        transaction,
        member,
        "chat/history.html",
        room=room,
        room_name=await find_name(transaction, member, room),
        message=message,
        revisions=list(zip(revisions, texts, strict=False)),
        text=texts[-1],
    )


handlers = [
    post_to_room,
    keep_room_draft,
    type_in_room,
    show_message_form,
    change_message,
    remove_message,
    put_emoji,
    show_message_history,
]
