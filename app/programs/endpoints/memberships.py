"""Rooms are made, changed and closed; people come into them and leave; and one's own place in each."""

from __future__ import annotations

from typing import Any

from litestar import Response
from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest
from app.accounts.members import Member, find_person
from app.accounts.rights import require
from app.chat import memberships
from app.chat.direct_rooms import find_name
from app.chat.memberships import find_membership, get_room
from app.chat.new_rooms import create_room, open_direct
from app.chat.own_places import choose_told, read_up_to
from app.chat.people import list_people
from app.chat.reading import count_unread_messages
from app.chat.rights import of_room
from app.chat.room_changes import archive_room, change_room
from app.chat.room_lists import AFTER_ALL, list_archived_before
from app.chat.rooms import Room
from app.chat.sending import signal_typing
from app.database import Transaction
from app.folding import fold
from app.programs.answering import TAGGED
from app.programs.chat_shapes import RoomShape, shape_room
from app.programs.endpoints.people import LARGEST_ID, find_one
from app.programs.endpoints.rooms import ROOM
from app.programs.lists import DEFAULT_LIMIT, After, Limit, cut_part, read_cursor, read_moment_of_place, write_cursor
from app.programs.problems import Problem
from app.programs.record_shapes import list_named
from app.programs.records import IfAsSeen, as_forms_have_it, check_seen
from app.programs.room_shapes import (
    DirectPeople,
    MembershipChange,
    NewRoom,
    PersonBrought,
    RoomChange,
    RoomMembership,
    TypingShape,
)
from app.programs.routes import API, ListPart, adds, changes, reads, removes
from app.programs.shapes import PersonShape, in_utc, shape_person

INSIDE = ROOM + "/members"
OWN_PLACE = ROOM + "/membership"


async def shape_own_room(transaction: Transaction, member: Member, room: Room) -> RoomShape:
    """A room, as a member sees it."""
    joined = await find_membership(transaction, room, member) is not None
    return shape_room(room, await find_name(transaction, member, room), joined=joined)


def refuse_narrowed(member: Member) -> None:
    """Raise a 403 problem for a token that is for other rooms than one that is made."""
    if "room" in member.grant.places:
        raise Problem("forbidden", "The token is narrowed to other rooms.")


async def find_active(transaction: Transaction, member: Member, member_id: int) -> Member:
    """Somebody whom a member gets to know of, and who is not kept out. Raises NotFoundException."""
    return await find_person(transaction, (await find_one(transaction, member, member_id)).id)


@adds("/rooms", scope="chat:write")
async def make_room_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, data: NewRoom
) -> Response[RoomShape]:
    """Make a room, public or private, with oneself in it."""
    require(member, "make", "rooms")
    refuse_narrowed(member)
    name, description = (as_forms_have_it(each) for each in (data.name, data.description))
    room = await create_room(transaction, member, name=name, description=description, private=data.private)
    location = f"{API}/rooms/{room.slug}"
    return Response(shape_room(room, room.name, joined=True), status_code=201, headers={"Location": location})


@adds("/rooms/direct", scope="chat:write", status_code=200)
async def open_direct_room(
    request: AnyRequest, transaction: Transaction, member: Member, data: DirectPeople
) -> RoomShape:
    """The room of oneself and some people, who write to each other there: the same people have the same one, which is
    made where there is none."""
    require(member, "write", "messages")
    refuse_narrowed(member)
    people = [await find_active(transaction, member, each) for each in dict.fromkeys(data.member_ids)]
    return await shape_own_room(transaction, member, await open_direct(transaction, [member, *people]))


@changes(ROOM, scope="chat:write", answers=(412, 428))
async def change_room_by_program(
    transaction: Transaction, member: Member, slug: str, data: RoomChange, if_match: IfAsSeen = None
) -> Response[RoomShape]:
    """Give a room that one is in another name or description; its address stays."""
    room = await get_room(transaction, member, slug)
    require(member, "change", await memberships.find_access(transaction, room, member))
    check_seen(if_match, await shape_own_room(transaction, member, room))
    given = {name: as_forms_have_it(value) for name, value in list_named(data).items()}
    wanted = {"name": room.name, "description": room.description, **given}
    await change_room(transaction, room, member, **wanted)
    return Response(await shape_own_room(transaction, member, room), headers=TAGGED)


@adds(ROOM + "/archive", scope="chat:write", status_code=200)
async def archive_room_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str
) -> RoomShape:
    """Close a room to new messages; by who made it, and admins. It can still be read and searched."""
    room = await get_room(transaction, member, slug)
    await archive_room(transaction, room, member, archived=True)
    return await shape_own_room(transaction, member, room)


@adds(ROOM + "/unarchive", scope="chat:write", status_code=200)
async def unarchive_room_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str
) -> RoomShape:
    """Open an archived room again; by who made it, and admins."""
    room = await get_room(transaction, member, slug)
    await archive_room(transaction, room, member, archived=False)
    return await shape_own_room(transaction, member, room)


@reads("/archived-rooms", scope="chat:read")
async def list_archived_rooms(
    transaction: Transaction, member: Member, limit: Limit = DEFAULT_LIMIT, next: After = ""
) -> ListPart[RoomShape]:
    """The archived rooms that one may read, those archived last first."""
    given = read_cursor(next, str, int)
    place = (read_moment_of_place(given[0]), given[1]) if given else AFTER_ALL
    found = await list_archived_before(transaction, member, place, limit + 1)
    reached = [each for each in found[:limit] if member.grant.reaches(of_room(each))]
    last = found[limit - 1] if len(found) > limit else None
    following = write_cursor(last.archived_at.isoformat(), last.id) if last and last.archived_at else None
    return ListPart([await shape_own_room(transaction, member, each) for each in reached], following)


@reads(INSIDE, scope="chat:read")
async def list_people_in_room(
    transaction: Transaction, member: Member, slug: str, limit: Limit = DEFAULT_LIMIT, next: After = ""
) -> ListPart[PersonShape]:
    """Who is in a room, by name."""
    room = await get_room(transaction, member, slug)
    people = await list_people(transaction, room)
    name = f"room-members {room.id}"
    shown, following = cut_part(people, limit, next, name, lambda each: (fold(each.name), each.id), str, int)
    return ListPart([shape_person(each) for each in shown], following)


@adds(INSIDE, scope="chat:write", status_code=200)
async def bring_into_room(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, data: PersonBrought
) -> PersonShape:
    """Bring somebody into a room that one is in. Who is there already is no error."""
    room = await get_room(transaction, member, slug)
    require(member, "invite to", await memberships.find_access(transaction, room, member))
    person = await find_active(transaction, member, data.member_id)
    await memberships.invite(transaction, room, member, person)
    return shape_person(person)


@removes(INSIDE + "/{member_id:int}", scope="chat:write")
async def take_out_of_room(transaction: Transaction, member: Member, slug: str, member_id: int) -> None:
    """Take somebody out of a room; by who made it, and admins. Who is not there is no error."""
    room = await get_room(transaction, member, slug)
    require(member, "archive", room)
    if not 0 < member_id <= LARGEST_ID:
        raise NotFoundException
    await memberships.remove(transaction, room, member, await find_person(transaction, member_id))


async def answer_place(transaction: Transaction, member: Member, room: Room) -> RoomMembership:
    """One's place in a room. Raises NotFoundException where one has none."""
    place = await find_membership(transaction, room, member)
    if place is None:
        raise NotFoundException
    counted = await count_unread_messages(transaction, [member.id], [room.id])
    unread, mentions = counted.get((member.id, room.id), (0, 0))
    notify: Any = place.notify
    return RoomMembership(notify, place.read_number, room.last_number, unread, mentions, in_utc(place.joined_at))


@reads(OWN_PLACE, scope="chat:read")
async def show_membership(transaction: Transaction, member: Member, slug: str) -> RoomMembership:
    """One's own place in a room; 404 where one is not in it."""
    return await answer_place(transaction, member, await get_room(transaction, member, slug))


@adds(OWN_PLACE, scope="chat:write", status_code=200)
async def join_room_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str
) -> RoomMembership:
    """Join a room that is open to all. Who is in it already stays as they are."""
    room = await get_room(transaction, member, slug)
    await memberships.join(transaction, room, member)
    return await answer_place(transaction, member, room)


@changes(OWN_PLACE, scope="chat:write")
async def change_membership(
    transaction: Transaction, member: Member, slug: str, data: MembershipChange
) -> RoomMembership:
    """Choose what one is told of a room, and note up to which message one has read: that never goes back, and what was
    told of those messages is read with them."""
    room = await get_room(transaction, member, slug)
    wanted = list_named(data)
    if "notify" in wanted:
        await choose_told(transaction, room, member, wanted["notify"])
    if "read" in wanted:
        await read_up_to(transaction, room, member, wanted["read"])
    return await answer_place(transaction, member, room)


@removes(OWN_PLACE, scope="chat:write")
async def leave_room_by_program(transaction: Transaction, member: Member, slug: str) -> None:
    """Leave a room. Nobody leaves the general one, or a direct one. Who is not in it is no error."""
    room = await get_room(transaction, member, slug)
    await memberships.leave(transaction, room, member)


@adds(ROOM + "/typing", scope="chat:write", status_code=200, writes=False)
async def tell_typing(request: AnyRequest, transaction: Transaction, member: Member, slug: str) -> TypingShape:
    """Tell those who look at a room that one types."""
    room = await get_room(transaction, member, slug)
    require(member, "write", "messages")
    channel = f"room.{room.id}"
    signal_typing(request, transaction, member, channel, room.place)
    return TypingShape(channel)


endpoints: list[Any] = [
    make_room_by_program,
    open_direct_room,
    change_room_by_program,
    archive_room_by_program,
    unarchive_room_by_program,
    list_archived_rooms,
    list_people_in_room,
    bring_into_room,
    take_out_of_room,
    show_membership,
    join_room_by_program,
    change_membership,
    leave_room_by_program,
    tell_typing,
]
