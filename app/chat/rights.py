"""Who may do what with rooms and messages. Lists ask who may see rooms in their statements (`is_visible`)."""

from __future__ import annotations

from app.accounts.members import Member
from app.accounts.rights import ONLY_MEMBERS, ONLY_WRITERS, Right, admins, insiders, members, writers
from app.accounts.scopes import SOMEWHERE, Place
from app.chat.messages import Message
from app.chat.rooms import GENERAL, Room, RoomAccess
from app.web.texts import _l

# The rooms that people make and call something.
NAMED_KINDS = ("public", "private")
NOT_IN_THIS_ROOM = _l("No one can do this in this room.")


def authors(actor: Member, message: Message) -> bool:
    """Who wrote the message."""
    return message.member_id == actor.id


def authors_and_admins(actor: Member, message: Message) -> bool:
    """Who wrote the message, and admins."""
    return authors(actor, message) or admins(actor, message)


def makers_and_admins(actor: Member, room: Room) -> bool:
    """Who made the room, and admins."""
    return admins(actor, room) or room.created_by_id == actor.id


def is_archivable(actor: Member, room: Room) -> bool:
    """Nobody archives the general room, or takes people out of it, or a direct one, or a discussion."""
    return room.kind in NAMED_KINDS and room.slug != GENERAL


def all_or_those_inside(actor: Member, access: RoomAccess) -> bool:
    """Everybody but guests for public rooms, readers of the thing for its discussion, otherwise those who are in the
    room (`is_visible` in statements)."""
    if access.room.kind == "discussion":
        return access.about
    return access.inside or (access.room.open and insiders(actor, access))


def those_inside(actor: Member, access: RoomAccess) -> bool:
    """Those who are in the room."""
    return access.inside


def is_named(actor: Member, access: RoomAccess) -> bool:
    """Nobody changes a direct room, or a discussion, or invites to one."""
    return access.room.kind in NAMED_KINDS


def members_inside(actor: Member, access: RoomAccess) -> bool:
    """Members who are in the room; of a discussion all who may read what it is about."""
    inside = access.about if access.room.kind == "discussion" else access.inside
    return inside and members(actor, access)


def all_but_from_general_and_direct(actor: Member, room: Room) -> bool:
    """Everybody, but nobody leaves the general room or a direct one."""
    return room.slug != GENERAL and room.kind != "direct"


def of_room(room: Room) -> tuple[Place, ...]:
    """Where a room is: it is such a place itself. A discussion is also where its record is."""
    return places_of_room(room.id, room.kind)


def places_of_room(room_id: int, kind: str) -> tuple[Place, ...]:
    """Likewise, of one of which only that is known."""
    place: Place = ("room", room_id)
    return (place, SOMEWHERE) if kind == "discussion" else (place,)


def of_room_access(access: RoomAccess) -> tuple[Place, ...]:
    """Likewise of a room that is asked for."""
    return of_room(access.room)


def of_message(message: Message) -> tuple[Place, ...]:
    """Where a message is. Its room was asked for before."""
    return (("room", message.room_id),)


CHAT_RIGHTS = (
    Right("write", "messages", writers, ONLY_WRITERS, scope="chat:write"),
    Right("make", "rooms", members, ONLY_MEMBERS, scope="chat:write"),
    Right("see", RoomAccess, all_or_those_inside, scope="chat:read", places=of_room_access),
    Right(
        "enter",
        RoomAccess,
        all_or_those_inside,
        _l("This room is by invitation only."),
        scope="chat:write",
        places=of_room_access,
    ),
    Right(
        "change",
        RoomAccess,
        those_inside,
        _l("Only people in the room can change it."),
        scope="chat:write",
        places=of_room_access,
        conditions=((is_named, NOT_IN_THIS_ROOM), (members, ONLY_MEMBERS)),
    ),
    Right(
        "invite to",
        RoomAccess,
        those_inside,
        _l("Only people in the room can invite others."),
        scope="chat:write",
        places=of_room_access,
        conditions=((is_named, NOT_IN_THIS_ROOM), (members, ONLY_MEMBERS)),
    ),
    Right(
        "pin in",
        RoomAccess,
        members_inside,
        _l("Only members who are in the room can pin messages."),
        scope="chat:write",
        places=of_room_access,
    ),
    Right(
        "leave",
        Room,
        all_but_from_general_and_direct,
        _l("No one can leave this room."),
        scope="chat:write",
        places=of_room,
    ),
    Right(
        "change",
        Message,
        authors,
        _l("Only the author of a message can change it."),
        scope="chat:write",
        places=of_message,
        conditions=((writers, ONLY_WRITERS),),
    ),
    Right(
        "delete",
        Message,
        authors_and_admins,
        _l("Only the author of a message and admins can delete it."),
        scope="chat:write",
        places=of_message,
        conditions=((writers, ONLY_WRITERS),),
    ),
    Right(
        "read revisions of",
        Message,
        authors_and_admins,
        _l("Only the author of a message and admins can see what it said."),
        scope="chat:read",
        places=of_message,
    ),
    Right(
        "archive",
        Room,
        makers_and_admins,
        _l("Only admins and whoever created the room can do this."),
        scope="chat:write",
        places=of_room,
        conditions=((is_archivable, NOT_IN_THIS_ROOM), (members, ONLY_MEMBERS)),
    ),
)
