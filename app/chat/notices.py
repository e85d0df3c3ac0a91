"""What is told of messages: to those whom one names or answers, to whom it is written, and who takes part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, bindparam, exists, or_, select
from sqlalchemy.orm import aliased

from app.accounts.members import Member
from app.accounts.rights import INSIDERS
from app.chat.direct_rooms import find_direct_people
from app.chat.facts import MemberInvited, MessageAddressed, MessageDeleted, MessageEdited
from app.chat.memberships import Membership
from app.chat.messages import Message
from app.chat.rooms import Room
from app.database import PreparedSelect, Transaction
from app.notifications.inbox import mark_notifications_read, of_subject
from app.notifications.kinds import NotificationKind, Subject, SubjectPlace, register_subject, split
from app.notifications.models import Activity, Notification
from app.notifications.notifications import Occasion, notify, notify_all
from app.notifications.withdrawals import tell_otherwise, withdraw
from app.web.texts import _l, shorten_text

NOTICE_EXCERPT = 140

CHAT_KINDS = (
    NotificationKind(
        "mention",
        label=_l("Someone mentions you"),
        why=_l("You were mentioned."),
        one={"": _l("%(actor)s mentioned you in %(title)s")},
        many=_l("%(count)d mentions in %(title)s"),
        icon="at-sign",
        mail="hourly",
    ),
    NotificationKind(
        "reply",
        label=_l("Someone replies to you"),
        why=_l("It is a reply to one of your messages."),
        one={"": _l("%(actor)s replied to you in %(title)s")},
        many=_l("%(count)d replies in %(title)s"),
        icon="message-square",
        mail="hourly",
    ),
    NotificationKind(
        "direct",
        label=_l("Someone sends you a direct message"),
        why=_l("It was sent to you directly."),
        one={"": _l("%(actor)s sent you a message")},
        many=_l("%(count)d messages in %(title)s"),
        icon="mail",
        mail="hourly",
        on_home="",
    ),
    NotificationKind(
        "discussion",
        label=_l("A message in a discussion you take part in"),
        why=_l("You take part in this discussion."),
        one={"": _l("%(actor)s wrote about %(title)s")},
        many=_l("%(count)d messages about %(title)s"),
        icon="message-square",
        on_home="",
    ),
    NotificationKind(
        "invitation",
        label=_l("Someone adds you to a room"),
        why=_l("You were added to this room."),
        one={"": _l("%(actor)s added you to %(title)s")},
        many=_l("%(count)d invitations to %(title)s"),
        icon="users",
    ),
)


def is_visible_to(member_id: Any, subject_id: Any) -> ColumnElement[bool]:
    """Everybody but guests for public rooms, otherwise those who are in the room.

    Neither of the two is inside the other: a nested one would not see the notification that is asked about.
    """
    person = aliased(Member)  # the query around this one may have members of its own
    public = exists().where(
        Room.id == subject_id,
        Room.kind == "public",
        person.id == member_id,
        person.tenant_id == Room.tenant_id,
        person.role.in_(INSIDERS),
    )
    inside = exists().where(Membership.room_id == subject_id, Membership.member_id == member_id)
    return or_(public, inside)


async def find_room_places(transaction: Transaction, ids: Sequence[int]) -> dict[int, SubjectPlace]:
    """Where rooms are."""
    rooms = await transaction.find_all(Room, ids)
    direct = {each.id: each.subject for each in rooms.values() if each.kind == "direct"}
    people = await find_direct_people(transaction, direct.items()) if direct else {}
    return {each.id: SubjectPlace(each.name, f"/chat/{each.slug}", people.get(each.id, ())) for each in rooms.values()}


register_subject(Subject("room", "hash", is_visible_to, find_room_places, "?at={}"))


def subject_of(room: Room) -> tuple[str, int]:
    """What messages of a room are about: of a discussion, the thing that it is on."""
    name, number = split(room.subject or "") if room.kind == "discussion" else ("", 0)
    return (name, number) if name else ("room", room.id)


# Why a message concerns somebody, the best reason first.
REASONS = ("mention", "reply", "direct", "discussion")


class Reasons(Struct, frozen=True):
    """Whom a message concerns, by kinds of notifications, the best reason first; and who wants nothing of its room."""

    kinds: dict[str, set[int]]
    unwilling: set[int]

    def best(self, member_id: int) -> str | None:
        """The best reason for which the message concerns a member."""
        return next((kind for kind in REASONS if member_id in self.kinds[kind]), None)


async def tell_posted(transaction: Transaction, facts: Sequence[MessageAddressed]) -> None:
    """Tell those whom messages concern; of each once, for the best reason. Who wants nothing of a room gets nothing."""
    rooms = await transaction.find_all(Room, [fact.room_id for fact in facts])
    messages = await transaction.find_all(Message, [fact.message_id for fact in facts])
    facts = [fact for fact in facts if messages[fact.message_id].deleted_at is None]
    found = await find_reasons(
        transaction, [(rooms[fact.room_id], messages[fact.message_id], fact.mentioned) for fact in facts]
    )
    authors = await transaction.find_all(Member, {messages[fact.message_id].member_id for fact in facts})
    occasions = []
    for fact, reasons in zip(facts, found, strict=True):
        room, message = rooms[fact.room_id], messages[fact.message_id]
        occasions.append(
            Occasion(
                subject_of(room),
                [(kind, reasons.kinds[kind]) for kind in REASONS],
                by=authors[message.member_id],
                number=message.number,
                without=frozenset(reasons.unwilling),
                details=details_of(message),
            )
        )
    await notify_all(transaction, occasions)


LIST_WHO_IS_TOLD = PreparedSelect(
    lambda: select(Membership.room_id, Membership.member_id, Membership.notify).where(
        Membership.room_id.in_(bindparam("room_ids"))
    )
)


async def find_reasons(
    transaction: Transaction, messages: Sequence[tuple[Room, Message, Collection[int]]]
) -> list[Reasons]:
    """Whom each of some messages of a room concerns that mentions some members, or 0 for everybody there."""
    inside: dict[int, dict[int, str]] = {room.id: {} for room, _, _ in messages}
    for room_id, member_id, wants in await transaction.rows(LIST_WHO_IS_TOLD, room_ids=list(inside)):
        inside[room_id][member_id] = wants
    answered = await transaction.find_all(Message, {each.reply_to_id for _, each, _ in messages if each.reply_to_id})
    authors = {message_id: message.member_id for message_id, message in answered.items()}
    return [
        reasons_of(room, inside[room.id], set(mentioned), authors.get(message.reply_to_id or 0))
        for room, message, mentioned in messages
    ]


def reasons_of(room: Room, inside: Mapping[int, str], mentioned: set[int], answered: int | None) -> Reasons:
    """Whom a message concerns, in a room where some members want to be told of so much."""
    named = mentioned - {0} | (set(inside) if 0 in mentioned else set())
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
    return {"excerpt": shorten_text(message.plain, NOTICE_EXCERPT)}


LIST_TOLD_OF = PreparedSelect(
    lambda: select(Activity).where(
        Activity.subject_kind.in_(bindparam("kinds")),
        Activity.subject_id.in_(bindparam("ids")),
        Activity.number.in_(bindparam("numbers")),
    )
)


async def tell_edited(transaction: Transaction, facts: Sequence[MessageEdited]) -> None:
    """What was told of messages says what they say now, to those whom they concern now."""
    rooms = await transaction.find_all(Room, [fact.room_id for fact in facts])
    messages = await transaction.find_all(Message, [fact.message_id for fact in facts])
    edited = {(*subject_of(rooms[each.room_id]), each.number): each for each in messages.values()}
    kinds, ids, numbers = map(set, zip(*edited, strict=True))
    for activity in await transaction.column(LIST_TOLD_OF, kinds=kinds, ids=ids, numbers=numbers):
        message = edited.get((activity.subject_kind, activity.subject_id, activity.number))
        if message is not None:
            activity.details = {**activity.details, **details_of(message)}
    for fact in facts:
        if set(fact.before or ()) != set(fact.after):
            await tell_mentions(transaction, fact, rooms[fact.room_id], messages[fact.message_id])


LIST_TOLD = PreparedSelect(
    lambda: select(Notification).where(
        Notification.subject_kind == bindparam("kind"),
        Notification.subject_id == bindparam("subject_id"),
        Notification.number == bindparam("number"),
        Notification.kind.in_(REASONS),
    )
)


async def tell_mentions(transaction: Transaction, fact: MessageEdited, room: Room, message: Message) -> None:
    """Who is mentioned for the first time by an edit is told, unless the message is still unread among what they were
    told for another reason: then it is for this one. Who is not mentioned any more is told nothing, or for the reason
    that is left."""
    subject = subject_of(room)
    was, reasons = await find_reasons(transaction, [(room, message, fact.before or ()), (room, message, fact.after)])
    kind, subject_id = subject
    found = await transaction.column(LIST_TOLD, kind=kind, subject_id=subject_id, number=message.number)
    told = {each.member_id: each for each in found}
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
        by=await transaction.get_one(Member, message.member_id),
        number=message.number,
        details=details_of(message),
    )


async def withdraw_deleted(transaction: Transaction, facts: Sequence[MessageDeleted]) -> None:
    """Messages are deleted, and with them what was told of them."""
    rooms = await transaction.find_all(Room, [fact.room_id for fact in facts])
    await withdraw(transaction, *((subject_of(rooms[fact.room_id]), fact.number) for fact in facts))


async def tell_invited(transaction: Transaction, facts: Sequence[MemberInvited]) -> None:
    """Tell people that they are in a room now."""
    invited: dict[tuple[int, int | None], list[int]] = defaultdict(list)
    for fact in facts:
        invited[fact.room_id, fact.by.member_id].append(fact.member_id)
    inviting = await transaction.find_all(Member, {by_id for _, by_id in invited if by_id})
    await notify_all(
        transaction,
        [
            Occasion(("room", room_id), [("invitation", people)], by=inviting.get(by_id or 0))
            for (room_id, by_id), people in invited.items()
        ],
    )


async def mark_messages_read(
    transaction: Transaction, room: Room, member: Member, number: int, *, since: int = 0
) -> None:
    """What was told of messages is read with them."""
    await mark_notifications_read(transaction, member, **of_subject(subject_of(room), since=since, up_to=number))
