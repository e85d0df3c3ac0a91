"""Who is in a room, and who may see it: joining, leaving, inviting, removing; and what a member keeps there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from litestar.exceptions import NotFoundException
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    String,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from app.accounts.acquaintance import acquaints
from app.accounts.members import Member
from app.accounts.rights import may, require
from app.accounts.undo import end_offers
from app.chat.facts import MemberEntered, MemberInvited, MemberLeft, MemberRemoved
from app.chat.rooms import Room, RoomAccess
from app.database import Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.editing.row_places import EDITABLE_KINDS
from app.notifications.kinds import SUBJECTS
from app.web.forms import Invalid
from app.web.texts import _l


class Membership(Tenanted, Base):
    """A member in a room: up to which message it is read, and what is told of it."""

    __tablename__ = "membership"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "room_id"], ["room.tenant_id", "room.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
        Index("ix_membership_member", "tenant_id", "member_id"),
    )

    room_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    read_number: Mapped[int] = mapped_column(BigInteger, default=0)
    notify: Mapped[str] = mapped_column(String(10), default="everything")
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


def is_visible(member_id: Any, *, insider: bool) -> ColumnElement[bool]:
    """The criterion of every query that reads what is in rooms: those that a member may see, from a column or
    parameter. An `insider` is one who may see everybody."""
    place = aliased(Membership)  # the query around this one may have places of its own
    inside = exists().where(place.tenant_id == Room.tenant_id, place.room_id == Room.id, place.member_id == member_id)
    public = Room.kind == "public" if insider else false()
    return or_(public, and_(Room.kind != "discussion", inside), is_about_readable(member_id))


def is_about_readable(member_id: Any) -> ColumnElement[bool]:
    """The criterion of discussions of things that somebody may read, from a column or parameter."""
    rules = []
    for name in EDITABLE_KINDS:
        begins = Room.subject.startswith(f"{name}-", autoescape=True)
        number = cast(case((begins, func.substr(Room.subject, len(name) + 2))), BigInteger)
        rules.append(and_(begins, SUBJECTS[name].visible(member_id, number)))
    return and_(Room.kind == "discussion", or_(*rules))


@acquaints
def share_a_room(person_id: Any, guest_id: Any) -> ColumnElement[bool]:
    """Who is in a room with a guest is known to them."""
    place, guests = aliased(Membership), aliased(Membership)
    shared = exists().where(
        place.member_id == person_id,
        place.tenant_id == guests.tenant_id,
        place.room_id == guests.room_id,
        guests.member_id == guest_id,
    )
    return shared.correlate_except(place, guests)


# The member's place comes with the room: it is asked for next.
FIND_ROOM = PreparedSelect(
    lambda: (
        select(Room, Membership)
        .outerjoin(
            Membership,
            (Membership.tenant_id == Room.tenant_id)
            & (Membership.room_id == Room.id)
            & (Membership.member_id == bindparam("member_id")),
        )
        .where(Room.slug == bindparam("slug"))
    )
)


async def get_room(transaction: Transaction, member: Member, slug: str) -> Room:
    """A room by its slug. Raises NotFoundException for one that this member may not see."""
    found = await transaction.find(FIND_ROOM, slug=slug, member_id=member.id)
    if found is None:
        raise NotFoundException
    room, membership = found
    transaction.keep(membership)
    access = RoomAccess(room, membership is not None, await is_about_read(transaction, member, room))
    if not may(member, "see", access):
        raise NotFoundException
    return room


FIND_READABLE_DISCUSSION = PreparedSelect(
    lambda: select(Room.id).where(Room.id == bindparam("room_id"), is_about_readable(bindparam("member_id")))
)


async def is_about_read(transaction: Transaction, member: Member, room: Room) -> bool:
    """Whether a member may read what a room is about, if it is a discussion."""
    if room.kind != "discussion":
        return True
    return await transaction.value(FIND_READABLE_DISCUSSION, room_id=room.id, member_id=member.id) is not None


async def find_visible(transaction: Transaction, member: Member, room_id: int) -> Room | None:
    """A room by its id, if this member may see it."""
    room = await transaction.get(Room, room_id)
    return room if room is not None and await may_see(transaction, member, room) else None


async def may_see(transaction: Transaction, member: Member, room: Room) -> bool:
    """`is_visible` of a room that is at hand."""
    return may(member, "see", await find_access(transaction, room, member))


async def find_access(transaction: Transaction, room: Room, member: Member) -> RoomAccess:
    """A room, and how a member stands to it."""
    inside = await find_membership(transaction, room, member) is not None
    return RoomAccess(room, inside, await is_about_read(transaction, member, room))


async def find_membership(transaction: Transaction, room: Room, member: Member) -> Membership | None:
    """A member's place in a room."""
    return await transaction.get(Membership, (room.id, member.id))


Notify = Literal["everything", "mentions", "nothing"]
NOTIFY = ("everything", "mentions", "nothing")


async def end_undo(transaction: Transaction, room: Room, person: Member) -> None:
    """Somebody comes or goes: what was done before is not taken back any more."""
    await end_offers(transaction, ("room.left", "room.member-removed"), room=room.id, person=person.id)


async def join(transaction: Transaction, room: Room, member: Member) -> Membership:
    """Join an open room; who is in it already stays as they are.

    Raises a 403 page for a room that one is invited to.
    """
    return await find_membership(transaction, room, member) or await enter(transaction, room, member)


async def enter(transaction: Transaction, room: Room, member: Member) -> Membership:
    """Enter an open room that one is not in, likewise."""
    about = await is_about_read(transaction, member, room)
    require(member, "enter", RoomAccess(room, inside=False, about=about))
    membership = await add_membership(transaction, room, member)
    transaction.keep(room)
    transaction.note(MemberEntered(by=transaction.acting(member.id), room_id=room.id, member_id=member.id))
    return membership


async def add_membership(transaction: Transaction, room: Room, member: Member) -> Membership:
    """Put a member into a room; what was said before counts as read."""
    await end_undo(transaction, room, member)
    membership = Membership(room_id=room.id, member_id=member.id, read_number=room.last_number)
    transaction.add(membership)
    await transaction.flush()
    return membership


async def add_all(transaction: Transaction, room: Room, member_ids: Iterable[int]) -> None:
    """Put members into a room that they are not in, likewise, in one statement."""
    rows = [{"room_id": room.id, "member_id": each, "read_number": room.last_number} for each in member_ids]
    await transaction.insert_rows(Membership, *rows)


async def leave(transaction: Transaction, room: Room, member: Member) -> None:
    """Leave a room; nothing happens when one is not in it.

    Raises a 403 page for rooms that one can't leave.
    """
    require(member, "leave", room)
    if await end_membership(transaction, room, member):
        transaction.note(MemberLeft(by=transaction.acting(member.id), room_id=room.id, member_id=member.id))


async def end_membership(transaction: Transaction, room: Room, member: Member) -> bool:
    """End a membership. False when there is none."""
    membership = await find_membership(transaction, room, member)
    if membership is None:
        return False
    await end_undo(transaction, room, member)
    await transaction.delete(membership)
    await transaction.flush()
    transaction.keep(room)
    return True


async def invite(transaction: Transaction, room: Room, member: Member, person: Member) -> bool:
    """Bring somebody into a room that one is in. False when they are there already.

    Raises a 403 page for direct rooms, and for a room that the inviting member is not in.
    """
    require(member, "invite to", await find_access(transaction, room, member))
    if await find_membership(transaction, room, person) is not None:
        return False
    await add_membership(transaction, room, person)
    transaction.keep(room)
    transaction.note(MemberInvited(by=transaction.acting(member.id), room_id=room.id, member_id=person.id))
    return True


async def remove(transaction: Transaction, room: Room, member: Member, person: Member) -> None:
    """Take somebody out of a room; nothing happens when they are not in it.

    Raises a 403 page unless the member may.
    """
    require(member, "archive", room)
    if await end_membership(transaction, room, person):
        named = person.email or person.name
        transaction.note(
            MemberRemoved(
                by=transaction.acting(member.id),
                room_id=room.id,
                member_id=person.id,
                person=named,
                room=room.audited_name,
            )
        )


async def set_notify(transaction: Transaction, room: Room, member: Member, notify: str) -> None:
    """Choose what one is told of a room.

    Raises Invalid for anything but 'everything', 'mentions' and 'nothing'.
    """
    if notify not in NOTIFY:
        raise Invalid(notify=_l("Choose one of these."))
    membership = await join(transaction, room, member)
    membership.notify = notify
    await transaction.flush()
