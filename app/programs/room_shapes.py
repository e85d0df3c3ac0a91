"""What programs get and give of rooms and of who is in them, and of messages that are searched for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.chat.memberships import Notify
from app.programs.chat_shapes import MessageShape


class NewRoom(msgspec.Struct, forbid_unknown_fields=True):
    """A room that is to be made, with who makes it in it. A `private` one is for those who are invited."""

    name: Annotated[str, Meta(min_length=1, max_length=80)]
    description: Annotated[str, Meta(max_length=500)] = ""
    private: bool = False


class RoomChange(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is to be changed of a room. What is not named stays."""

    name: Annotated[str, Meta(min_length=1, max_length=80)] | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET


class DirectPeople(msgspec.Struct, forbid_unknown_fields=True):
    """Whom one writes to, beside oneself."""

    member_ids: Annotated[list[int], Meta(min_length=1, max_length=7)]


class PersonBrought(msgspec.Struct, forbid_unknown_fields=True):
    """Who is to be brought into a room."""

    member_id: int


class RoomMembership(msgspec.Struct):
    """One's own place in a room: what one is told of it, up to which message one has read, and how many of others one
    has not, of which so many name one (100 and more are counted as they come)."""

    notify: Notify
    read: int
    last: int
    unread: int
    mentions: int
    joined_at: datetime


class MembershipChange(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What one wants to be told of a room, and up to which message one has read; that never goes back."""

    notify: Notify | UnsetType = UNSET
    read: Annotated[int, Meta(ge=0, lt=2**53)] | UnsetType = UNSET


class TypingShape(msgspec.Struct):
    """Those who look at the room were told that one types. It is gone after some seconds."""

    channel: str


class FoundMessage(msgspec.Struct):
    """A message that was found, the slug of its room and what that is called, and some of the text around what was
    searched for."""

    room: str
    room_name: str
    excerpt: str
    message: MessageShape
