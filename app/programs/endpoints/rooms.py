"""Rooms, and what is said in them."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from litestar import Response
from sqlalchemy import bindparam, select

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.mentions import read_texts
from app.chat.limits import Pace
from app.chat.memberships import get_room
from app.chat.messages import Message
from app.chat.posting import post_message
from app.chat.room_lists import ListedRoom, list_rooms
from app.chat.text.rendering import prepare_text
from app.database import PreparedSelect, Transaction
from app.programs.access import Caller
from app.programs.lists import DEFAULT_LIMIT, After, Limit, page_rows, read_cursor, write_cursor
from app.programs.problems import Problem
from app.programs.records import as_forms_have_it
from app.programs.routes import API, ListPart, adds, reads
from app.programs.shapes import MessageShape, NewMessage, PersonShape, RoomShape, in_utc

FIND_MESSAGE_ID = PreparedSelect(
    lambda: select(Message.id).where(Message.room_id == bindparam("room_id"), Message.number == bindparam("number"))
)
LIST_MESSAGES_BEFORE = PreparedSelect(
    lambda: (
        select(Message, Member.name)
        .join(Member, (Member.id == Message.member_id) & (Member.tenant_id == Message.tenant_id))
        .where(Message.room_id == bindparam("room_id"), Message.number < bindparam("before"))
        .order_by(Message.number.desc())
        .limit(bindparam("most"))
    )
)
LIST_MESSAGE_NUMBERS = PreparedSelect(
    lambda: select(Message.id, Message.number).where(Message.id.in_(bindparam("ids")))
)
MESSAGE_LIMIT = 256 * 1024
NEWEST = 2**62


@reads("/rooms", scope="chat:read")
async def list_rooms_for_programs(
    transaction: Transaction, member: Member, limit: Limit = DEFAULT_LIMIT, next: After = ""
) -> ListPart[RoomShape]:
    """The rooms that one is in, or may join, by name; direct ones after the others."""
    rooms = await list_rooms(transaction, member)
    begin = (read_cursor(next, int) or [0])[0]
    as_forms_have_it = [each for each in rooms if member.grant.reaches([("room", each.id)])]
    shown = as_forms_have_it[begin : begin + limit]
    following = write_cursor(begin + limit) if len(as_forms_have_it) > begin + limit else None
    return ListPart([shape_room(each) for each in shown], following)


def shape_room(room: ListedRoom) -> RoomShape:
    """A room, for programs."""
    return RoomShape(room.slug, room.name, room.description, room.kind, room.joined, f"room.{room.id}")


@reads("/rooms/{slug:str}/messages", scope="chat:read")
async def list_messages_for_programs(
    transaction: Transaction,
    member: Member,
    slug: str,
    limit: Limit = DEFAULT_LIMIT,
    next: After = "",
) -> ListPart[MessageShape]:
    """The messages of a room, the newest first."""
    room = await get_room(transaction, member, slug)
    before = (read_cursor(next, int) or [NEWEST])[0]
    rows = await transaction.rows(LIST_MESSAGES_BEFORE, room_id=room.id, before=before, most=limit + 1)
    shapes = {shape.number: shape for shape in await shape_messages(transaction, rows[:limit])}
    return page_rows(rows, limit, lambda row: shapes[row[0].number], lambda row: (row[0].number,))


async def shape_messages(transaction: Transaction, rows: Any) -> list[MessageShape]:
    """Messages with the names of their authors, for programs."""
    answered = {message.reply_to_id for message, _ in rows if message.reply_to_id}
    numbers = dict(await transaction.rows(LIST_MESSAGE_NUMBERS, ids=answered)) if answered else {}
    texts = await read_texts(transaction, *(message.text for message, _ in rows))
    return [
        MessageShape(
            number=message.number,
            author=PersonShape(message.member_id, name),
            text="" if message.deleted_at else text,
            reply_to=numbers.get(message.reply_to_id),
            created_at=in_utc(message.created_at),
            edited_at=message.edited_at and in_utc(message.edited_at),
            deleted_at=message.deleted_at and in_utc(message.deleted_at),
        )
        for (message, name), text in zip(rows, texts, strict=True)
    ]


async def prepare_message(request: AnyRequest) -> None:
    """Have a long text rendered before the transaction that posts it begins: others would wait for it."""
    caller: Caller = request.scope["state"]["caller"]
    try:
        given = msgspec.json.decode(await request.body(), type=NewMessage)
    except msgspec.DecodeError:
        return  # which is said later
    site = request.app.state
    origin = site.settings.workspace_url(request.scope["state"]["slug"], "")
    pace = Pace(None, caller.tenant_id)
    request.state.typed = await prepare_text(site.database, pace, as_forms_have_it(given.text), origin)


@adds("/rooms/{slug:str}/messages", scope="chat:write", request_max_body_size=MESSAGE_LIMIT, prepare=prepare_message)
async def say_message(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, data: NewMessage
) -> Response[MessageShape]:
    """Post a message into a room, joining it."""
    room = await get_room(transaction, member, slug)
    answered = 0
    if data.reply_to is not None:
        if not 0 < data.reply_to < NEWEST:
            raise Problem("invalid", errors={"reply_to": "There is no such message."})
        answered = await transaction.value(FIND_MESSAGE_ID, room_id=room.id, number=data.reply_to) or 0
        if not answered:
            raise Problem("invalid", errors={"reply_to": "There is no such message."})
    text = request.state.get("typed") or as_forms_have_it(data.text)
    key = secrets.token_urlsafe(16)
    message, _ = await post_message(transaction, room, member, key=key, text=text, reply_to_id=answered)
    (shape,) = await shape_messages(transaction, [(message, member.name)])
    location = f"{API}/rooms/{slug}/messages?limit=1"
    return Response(shape, status_code=201, headers={"Location": location})


endpoints = [list_rooms_for_programs, list_messages_for_programs, say_message]
