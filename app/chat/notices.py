"""What is told of messages: to those whom one names or answers, to whom it is written, and who takes part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select

from app.accounts.members import Member
from app.chat.markdown import Rendered
from app.chat.messages import Message
from app.chat.rooms import Membership, Room
from app.database import Transaction
from app.notifications.inbox import mark_read, of_subject
from app.notifications.kinds import Kind, Place, Subject, register_kind, register_subject, split
from app.notifications.models import Happening
from app.notifications.notifications import notify, withdraw
from app.web.texts import _l

EXCERPT = 140

register_kind(
    Kind(
        "mention",
        label=_l("Somebody mentions you"),
        why=_l("You were mentioned."),
        one={"": _l("%(actor)s mentioned you in %(title)s")},
        many=_l("%(count)d mentions in %(title)s"),
        icon="at-sign",
        mail="hourly",
    )
)
register_kind(
    Kind(
        "reply",
        label=_l("Somebody answers you"),
        why=_l("It answers a message of yours."),
        one={"": _l("%(actor)s answered you in %(title)s")},
        many=_l("%(count)d answers in %(title)s"),
        icon="message-square",
        mail="hourly",
    )
)
register_kind(
    Kind(
        "direct",
        label=_l("Somebody writes to you"),
        why=_l("It was written to you."),
        one={"": _l("%(actor)s wrote to you")},
        many=_l("%(count)d messages in %(title)s"),
        icon="mail",
        mail="hourly",
    )
)
register_kind(
    Kind(
        "discussion",
        label=_l("A message in a discussion you take part in"),
        why=_l("You take part in this discussion."),
        one={"": _l("%(actor)s wrote about %(title)s")},
        many=_l("%(count)d messages about %(title)s"),
        icon="message-square",
    )
)
register_kind(
    Kind(
        "invitation",
        label=_l("Somebody brings you into a room"),
        why=_l("You were brought into this room."),
        one={"": _l("%(actor)s brought you into %(title)s")},
        many=_l("%(count)d invitations to %(title)s"),
        icon="users",
    )
)


def is_visible_to(member_id: Any, subject_id: Any) -> ColumnElement[bool]:
    """Everybody for public rooms, otherwise those who are in the room.

    Neither of the two is inside the other: a nested one would not see the notification that is asked about.
    """
    public = exists().where(Room.id == subject_id, Room.kind.in_(("public", "discussion")))
    inside = exists().where(Membership.room_id == subject_id, Membership.member_id == member_id)
    return or_(public, inside)


async def find_places(transaction: Transaction, ids: Sequence[int]) -> dict[int, Place]:
    """Where rooms are."""
    rows = await transaction.execute(select(Room.id, Room.name, Room.slug).where(Room.id.in_(ids)))
    return {row.id: Place(row.name, f"/chat/{row.slug}") for row in rows}


def at_message(place: Place, number: int) -> str:
    """A room, at a message."""
    return f"{place.address}?at={number}" if number else place.address


register_subject(Subject("room", "hash", is_visible_to, find_places, at_message))


def subject_of(room: Room) -> tuple[str, int]:
    """What messages of a room are about: of a discussion, the thing that it is on."""
    name, number = split(room.subject or "") if room.kind == "discussion" else ("", 0)
    return (name, number) if name else ("room", room.id)


async def notify_message(
    transaction: Transaction, room: Room, message: Message, author: Member, rendered: Rendered
) -> None:
    """Tell those whom a message concerns; each once, for the best reason. Who wants nothing of a room gets nothing."""
    if room.kind not in ("direct", "discussion") and not message.reply_to_id and not rendered.refers:
        return
    rows = await transaction.execute(
        select(Membership.member_id, Membership.notify).where(Membership.room_id == room.id)
    )
    inside = {row.member_id: row.notify for row in rows}
    named = set(rendered.members) | (set(inside) if rendered.everybody else set())
    answered = await transaction.scalar(select(Message.member_id).where(Message.id == message.reply_to_id))
    everything = [each for each, wants in inside.items() if wants == "everything"]
    told = {each for each, wants in inside.items() if wants == "nothing"}
    if not room.open:
        named &= set(inside)
    for kind, to in (
        ("mention", named),
        ("reply", [answered] if answered else []),
        ("direct", everything if room.kind == "direct" else []),
        ("discussion", everything if room.kind == "discussion" else []),
    ):
        told |= await notify(
            transaction,
            kind=kind,
            subject=subject_of(room),
            to=to,
            by=author,
            number=message.number,
            without=told,
            details={"excerpt": message.plain[:EXCERPT]},
        )


async def notify_edit(transaction: Transaction, room: Room, message: Message) -> None:
    """What was told of a message says what it says now."""
    subject = subject_of(room)
    statement = select(Happening).where(
        Happening.subject_kind == subject[0], Happening.subject_id == subject[1], Happening.number == message.number
    )
    for happening in await transaction.scalars(statement):
        happening.details = {**happening.details, "excerpt": message.plain[:EXCERPT]}


async def withdraw_message(transaction: Transaction, room: Room, message: Message) -> None:
    """A message is deleted, and with it what was told of it."""
    await withdraw(transaction, subject_of(room), message.number)


async def notify_invited(transaction: Transaction, room: Room, member: Member, person: Member) -> None:
    """Tell somebody that they are in a room now."""
    await notify(transaction, kind="invitation", subject=("room", room.id), to=[person.id], by=member)


async def mark_messages_read(
    transaction: Transaction, room: Room, member: Member, number: int, *, since: int = 0
) -> None:
    """What was told of messages is read with them."""
    await mark_read(transaction, member, *of_subject(subject_of(room), since=since, up_to=number))
