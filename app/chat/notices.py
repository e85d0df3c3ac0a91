"""What is told of messages: to those whom one names or answers, to whom it is written, and who takes part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select

from app.accounts.members import Member
from app.chat.markdown import Rendered
from app.chat.messages import Message
from app.chat.rooms import Membership, Room, find_direct_people
from app.database import Transaction
from app.notifications.inbox import mark_read, of_subject
from app.notifications.kinds import Kind, Place, Subject, register_kind, register_subject, split
from app.notifications.models import Happening, Notification
from app.notifications.notifications import notify, tell_otherwise, withdraw
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
    statement = select(Room.id, Room.name, Room.slug, Room.kind, Room.subject).where(Room.id.in_(ids))
    rows = (await transaction.execute(statement)).all()
    people = await find_direct_people(transaction, [(row.id, row.subject) for row in rows if row.kind == "direct"])
    return {row.id: Place(row.name, f"/chat/{row.slug}", people.get(row.id, ())) for row in rows}


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
    reasons = await find_reasons(transaction, room, message, rendered.members, everybody=rendered.everybody)
    told = set(reasons.unwilling)
    for kind, to in reasons.kinds.items():
        told |= await notify(
            transaction,
            kind=kind,
            subject=subject_of(room),
            to=to,
            by=author,
            number=message.number,
            without=told,
            details=details_of(message),
        )


@dataclass(frozen=True, slots=True)
class Reasons:
    """Whom a message concerns, by kinds of notifications, the best reason first; and who wants nothing of its room."""

    kinds: dict[str, set[int]]
    unwilling: set[int]

    def best(self, member_id: int) -> str | None:
        """The best reason for which the message concerns a member."""
        return next((kind for kind, ids in self.kinds.items() if member_id in ids), None)


async def find_reasons(
    transaction: Transaction, room: Room, message: Message, members: Iterable[int], *, everybody: bool
) -> Reasons:
    """Whom a message concerns that names some members, or everybody in its room."""
    rows = await transaction.execute(
        select(Membership.member_id, Membership.notify).where(Membership.room_id == room.id)
    )
    inside = {row.member_id: row.notify for row in rows}
    named = set(members) | (set(inside) if everybody else set())
    answered = await transaction.scalar(select(Message.member_id).where(Message.id == message.reply_to_id))
    everything = {each for each, wants in inside.items() if wants == "everything"}
    kinds = {
        "mention": named if room.open else named & set(inside),
        "reply": {answered} if answered else set(),
        "direct": everything if room.kind == "direct" else set(),
        "discussion": everything if room.kind == "discussion" else set(),
    }
    return Reasons(kinds, {each for each, wants in inside.items() if wants == "nothing"})


def details_of(message: Message) -> dict[str, str]:
    """What a notification shows of a message: the beginning of what it says, with mentions as they are stored."""
    return {"excerpt": message.plain[:EXCERPT]}


async def notify_edit(
    transaction: Transaction, room: Room, message: Message, author: Member, rendered: Rendered, *, named: Iterable[int]
) -> None:
    """What was told of a message says what it says now, to those whom it concerns now.

    `named` are those whom it mentioned before, 0 for everybody. Who is mentioned for the first time is told, unless
    the message is still unread among what they were told for another reason: then it is for this one. Who is not
    mentioned any more is told nothing, or for the reason that is left.
    """
    subject = subject_of(room)
    of_message = (
        Happening.subject_kind == subject[0],
        Happening.subject_id == subject[1],
        Happening.number == message.number,
    )
    for happening in await transaction.scalars(select(Happening).where(*of_message)):
        happening.details = {**happening.details, **details_of(message)}
    before = set(named)
    now_named = set(rendered.members) | ({0} if rendered.everybody else set())
    if before == now_named:
        return
    was = await find_reasons(transaction, room, message, before - {0}, everybody=0 in before)
    reasons = await find_reasons(transaction, room, message, rendered.members, everybody=rendered.everybody)
    statement = select(Notification).where(
        Notification.subject_kind == subject[0],
        Notification.subject_id == subject[1],
        Notification.number == message.number,
        Notification.kind.in_(reasons.kinds),
    )
    told = {each.member_id: each for each in await transaction.scalars(statement)}
    removed = was.kinds["mention"] - reasons.kinds["mention"]
    added = reasons.kinds["mention"] - was.kinds["mention"] - reasons.unwilling
    unread = {member_id for member_id in added & told.keys() if told[member_id].read_at is None}
    changed: dict[int, str | None] = {each: reasons.best(each) for each in removed if each in told}
    changed |= dict.fromkeys(unread, "mention") | dict.fromkeys(added & told.keys() - unread)
    if changed:
        await tell_otherwise(transaction, subject, message.number, changed)
    await notify(
        transaction,
        kind="mention",
        subject=subject,
        to=added - unread,
        by=author,
        number=message.number,
        details=details_of(message),
    )


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
