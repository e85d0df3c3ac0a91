"""The facts of rows that one person edits at a time. What shows such a row, or its lock, follows all of them."""

from __future__ import annotations

from typing import ClassVar

from app.accounts.audit import Audited, Entry
from app.database import Fact, LogEntry


class OfRow(Fact, frozen=True, kw_only=True):
    """Something has become of an editable row: of a kind such as 'record', with its id."""

    kind: str
    row_id: int


class LockChanged(OfRow, frozen=True, kw_only=True):
    """The lock of a row has changed hands; `member_id` is whom this fact is about."""

    event: ClassVar[str] = "changed"

    member_id: int

    @property
    def log_entry(self) -> LogEntry:
        """What programs get: whoever may follow the row may know who edits it. What proves a lock is no part of it."""
        data = {"id": self.row_id, "member": self.member_id}
        return LogEntry(f"lock.{self.event}", f"{self.kind}.{self.row_id}", data)


class LockTaken(LockChanged, frozen=True):
    """A member edits the row."""

    event = "taken"


class LockTakenOver(LockChanged, Audited, frozen=True, kw_only=True):
    """A member edits the row, and has taken the lock from another."""

    event = "taken-over"

    holder_id: int
    address: str
    before: str
    after: str

    @property
    def entry(self) -> Entry:
        """What the audit log says: where, and the names of who had it and who has it."""
        return Entry("edit.taken-over", self.address, before=self.before, after=self.after)


class LockFreed(LockChanged, frozen=True):
    """A member edits the row no more."""

    event = "freed"


class LockLapsed(LockFreed, frozen=True):
    """A member's lease has ended."""

    event = "lapsed"


class LockOffered(LockChanged, frozen=True):
    """It is a member's turn to edit the row."""

    event = "offered"


class LockAsked(Fact, frozen=True, kw_only=True):
    """A member, or a program of theirs, asks whoever edits a row, of a kind and with an id, to hand over. Of the row
    nothing has changed. They are answered by `waiting_id`; `address` is where it is seen."""

    kind: str
    row_id: int
    member_id: int
    program: str | None
    holder_id: int
    waiting_id: int
    address: str

    @property
    def log_entry(self) -> LogEntry:
        """What programs of whoever edits get."""
        data = {
            "row": f"{self.kind}-{self.row_id}",
            "member": self.member_id,
            "program": self.program,
            "waiting": self.waiting_id,
            "address": self.address,
        }
        return LogEntry("lock.asked", f"user.{self.holder_id}", data)


class LockLost(OfRow, frozen=True, kw_only=True):
    """Whoever has edited a row does so no more, as another member has taken the lock. Those who follow the row know it
    as taken over. `address` is where it is seen."""

    member_id: int
    holder_id: int
    address: str

    @property
    def log_entry(self) -> LogEntry:
        """What programs of whoever has edited get, whichever rows they follow."""
        data = {"row": f"{self.kind}-{self.row_id}", "member": self.member_id, "address": self.address}
        return LogEntry("lock.lost", f"user.{self.holder_id}", data)
