"""What events hold, by their kinds: described, so that programs can be written for them.

Events are made from facts (`log_entry`); a test looks whether each is as it is described here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from app.programs.record_event_shapes import (
    CollectionNamedEvent,
    CollectionRenamedEvent,
    EventData,
    FieldsEvent,
    GuestEvent,
    Id,
    LockAskedEvent,
    LockEvent,
    LockLostEvent,
    PermissionsEvent,
    RecordEvent,
    RecordsAddedEvent,
    RecordsExportedEvent,
    RecordsImportedEvent,
)


class ThingEvent(EventData):
    """Something has become of the thing with an id: ask for it."""

    id: Id


class AgentEvent(EventData):
    """Something has become of what acts as a member, or for one: an app, an address of a room, a webhook."""

    id: Id
    member: Id


class WebhookGivenUpEvent(EventData):
    """A webhook was disabled by the program, for a reason."""

    id: Id
    why: str


class RoomMadeEvent(EventData):
    """A room was made, with these members in it."""

    id: Id
    kind: str
    people: list[Id]


class RoomEvent(EventData):
    """A room was closed, or opened again."""

    room: Id


class RoomChangedEvent(EventData):
    """A room is called otherwise."""

    room: Id
    name: str
    description: str


class RoomMemberEvent(EventData):
    """A member has come into a room, or left it."""

    room: Id
    member: Id


class DiscussionEvent(EventData):
    """The discussion of what has this subject was begun."""

    room: Id
    subject: str


class MessagePostedEvent(EventData):
    """Something was said: ask for its text. `mentions` are members, 0 for all; `records` are pairs of the slug of a
    collection, or nothing, and a number; `files` are ids; `bot` is that a bot has said it, which other bots leave
    alone."""

    room: Id
    id: Id
    number: int
    reply_to: Id | None
    mentions: list[Id]
    records: list[tuple[str, int]]
    files: list[Id]
    bot: bool = False


class MessageEvent(EventData):
    """A message was deleted, is there again, or was pinned to its room or taken off."""

    room: Id
    id: Id
    number: int


class MessageEditedEvent(MessageEvent):
    """A message says something else."""

    mentions: list[Id]


class ReactionEvent(MessageEvent):
    """Somebody has put an emoji under a message, or taken it away."""

    emoji: str
    on: bool


class AnnouncementEvent(EventData):
    """Everybody is told something."""

    id: Id
    title: str
    acknowledge: bool


class MemberJoinedEvent(EventData):
    """Somebody has become a member."""

    id: Id
    role: str


class MemberChangedEvent(EventData):
    """A member is called otherwise, or has another role."""

    id: Id
    before: str
    after: str


class SettingEvent(EventData):
    """A setting of the workspace is another one."""

    setting: str
    before: str
    after: str


class LogoEvent(EventData):
    """The workspace has another logo, by what its address ends with."""

    before: str | None
    after: str | None


class TruncatedEvent(EventData):
    """What would have been too long: ask for the thing."""

    truncated: Literal[True]
    id: Id | msgspec.UnsetType = msgspec.UNSET
    version: int | msgspec.UnsetType = msgspec.UNSET


KINDS_OF_EVENTS: Mapping[type[EventData], tuple[str, ...]] = {
    RecordEvent: ("record.created", "record.changed", "record.deleted", "record.restored"),
    RecordsAddedEvent: ("records.added",),
    RecordsImportedEvent: ("records.imported",),
    RecordsExportedEvent: ("records.exported",),
    CollectionNamedEvent: (
        *("collection.added", "collection.archived", "collection.opened"),
        *("collection.deleted", "collection.restored"),
    ),
    CollectionRenamedEvent: ("collection.renamed",),
    PermissionsEvent: ("collection.permissions",),
    GuestEvent: ("collection.guest-admitted", "collection.guest-dismissed"),
    FieldsEvent: ("fields.changed",),
    ThingEvent: (
        *("collection.described", "announcement.withdrawn", "announcement.ended", "invitation.changed"),
        *("member.suspended", "member.restored", "member.picture", "member.ended"),
        *("webhook.enabled", "webhook.disabled", "webhook.rotated", "webhook.skipped", "webhook.replayed"),
        "webhook.removed",
    ),
    AgentEvent: (
        *("app.made", "app.changed", "app.secret-made", "app.secret-dropped", "app.ended"),
        *("app.webhook-changed",),
        *("incoming.made", "incoming.ended", "webhook.made"),
    ),
    WebhookGivenUpEvent: ("webhook.given-up",),
    LockEvent: ("lock.taken", "lock.taken-over", "lock.freed", "lock.lapsed", "lock.offered"),
    LockAskedEvent: ("lock.asked",),
    LockLostEvent: ("lock.lost",),
    RoomMadeEvent: ("room.made",),
    RoomEvent: ("room.archived", "room.opened"),
    RoomChangedEvent: ("room.changed",),
    RoomMemberEvent: ("room.entered", "room.left"),
    DiscussionEvent: ("discussion.opened",),
    MessagePostedEvent: ("message.posted",),
    MessageEvent: ("message.deleted", "message.restored", "message.pinned", "message.unpinned"),
    MessageEditedEvent: ("message.edited",),
    ReactionEvent: ("message.reaction",),
    AnnouncementEvent: ("announcement.made",),
    MemberJoinedEvent: ("member.joined",),
    MemberChangedEvent: ("member.renamed", "member.role"),
    SettingEvent: ("setting.changed",),
    LogoEvent: ("logo.changed",),
}
