"""The facts of addresses by which programs of others post into a room."""

from __future__ import annotations

from typing import ClassVar

from app.accounts.audit import Audited, Entry
from app.database import LogEntry


class OfIncoming(Audited, frozen=True, kw_only=True):
    """Something has become of an address of a room, whose bot is that member, and is called so."""

    what: ClassVar[str] = "made"

    room: str
    address_id: int
    name: str
    bot_id: int

    @property
    def entry(self) -> Entry:
        """What the audit log says. The secret is no part of it."""
        return Entry(f"incoming.{self.what}", self.name, after=self.room)

    @property
    def log_entry(self) -> LogEntry:
        """What programs of admins get."""
        return LogEntry(f"incoming.{self.what}", "admins", {"id": self.address_id, "member": self.bot_id})


class IncomingMade(OfIncoming, frozen=True):
    """A room has an address more, and its bot."""

    what = "made"


class IncomingEnded(OfIncoming, frozen=True):
    """An address of a room is good for nothing any more, and its bot is no member."""

    what = "ended"
