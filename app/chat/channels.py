"""The channels of chat, and what is pushed on them.

`room.{id}` carries a room's messages to the pages that show it. `news.{id}` carries only marks, from which every page
of a member counts what is unread: one event for everybody, however many they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from app.accounts.access import AnyRequest
from app.accounts.choosing import is_active, list_persons
from app.accounts.facts import MemberRenamed
from app.accounts.jump import LIMIT, Destination, jump_source
from app.accounts.members import Member
from app.accounts.shell import sidebar_section
from app.chat.messages import Message
from app.chat.reading import list_joined
from app.chat.references import RecordReference
from app.chat.rooms import (
    Membership,
    Room,
    count_people_of,
    find_direct_people,
    find_visible,
    is_visible,
    list_people,
    list_people_of,
    list_rooms,
    name_of,
)
from app.chat.sidebar import ROOMS_SHOWN, list_sidebars, order_of
from app.chat.timeline import ShownMessage, show_message, show_messages
from app.database import Transaction
from app.editing.facts import OfRow
from app.editing.rows import find_cards
from app.live.channels import channel
from app.live.log import publish_partial, stop_following
from app.notifications.channels import push_bells
from app.web.texts import _l, fold

# How many older messages are shown anew when what they quote changes.
QUOTING = 100


@channel("room.{id}", presence="live/readers_push.html")
@channel("news.{id}")
async def who_may_see_the_room(transaction: Transaction, member: Member, numbers: set[int]) -> Iterable[int]:
    """Everybody for public rooms and discussions, otherwise those who are in the room."""
    return await transaction.scalars(select(Room.id).where(Room.id.in_(numbers), is_visible(member)))


async def push_message(transaction: Transaction, room: Room, shown: ShownMessage) -> None:
    """Publish a new message to those who look at the room, and a mark to everybody who counts."""
    publish_partial(transaction, f"room.{room.id}", "chat/message_push.html", room=room, shown=shown)
    await push_news(transaction, room, shown)


async def push_news(
    transaction: Transaction, room: Room, shown: ShownMessage, *, named: Sequence[int] | None = None
) -> None:
    """Let everybody in a room count anew. A discussion enters the sidebars of the few that take part."""
    if room.kind == "discussion":
        await push_rooms(transaction, *await list_people(transaction, room))
    else:
        # A direct room is called after the others, whoever looks: the page leaves its reader out.
        people = None
        if room.kind == "direct":
            people = (await find_direct_people(transaction, [(room.id, room.subject)]))[room.id]
        told = {"room": room, "shown": shown, "named": named, "order": order_of(room, room.name), "people": people}
        publish_partial(transaction, f"news.{room.id}", "chat/news_push.html", **told)


async def push_change(
    transaction: Transaction, room: Room, message: Message, *, named: Sequence[int] | None = None
) -> None:
    """Publish what became of a message: edited, deleted, answered by emoji; and those that quote it.

    `named` are the members whom it mentioned before.
    """
    shown = await show_message(transaction, message)
    statement = select(Message).where(Message.reply_to_id == message.id).order_by(Message.id.desc()).limit(QUOTING)
    quoting = (await transaction.scalars(statement)).all()
    for each in (shown, *await show_messages(transaction, quoting)):
        publish_partial(transaction, f"room.{room.id}", "chat/change_push.html", room=room, shown=each)
    if message.deleted_at is not None or (named is not None and set(named) != set(shown.mentions)):
        await push_news(transaction, room, shown, named=named)


async def push_rooms(transaction: Transaction, *people: Member) -> None:
    """Publish to each of these people which rooms they are in, as it is at the end of the transaction."""
    transaction.gather(publish_rooms, *(person.id for person in people))


async def publish_rooms(transaction: Transaction, member_ids: Sequence[int]) -> None:
    """Render and publish the rooms of people's sidebars."""
    for member_id, sidebar in (await list_sidebars(transaction, member_ids)).items():
        publish_partial(transaction, f"user.{member_id}", "chat/rooms_push.html", sidebar=sidebar, most=ROOMS_SHOWN)


def push_room(transaction: Transaction, room: Room) -> None:
    """Publish a room's new name and who is in it, to them and to those who look at it."""
    transaction.gather(publish_insiders, room)
    push_people(transaction, room)


def push_people(transaction: Transaction, room: Room) -> None:
    """Publish to those who look at a room that somebody came or went."""
    transaction.gather(publish_people, room)


async def publish_insiders(transaction: Transaction, rooms: Sequence[Room]) -> None:
    """Publish to everybody who is in some rooms which rooms they are in."""
    people = await list_people_of(transaction, rooms)
    await push_rooms(transaction, *(person for inside in people.values() for person in inside))


async def publish_people(transaction: Transaction, rooms: Sequence[Room]) -> None:
    """Render and publish what rooms are called and how many are in them."""
    for room, people in (await count_people_of(transaction, rooms)).items():
        publish_partial(transaction, f"room.{room.id}", "chat/room_push.html", room=room, people=people)


async def push_archived(transaction: Transaction, room: Room) -> None:
    """Publish that a room is closed to new messages, or open again."""
    await push_rooms(transaction, *await list_people(transaction, room))
    for target in ("refresh", "about"):
        publish_partial(transaction, f"room.{room.id}", "live/refresh_push.html", target=f"room-{room.id}-{target}")


async def push_read(transaction: Transaction, member: Member, room: Room) -> None:
    """Publish to a member's other pages what is still unread in a room.

    A sidebar that does not show all rooms may show others then.
    """
    rooms = await list_joined(transaction, member)
    joined = next((each for each in rooms if each.room.id == room.id), None)
    if joined is None or len(rooms) > ROOMS_SHOWN:
        await push_rooms(transaction, member)
    else:
        publish_partial(transaction, f"user.{member.id}", "chat/read_push.html", joined=joined)


async def push_removal(transaction: Transaction, room: Room, person: Member) -> None:
    """End what a person's pages get of a room that they may not see any more, in the same transaction."""
    await push_rooms(transaction, person)
    push_bells(transaction, [person.id])
    if await find_visible(transaction, person, room.id) is None:
        publish_partial(transaction, f"user.{person.id}", "live/refresh_push.html", target=f"room-{room.id}-refresh")
        stop_following(transaction, member=person.id, channels=[f"room.{room.id}", f"news.{room.id}"])


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
