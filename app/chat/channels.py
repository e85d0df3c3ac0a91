"""The channels of chat, and what is pushed on them of rooms, and of who is in them; of messages: `pushes.py`.

`room.{id}` carries a room's messages to the pages that show it. `news.{id}` carries only marks, from which every page
of a member counts what is unread: one event for everybody, however many they are. `line.{id}` carries the last line of
a room to home pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import bindparam, func, select

from app.accounts.facts import MemberRenamed
from app.accounts.members import Member
from app.accounts.rights import is_entitled, may
from app.chat.direct_rooms import name_of
from app.chat.facts import (
    DiscussionOpened,
    MemberEntered,
    MemberInvited,
    MemberLeft,
    MemberRemoved,
    MemberReturned,
    RoomArchived,
    RoomChanged,
    RoomMade,
)
from app.chat.memberships import Membership, is_visible
from app.chat.people import count_people_of, list_people_of
from app.chat.reading import list_joined
from app.chat.rights import places_of_room
from app.chat.rooms import Room, RoomAccess
from app.chat.sidebar import ROOMS_SHOWN, Sidebar, list_sidebars
from app.database import Partial, PreparedSelect, Showing, Tenant, Transaction
from app.live.channels import channel
from app.live.log import publish_partial, refresh, stop_following, tell_of_more
from app.notifications.channels import push_bells
from app.tenants.channels import show_members, show_pictures
from app.web.templates import make_partial


@cache
def select_seen(*, insider: bool) -> PreparedSelect[int, str]:
    """The select of those of some rooms that a member may see."""
    seen = is_visible(bindparam("member_id"), insider=insider)
    return PreparedSelect(lambda: select(Room.id, Room.kind).where(Room.id.in_(bindparam("ids")), seen))


@channel("room.{id}", presence="live/readers_push.html")
@channel("news.{id}")
@channel("line.{id}")
async def who_may_see_the_room(transaction: Transaction, member: Member, numbers: set[int]) -> Iterable[int]:
    """Everybody but guests for public rooms, readers of a thing for its discussion, otherwise those who are in the
    room."""
    prepared = select_seen(insider=is_entitled(member, "see", "everybody"))
    found = await transaction.rows(prepared, ids=numbers, member_id=member.id)
    grant = member.grant
    return [
        room_id for room_id, kind in found if grant.holds("chat:read") and grant.reaches(places_of_room(room_id, kind))
    ]


class RoomsOf(Showing, Struct, frozen=True):
    """Which rooms members are in: some, by their ids, or everybody in a room."""

    whose: int | Room


class PeopleOf(Showing, Struct, frozen=True):
    """What a room is called, and how many are in it."""

    room: Room


class UnreadFrom(Showing, Struct, frozen=True):
    """That a member wants a room unread from a message on."""

    member_id: int
    room: Room
    number: int


def show_opened(tenant: Tenant, facts: Sequence[DiscussionOpened]) -> Iterator[Partial]:
    """The discussions of things have begun: to the pages of each."""
    for fact in facts:
        yield refresh(tenant, fact.channel, f"{fact.subject}-discussion-refresh", fact=fact)


async def read_lists(
    transaction: Transaction, facts: Sequence[RoomMade | RoomChanged | RoomArchived]
) -> list[tuple[Room, tuple[int, ...]]]:
    """The rooms that were made or changed, which are shown to those who are in them; and who got into one with it."""
    rooms = await transaction.find_all(Room, [fact.room_id for fact in facts])
    for fact in facts:
        if isinstance(fact, RoomMade):
            push_rooms(transaction, *fact.people)
        elif isinstance(fact, RoomChanged):
            push_room(transaction, rooms[fact.room_id])
        else:
            push_insiders(transaction, rooms[fact.room_id])
    return [(rooms[fact.room_id], fact.people if isinstance(fact, RoomMade) else ()) for fact in facts]


def show_lists(tenant: Tenant, changed: Sequence[tuple[Room, tuple[int, ...]]]) -> Iterator[Partial]:
    """Open lists of rooms fetch themselves anew. Of private rooms nobody else is told anything."""
    if any(room.open for room, _ in changed):
        yield refresh(tenant, "tenant", "all-rooms-refresh")
        return
    for room, people in changed:
        for where in [f"user.{member_id}" for member_id in people] or [f"news.{room.id}"]:
            yield refresh(tenant, where, "all-rooms-refresh")


def show_archived(tenant: Tenant, facts: Sequence[RoomArchived]) -> Iterator[Partial]:
    """Rooms are closed to new messages, or open again: to those who look at them."""
    for room_id, fact in {fact.room_id: fact for fact in facts}.items():
        for target in ("refresh", "about"):
            yield refresh(tenant, f"room.{room_id}", f"room-{room_id}-{target}", fact=fact)


def show_incoming_bots(tenant: Tenant, facts: Sequence[Any]) -> Iterator[Partial]:
    """There is a bot that speaks for an address: it is in lists of members, and marked wherever it is shown."""
    yield from show_members(tenant, facts)
    yield from show_pictures(tenant, facts)


async def read_moves(
    transaction: Transaction, facts: Sequence[MemberEntered | MemberLeft]
) -> list[tuple[Room, MemberEntered | MemberLeft, bool]]:
    """Show rooms to those who are in them now, and no more to those who are not; and to who looks at one that there is
    one more, or one less. The answer is what became of each person in each room at last, and whether they may not
    see it any more."""
    rooms = await transaction.find_all(Room, [fact.room_id for fact in facts])
    for fact in facts:
        room = rooms[fact.room_id]
        if isinstance(fact, MemberLeft):
            push_rooms(transaction, fact.member_id)
            (push_room if isinstance(fact, MemberRemoved) else push_people)(transaction, room)
        elif isinstance(fact, MemberInvited | MemberReturned):
            push_room(transaction, room)
        elif room.kind != "discussion":  # which everybody may read, and of which nothing is unread
            push_rooms(transaction, fact.member_id)
            push_people(transaction, room)
        if isinstance(fact, MemberLeft | MemberReturned):
            push_bells(transaction, [fact.member_id])
    last = {(fact.room_id, fact.member_id): fact for fact in facts}
    people = await transaction.find_all(Member, {member_id for _, member_id in last})
    shut = [
        key
        for key, fact in last.items()
        if isinstance(fact, MemberLeft)
        and not may(people[fact.member_id], "see", RoomAccess(rooms[fact.room_id], inside=False))
    ]
    return [
        (rooms[fact.room_id], fact, key in shut)
        for key, fact in last.items()
        if rooms[fact.room_id].kind != "discussion" or key in shut
    ]


def show_moves(tenant: Tenant, moves: Sequence[tuple[Room, MemberEntered | MemberLeft, bool]]) -> Iterator[Partial]:
    """Show people whether they are in rooms that they look at, or may join. Take rooms from those who may not see them
    any more, and end what their pages get of them."""
    for room, fact, is_shut in moves:
        person, outside = fact.member_id, isinstance(fact, MemberLeft)
        if room.kind != "discussion":
            yield refresh(tenant, f"user.{person}", "all-rooms-refresh", fact=fact)
        if is_shut:
            yield refresh(tenant, f"user.{person}", f"room-{room.id}-refresh", gone="/chat?done=room-left", fact=fact)
            gone = [f"{what}.{room.id}" for what in ("room", "news", "line")]
            yield stop_following(member=person, channels=gone, fact=fact)
        elif room.open:
            shown: dict[str, Any] = {"room": room, "reader": person, "outside": outside}
            yield make_partial(tenant, f"user.{person}", "chat/outside_push.html", fact=fact, **shown)


def tell_of_rooms(
    tenant: Tenant, facts: Sequence[RoomMade | DiscussionOpened | MemberEntered | MemberLeft]
) -> Iterator[Partial]:
    """Members are in other rooms than before, and their programs may follow those."""
    people: set[int] = set()
    for fact in facts:
        people |= {fact.member_id} if isinstance(fact, MemberEntered | MemberLeft) else {*fact.people}
    if people:
        yield tell_of_more(*people, fact=facts[-1])


def push_rooms(transaction: Transaction, *member_ids: int) -> None:
    """Publish to each of these people which rooms they are in, as it is at the end of the transaction."""
    transaction.show(*(RoomsOf(member_id) for member_id in member_ids))


def push_insiders(transaction: Transaction, room: Room) -> None:
    """Publish to everybody who is in a room which rooms they are in, likewise."""
    transaction.show(RoomsOf(room))


async def read_sidebars(transaction: Transaction, showings: Sequence[RoomsOf]) -> dict[int, Sidebar]:
    """The rooms of the sidebars of people, by their ids."""
    whose = dict.fromkeys(each.whose for each in showings)
    rooms = [each for each in whose if isinstance(each, Room)]
    member_ids = {each: None for each in whose if isinstance(each, int)}
    for people in (await list_people_of(transaction, rooms) if rooms else {}).values():
        member_ids |= {person.id: None for person in people}
    return await list_sidebars(transaction, member_ids)


def show_sidebars(tenant: Tenant, sidebars: dict[int, Sidebar]) -> Iterator[Partial]:
    """To people which rooms they are in."""
    for member_id, sidebar in sidebars.items():
        shown: dict[str, Any] = {"sidebar": sidebar, "most": ROOMS_SHOWN}
        partial = make_partial(tenant, f"user.{member_id}", "chat/rooms_push.html", **shown)
        yield replace(partial, follow=sidebar.follow)


def push_room(transaction: Transaction, room: Room) -> None:
    """Publish a room's new name and who is in it, to them and to those who look at it."""
    push_insiders(transaction, room)
    push_people(transaction, room)


def push_people(transaction: Transaction, room: Room) -> None:
    """Publish to those who look at a room that somebody came or went."""
    transaction.show(PeopleOf(room))


async def read_people(transaction: Transaction, showings: Sequence[PeopleOf]) -> dict[Room, int]:
    """How many are in rooms."""
    return await count_people_of(transaction, list(dict.fromkeys(each.room for each in showings)))


def show_people(tenant: Tenant, counts: dict[Room, int]) -> Iterator[Partial]:
    """What rooms are called and how many are in them, to those who look at them, and to lists of rooms."""
    for room, people in counts.items():
        yield refresh(tenant, f"line.{room.id}", f"room-{room.id}-count")
        yield make_partial(tenant, f"room.{room.id}", "chat/room_push.html", room=room, people=people)


COUNT_MEMBERSHIPS = PreparedSelect(
    lambda: select(func.count()).select_from(Membership).where(Membership.member_id == bindparam("member_id"))
)


async def push_read(transaction: Transaction, member: Member, room: Room) -> None:
    """Publish to a member's other pages what is still unread in a room.

    A sidebar that does not show all rooms may show others then.
    """
    if (await transaction.value(COUNT_MEMBERSHIPS, member_id=member.id) or 0) > ROOMS_SHOWN:
        push_rooms(transaction, member.id)
        return
    joined = next((each for each in await list_joined(transaction, member) if each.room.id == room.id), None)
    if joined is None:
        push_rooms(transaction, member.id)
    else:
        publish_partial(transaction, f"user.{member.id}", "chat/read_push.html", joined=joined)


LIST_DIRECT_ROOMS = PreparedSelect(
    lambda: select(Room).where(
        Room.kind == "direct",
        Room.id.in_(select(Membership.room_id).where(Membership.member_id.in_(bindparam("member_ids")))),
    )
)


async def rename_direct_rooms(transaction: Transaction, facts: Sequence[MemberRenamed]) -> None:
    """Direct rooms are called after their people, whatever those are called now."""
    rooms = await transaction.column(LIST_DIRECT_ROOMS, member_ids=[fact.member_id for fact in facts])
    insiders = {room.id: [int(n) for n in (room.subject or "").removeprefix("people-").split("-")] for room in rooms}
    people = await transaction.find_all(Member, {member_id for ids in insiders.values() for member_id in ids})
    for room in rooms:
        room.name = name_of([people[member_id] for member_id in sorted(insiders[room.id]) if member_id in people])
    await transaction.flush()
    for room in rooms:
        push_room(transaction, room)
