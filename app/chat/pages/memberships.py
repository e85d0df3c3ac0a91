"""Pages about a room: who is in it, what it is called, what one is told of it; inviting, removing, archiving."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest
from app.accounts.choosing import Chosen, list_known, read_chosen
from app.accounts.ended_forms import find_end, keep_end
from app.accounts.members import Member, find_members, find_person
from app.accounts.quick_switcher import leads_to
from app.accounts.rights import may, require
from app.accounts.shell import find_named_people, notice, render_page
from app.accounts.undo import lead_to
from app.chat import memberships
from app.chat.direct_rooms import find_name
from app.chat.discussions import find_discussed
from app.chat.incoming import list_incoming
from app.chat.memberships import find_access, find_membership, get_room
from app.chat.own_places import choose_told
from app.chat.people import list_inside
from app.chat.pins import list_pinned
from app.chat.rights import NOT_IN_THIS_ROOM
from app.chat.room_changes import archive_room, change_room
from app.chat.room_lists import list_archived
from app.chat.rooms import Room
from app.chat.timeline import show_messages
from app.chat.undoing import keep_membership, offer_bringing_back, offer_opening, offer_return
from app.database import Transaction
from app.web.errors import PageError
from app.web.forms import Form, Invalid, clean_line, number_of
from app.web.paging import page_of
from app.web.redirects import see_other
from app.web.seen_forms import refuse_unseen, show_as_saved, take_saved
from app.web.texts import Text, _l

# A page beyond any that there is, so that what is reckoned from it is a number that databases take.
LAST_PAGE = 1_000_000

notice("invited", _l("They are now in the room."), named=_l("Now in the room: %(name)s."), find=find_named_people)
notice("room-left", _l("You are no longer in the room."))
notice("room-saved", _l("Room saved."))


def kept_about(room: Room) -> list[tuple[str, str]]:
    """What the form has of a room."""
    return [("name", room.name), ("description", room.description)]


def say_about_room(form: Form) -> list[tuple[Text, str]]:
    """What a form says of a room, as people read it."""
    return [(_l("Name"), clean_line(form["name"])), (_l("Description"), clean_line(form["description"]))]


@get("/chat/{slug:str}/about")
async def show_about(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, q: str = "", page: str = ""
) -> Response[str]:
    """Who is in a room, and what can be changed of it."""
    room = await get_room(transaction, member, slug)
    return await render_about(request, transaction, member, room, show_as_saved(kept_about(room)), q=q, page=page)


async def render_about(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    room: Room,
    form: Form,
    *,
    chosen: Chosen | None = None,
    q: str = "",
    page: str = "",
    status: int = 200,
) -> Response[str]:
    """The page about a room, with what was typed. What can't be changed by this member has no form to say it in."""
    membership = await find_membership(transaction, room, member)
    may_choose = membership is not None and room.kind != "discussion"
    access = await find_access(transaction, room, member)
    may_change = may(member, "change", access)
    if "notify" in form.errors and not may_choose:
        raise PageError(403, NOT_IN_THIS_ROOM if membership else _l("Only people in the room can change it."))
    if form.errors and "notify" not in form.errors:
        require(member, "change", access)
    inside = await list_inside(transaction, room)
    return await render_page(
        request,
        transaction,
        member,
        "chat/about.html",
        room_name=await find_name(transaction, member, room),
        status=status,
        channels=f"room.{room.id}",
        room=room,
        membership=membership,
        may_choose=may_choose,
        may_change=may_change,
        # Who may change the room is rid of the bot of an address by revoking that, also where nobody is taken out.
        addresses={bot.id: address.id for address, bot in await list_incoming(transaction, room)} if may_change else {},
        people=page_of(inside, page, query=q, text_of=lambda person: f"{person.name} {person.email}"),
        chosen=chosen or Chosen(),
        may_archive=may(member, "archive", room),
        **await show_pinned(transaction, room, member),
        form=form,
    )


async def show_pinned(transaction: Transaction, room: Room, member: Member) -> dict[str, Any]:
    """What is pinned to a room, and whether a member may take it off."""
    pinned = await show_messages(transaction, await list_pinned(transaction, room), viewer=member)
    return {"pinned": pinned, "may_pin": may(member, "pin in", await find_access(transaction, room, member))}


@get("/chat/{slug:str}/pins")
async def show_pins_page(request: AnyRequest, transaction: Transaction, member: Member, slug: str) -> Response[str]:
    """The messages that are pinned to a room."""
    room = await get_room(transaction, member, slug)
    return await render_page(
        request,
        transaction,
        member,
        "chat/pins.html",
        channels=f"room.{room.id}",
        room=room,
        room_name=await find_name(transaction, member, room),
        about=await find_discussed(transaction, room),
        **await show_pinned(transaction, room, member),
    )


@post("/chat/{slug:str}/about")
async def describe_room(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, form: Form
) -> Response[Any]:
    """Rename and describe a room."""
    room = await get_room(transaction, member, slug)
    take_saved(form, kept_about(room))
    name = form.text("name", limit=80)
    description = form.text("description", limit=500, required=False)
    try:
        form.check()
        refuse_unseen(form, kept_about(room), say_about_room)
        await change_room(transaction, room, member, name=name, description=description)
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_about(request, transaction, member, room, form, status=invalid.status)
    return see_other(f"/chat/{slug}/about?done=room-saved")


@post("/chat/{slug:str}/notify")
async def choose_notify(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, form: Form
) -> Response[Any]:
    """Choose what one is told of a room."""
    room = await get_room(transaction, member, slug)
    try:
        await choose_told(transaction, room, member, form["notify"])
    except Invalid as invalid:
        form = show_as_saved(kept_about(room))
        form.errors = invalid.errors
        return await render_about(request, transaction, member, room, form, status=422)
    return see_other(f"/chat/{slug}/about?done=room-saved")


@post("/chat/{slug:str}/join")
async def join_room(transaction: Transaction, member: Member, slug: str) -> Response[Any]:
    """Join a public room."""
    room = await get_room(transaction, member, slug)
    await memberships.join(transaction, room, member)
    return see_other(f"/chat/{slug}")


@post("/chat/{slug:str}/leave")
async def leave_room(request: AnyRequest, transaction: Transaction, member: Member, slug: str) -> Response[Any]:
    """Leave a room."""
    if done := await find_end(request, transaction, member):
        return done
    room = await get_room(transaction, member, slug)
    state = await keep_membership(transaction, room, member)
    await memberships.leave(transaction, room, member)
    return await keep_end(
        request, transaction, member, lead_to("/chat", await offer_return(transaction, member, state))
    )


@post("/chat/{slug:str}/invite")
async def invite_people(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, form: Form
) -> Response[Any]:
    """Bring people into a room."""
    room = await get_room(transaction, member, slug)
    chosen = read_chosen(form, "person", await list_known(transaction, member))
    if not chosen.people and not form.errors:
        form.errors["person"] = _l("Type a name or an address.")
    if form.errors:
        typed = show_as_saved(kept_about(room))
        typed.errors = form.errors
        return await render_about(request, transaction, member, room, typed, chosen=chosen, status=422)
    for person in await find_members(transaction, chosen.ids):
        await memberships.invite(transaction, room, member, person)
    about = ",".join(map(str, chosen.ids))
    return see_other(f"/chat/{slug}/about?done=invited&about={about}")


@post("/chat/{slug:str}/remove")
async def remove_from_room(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Take somebody out of a room: nothing of it reaches them any more."""
    room = await get_room(transaction, member, slug)
    require(member, "archive", room)
    person = await find_person(transaction, number_of(form["person"]))
    state = await keep_membership(transaction, room, person)
    await memberships.remove(transaction, room, member, person)
    return lead_to(f"/chat/{slug}/about", await offer_bringing_back(transaction, member, state))


@post("/chat/{slug:str}/archive")
async def archive(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Close a room to new messages, or open it again."""
    room = await get_room(transaction, member, slug)
    was_open = room.archived_at is None
    await archive_room(transaction, room, member, archived=bool(form["archived"]))
    archived = was_open and room.archived_at is not None
    return lead_to(f"/chat/{slug}", await offer_opening(transaction, room, member) if archived else None)


leads_to("pages", _l("Archived rooms"), "/archived-rooms", icon="archive", order=37)


@get("/archived-rooms")
async def show_archived_rooms(
    request: AnyRequest, transaction: Transaction, member: Member, page: str = ""
) -> Response[str]:
    """The archived rooms that one may read; who may open one again does it from here."""
    current = min(max(1, number_of(page)), LAST_PAGE)
    rooms, pages = await list_archived(transaction, member, current)
    return await render_page(
        request,
        transaction,
        member,
        "chat/archived.html",
        rooms=rooms,
        page=current,
        pages=pages,
        may_open=lambda room: may(member, "archive", room),
    )


handlers = [
    show_pins_page,
    show_archived_rooms,
    show_about,
    describe_room,
    choose_notify,
    join_room,
    leave_room,
    invite_people,
    remove_from_room,
    archive,
]
