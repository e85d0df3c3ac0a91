"""The channels of chat, and what is pushed on them.

`room.{id}` carries a room's messages to the pages that show it. `news.{id}` carries only marks, from which every page
of a member counts what is unread: one event for everybody, however many they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import func, select

from app.accounts.access import AnyRequest
from app.accounts.choosing import is_active, list_persons
from app.accounts.facts import MemberRenamed
from app.accounts.jump import LIMIT, Destination, jump_source
from app.accounts.members import Member
from app.accounts.shell import sidebar_section
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
from app.chat.messages import Message
from app.chat.reading import list_joined
from app.chat.references import RecordReference
from app.chat.rooms import (
    Membership,
    Room,
    count_people_of,
    find_direct_people,
    is_visible,
    list_people_of,
    list_rooms,
    name_of,
)
from app.chat.sidebar import ROOMS_SHOWN, list_sidebars, order_of
from app.chat.timeline import ShownMessage, show_messages, show_plain
from app.database import Transaction
from app.editing.facts import OfRow
from app.editing.rows import find_cards
from app.live.channels import channel
from app.live.log import publish_partial, stop_following
from app.notifications.channels import push_bells
from app.web.texts import _l, fold

# How many older messages are shown anew when what they quote changes.
QUOTING = 100
# Of a room in which more messages than this are posted, or change, at once its pages fetch themselves anew.
MOST_SHOWN = 50


@channel("room.{id}", presence="live/readers_push.html")
@channel("news.{id}")
async def who_may_see_the_room(transaction: Transaction, member: Member, numbers: set[int]) -> Iterable[int]:
    """Everybody for public rooms and discussions, otherwise those who are in the room."""
    return await transaction.scalars(select(Room.id).where(Room.id.in_(numbers), is_visible(member)))


async def show_posted(transaction: Transaction, facts: Sequence[MessagePosted]) -> None:
    """Publish new messages to those who look at their rooms, and marks to everybody who counts."""
    rooms = await transaction.find_all(Room, [fact.room_id for fact in facts])
    facts = show_anew(transaction, rooms, facts)
    messages = await transaction.find_all(Message, [fact.message_id for fact in facts])
    authors = await transaction.find_all(Member, [messages[fact.message_id].member_id for fact in facts if fact.plain])
    whole = [messages[fact.message_id] for fact in facts if not fact.plain]
    shown = {each.message.id: each for each in (await show_messages(transaction, whole) if whole else ())}
    for fact in facts:
        if fact.plain:
            message = messages[fact.message_id]
            shown[message.id] = show_plain(message, authors[message.member_id])
        room = rooms[fact.room_id]
        told = {"room": room, "shown": shown[fact.message_id]}
        publish_partial(transaction, f"room.{room.id}", "chat/message_push.html", **told)
    await show_news(transaction, [(rooms[fact.room_id], shown[fact.message_id], None) for fact in facts])


async def show_changed(transaction: Transaction, facts: Sequence[MessageChanged]) -> None:
    """Publish what became of messages: edited, deleted, restored, answered by emoji; and those that quote them."""
    rooms = await transaction.find_all(Room, [fact.room_id for fact in facts])
    facts = show_anew(transaction, rooms, facts)
    messages = await transaction.find_all(Message, [fact.message_id for fact in facts])
    statement = select(Message).where(Message.reply_to_id.in_(list(messages))).order_by(Message.id.desc())
    quoting = (await transaction.scalars(statement.limit(QUOTING * len(messages)))).all() if messages else ()
    changed = {message.id: message for message in (*messages.values(), *quoting)}
    shown = {each.message.id: each for each in await show_messages(transaction, list(changed.values()))}
    for each in shown.values():
        told = {"room": rooms[each.message.room_id], "shown": each}
        publish_partial(transaction, f"room.{each.message.room_id}", "chat/change_push.html", **told)
    before: dict[int, tuple[int, ...]] = {}
    for fact in facts:
        if fact.before is not None:
            before.setdefault(fact.message_id, fact.before)
    counted = {fact.message_id for fact in facts if isinstance(fact, MessageDeleted | MessageRestored)}
    news = [
        (rooms[shown[message_id].message.room_id], shown[message_id], named)
        for message_id, named in before.items()
        if message_id in counted or set(named) != set(shown[message_id].mentions)
    ]
    await show_news(transaction, news)


AnyFact = TypeVar("AnyFact", bound=InRoom)


def show_anew(transaction: Transaction, rooms: Mapping[int, Room], facts: Sequence[AnyFact]) -> list[AnyFact]:
    """Tell the pages of rooms in which much has happened at once to fetch themselves anew; what is left to show."""
    many = {room_id for room_id, count in Counter(fact.room_id for fact in facts).items() if count > MOST_SHOWN}
    for room_id in sorted(many):
        place = f"room-{room_id}" if rooms[room_id].kind != "discussion" else f"{rooms[room_id].subject}-discussion"
        publish_partial(transaction, f"room.{room_id}", "live/refresh_push.html", target=f"{place}-refresh")
        push_insiders(transaction, rooms[room_id])
    return [fact for fact in facts if fact.room_id not in many]


async def show_news(transaction: Transaction, news: Sequence[tuple[Room, ShownMessage, Sequence[int] | None]]) -> None:
    """Let everybody in rooms count anew, after a message was posted there or has changed; whom that named before, if
    it may name others now. A discussion enters the sidebars of the few that take part."""
    # A direct room is called after the others, whoever looks: the page leaves its reader out.
    direct = {room.id: room.subject for room, _, _ in news if room.kind == "direct"}
    people = await find_direct_people(transaction, direct.items())
    for room, shown, named in news:
        if room.kind == "discussion":
            push_insiders(transaction, room)
        else:
            told = {"room": room, "shown": shown, "named": named, "order": order_of(room, room.name)}
            told["people"] = people.get(room.id)
            publish_partial(transaction, f"news.{room.id}", "chat/news_push.html", **told)


async def show_made(transaction: Transaction, facts: Sequence[RoomMade]) -> None:
    """Show new rooms to those who are in them."""
    for fact in facts:
        push_rooms(transaction, *fact.people)


async def show_opened(transaction: Transaction, facts: Sequence[DiscussionOpened]) -> None:
    """Tell the pages of things that their discussion has begun."""
    for fact in facts:
        target = f"{fact.subject}-discussion-refresh"
        publish_partial(transaction, fact.channel, "live/refresh_push.html", target=target)


async def show_rooms(transaction: Transaction, facts: Sequence[RoomChanged]) -> None:
    """Publish what rooms are called now."""
    for room in (await transaction.find_all(Room, [fact.room_id for fact in facts])).values():
        push_room(transaction, room)


async def show_archived(transaction: Transaction, facts: Sequence[RoomArchived]) -> None:
    """Publish that rooms are closed to new messages, or open again."""
    for room in (await transaction.find_all(Room, [fact.room_id for fact in facts])).values():
        push_insiders(transaction, room)
        for target in ("refresh", "about"):
            publish_partial(transaction, f"room.{room.id}", "live/refresh_push.html", target=f"room-{room.id}-{target}")


async def show_lists(transaction: Transaction, facts: Sequence[RoomMade | RoomChanged | RoomArchived]) -> None:
    """Tell open lists of rooms to fetch themselves anew. Of private rooms nobody else is told anything."""
    rooms = await transaction.find_all(Room, [fact.room_id for fact in facts])
    if any(room.open for room in rooms.values()):
        publish_partial(transaction, "tenant", "live/refresh_push.html", target="all-rooms-refresh")


async def show_entered(transaction: Transaction, facts: Sequence[MemberEntered]) -> None:
    """Show rooms to those who are in them now, and to who looks at one that there is one more."""
    rooms = await transaction.find_all(Room, [fact.room_id for fact in facts])
    for fact in facts:
        room = rooms[fact.room_id]
        if isinstance(fact, MemberInvited | MemberReturned):
            push_room(transaction, room)
        elif room.kind != "discussion":  # which everybody may read, and of which nothing is unread
            push_rooms(transaction, fact.member_id)
            push_people(transaction, room)
        if isinstance(fact, MemberReturned):
            push_bells(transaction, [fact.member_id])


async def show_left(transaction: Transaction, facts: Sequence[MemberLeft]) -> None:
    """Take rooms from those who are not in them any more, and end what their pages get of those that they may not see:
    they get nothing of what is published after this."""
    rooms = await transaction.find_all(Room, [fact.room_id for fact in facts])
    for fact in facts:
        room, person = rooms[fact.room_id], fact.member_id
        push_rooms(transaction, person)
        push_bells(transaction, [person])
        if not room.open and await transaction.get(Membership, (room.id, person)) is None:
            publish_partial(
                transaction,
                f"user.{person}",
                "live/refresh_push.html",
                target=f"room-{room.id}-refresh",
                gone="/chat?done=room-left",
            )
            stop_following(transaction, member=person, channels=[f"room.{room.id}", f"news.{room.id}"])
        if isinstance(fact, MemberRemoved):
            push_room(transaction, room)
        else:
            push_people(transaction, room)


def push_rooms(transaction: Transaction, *member_ids: int) -> None:
    """Publish to each of these people which rooms they are in, as it is at the end of the transaction."""
    transaction.gather(publish_rooms, *member_ids)


def push_insiders(transaction: Transaction, room: Room) -> None:
    """Publish to everybody who is in a room which rooms they are in, likewise."""
    transaction.gather(publish_rooms, room)


async def publish_rooms(transaction: Transaction, whose: Sequence[int | Room]) -> None:
    """Render and publish the rooms of the sidebars of people: by their ids, or everybody in a room."""
    rooms = [each for each in whose if isinstance(each, Room)]
    member_ids = {each: None for each in whose if isinstance(each, int)}
    for people in (await list_people_of(transaction, rooms) if rooms else {}).values():
        member_ids |= {person.id: None for person in people}
    for member_id, sidebar in (await list_sidebars(transaction, member_ids)).items():
        publish_partial(transaction, f"user.{member_id}", "chat/rooms_push.html", sidebar=sidebar, most=ROOMS_SHOWN)


def push_room(transaction: Transaction, room: Room) -> None:
    """Publish a room's new name and who is in it, to them and to those who look at it."""
    push_insiders(transaction, room)
    push_people(transaction, room)


def push_people(transaction: Transaction, room: Room) -> None:
    """Publish to those who look at a room that somebody came or went."""
    transaction.gather(publish_people, room)


async def publish_people(transaction: Transaction, rooms: Sequence[Room]) -> None:
    """Render and publish what rooms are called and how many are in them."""
    for room, people in (await count_people_of(transaction, rooms)).items():
        publish_partial(transaction, f"room.{room.id}", "chat/room_push.html", room=room, people=people)


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


async def show_cards(transaction: Transaction, facts: Sequence[OfRow]) -> None:
    """Show the cards of rows that have changed, or whose locks have, in the rooms where messages refer to them: one
    push for each card, for all messages that have it, to those who may see the room."""
    named = await find_cards(transaction, {f"{fact.kind}-{fact.row_id}": None for fact in facts})
    statement = (
        select(RecordReference.subject, Message.room_id)
        .join(Message, (Message.id == RecordReference.message_id) & (Message.tenant_id == RecordReference.tenant_id))
        .where(RecordReference.subject.in_(named))
        .distinct()
        .order_by(RecordReference.subject, Message.room_id)
    )
    for subject, room_id in (await transaction.execute(statement)).all():
        publish_partial(transaction, f"room.{room_id}", "chat/card_push.html", room_id=room_id, card=named[subject])


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


@jump_source
async def find_rooms(transaction: Transaction, member: Member, text: str) -> list[Destination]:
    """Rooms that a member is in, or may join."""
    found = [room for room in await list_rooms(transaction, member) if text in fold(room.name)]
    return [Destination(room.name, _l("Room"), "hash", f"/chat/{room.slug}") for room in found[:LIMIT]]


@jump_source
async def find_people(transaction: Transaction, member: Member, text: str) -> list[Destination]:
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
