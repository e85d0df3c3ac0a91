"""Pages of all rooms: the list of them, and making one."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest
from app.accounts.choosing import Chosen, list_known, read_chosen
from app.accounts.form_answers import find_answer, keep_answer
from app.accounts.members import Member, find_members
from app.accounts.quick_switcher import leads_to
from app.accounts.rights import is_entitled, require
from app.accounts.shell import render_page
from app.chat.last_lines import find_last_lines
from app.chat.new_rooms import create_room, open_direct
from app.chat.people import count_insiders
from app.chat.room_lists import AFTER_ALL, list_archived_before, list_rooms
from app.database import Transaction
from app.web.forms import Form, Invalid
from app.web.paging import page_of
from app.web.redirects import see_other
from app.web.texts import _l

leads_to("pages", _l("Rooms"), "/chat", icon="hash", order=30)
leads_to("acts", _l("New room"), "/chat/new", icon="plus", order=20, right=("make", "rooms"))
leads_to("acts", _l("New direct message"), "/chat#write", icon="send", order=30, right=("write", "messages"))


@get("/chat")
async def show_room_list(
    request: AnyRequest, transaction: Transaction, member: Member, q: str = "", page: str = ""
) -> Response[str]:
    """The rooms that one is in, or may join, and a field for people to write to."""
    return await render_rooms(request, transaction, member, Form(), q=q, page=page)


async def render_rooms(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    form: Form,
    *,
    chosen: Chosen | None = None,
    q: str = "",
    page: str = "",
    status: int = 200,
) -> Response[str]:
    """The rooms' page, with what did not do."""
    rooms = page_of(await list_rooms(transaction, member), page, query=q, text_of=lambda room: room.name)
    shown = [room.id for room in rooms.items]
    return await render_page(
        request,
        transaction,
        member,
        "chat/rooms.html",
        status=status,
        rooms=rooms,
        people=await count_insiders(transaction, shown),
        lines=await find_last_lines(transaction, shown, most=len(shown)),
        archived=await list_archived_before(transaction, member, AFTER_ALL, 1),
        # Guests may know nobody they could write to.
        knows_others=is_entitled(member, "see", "everybody") or len(await list_known(transaction, member)) > 1,
        chosen=chosen or Chosen(),
        form=form,
    )


@get("/chat/new")
async def show_new_room(request: AnyRequest, transaction: Transaction, member: Member) -> Response[str]:
    """An empty form of a room."""
    require(member, "make", "rooms")
    return await render_page(request, transaction, member, "chat/new.html", form=Form())


@post("/chat/new")
async def make_room(request: AnyRequest, transaction: Transaction, member: Member, form: Form) -> Response[Any]:
    """Make a room, and open it."""
    require(member, "make", "rooms")
    name = form.text("name", limit=80)
    description = form.text("description", limit=500, required=False)
    try:
        if answer := await find_answer(request, transaction, member, form):
            return answer
        form.check()
        room = await create_room(transaction, member, name=name, description=description, private=bool(form["private"]))
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_page(request, transaction, member, "chat/new.html", form=form, status=invalid.status)
    return await keep_answer(request, transaction, member, form, f"/chat/{room.slug}")


@post("/chat/direct")
async def write_to(request: AnyRequest, transaction: Transaction, member: Member, form: Form) -> Response[Any]:
    """Open the direct room with the people chosen."""
    require(member, "write", "messages")
    chosen = read_chosen(form, "person", await list_known(transaction, member))
    try:
        form.check()
        people = await find_members(transaction, chosen.ids)
        room = await open_direct(transaction, [member, *people])
    except Invalid as invalid:
        form.errors = {"person": invalid.first}
        return await render_rooms(request, transaction, member, form, chosen=chosen, status=422)
    return see_other(f"/chat/{room.slug}")


handlers = [
    show_room_list,
    show_new_room,
    make_room,
    write_to,
]
