"""Who may do what with rooms and messages. Lists ask who may see rooms in their statements (`is_visible`)."""

from __future__ import annotations

from app.accounts.members import Member
from app.accounts.rights import Right, admins
from app.chat.messages import Message
from app.chat.rooms import GENERAL, Room, RoomAccess
from app.web.texts import _l


def authors_and_admins(actor: Member, message: Message) -> bool:
    """Who wrote the message, and admins."""
    return message.member_id == actor.id or admins(actor, message)


def makers_and_admins(actor: Member, room: Room) -> bool:
    """Who made the room, and admins; nobody archives the general room, or takes people out of it, or a direct one."""
    named = room.kind in ("public", "private") and room.slug != GENERAL
    return named and (admins(actor, room) or room.created_by_id == actor.id)


def authors(actor: Member, message: Message) -> bool:
    """Who wrote the message."""
    return message.member_id == actor.id


def all_or_those_inside(actor: Member, access: RoomAccess) -> bool:
    """Everybody for public rooms and discussions, otherwise those who are in the room (`is_visible` in statements)."""
    return access.room.open or access.inside


def those_inside(actor: Member, access: RoomAccess) -> bool:
    """Those who are in the room, if it is one with a name."""
    return access.room.kind in ("public", "private") and access.inside


def all_but_from_general_and_direct(actor: Member, room: Room) -> bool:
    """Everybody, but nobody leaves the general room or a direct one."""
    return room.slug != GENERAL and room.kind != "direct"


CHAT_RIGHTS = (
    Right("see", RoomAccess, all_or_those_inside),
    Right("enter", RoomAccess, all_or_those_inside, _l("One has to be invited to this room.")),
    Right("change", RoomAccess, those_inside, _l("Only those who are in a room can change it.")),
    Right("invite to", RoomAccess, those_inside, _l("Only those who are in a room can invite to it.")),
    Right("leave", Room, all_but_from_general_and_direct, _l("Nobody can leave this room.")),
    Right("change", Message, authors, _l("Only who wrote a message can change it.")),
    Right("delete", Message, authors_and_admins, _l("Only who wrote a message, and admins, can delete it.")),
    Right(
        "read revisions of",
        Message,
        authors_and_admins,
        _l("Only who wrote a message, and admins, can see what it was."),
    ),
    Right("archive", Room, makers_and_admins, _l("Only admins, and whoever made a room, may do this.")),
)
