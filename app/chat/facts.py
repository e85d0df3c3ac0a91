"""The facts of chat: what became of messages, of rooms, and of who is in them."""

from __future__ import annotations

from typing import Any, Literal

from app.accounts.audit import Audited, Entry
from app.database import Fact, LogEntry


class InRoom(Fact, frozen=True, kw_only=True):
    """Something has happened in a room."""

    room_id: int

    def in_room(self, kind: str, **data: Any) -> LogEntry:
        """What programs get of it: those that may see the room, whatever it is."""
        return LogEntry(kind, f"room.{self.room_id}", {"room": self.room_id, **data})


class MessagePosted(InRoom, frozen=True, kw_only=True):
    """A message was posted.

    `mentioned` are the members whom it mentions, 0 for everybody in the room; `records` and `files` are what else it
    refers to, as `Rendered.records` has them, and by their ids. `bot` is that a bot has: who answers what others
    say leaves it alone.
    """

    message_id: int
    number: int
    reply_to_id: int | None
    mentioned: tuple[int, ...]
    records: tuple[tuple[str, int], ...]
    files: tuple[int, ...]
    bot: bool = False

    @property
    def log_entry(self) -> LogEntry:
        """What programs get: not the text, which may be another one, or nobody's, when the log is read."""
        about = {"id": self.message_id, "number": self.number, "reply_to": self.reply_to_id}
        came = {"mentions": self.mentioned, "records": self.records, "files": self.files, "bot": self.bot}
        return self.in_room("message.posted", **about, **came)


class MessageAddressed(MessagePosted, frozen=True, kw_only=True):
    """A message was posted that some are told of: it mentions or answers somebody, or is in a room whose people are
    told of every message, a direct one or a discussion."""


class MessageChanged(InRoom, frozen=True, kw_only=True):
    """Something has become of a message. `before` are the members whom it mentioned, where that may be others now."""

    message_id: int
    number: int
    before: tuple[int, ...] | None = None

    def of_message(self, what: str, **data: Any) -> LogEntry:
        """What programs get of what became of it."""
        return self.in_room(f"message.{what}", id=self.message_id, number=self.number, **data)


class MessageEdited(MessageChanged, frozen=True, kw_only=True):
    """A message says something else. `after` are the members whom it mentions now."""

    after: tuple[int, ...]

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return self.of_message("edited", mentions=self.after)


class MessageDeleted(MessageChanged, Audited, frozen=True, kw_only=True):
    """A message was deleted. `author` is known where somebody else has done it."""

    room: str
    author: str | None

    @property
    def entry(self) -> Entry | None:
        """What the audit log says: whose message it was that somebody else has deleted, and in which room."""
        return None if self.author is None else Entry("message.deleted", self.author, before=self.room)

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return self.of_message("deleted")


class MessageRestored(MessageChanged, Audited, frozen=True, kw_only=True):
    """A message that was deleted is there again. `author` is known where somebody else had deleted it."""

    room: str
    author: str | None

    @property
    def entry(self) -> Entry | None:
        """What the audit log says, likewise."""
        return None if self.author is None else Entry("message.restored", self.author, after=self.room)

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return self.of_message("restored")


class ReactionChanged(MessageChanged, frozen=True, kw_only=True):
    """A member has put an emoji under a message, or taken it away."""

    emoji: str
    on: bool

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return self.of_message("reaction", emoji=self.emoji, on=self.on)


class MessagePinned(MessageChanged, frozen=True, kw_only=True):
    """A message was pinned to its room, or taken off."""

    on: bool

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return self.of_message("pinned" if self.on else "unpinned")


class RoomMade(InRoom, frozen=True, kw_only=True):
    """A room was made, with these people in it."""

    kind: Literal["public", "private", "direct"]
    people: tuple[int, ...]

    @property
    def log_entry(self) -> LogEntry:
        """What programs get: everybody of a public room, of another one those who may see it."""
        data = {"id": self.room_id, "kind": self.kind, "people": self.people}
        return LogEntry("room.made", "tenant" if self.kind == "public" else f"room.{self.room_id}", data)


class DiscussionOpened(InRoom, frozen=True, kw_only=True):
    """The discussion of a thing such as 'record-42' was begun, with these people in it; pages of the thing follow
    `channel`."""

    subject: str
    channel: str
    people: tuple[int, ...]

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return self.in_room("discussion.opened", subject=self.subject)


class RoomChanged(InRoom, frozen=True, kw_only=True):
    """A room has another name or description. Both as (name, description)."""

    before: tuple[str, str]
    after: tuple[str, str]

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        (name, description) = self.after
        return self.in_room("room.changed", name=name, description=description)


class RoomArchived(InRoom, Audited, frozen=True, kw_only=True):
    """A room was closed to new messages, or opened again."""

    name: str
    archived: bool

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("room.archived" if self.archived else "room.opened", self.name)

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return self.in_room("room.archived" if self.archived else "room.opened")


class MemberEntered(InRoom, frozen=True, kw_only=True):
    """A member is in a room now."""

    member_id: int

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return self.in_room("room.entered", member=self.member_id)


class MemberInvited(MemberEntered, frozen=True, kw_only=True):
    """A member was brought into a room."""


class MemberReturned(MemberEntered, Audited, frozen=True, kw_only=True):
    """A member was brought back into a room, out of which they had been taken."""

    person: str
    room: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("room.member-returned", self.person, after=self.room)


class MemberLeft(InRoom, frozen=True, kw_only=True):
    """A member is not in a room any more."""

    member_id: int

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return self.in_room("room.left", member=self.member_id)


class MemberRemoved(MemberLeft, Audited, frozen=True, kw_only=True):
    """A member was taken out of a room."""

    person: str
    room: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("room.member-removed", self.person, before=self.room)
