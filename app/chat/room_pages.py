"""Pages of rooms: reading one, making, joining, describing, inviting; what is read, and searching."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.exceptions import NotFoundException
from litestar.response import Redirect
from sqlalchemy import select

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import notice, render_page
from app.chat import memberships
from app.chat.channels import push_read, push_removal, push_room, push_rooms
from app.chat.messages import LONGEST, get_message
from app.chat.notices import mark_messages_read, notify_invited
from app.chat.reading import list_joined, mark_read
from app.chat.rooms import (
    Membership,
    Room,
    archive_room,
    by_name,
    change_room,
    create_room,
    find_membership,
    get_room,
    list_people,
    list_public_rooms,
    may_archive,
    open_direct,
)
from app.chat.search import HITS, search_messages
from app.chat.timeline import ShownMessage, read_page, show_message
from app.database import Transaction
from app.live.presence import list_readers
from app.notifications.inbox import of_subject
from app.notifications.pages import note_opened
from app.web.forms import Form, Invalid
from app.web.texts import Text, _l

EMOJI = (
    *("👍", "👎", "❤️", "😂", "😊", "😮", "😢", "🎉", "🙏", "👏", "🔥", "✅"),
    *("❌", "👀", "💡", "📚", "☕", "🚀", "🤔", "💪", "⭐", "🌱", "🕒", "📌"),
)

notice("invited", _l("They are in the room now."))
notice("room-saved", _l("The room was saved."))


@dataclass(frozen=True, slots=True)
class Composer:
    """The box in which a message is typed: where it goes, and what is in it."""

    address: str
    text: str
    key: str
    limit: int = LONGEST
    reply: Any = None
    error: Text | None = None


def make_key() -> str:
    """The key of a message that is going to be typed."""
    return secrets.token_urlsafe(16)


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
    people = await list_people(transaction, room)
    return await render_page(
        request,
        transaction,
        member,
        "chat/room.html",
        status=status,
        channels=f"room.{room.id}",
        room=room,
        page=page,
        read=read,
        at=at,
        people=len(people),
        mentionable=people,
        emoji_choices=EMOJI,
        readers=list_readers(request, transaction, f"room.{room.id}"),
        composer=Composer(
            address=f"/chat/{room.slug}",
            text=(membership.draft if membership else "") if text is None else text,
            key=key or make_key(),
            reply=answered(reply),
            error=error,
        ),
    )


def answered(reply: ShownMessage | None) -> Any:
    """What the box shows of a message that is going to be answered."""
    if reply is None:
        return None
    return {"id": reply.message.id, "author": reply.author, "text": reply.message.text[:80]}


def first_unread_far_up(room: Room, read: int) -> int:
    """The first unread message when it is not on the last page, else 0."""
    return read + 1 if read < room.last_number - 40 else 0


def number_of(text: str) -> int:
    """A number in an address or form, as small as the ids of every database; 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


@get("/chat")
async def show_rooms(request: AnyRequest, transaction: Transaction, member: Member) -> Response[str]:
    """All public rooms, and people to write to."""
    return await render_rooms(request, transaction, member, Form())


async def render_rooms(
    request: AnyRequest, transaction: Transaction, member: Member, form: Form, status: int = 200
) -> Response[str]:
    """The rooms' page, with what did not do."""
    return await render_page(
        request,
        transaction,
        member,
        "chat/rooms.html",
        status=status,
        rooms=await list_public_rooms(transaction),
        mine={joined.room.id for joined in await list_joined(transaction, member)},
        others=[person for person in await list_active(transaction) if person.id != member.id],
        form=form,
    )


async def list_active(transaction: Transaction) -> list[Member]:
    """The active members of the workspace, by name."""
    statement = select(Member).where(Member.suspended_at.is_(None), Member.removed_at.is_(None))
    return by_name(await transaction.scalars(statement.order_by(Member.id)))


async def find_person(transaction: Transaction, text: str) -> Member:
    """An active member by the id in a form. Raises NotFoundException."""
    for person in await list_active(transaction):
        if person.id == number_of(text):
            return person
    raise NotFoundException


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
        form.check()
        room = await create_room(transaction, member, name=name, description=description, private=bool(form["private"]))
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_page(request, transaction, member, "chat/new.html", form=form, status=422)
    await push_rooms(transaction, member)
    return Redirect(f"/chat/{room.slug}", status_code=303)


@post("/chat/direct")
async def write_to(request: AnyRequest, transaction: Transaction, member: Member, form: Form) -> Response[Any]:
    """Open the direct room with the people chosen."""
    people = [await find_person(transaction, text) for text in form.values.get("person", [])]
    try:
        room = await open_direct(transaction, [member, *people])
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_rooms(request, transaction, member, form, status=422)
    await push_rooms(transaction, member, *people)
    return Redirect(f"/chat/{room.slug}", status_code=303)


@get("/chat/search")
async def show_search(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    q: str = "",
    room: str = "",
    author: str = "",
    since: str = "",
    until: str = "",
    before: str = "",
) -> Response[str]:
    """Messages by words, in a room, of an author, in a span of days."""
    where = await get_room(transaction, member, room) if room else None
    asked = {"q": q[:200], "room": room, "author": author, "since": since, "until": until}
    form = Form(list(asked.items()))
    hits = await search_messages(
        transaction,
        member,
        form["q"],
        room=where,
        author_id=number_of(author),
        since=read_day(since),
        until=read_day(until, end=True),
        before=number_of(before),
    )
    return await render_page(
        request,
        transaction,
        member,
        "chat/search.html",
        form=form,
        hits=hits[:HITS],
        older=f"/chat/search?{urlencode(asked | {'before': hits[HITS - 1].message.id})}" if len(hits) > HITS else "",
        rooms=await list_joined(transaction, member),
        people=await list_active(transaction),
    )


def read_day(text: str, *, end: bool = False) -> datetime | None:
    """The begin, or the end, of a day in UTC; None for what is no day."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return day.replace(hour=23, minute=59, second=59, microsecond=999_999) if end else day


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


@get("/chat/{slug:str}/about")
async def show_about(request: AnyRequest, transaction: Transaction, member: Member, slug: str) -> Response[str]:
    """Who is in a room, and what can be changed of it."""
    room = await get_room(transaction, member, slug)
    form = Form([("name", room.name), ("description", room.description)])
    return await render_about(request, transaction, member, room, form)


async def render_about(
    request: AnyRequest, transaction: Transaction, member: Member, room: Room, form: Form, status: int = 200
) -> Response[str]:
    """The page about a room, with what was typed."""
    return await render_page(
        request,
        transaction,
        member,
        "chat/about.html",
        status=status,
        channels=f"room.{room.id}",
        room=room,
        membership=await find_membership(transaction, room, member),
        people=await list_people(transaction, room),
        others=await memberships.list_people_to_invite(transaction, room),
        may_archive=may_archive(room, member),
        form=form,
    )


@post("/chat/{slug:str}/about")
async def describe(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, form: Form
) -> Response[Any]:
    """Rename and describe a room."""
    room = await get_room(transaction, member, slug)
    name = form.text("name", limit=80)
    description = form.text("description", limit=500, required=False)
    try:
        form.check()
        await change_room(transaction, room, member, name=name, description=description)
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_about(request, transaction, member, room, form, status=422)
    await push_room(transaction, room)
    return Redirect(f"/chat/{slug}/about?done=room-saved", status_code=303)


@post("/chat/{slug:str}/notify")
async def choose_notify(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, form: Form
) -> Response[Any]:
    """Choose what one is told of a room."""
    room = await get_room(transaction, member, slug)
    try:
        await memberships.set_notify(transaction, room, member, form["notify"])
    except Invalid as invalid:
        form = Form([("name", room.name), ("description", room.description)])
        form.errors = invalid.errors
        return await render_about(request, transaction, member, room, form, status=422)
    await push_read(transaction, member, room)
    return Redirect(f"/chat/{slug}/about?done=room-saved", status_code=303)


@post("/chat/{slug:str}/join")
async def join(transaction: Transaction, member: Member, slug: str) -> Response[Any]:
    """Join a public room."""
    room = await get_room(transaction, member, slug)
    await memberships.join(transaction, room, member)
    await push_rooms(transaction, member)
    return Redirect(f"/chat/{slug}", status_code=303)


@post("/chat/{slug:str}/leave")
async def leave(transaction: Transaction, member: Member, slug: str) -> Response[Any]:
    """Leave a room."""
    room = await get_room(transaction, member, slug)
    await memberships.leave(transaction, room, member)
    await push_removal(transaction, room, member)
    return Redirect("/chat", status_code=303)


@post("/chat/{slug:str}/invite")
async def invite(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Bring somebody into a room."""
    room = await get_room(transaction, member, slug)
    person = await find_person(transaction, form["person"])
    if await memberships.invite(transaction, room, member, person):
        await notify_invited(transaction, room, member, person)
        await push_room(transaction, room)
    return Redirect(f"/chat/{slug}/about?done=invited", status_code=303)


@post("/chat/{slug:str}/remove")
async def remove(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Take somebody out of a room: nothing of it reaches them any more."""
    room = await get_room(transaction, member, slug)
    person = await find_person(transaction, form["person"])
    await memberships.remove(transaction, room, member, person)
    await push_removal(transaction, room, person)
    await push_room(transaction, room)
    return Redirect(f"/chat/{slug}/about?done=room-saved", status_code=303)


@post("/chat/{slug:str}/archive")
async def archive(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Close a room to new messages, or open it again."""
    room = await get_room(transaction, member, slug)
    await archive_room(transaction, room, member, archived=bool(form["archived"]))
    await push_room(transaction, room)
    return Redirect(f"/chat/{slug}", status_code=303)


@post("/chat/{slug:str}/read")
async def read(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Note up to where a room was on screen; the member's other pages count anew."""
    room = await get_room(transaction, member, slug)
    if await mark_read(transaction, room, member, number_of(form["number"])):
        await push_read(transaction, member, room)
    await mark_messages_read(transaction, room, member, number_of(form["number"]))
    return Response(None, status_code=204)


@post("/chat/{slug:str}/draft")
async def keep_draft(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Keep what is in the box of a room that one is in."""
    room = await get_room(transaction, member, slug)
    membership: Membership | None = await find_membership(transaction, room, member)
    if membership is not None:
        membership.draft = form["text"][: LONGEST * 2]
        await transaction.flush()
    return Response(None, status_code=204)


handlers = [
    show_rooms,
    show_new_room,
    add_room,
    write_to,
    show_search,
    show_room,
    show_about,
    describe,
    choose_notify,
    join,
    leave,
    invite,
    remove,
    archive,
    read,
    keep_draft,
]
