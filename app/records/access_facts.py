"""The facts of who may do what with the records of a collection."""

from __future__ import annotations

from typing import Literal

from app.accounts.audit import Audited, Entry
from app.database import LogEntry


class AccessChanged(Audited, frozen=True, kw_only=True):
    """Some may do something else with the records of a collection than before."""

    collection_id: int
    slug: str


class CollectionClosed(AccessChanged, frozen=True, kw_only=True):
    """A collection was archived or put into the bin, or was opened again or taken out of it."""

    what: Literal["archived", "opened", "deleted", "restored"]
    name: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry(f"collection.{self.what}", self.name)

    @property
    def log_entry(self) -> LogEntry:
        """What programs of admins get: nobody else can read of one that is in the bin."""
        return LogEntry(f"collection.{self.what}", "admins", {"id": self.collection_id, "name": self.name})


class PermissionsChanged(AccessChanged, frozen=True, kw_only=True):
    """A role may do something else with the records of a collection. Both as words."""

    role: str
    before: str
    after: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        words = (f"{self.role}: {each}" for each in (self.before, self.after))
        return Entry("collection.permissions", self.slug, *words)

    @property
    def log_entry(self) -> LogEntry:
        """What programs of admins get."""
        data = {"collection": self.collection_id, "role": self.role, "before": self.before, "after": self.after}
        return LogEntry("collection.permissions", "admins", data)


class GuestAdmitted(AccessChanged, frozen=True, kw_only=True):
    """A collection was opened to a guest."""

    member_id: int
    email: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("collection.guest-admitted", self.email, after=self.slug)

    @property
    def log_entry(self) -> LogEntry:
        """What programs of admins get."""
        data = {"collection": self.collection_id, "member": self.member_id}
        return LogEntry("collection.guest-admitted", "admins", data)


class GuestDismissed(AccessChanged, frozen=True, kw_only=True):
    """A collection is open to a guest no more."""

    member_id: int
    email: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("collection.guest-dismissed", self.email, before=self.slug)

    @property
    def log_entry(self) -> LogEntry:
        """What programs of admins get."""
        data = {"collection": self.collection_id, "member": self.member_id}
        return LogEntry("collection.guest-dismissed", "admins", data)
