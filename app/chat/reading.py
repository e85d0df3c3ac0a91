"""What is read: a member's place in each room, and how much has been said since."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import Select, String, and_, bindparam, case, cast, exists, func, literal, or_, select

from app.accounts.members import Member
from app.accounts.visits import Visit
from app.chat.direct_rooms import find_direct_people, name_rooms
from app.chat.drafts import MessageDraft
from app.chat.memberships import Membership, find_membership, is_about_readable
from app.chat.messages import Message
from app.chat.references import Mention
from app.chat.rooms import AnyRoom, Room, RoomRow, order_of
from app.database import PreparedSelect, Transaction
from app.database.functions import rows_as_json

# Up to '99+' is shown: of a room where more has been said, only the end is counted.
MOST_UNREAD_COUNTED = 100


class JoinedRoom(Struct, frozen=True):
    """A room that a member is in, as the sidebar shows it. `others` are who else is in a direct one; `drafted`
    whether the member has typed something there that is not sent yet."""

    room: AnyRoom
    name: str
    membership: Membership | ListedMembership
    unread: int
    mentions: int
    others: tuple[tuple[int, str], ...] = ()
    drafted: bool = False
    visited_at: datetime | None = None


class ListedMembership(NamedTuple):
    """What lists say of how a member is in a room."""

    member_id: int
    read_number: int
    notify: str


class QuietRoom(NamedTuple):
    """A room of a member's with nothing to show but its name: nothing unread, not muted, no draft, and never opened.
    Most rooms of somebody who is in hundreds are quiet, so they stay the rows that they were read as."""

    id: int
    slug: str
    name: str
    kind: str
    subject: str | None
    last_number: int
    member_id: int
    read_number: int
    notify: str

    def join(self) -> JoinedRoom:
        """The room as an active one is given."""
        return JoinedRoom(RoomRow._make(self[:6]), self.name, ListedMembership._make(self[6:]), 0, 0)


class ReadRooms(Struct, frozen=True, eq=False):
    """The rooms that a member is in, as one statement gives them. What is unread in the active ones, and what they are
    called, is read after it. One is equal to itself alone: comparing hundreds of rooms takes longer than reading."""

    active: tuple[tuple[RoomRow, ListedMembership, datetime | None, bool], ...] = ()
    quiet: tuple[tuple[str, QuietRoom], ...] = ()


class JoinedRooms(Struct, frozen=True):
    """The rooms that a member is in. Every room is either active or quiet; each quiet one comes with what it is sorted
    by (`order_of`), and they are sorted."""

    active: tuple[JoinedRoom, ...]
    read: ReadRooms

    @property
    def quiet(self) -> Sequence[tuple[str, QuietRoom]]:
        """Those that are quiet."""
        return self.read.quiet


NO_ROOMS = ReadRooms()
LIST_JOINED = PreparedSelect(
    lambda: (
        select(
            Membership.member_id,
            rows_as_json(
                *(getattr(Room, name) for name in RoomRow._fields),
                *(getattr(Membership, name) for name in ListedMembership._fields),
                Visit.visited_at,
                MessageDraft.member_id,
            ),
        )
        .join(Membership, (Membership.room_id == Room.id) & (Membership.tenant_id == Room.tenant_id))
        .outerjoin(
            Visit,
            (Visit.subject_id == Room.id)
            & (Visit.kind == literal("room"))
            & (Visit.member_id == Membership.member_id)
            & (Visit.tenant_id == Membership.tenant_id),
        )
        .outerjoin(
            MessageDraft,  # what a member has typed into a room's box and not sent yet
            (MessageDraft.place == literal("room-").concat(cast(Room.id, String)))
            & (MessageDraft.text != literal(""))
            & (MessageDraft.member_id == Membership.member_id)
            & (MessageDraft.tenant_id == Membership.tenant_id),
        )
        .where(
            Membership.member_id.in_(bindparam("member_ids")),
            Room.archived_at.is_(None),
            or_(
                Room.kind != "discussion",
                and_(Membership.read_number < Room.last_number, is_about_readable(Membership.member_id)),
            ),
        )
        .group_by(Membership.member_id)
    )
)


async def list_joined(transaction: Transaction, member: Member) -> list[JoinedRoom]:
    """The rooms of a member by name, with what is unread in each; direct ones after the others, then the discussions in
    which something is unread."""
    found = (await find_joined(transaction, [member.id]))[member.id]
    rooms = [*found.active, *(each.join() for _, each in found.quiet)]
    return sorted(rooms, key=lambda each: order_of(each.room.kind, each.name, each.room.id))


@lru_cache(maxsize=64)
def read_rooms(text: str) -> ReadRooms:
    """What the text says that the select gives of a member. Most pages that somebody opens find the same."""
    active, quiet = [], []
    for row in json.loads(text):
        room_id, _, name, kind, _, last_number, _, read_number, notify, visited, drafted_by = row
        is_read = read_number >= last_number
        if is_read and notify == "everything" and visited is None and drafted_by is None and kind != "direct":
            quiet.append((order_of(kind, name, room_id), QuietRoom._make(row[:9])))
        else:
            room, membership = RoomRow._make(row[:6]), ListedMembership._make(row[6:9])
            active.append((room, membership, moment_in_json(visited) if visited else None, drafted_by is not None))
    return ReadRooms(tuple(active), tuple(sorted(quiet)))


def moment_in_json(text: str) -> datetime:
    """A moment as the database writes it, which may be without its zone."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def find_joined(transaction: Transaction, member_ids: Iterable[int]) -> dict[int, JoinedRooms]:
    """The rooms of each of some members, by their ids, with what is unread in each.

    A member may be in hundreds, and every page asks for them: nothing more is read of the quiet ones.
    """
    ids = list(member_ids)
    found = {member_id: read_rooms(text) for member_id, text in await transaction.rows(LIST_JOINED, member_ids=ids)}
    active = [each for rooms in found.values() for each in rooms.active]
    direct = [(room.id, room.subject) for room, *_ in active if room.kind == "direct"]
    people = await find_direct_people(transaction, direct) if direct else {}
    names = name_rooms([(membership.member_id, room) for room, membership, *_ in active], people)
    behind = {room.id for room, membership, *_ in active if membership.read_number < room.last_number}
    unread = await count_unread_messages(transaction, ids, sorted(behind))
    joined: dict[int, list[JoinedRoom]] = {member_id: [] for member_id in ids}
    for room, membership, visited_at, drafted in active:
        name = names[membership.member_id, room.id]
        counts = unread.get((membership.member_id, room.id), (0, 0))
        others = tuple(person for person in people.get(room.id, ()) if person[0] != membership.member_id)
        each = JoinedRoom(room, name, membership, *counts, others, drafted, visited_at)
        if each.unread or room.kind != "discussion":
            joined[membership.member_id].append(each)
    return {member_id: JoinedRooms(tuple(rooms), found.get(member_id, NO_ROOMS)) for member_id, rooms in joined.items()}


def make_count_of_unread() -> Select[int, int, int, int]:
    """The select of how many messages of others members have not read in rooms, and how many of them name the member.

    What was deleted does not count.
    """
    names = exists().where(
        Mention.tenant_id == Message.tenant_id,
        Mention.message_id == Message.id,
        or_(Mention.member_id == Membership.member_id, Mention.member_id == 0),
    )
    return (
        select(Membership.member_id, Message.room_id, func.count(), func.sum(case((names, 1), else_=0)))
        .join(Membership, (Membership.room_id == Message.room_id) & (Membership.tenant_id == Message.tenant_id))
        .join(Room, (Room.id == Message.room_id) & (Room.tenant_id == Message.tenant_id))
        .where(
            Message.number > Room.last_number - MOST_UNREAD_COUNTED * 10,
            Membership.member_id.in_(bindparam("member_ids")),
            Message.room_id.in_(bindparam("room_ids")),
            Message.number > Membership.read_number,
            Message.member_id != Membership.member_id,
            Message.deleted_at.is_(None),
        )
        .group_by(Membership.member_id, Message.room_id)
    )


COUNT_UNREAD = PreparedSelect(make_count_of_unread)


async def count_unread_messages(
    transaction: Transaction, member_ids: list[int], room_ids: list[int]
) -> dict[tuple[int, int], tuple[int, int]]:
    """By member and room, how many messages of others a member has not read, and how many of them name the member."""
    if not room_ids:
        return {}
    found = await transaction.rows(COUNT_UNREAD, member_ids=member_ids, room_ids=room_ids)
    return {(member_id, room_id): (unread, mentions) for member_id, room_id, unread, mentions in found}


async def mark_read_up_to(transaction: Transaction, room: Room, member: Member, number: int, *, since: int = 0) -> bool:
    """Note that a member has read up to a message, from the one with the number `since`.

    Never backwards, and not beyond what was never on screen. False when nothing changes.
    """
    membership = await find_membership(transaction, room, member)
    number = min(number, room.last_number)
    if membership is None or number <= membership.read_number or since > membership.read_number + 1:
        return False
    membership.read_number = number
    await transaction.flush()
    return True
