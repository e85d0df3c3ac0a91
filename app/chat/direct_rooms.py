"""Direct rooms are called after the people in them, for each after the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from app.accounts.members import Member, find_member_names
from app.chat.rooms import LONGEST_ROOM_NAME, AnyRoom, Room
from app.database import Transaction
from app.notifications.kinds import name_of_others


def name_of(people: Sequence[Member]) -> str:
    """What a direct room of these people is stored as; each of them sees it called after the others."""
    return ", ".join(person.name for person in people)[:LONGEST_ROOM_NAME]


async def find_room_names(
    transaction: Transaction, viewers: Iterable[tuple[int, AnyRoom]]
) -> dict[tuple[int, int], str]:
    """What rooms are called for members, by the members' numbers and the rooms': direct ones after the others."""
    pairs = list(viewers)
    direct = [(room.id, room.subject) for _, room in pairs if room.kind == "direct"]
    return name_rooms(pairs, await find_direct_people(transaction, direct))


def name_rooms(
    pairs: Iterable[tuple[int, AnyRoom]], people: Mapping[int, Sequence[tuple[int, str]]]
) -> dict[tuple[int, int], str]:
    """Likewise, where the people of the direct ones are known."""
    return {
        (member_id, room.id): name_of_others(people[room.id], member_id) if room.id in people else room.name
        for member_id, room in pairs
    }


async def find_others(transaction: Transaction, member: Member, room: Room) -> tuple[tuple[int, str], ...]:
    """The others in a direct room, by number and name; nobody of any other room."""
    people = await find_direct_people(transaction, [(room.id, room.subject)]) if room.kind == "direct" else {}
    return tuple(each for each in people.get(room.id, ()) if each[0] != member.id)


async def find_name(transaction: Transaction, member: Member, room: Room) -> str:
    """What a room is called for a member."""
    return (await find_room_names(transaction, [(member.id, room)]))[member.id, room.id]


async def find_direct_people(
    transaction: Transaction, rooms: Iterable[tuple[int, str | None]]
) -> dict[int, tuple[tuple[int, str], ...]]:
    """The people of direct rooms, by number and name, whether they are still there or not; from the rooms' numbers and
    subjects."""
    inside = {number: [int(n) for n in (subject or "").removeprefix("people-").split("-")] for number, subject in rooms}
    if not inside:
        return {}
    names = await find_member_names(transaction, {member_id for ids in inside.values() for member_id in ids})
    return {
        number: tuple((member_id, names[member_id]) for member_id in ids if member_id in names)
        for number, ids in inside.items()
    }
