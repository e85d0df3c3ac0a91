"""The channels of chat, and what is pushed on them.

`room.{id}` carries a room's messages to the pages that show it. `news.{id}` carries only marks, from which every page
of a member counts what is unread: one event for everybody, however many they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import func, select

from app.accounts.access import AnyRequest
from app.accounts.choosing import list_persons
from app.accounts.facts import MemberRenamed
from app.accounts.members import Member, is_active
from app.accounts.quick_switcher import LIMIT, Destination, switches_to
from app.accounts.shell import sidebar_section
from app.chat.direct_rooms import find_direct_people, name_of
from app.chat.facts import (
    DiscussionOpened,
    InRoom,
    MemberEntered,
    MemberInvited,
    MemberLeft,
    MemberRemoved,
    MemberReturned,
    MessageChanged,
    MessageDeleted,
    MessagePosted,
    MessageRestored,
    RoomArchived,
    RoomChanged,
    RoomMade,
)
from app.chat.memberships import Membership, count_people_of, is_visible, list_people_of
from app.chat.messages import Message
from app.chat.reading import list_joined
from app.chat.references import RecordReference
from app.chat.room_lists import list_rooms
from app.chat.rooms import Room
from app.chat.sidebar import ROOMS_SHOWN, Sidebar, list_sidebars, order_of
from app.chat.timeline import ShownMessage, show_messages, show_plain
from app.database import Fact, Partial, Showing, Tenant, Transaction
from app.editing.facts import OfRow
from app.editing.rows import Card, find_cards
from app.live.channels import channel
from app.live.log import make_partial, publish_partial, refresh, stop_following
from app.notifications.channels import push_bells
from app.web.texts import _l, fold

# How many older messages are shown anew when what they quote changes.
QUOTING = 100
# Of a room in which more messages than this are posted, or change, at once its pages fetch themselves anew.
MOST_MESSAGES_SHOWN = 50


@channel("room.{id}", presence="live/readers_push.html")
@channel("news.{id}")
async def who_may_see_the_room(transaction: Transaction, member: Member, numbers: set[int]) -> Iterable[int]:
    """Everybody for public rooms and discussions, otherwise those who are in the room."""
    return await transaction.scalars(select(Room.id).where(Room.id.in_(numbers), is_visible(member)))


@dataclass(frozen=True, slots=True)
class RoomsOf(Showing):
    """Which rooms members are in: some, by their ids, or everybody in a room."""

    whose: int | Room


@dataclass(frozen=True, slots=True)
class PeopleOf(Showing):
    """What a room is called, and how many are in it."""

    room: Room


@dataclass(frozen=True, slots=True)
class News:
    """That a message was posted, or has changed, for everybody who counts what is unread; whom it named before, if that
    may be others now; and the people of a direct room, which is called after the others, whoever looks."""

    fact: Fact
    room: Room
    shown: ShownMessage
    named: Sequence[int] | None = None
    people: tuple[tuple[int, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class MessagesShown:
    """What is shown of messages: each with its room; `anew` are rooms in which so much has happened that their pages
    fetch themselves."""

    shown: list[tuple[Fact | None, Room, ShownMessage]]
    news: list[News]
    anew: list[tuple[Fact, Room]]


async def read_posted(transaction: Transaction, facts: Sequence[MessagePosted]) -> MessagesShown:
    """Read new messages, as they are shown."""
    rooms = await transaction.find_all(Room, [fact.room_id for fact in facts])
    facts, anew = leave_out_many(transaction, rooms, facts)
    messages = await transaction.find_all(Message, [fact.message_id for fact in facts])
    authors = await transaction.find_all(Member, [messages[fact.message_id].member_id for fact in facts if fact.plain])
    whole = [messages[fact.message_id] for fact in facts if not fact.plain]
    shown = {each.message.id: each for each in (await show_messages(transaction, whole) if whole else ())}
    for fact in facts:
        if fact.plain:
            message = messages[fact.message_id]
            shown[message.id] = show_plain(message, authors[message.member_id])
    news = [News(fact, rooms[fact.room_id], shown[fact.message_id]) for fact in facts]
    told: list[tuple[Fact | None, Room, ShownMessage]] = [(each.fact, each.room, each.shown) for each in news]
    return MessagesShown(told, await read_news(transaction, news), anew)


def show_posted(tenant: Tenant, found: MessagesShown) -> Iterator[Partial]:
    """New messages, to those who look at their rooms, and marks to everybody who counts."""
    yield from show_messages_as(tenant, found, "chat/message_push.html")


async def read_changed(transaction: Transaction, facts: Sequence[MessageChanged]) -> MessagesShown:
    """Read what became of messages: edited, deleted, restored, answered by emoji; and those that quote them."""
    rooms = await transaction.find_all(Room, [fact.room_id for fact in facts])
    facts, anew = leave_out_many(transaction, rooms, facts)
    messages = await transaction.find_all(Message, [fact.message_id for fact in facts])
    statement = select(Message).where(Message.reply_to_id.in_(list(messages))).order_by(Message.id.desc())
    quoting = (await transaction.scalars(statement.limit(QUOTING * len(messages)))).all() if messages else ()
    changed = {message.id: message for message in (*messages.values(), *quoting)}
    found = await show_messages(transaction, list(changed.values())) if changed else ()
    shown = {each.message.id: each for each in found}
    by_message = {fact.message_id: fact for fact in facts}
    before: dict[int, tuple[int, ...]] = {}
    for fact in facts:
        if fact.before is not None:
            before.setdefault(fact.message_id, fact.before)
    counted = {fact.message_id for fact in facts if isinstance(fact, MessageDeleted | MessageRestored)}
    news = [
        News(by_message[message_id], rooms[shown[message_id].message.room_id], shown[message_id], named)
        for message_id, named in before.items()
        if message_id in counted or set(named) != set(shown[message_id].mentions)
    ]
    told: list[tuple[Fact | None, Room, ShownMessage]] = [
        (by_message.get(each.message.id), rooms[each.message.room_id], each) for each in shown.values()
    ]
    return MessagesShown(told, await read_news(transaction, news), anew)


def show_changed(tenant: Tenant, found: MessagesShown) -> Iterator[Partial]:
    """What became of messages, to those who look at their rooms, and marks where others are unread now."""
    yield from show_messages_as(tenant, found, "chat/change_push.html")


def show_messages_as(tenant: Tenant, found: MessagesShown, template: str) -> Iterator[Partial]:
    """Messages in a partial, and what else is shown with them."""
    for fact, room in found.anew:
        place = f"room-{room.id}" if room.kind != "discussion" else f"{room.subject}-discussion"
        yield refresh(tenant, f"room.{room.id}", f"{place}-refresh", fact=fact)
    for each, room, shown in found.shown:
        yield make_partial(tenant, f"room.{room.id}", template, fact=each, room=room, shown=shown)
    for news in found.news:
        room = news.room
        told: dict[str, Any] = {"room": room, "shown": news.shown, "named": news.named, "people": news.people}
        told["order"] = order_of(room, room.name)
        yield make_partial(tenant, f"news.{room.id}", "chat/news_push.html", fact=news.fact, **told)


AnyFact = TypeVar("AnyFact", bound=InRoom)


def leave_out_many(
    transaction: Transaction, rooms: Mapping[int, Room], facts: Sequence[AnyFact]
) -> tuple[list[AnyFact], list[tuple[Fact, Room]]]:
    """Leave out what has happened in rooms in which much has at once; (the others, and the last of each such room)."""
    counts = Counter(fact.room_id for fact in facts)
    many = {fact.room_id: fact for fact in facts if counts[fact.room_id] > MOST_MESSAGES_SHOWN}
    for room_id in many:
        push_insiders(transaction, rooms[room_id])
    return [fact for fact in facts if fact.room_id not in many], [(many[each], rooms[each]) for each in sorted(many)]


async def read_news(transaction: Transaction, news: Sequence[News]) -> list[News]:
    """What is told to everybody in rooms. A discussion enters the sidebars of the few that take part."""
    direct = {each.room.id: each.room.subject for each in news if each.room.kind == "direct"}
    people = await find_direct_people(transaction, direct.items())
    for each in news:
        if each.room.kind == "discussion":
            push_insiders(transaction, each.room)
    return [replace(each, people=people.get(each.room.id)) for each in news if each.room.kind != "discussion"]


def show_opened(tenant: Tenant, facts: Sequence[DiscussionOpened]) -> Iterator[Partial]:
    """The discussions of things have begun: to the pages of each."""
    for fact in facts:
        yield refresh(tenant, fact.channel, f"{fact.subject}-discussion-refresh", fact=fact)


async def read_lists(transaction: Transaction, facts: Sequence[RoomMade | RoomChanged | RoomArchived]) -> list[Room]:
    """The rooms that were made or changed, which are shown to those who are in them."""
    rooms = await transaction.find_all(Room, [fact.room_id for fact in facts])
    for fact in facts:
        if isinstance(fact, RoomMade):
            push_rooms(transaction, *fact.people)
        elif isinstance(fact, RoomChanged):
            push_room(transaction, rooms[fact.room_id])
        else:
            push_insiders(transaction, rooms[fact.room_id])
    return list(rooms.values())


def show_lists(tenant: Tenant, rooms: Sequence[Room]) -> Iterator[Partial]:
    """Open lists of rooms fetch themselves anew. Of private rooms nobody else is told anything."""
    if any(room.open for room in rooms):
        yield refresh(tenant, "tenant", "all-rooms-refresh")


def show_archived(tenant: Tenant, facts: Sequence[RoomArchived]) -> Iterator[Partial]:
    """Rooms are closed to new messages, or open again: to those who look at them."""
    for room_id, fact in {fact.room_id: fact for fact in facts}.items():
        for target in ("refresh", "about"):
            yield refresh(tenant, f"room.{room_id}", f"room-{room_id}-{target}", fact=fact)


async def read_moves(
    transaction: Transaction, facts: Sequence[MemberEntered | MemberLeft]
) -> list[tuple[Room, MemberLeft]]:
    """Show rooms to those who are in them now, and no more to those who are not; and to who looks at one that there is
    one more, or one less. The answer are those who have left rooms that they may not see any more, with these."""
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
    gone = {(fact.room_id, fact.member_id): fact for fact in facts if isinstance(fact, MemberLeft)}
    gone = {key: fact for key, fact in gone.items() if not rooms[fact.room_id].open}
    if not gone:
        return []
    statement = select(Membership.room_id, Membership.member_id).where(
        Membership.room_id.in_({room_id for room_id, _ in gone}),
        Membership.member_id.in_({member_id for _, member_id in gone}),
    )
    back = {(room_id, member_id) for room_id, member_id in await transaction.execute(statement)}
    return [(rooms[fact.room_id], fact) for key, fact in gone.items() if key not in back]


def show_moves(tenant: Tenant, gone: Sequence[tuple[Room, MemberLeft]]) -> Iterator[Partial]:
    """Take rooms from those who may not see them any more, and end what their pages get of them."""
    for room, fact in gone:
        person = fact.member_id
        yield refresh(tenant, f"user.{person}", f"room-{room.id}-refresh", gone="/chat?done=room-left", fact=fact)
        yield stop_following(member=person, channels=[f"room.{room.id}", f"news.{room.id}"], fact=fact)


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
        yield make_partial(tenant, f"user.{member_id}", "chat/rooms_push.html", **shown)


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
    """What rooms are called and how many are in them, to those who look at them."""
    for room, people in counts.items():
        yield make_partial(tenant, f"room.{room.id}", "chat/room_push.html", room=room, people=people)


async def push_read(transaction: Transaction, member: Member, room: Room) -> None:
    """Publish to a member's other pages what is still unread in a room.

    A sidebar that does not show all rooms may show others then.
    """
    mine = select(func.count()).select_from(Membership).where(Membership.member_id == member.id)
    if (await transaction.scalar(mine) or 0) > ROOMS_SHOWN:
        push_rooms(transaction, member.id)
        return
    joined = next((each for each in await list_joined(transaction, member) if each.room.id == room.id), None)
    if joined is None:
        push_rooms(transaction, member.id)
    else:
        publish_partial(transaction, f"user.{member.id}", "chat/read_push.html", joined=joined)


async def read_cards(transaction: Transaction, facts: Sequence[OfRow]) -> list[tuple[OfRow, int, Card]]:
    """The cards of rows that have changed, or whose locks have, and the rooms where messages refer to them."""
    by_subject = {f"{fact.kind}-{fact.row_id}": fact for fact in facts}
    named = await find_cards(transaction, by_subject)
    statement = (
        select(RecordReference.subject, Message.room_id)
        .join(Message, (Message.id == RecordReference.message_id) & (Message.tenant_id == RecordReference.tenant_id))
        .where(RecordReference.subject.in_(named))
        .distinct()
        .order_by(RecordReference.subject, Message.room_id)
    )
    found = (await transaction.execute(statement)).all()
    return [(by_subject[subject], room_id, named[subject]) for subject, room_id in found]


def show_cards(tenant: Tenant, cards: Sequence[tuple[OfRow, int, Card]]) -> Iterator[Partial]:
    """Show cards in rooms: one push for each, for all messages that have it, to those who may see the room. Pages of a
    room in which many have changed at once fetch themselves anew."""
    counts = Counter(room_id for _, room_id, _ in cards)
    for room_id in sorted(each for each, count in counts.items() if count > MOST_MESSAGES_SHOWN):
        yield refresh(tenant, f"room.{room_id}", f"room-{room_id}-refresh")
    for fact, room_id, card in cards:
        if counts[room_id] <= MOST_MESSAGES_SHOWN:
            about = {"room_id": room_id, "card": card}
            yield make_partial(tenant, f"room.{room_id}", "chat/card_push.html", fact=fact, **about)


async def rename_direct_rooms(transaction: Transaction, facts: Sequence[MemberRenamed]) -> None:
    """Direct rooms are called after their people, whatever those are called now."""
    inside = select(Membership.room_id).where(Membership.member_id.in_([fact.member_id for fact in facts]))
    rooms = (await transaction.scalars(select(Room).where(Room.kind == "direct", Room.id.in_(inside)))).all()
    insiders = {room.id: [int(n) for n in (room.subject or "").removeprefix("people-").split("-")] for room in rooms}
    wanted = {member_id for ids in insiders.values() for member_id in ids}
    found = await transaction.scalars(select(Member).where(Member.id.in_(wanted)))
    people = {person.id: person for person in found}
    for room in rooms:
        room.name = name_of([people[member_id] for member_id in sorted(insiders[room.id]) if member_id in people])
    await transaction.flush()
    for room in rooms:
        push_room(transaction, room)


@switches_to
async def find_rooms(transaction: Transaction, member: Member, text: str) -> list[Destination]:
    """Rooms that a member is in, or may join."""
    found = [room for room in await list_rooms(transaction, member) if text in fold(room.name)]
    return [Destination(room.name, _l("Room"), "hash", f"/chat/{room.slug}") for room in found[:LIMIT]]


@switches_to
async def find_people_to_write_to(transaction: Transaction, member: Member, text: str) -> list[Destination]:
    """Others to write to."""
    others = await list_persons(transaction, Member.id != member.id, *is_active())
    found = [person for person in others if text in person.folded]
    return [
        Destination(person.name, _l("Person"), "user", "/chat/direct", ("person", str(person.id)))
        for person in found[:LIMIT]
    ]


@sidebar_section("chat/_rooms.html", order=20)
async def rooms_section(request: AnyRequest, transaction: Transaction, member: Member) -> dict[str, object]:
    """The rooms that a member uses, with what is unread."""
    current = request.scope["path"].removeprefix("/chat/").partition("/")[0]
    return {"sidebar": (await list_sidebars(transaction, [member.id], current))[member.id], "most": ROOMS_SHOWN}
