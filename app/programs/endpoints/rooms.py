"""Rooms, what is said in them, and what was."""

from __future__ import annotations

from litestar import Response
from litestar.exceptions import NotFoundException
from sqlalchemy import bindparam, select

from app.accounts.members import Member
from app.accounts.mentions import read_texts
from app.chat.direct_rooms import find_name
from app.chat.memberships import find_membership, get_room
from app.chat.message_changes import list_revisions
from app.chat.messages import Message, get_message
from app.chat.room_lists import ListedRoom, list_rooms
from app.chat.rooms import Room
from app.database import PreparedSelect, Transaction
from app.folding import fold
from app.programs.chat_shapes import (
    MessageRevisionShape,
    MessageShape,
    ReactionShape,
    RoomShape,
    shape_listed_room,
    shape_messages,
    shape_room,
)
from app.programs.lists import DEFAULT_LIMIT, After, ItemNumber, Limit, cut_part, page_rows, read_cursor
from app.programs.routes import ListPart, reads
from app.programs.shapes import in_utc

ROOM = "/rooms/{slug:str}"
ROOM_MESSAGES = ROOM + "/messages"
MESSAGE = ROOM_MESSAGES + "/{message:int}"
NEWEST = 2**62

LIST_MESSAGES_BEFORE = PreparedSelect(
    lambda: (
        select(Message)
        .where(
            Message.room_id == bindparam("room_id"),
            Message.number < bindparam("before"),
            Message.number > bindparam("after"),
        )
        .order_by(Message.number.desc())
        .limit(bindparam("most"))
    )
)
LIST_MESSAGES_AFTER = PreparedSelect(
    lambda: (
        select(Message)
        .where(
            Message.room_id == bindparam("room_id"),
            Message.number < bindparam("before"),
            Message.number > bindparam("after"),
        )
        .order_by(Message.number)
        .limit(bindparam("most"))
    )
)
LIST_REPLIES = PreparedSelect(
    lambda: (
        select(Message)
        .where(
            Message.room_id == bindparam("room_id"),
            Message.reply_to_id == bindparam("message_id"),
            Message.number > bindparam("after"),
        )
        .order_by(Message.number)
        .limit(bindparam("most"))
    )
)


def place_of_room(room: ListedRoom) -> tuple[int, str, int]:
    """What the list of rooms is sorted by."""
    return 1 + (room.kind == "direct"), fold(room.name), room.id


@reads("/rooms", scope="chat:read")
async def list_rooms_for_programs(
    transaction: Transaction, member: Member, limit: Limit = DEFAULT_LIMIT, next: After = ""
) -> ListPart[RoomShape]:
    """The rooms that one is in, or may join, by name; direct ones after the others."""
    rooms = await list_rooms(transaction, member)
    reached = [each for each in rooms if member.grant.reaches([("room", each.id)])]
    shown, following = cut_part(reached, limit, next, "rooms", place_of_room, int, str, int)
    return ListPart([shape_listed_room(each) for each in shown], following)


@reads(ROOM, scope="chat:read")
async def show_room_to_program(transaction: Transaction, member: Member, slug: str) -> RoomShape:
    """A room, archived or not."""
    room = await get_room(transaction, member, slug)
    joined = await find_membership(transaction, room, member) is not None
    return shape_room(room, await find_name(transaction, member, room), joined=joined)


@reads(ROOM_MESSAGES, scope="chat:read")
async def list_messages_for_programs(
    transaction: Transaction,
    member: Member,
    slug: str,
    before: ItemNumber = None,
    after: ItemNumber = None,
    limit: Limit = DEFAULT_LIMIT,
    next: After = "",
) -> ListPart[MessageShape]:
    """The messages of a room, the newest first; with `after`, those behind the one of that number, the oldest first.
    With `before`, those before the one of that number."""
    room = await get_room(transaction, member, slug)
    return await list_part_of_room(transaction, room, before, after, limit, next)


async def list_part_of_room(
    transaction: Transaction, room: Room, before: int | None, after: int | None, limit: int, next: str
) -> ListPart[MessageShape]:
    """A part of the messages of a room, likewise."""
    goes_up = after is not None
    place = read_cursor(next, int)
    bounds = {"before": NEWEST if before is None else before, "after": after or 0}
    if place:
        bounds["after" if goes_up else "before"] = place[0]
    listed = LIST_MESSAGES_AFTER if goes_up else LIST_MESSAGES_BEFORE
    rows = await transaction.column(listed, room_id=room.id, most=limit + 1, **bounds)
    return await part_of_messages(transaction, rows, limit)


async def part_of_messages(transaction: Transaction, rows: list[Message], limit: int) -> ListPart[MessageShape]:
    """A part of a list of messages, of which one more was read than is asked for."""
    shapes = {shape.number: shape for shape in await shape_messages(transaction, rows[:limit])}
    return page_rows(rows, limit, lambda row: shapes[row.number], lambda row: (row.number,))


async def open_message(transaction: Transaction, member: Member, slug: str, number: int) -> tuple[Room, Message]:
    """A message with its room, for who may see it. Raises NotFoundException."""
    room = await get_room(transaction, member, slug)
    if not 0 < number < NEWEST:
        raise NotFoundException
    return room, await get_message(transaction, room, number)


async def answer_message(
    transaction: Transaction, message: Message, *, status: int = 200, **headers: str
) -> Response[MessageShape]:
    """A message, with its version as its tag."""
    (shape,) = await shape_messages(transaction, [message])
    return Response(shape, status_code=status, headers={"ETag": f'"{shape.version}"', **headers})


@reads(MESSAGE, scope="chat:read")
async def show_message_to_program(
    transaction: Transaction, member: Member, slug: str, message: int
) -> Response[MessageShape]:
    """A message; of a deleted one, that it was there."""
    _, found = await open_message(transaction, member, slug, message)
    return await answer_message(transaction, found)


@reads(MESSAGE + "/replies", scope="chat:read")
async def list_replies(
    transaction: Transaction, member: Member, slug: str, message: int, limit: Limit = DEFAULT_LIMIT, next: After = ""
) -> ListPart[MessageShape]:
    """The messages that answer this one, the oldest first."""
    room, found = await open_message(transaction, member, slug, message)
    after = (read_cursor(next, int) or [0])[0]
    rows = await transaction.column(LIST_REPLIES, room_id=room.id, message_id=found.id, after=after, most=limit + 1)
    return await part_of_messages(transaction, rows, limit)


@reads(MESSAGE + "/reactions", scope="chat:read")
async def list_reactions(transaction: Transaction, member: Member, slug: str, message: int) -> ListPart[ReactionShape]:
    """The emoji under a message, all at once, in the order in which they came."""
    _, found = await open_message(transaction, member, slug, message)
    (shape,) = await shape_messages(transaction, [found])
    return ListPart(shape.reactions, None)


@reads(MESSAGE + "/revisions", scope="chat:read")
async def list_message_revisions(
    transaction: Transaction, member: Member, slug: str, message: int, limit: Limit = DEFAULT_LIMIT, next: After = ""
) -> ListPart[MessageRevisionShape]:
    """What a message was before it was changed, the oldest first; for who wrote it, and admins."""
    _, found = await open_message(transaction, member, slug, message)
    revisions = await list_revisions(transaction, found, member)
    after = (read_cursor(next, int) or [0])[0]
    rows = [each for each in revisions if each.number > after][: limit + 1]
    texts = await read_texts(transaction, *(each.text for each in rows))
    said = {each.number: text for each, text in zip(rows, texts, strict=True)}
    return page_rows(
        rows,
        limit,
        lambda each: MessageRevisionShape(each.number, said[each.number], in_utc(each.made_at)),
        lambda each: (each.number,),
    )


endpoints = [
    list_rooms_for_programs,
    show_room_to_program,
    list_messages_for_programs,
    show_message_to_program,
    list_replies,
    list_reactions,
    list_message_revisions,
]
