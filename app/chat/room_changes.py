"""A room is renamed, described, archived, and opened again."""

from __future__ import annotations

from app.accounts.members import Member
from app.accounts.rights import require
from app.accounts.undo import end_offers
from app.chat.facts import RoomArchived, RoomChanged
from app.chat.memberships import find_access
from app.chat.rooms import Room, check_name
from app.database import Transaction, now


async def change_room(transaction: Transaction, room: Room, member: Member, *, name: str, description: str) -> None:
    """Rename and describe a room.

    Raises Invalid for what it can't be called, and a 403 page for direct rooms, discussions, and who is not in it.
    """
    require(member, "change", await find_access(transaction, room, member))
    name, description = check_name(name, description)
    before, after = (room.name, room.description), (name, description)
    if before != after:
        room.name, room.description = after
        await transaction.flush()
        transaction.keep(room)
        transaction.note(RoomChanged(by=transaction.acting(member.id), room_id=room.id, before=before, after=after))


async def archive_room(transaction: Transaction, room: Room, member: Member, *, archived: bool) -> None:
    """Close a room to new messages, or open it again. It can still be read and searched.

    Raises a 403 page unless this member may.
    """
    require(member, "archive", room)
    if archived == (room.archived_at is not None):
        return
    if archived:  # once more, which is not to be undone by what was offered before
        await end_offers(transaction, ["room.archived"], room=room.id)
    room.archived_at = now() if archived else None
    await transaction.flush()
    transaction.keep(room)
    by = transaction.acting(member.id)
    transaction.note(RoomArchived(by=by, room_id=room.id, name=room.audited_name, archived=archived))
