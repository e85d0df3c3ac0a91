"""Who is in rooms: listed, counted, and chosen from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select

from app.accounts.acquaintance import is_known
from app.accounts.choosing import Candidate, PreparedPersons, list_persons, select_persons
from app.accounts.members import Member, is_active
from app.accounts.rights import is_entitled
from app.chat.memberships import Membership
from app.chat.rooms import Room, by_name
from app.database import PreparedSelect, Transaction
from app.editing.row_places import kind_of
from app.editing.rows import Editable
from app.notifications.kinds import SUBJECTS

LIST_INSIDERS = PreparedSelect(
    lambda: (
        select(Membership.room_id, Member)
        .join(Member, (Membership.member_id == Member.id) & (Membership.tenant_id == Member.tenant_id))
        .where(Membership.room_id.in_(bindparam("room_ids")), *is_active())
        .order_by(Member.id)
    )
)


async def list_people(transaction: Transaction, room: Room) -> Sequence[Member]:
    """Who is in a room, by name."""
    return (await list_people_of(transaction, [room]))[room]


async def list_people_of(transaction: Transaction, rooms: Sequence[Room]) -> dict[Room, list[Member]]:
    """Who is in each of some rooms, by name."""
    found: dict[int, list[Member]] = {room.id: [] for room in rooms}
    for room_id, person in await transaction.rows(LIST_INSIDERS, room_ids=list(found)):
        found[room_id].append(person)
    return {room: by_name(found[room.id]) for room in rooms}


COUNT_INSIDERS = PreparedSelect(
    lambda: (
        select(Membership.room_id, func.count())
        .join(Member, (Membership.member_id == Member.id) & (Membership.tenant_id == Member.tenant_id))
        .where(Membership.room_id.in_(bindparam("room_ids")), *is_active())
        .group_by(Membership.room_id)
    )
)


async def count_insiders(transaction: Transaction, room_ids: Sequence[int]) -> dict[int, int]:
    """How many are in each of some rooms, by their ids."""
    return dict.fromkeys(room_ids, 0) | dict(await transaction.rows(COUNT_INSIDERS, room_ids=room_ids))


async def count_people_of(transaction: Transaction, rooms: Sequence[Room]) -> dict[Room, int]:
    """How many are in each of some rooms."""
    found = await count_insiders(transaction, [room.id for room in rooms])
    return {room: found[room.id] for room in rooms}


async def count_people(transaction: Transaction, room: Room) -> int:
    """How many are in a room."""
    return (await count_people_of(transaction, [room]))[room]


def is_inside(room_id: Any) -> ColumnElement[bool]:
    """The criterion of members who are in a room."""
    return Member.id.in_(select(Membership.member_id).where(Membership.room_id == room_id))


LIST_INSIDE = select_persons(lambda: (is_inside(bindparam("room_id")), *is_active()))


async def list_inside(transaction: Transaction, room: Room) -> list[Candidate]:
    """Who is in a room, as one chooses people."""
    return await list_persons(transaction, LIST_INSIDE, room_id=room.id)


@cache
def select_known_of_room(*, insider: bool, inside: bool) -> PreparedPersons:
    """The select of active members whom one gets to know of and who are in a room, or of those who are not."""

    def make_criteria() -> tuple[Any, ...]:
        within = is_inside(bindparam("room_id"))
        known = is_known(bindparam("member_id"), insider=insider)
        return known, *is_active(), within if inside else ~within

    return select_persons(make_criteria)


async def list_known_of_room(transaction: Transaction, member: Member, room: Room, *, inside: bool) -> list[Candidate]:
    """Whom a member gets to know of, and who are in a room, or who are not."""
    prepared = select_known_of_room(insider=is_entitled(member, "see", "everybody"), inside=inside)
    return await list_persons(transaction, prepared, member_id=member.id, room_id=room.id)


@cache
def select_permitted(kind: str) -> PreparedPersons:
    """The select of active members who may read a thing of a kind, by its id."""
    return select_persons(lambda: (SUBJECTS[kind].visible(Member.id, bindparam("subject_id")), *is_active()))


async def list_permitted(transaction: Transaction, row: Editable) -> list[Candidate]:
    """Who may read what can be edited, such as a record."""
    return await list_persons(transaction, select_permitted(kind_of(row).name), subject_id=row.id)
