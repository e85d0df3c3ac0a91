"""Who may do what with rooms and messages. Who may see a room is asked in statements (`rooms.py`, `is_visible`)."""

from __future__ import annotations

from app.accounts.members import Member
from app.accounts.rights import Right, admins
from app.chat.messages import Message
from app.chat.rooms import GENERAL, Room
from app.web.texts import _l


def authors_and_admins(actor: Member, message: Message) -> bool:
    """Who wrote the message, and admins."""
    return message.member_id == actor.id or admins(actor, message)


def makers_and_admins(actor: Member, room: Room) -> bool:
    """Who made the room, and admins; nobody archives the general room, or takes people out of it, or a direct one."""
    named = room.kind in ("public", "private") and room.slug != GENERAL
    return named and (admins(actor, room) or room.created_by_id == actor.id)


CHAT_RIGHTS = (
    Right("delete", Message, authors_and_admins, _l("Only who wrote a message, and admins, can delete it.")),
    Right(
        "read revisions of",
        Message,
        authors_and_admins,
        _l("Only who wrote a message, and admins, can see what it was."),
    ),
    Right("archive", Room, makers_and_admins, _l("Only admins, and whoever made a room, may do this.")),
)
