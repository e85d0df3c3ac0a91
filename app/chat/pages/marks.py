"""Pages of marks on messages: unread from here, saved for later, pinned to the room."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.quick_switcher import leads_to
from app.accounts.rights import may
from app.accounts.shell import render_page
from app.chat.direct_rooms import find_name
from app.chat.discussions import find_discussed
from app.chat.memberships import find_access, get_room
from app.chat.messages import get_message
from app.chat.own_places import mark_unread_from
from app.chat.pins import pin_message
from app.chat.saved import DONE_SHOWN, list_saved, list_saved_numbers, save_message
from app.chat.sending import refuse_message
from app.chat.timeline import show_messages
from app.database import Transaction
from app.web.calls import is_call
from app.web.forms import Form, Invalid
from app.web.paging import page_of
from app.web.redirects import see_other
from app.web.texts import _l

MARKED = "/chat/{slug:str}/messages/{number:int}"


@get(MARKED)
async def show_message_page(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int
) -> Response[str]:
    """A message, and what can be done with it: its menu, for pages without scripts."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    if message.deleted_at is not None:
        raise NotFoundException
    [shown] = await show_messages(transaction, [message], viewer=member)
    return await render_page(
        request,
        transaction,
        member,
        "chat/message.html",
        room=room,
        room_name=await find_name(transaction, member, room),
        about=await find_discussed(transaction, room),
        shown=shown,
        saved=message.number in await list_saved_numbers(transaction, room, member),
        may_pin=may(member, "pin in", await find_access(transaction, room, member)),
    )


@post(f"{MARKED}/unread")
async def leave_unread(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int
) -> Response[Any]:
    """Have a room unread from a message on."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    await mark_unread_from(transaction, room, member, message.number)
    return Response(None, status_code=204) if is_call(request) else see_other("/chat")


@post(f"{MARKED}/pin")
async def pin_to_room(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int, form: Form
) -> Response[Any]:
    """Pin a message to its room, or (without `on`) take it off."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    try:
        await pin_message(transaction, room, message, member, on=form["on"] == "1")
    except Invalid as invalid:
        return await refuse_message(transaction, invalid)
    return Response(None, status_code=204) if is_call(request) else see_other(f"/chat/{slug}/pins")


@post(f"{MARKED}/save")
async def save_for_later(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int, form: Form
) -> Response[Any]:
    """Save a message for later, or tick it off (by `done`), or save it no more (by `off`)."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    try:
        await save_message(transaction, message, member, saved=form["off"] != "1", done=form["done"] == "1")
    except Invalid as invalid:
        return await refuse_message(transaction, invalid)
    return Response(None, status_code=204) if is_call(request) else see_other("/saved")


leads_to("pages", _l("Saved messages"), "/saved", icon="bookmark", order=36)


@get("/saved")
async def show_saved(request: AnyRequest, transaction: Transaction, member: Member, page: str = "") -> Response[str]:
    """What one has saved for later, and what was ticked off of it last."""
    return await render_page(
        request,
        transaction,
        member,
        "chat/saved.html",
        saved=page_of(await list_saved(transaction, member), page),
        done=await list_saved(transaction, member, done=True, most=DONE_SHOWN),
    )


handlers = [show_message_page, leave_unread, pin_to_room, save_for_later, show_saved]
