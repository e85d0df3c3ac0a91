"""Marks on messages: pinned to their rooms, saved for later, and unread from one on."""

from __future__ import annotations

from datetime import datetime

from litestar import Response

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.chat.memberships import get_room
from app.chat.messages import Message
from app.chat.own_places import mark_unread_from
from app.chat.pins import list_pins, pin_message
from app.chat.rights import of_room
from app.chat.saved import MOST_SAVED, list_saved, save_message
from app.database import Transaction
from app.programs.chat_shapes import MessageShape, shape_messages
from app.programs.endpoints.rooms import MESSAGE, answer_message, open_message
from app.programs.lists import DEFAULT_LIMIT, LAST_NUMBER, After, Limit, cut_part, from_newest
from app.programs.routes import ListPart, adds, reads, removes

ROOM_PINS = "/rooms/{slug:str}/pins"


def place_of_marked(marked: tuple[Message, datetime]) -> tuple[int, int]:
    """What lists of messages are sorted by that were pinned, or saved, at some moment."""
    return from_newest(marked[1]), LAST_NUMBER - marked[0].id


@reads(ROOM_PINS, scope="chat:read")
async def list_pinned_messages(
    transaction: Transaction, member: Member, slug: str, limit: Limit = DEFAULT_LIMIT, next: After = ""
) -> ListPart[MessageShape]:
    """The messages that are pinned to a room, the one that was pinned last first."""
    room = await get_room(transaction, member, slug)
    pins = await list_pins(transaction, room)
    shown, following = cut_part(pins, limit, next, f"pins {room.id}", place_of_marked, int, int)
    return ListPart(await shape_messages(transaction, [message for message, _ in shown]), following)


@adds(MESSAGE + "/pin", scope="chat:write", status_code=200, answers=(410,))
async def pin_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, message: int
) -> Response[MessageShape]:
    """Pin a message to its room, by a member who is in it. One that is pinned already is no error."""
    room, found = await open_message(transaction, member, slug, message)
    await pin_message(transaction, room, found, member, on=True)
    return await answer_message(transaction, found)


@removes(MESSAGE + "/pin", scope="chat:write", answers=(410,))
async def unpin_by_program(transaction: Transaction, member: Member, slug: str, message: int) -> None:
    """Take a message off the pinned ones of its room. One that is not pinned is no error."""
    room, found = await open_message(transaction, member, slug, message)
    await pin_message(transaction, room, found, member, on=False)


@reads("/saved", scope="chat:read")
async def list_saved_by_program(
    transaction: Transaction, member: Member, limit: Limit = DEFAULT_LIMIT, next: After = ""
) -> ListPart[MessageShape]:
    """The messages that one has saved for later and not ticked off yet, the last first."""
    saved = await list_saved(transaction, member, most=MOST_SAVED)
    reached = [(each.message, each.saved_at) for each in saved if member.grant.reaches(of_room(each.room))]
    shown, following = cut_part(reached, limit, next, "saved", place_of_marked, int, int)
    return ListPart(await shape_messages(transaction, [message for message, _ in shown]), following)


@adds(MESSAGE + "/saved", scope="chat:write", status_code=200, answers=(410,))
async def save_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, message: int
) -> Response[MessageShape]:
    """Save a message for later, for oneself. One that is saved already is no error."""
    _, found = await open_message(transaction, member, slug, message)
    await save_message(transaction, found, member, saved=True)
    return await answer_message(transaction, found)


@removes(MESSAGE + "/saved", scope="chat:write")
async def tick_off_by_program(transaction: Transaction, member: Member, slug: str, message: int) -> None:
    """Tick a saved message off. One that is not saved is no error."""
    _, found = await open_message(transaction, member, slug, message)
    await save_message(transaction, found, member, saved=True, done=True)


@adds(MESSAGE + "/unread", scope="chat:write", status_code=200)
async def mark_unread_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, message: int
) -> Response[MessageShape]:
    """Have a room that one is in unread, from a message on."""
    room, found = await open_message(transaction, member, slug, message)
    await mark_unread_from(transaction, room, member, found.number)
    return await answer_message(transaction, found)


endpoints = [
    list_pinned_messages,
    pin_by_program,
    unpin_by_program,
    list_saved_by_program,
    save_by_program,
    tick_off_by_program,
    mark_unread_by_program,
]
