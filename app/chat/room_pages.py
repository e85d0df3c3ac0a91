"""Pages of rooms: reading one, making, joining, describing, inviting; what is read, and searching."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect

from app.accounts.access import AnyRequest
from app.accounts.choosing import Chosen, is_active, list_persons, read_chosen
from app.accounts.form_answers import find_answer, keep_answer
from app.accounts.members import Member
from app.accounts.shell import render_page
from app.accounts.visits import note_visit
from app.chat.channels import push_read, push_rooms
from app.chat.composer import EMOJI, open_composer
from app.chat.drafts import place_of
from app.chat.messages import get_message
from app.chat.notices import mark_messages_read
from app.chat.reading import mark_read
from app.chat.rooms import (
    Room,
    count_people_of,
    create_room,
    find_membership,
    find_name,
    get_room,
    list_members,
    list_rooms,
    open_direct,
)
from app.chat.timeline import ShownMessage, read_page, show_message
from app.database import Transaction
from app.live.presence import list_readers
from app.notifications.inbox import of_subject
from app.notifications.pages import note_opened
from app.web.forms import Form, Invalid, number_of
from app.web.paging import page_of
from app.web.texts import Text


async def render_room(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    room: Room,
    *,
    before: int = 0,
    after: int = 0,
    at: int = 0,
    end: bool = False,
    reply: ShownMessage | None = None,
    text: str | None = None,
    key: str = "",
    error: Text | None = None,
    status: int = 200,
) -> Response[str]:
    """A room where it is asked for, else at its first unread message, with its box."""
    membership = await find_membership(transaction, room, member)
    read = membership.read_number if membership else room.last_number
    around = at or (0 if before or after or end else first_unread_far_up(room, read))
    page = await read_page(transaction, room, before=before, after=after, around=around)
    people = await count_people_of(transaction, [room])
    return await render_page(
        request,
        transaction,
        member,
        "chat/room.html",
        status=status,
        channels=f"room.{room.id}",
        room=room,
        room_name=await find_name(transaction, member, room),
        page=page,
        read=read,
        at=at,
        people=people[room],
        outside=membership is None and room.kind == "public",
        emoji_choices=EMOJI,
        readers=list_readers(request, transaction, f"room.{room.id}"),
        composer=await open_composer(
            transaction,
            member,
            room,
            address=f"/chat/{room.slug}",
            place=place_of(room),
            file_limit=request.app.state.settings.file_limit_megabytes,
            reply=reply,
            text=text,
            key=key,
            error=error,
        ),
    )


def first_unread_far_up(room: Room, read: int) -> int:
    """The first unread message when it is not on the last page, else 0."""
    return read + 1 if read < room.last_number - 40 else 0


@get("/chat")
async def show_rooms(
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
    return await render_page(
        request,
        transaction,
        member,
        "chat/rooms.html",
        status=status,
        rooms=page_of(await list_rooms(transaction, member), page, query=q, text_of=lambda room: room.name),
        chosen=chosen or Chosen(),
        form=form,
    )


@get("/chat/new")
async def show_new_room(request: AnyRequest, transaction: Transaction, member: Member) -> Response[str]:
    """An empty form of a room."""
    return await render_page(request, transaction, member, "chat/new.html", form=Form())


@post("/chat/new")
async def add_room(request: AnyRequest, transaction: Transaction, member: Member, form: Form) -> Response[Any]:
    """Make a room, and open it."""
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
    await push_rooms(transaction, member)
    return await keep_answer(request, transaction, member, form, f"/chat/{room.slug}")


@post("/chat/direct")
async def write_to(request: AnyRequest, transaction: Transaction, member: Member, form: Form) -> Response[Any]:
    """Open the direct room with the people chosen."""
    chosen = read_chosen(form, "person", await list_persons(transaction, *is_active()))
    try:
        form.check()
        people = await list_members(transaction, chosen.ids)
        room = await open_direct(transaction, [member, *people])
    except Invalid as invalid:
        form.errors = {"person": next(iter(invalid.errors.values()))}
        return await render_rooms(request, transaction, member, form, chosen=chosen, status=422)
    await push_rooms(transaction, member, *people)
    return Redirect(f"/chat/{room.slug}", status_code=303)


@get("/chat/{slug:str}")
async def show_room(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    before: str = "",
    after: str = "",
    at: str = "",
    reply: str = "",
) -> Response[str]:
    """A room: at its first unread message, before a message, after one, around one, or at its `end`."""
    room = await get_room(transaction, member, slug)
    note_visit(request, member, "room", room.id)
    await note_opened(request, transaction, member, *of_subject(("room", room.id), up_to=0))
    answering = None
    if number_of(reply):
        message = await get_message(transaction, room, number_of(reply))
        answering = await show_message(transaction, message)
    return await render_room(
        request,
        transaction,
        member,
        room,
        before=number_of(before),
        after=number_of(after),
        at=number_of(at),
        end=at == "end",
        reply=answering,
    )


@post("/chat/{slug:str}/read")
async def read(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Note from where (`since`) up to where a room was on screen; the member's other pages count anew."""
    room = await get_room(transaction, member, slug)
    number, since = number_of(form["number"]), number_of(form["since"])
    if await mark_read(transaction, room, member, number, since=since):
        await push_read(transaction, member, room)
    await mark_messages_read(transaction, room, member, number, since=since)
    return Response(None, status_code=204)


handlers = [
    show_rooms,
    show_new_room,
    add_room,
    write_to,
    show_room,
    read,
]
