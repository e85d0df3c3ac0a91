"""What is said in rooms: posted, changed, deleted, and answered by emoji."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from litestar import Response
from sqlalchemy import bindparam, select

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.chat.attachments import has_files
from app.chat.limits import Pace
from app.chat.memberships import get_room
from app.chat.message_changes import delete_message, edit_message
from app.chat.messages import Message, find_message
from app.chat.posting import post_message
from app.chat.reactions import check_emoji, prepare_emoji, react
from app.chat.rewriting import Filled, fill_as_before
from app.chat.rooms import Room
from app.chat.text.rendering import FindEdited, prepare_text
from app.chat.timeline import count_edits
from app.database import PreparedSelect, Transaction
from app.programs.access import Caller
from app.programs.chat_shapes import (
    MessageChange,
    MessageShape,
    NewMessage,
    NewReaction,
    ReactionShape,
    shape_messages,
)
from app.programs.endpoints.rooms import MESSAGE, NEWEST, ROOM_MESSAGES, answer_message, open_message
from app.programs.problems import Problem
from app.programs.records import IfMatch, as_forms_have_it, read_version
from app.programs.routes import API, adds, changes, removes

FIND_MESSAGE_ID = PreparedSelect(
    lambda: select(Message.id).where(Message.room_id == bindparam("room_id"), Message.number == bindparam("number"))
)
MESSAGE_LIMIT = 256 * 1024


async def prepare_given(request: AnyRequest, kind: Any, edits: FindEdited | None = None) -> None:
    """Have a long text rendered before the transaction that stores it begins: others would wait for it."""
    caller: Caller = request.scope["state"]["caller"]
    try:
        given = msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return  # which is said later
    site = request.app.state
    origin = site.settings.workspace_url(request.scope["state"]["slug"], "")
    pace = Pace(None, caller.tenant_id)
    text = as_forms_have_it(given.text)
    request.state.typed = await prepare_text(site.database, pace, text, origin, edits=edits)


async def prepare_message(request: AnyRequest) -> None:
    """Prepare one that is to be posted."""
    await prepare_given(request, NewMessage)


async def prepare_change(request: AnyRequest) -> None:
    """Prepare what one is changed to."""
    slug, number = request.path_params["slug"], request.path_params["message"]

    async def find_edited(reading: Transaction) -> tuple[str, Filled] | None:
        if not 0 < number < NEWEST:
            return None
        message = await find_message(reading, slug, number)
        return (message.html, await fill_as_before(reading, message.text, "")) if message else None

    await prepare_given(request, MessageChange, find_edited)


@adds(ROOM_MESSAGES, scope="chat:write", answers=(410,), request_max_body_size=MESSAGE_LIMIT, prepare=prepare_message)
async def say_message(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, data: NewMessage
) -> Response[MessageShape]:
    """Post a message into a room, joining it."""
    return await post_given(request, transaction, member, await get_room(transaction, member, slug), data)


async def post_given(
    request: AnyRequest, transaction: Transaction, member: Member, room: Room, data: NewMessage
) -> Response[MessageShape]:
    """Post what a program gives into a room."""
    answered = 0
    if data.reply_to is not None:
        if 0 < data.reply_to < NEWEST:
            answered = await transaction.value(FIND_MESSAGE_ID, room_id=room.id, number=data.reply_to) or 0
        if not answered:
            raise Problem("invalid", errors={"reply_to": "There is no such message."})
    if any(not 0 < each < 2**31 for each in data.files):
        raise Problem("invalid", errors={"files": "There is no such file."})
    text = request.state.get("typed") or as_forms_have_it(data.text)
    key = secrets.token_urlsafe(16)
    message, _ = await post_message(
        transaction, room, member, key=key, text=text, reply_to_id=answered, files=set(data.files)
    )
    return await answer_message(
        transaction, message, status=201, location=f"{API}/rooms/{room.slug}/messages/{message.number}"
    )


@changes(
    MESSAGE,
    scope="chat:write",
    answers=(410, 412, 428),
    request_max_body_size=MESSAGE_LIMIT,
    prepare=prepare_change,
)
async def change_message_by_program(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    message: int,
    data: MessageChange,
    if_match: IfMatch = None,
) -> Response[MessageShape]:
    """Change the text of one's own message. What it said before is kept."""
    version = read_version(if_match)
    _, found = await open_message(transaction, member, slug, message)
    edits = (await count_edits(transaction, [found.id])).get(found.id, 0)
    if found.member_id == member.id and found.deleted_at is None and version != edits + 1:
        raise Problem("version-changed", f"It is at version {edits + 1} by now.", version=edits + 1)
    text = request.state.get("typed") or as_forms_have_it(data.text)
    with_files = await has_files(transaction, found)
    await edit_message(transaction, found, member, text=text, with_files=with_files, edits=edits)
    return await answer_message(transaction, found)


@removes(MESSAGE, scope="chat:write")
async def delete_message_by_program(transaction: Transaction, member: Member, slug: str, message: int) -> None:
    """Delete a message with its files; one's own, or as an admin. What is deleted already is no error."""
    _, found = await open_message(transaction, member, slug, message)
    await delete_message(transaction, found, member)


@adds(MESSAGE + "/reactions", scope="chat:write", status_code=200, prepare=prepare_emoji)
async def put_reaction(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, message: int, data: NewReaction
) -> ReactionShape:
    """Put an emoji under a message. What is there already is no error."""
    _, found = await open_message(transaction, member, slug, message)
    await react(transaction, found, member, data.emoji, on=True)
    emoji = check_emoji(data.emoji)
    (shape,) = await shape_messages(transaction, [found])
    return next(each for each in shape.reactions if each.emoji == emoji)


@removes(MESSAGE + "/reactions/{emoji:str}", scope="chat:write", answers=(), prepare=prepare_emoji)
async def take_reaction(transaction: Transaction, member: Member, slug: str, message: int, emoji: str) -> None:
    """Take one's own emoji away again. What is not there is no error."""
    _, found = await open_message(transaction, member, slug, message)
    await react(transaction, found, member, emoji, on=False)


endpoints = [say_message, change_message_by_program, delete_message_by_program, put_reaction, take_reaction]
