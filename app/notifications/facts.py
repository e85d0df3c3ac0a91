"""The facts of announcements and of what people want to be told."""

from __future__ import annotations

from datetime import datetime

from app.accounts.audit import Audited, Entry
from app.accounts.facts import OfMember
from app.database import Fact, LogEntry, Unlogged


class AnnouncementMade(Audited, frozen=True, kw_only=True):
    """An admin tells everybody something; `excerpt` is how the text begins."""

    announcement_id: int
    title: str
    excerpt: str
    acknowledge: bool
    ends_at: datetime | None

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("announcement.made", self.title)

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        data = {"id": self.announcement_id, "title": self.title, "acknowledge": self.acknowledge}
        return LogEntry("announcement.made", "tenant", data)


class AnnouncementWithdrawn(Audited, frozen=True, kw_only=True):
    """An announcement is told no more, and was never told to who has not read it."""

    announcement_id: int
    title: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("announcement.withdrawn", self.title)

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return LogEntry("announcement.withdrawn", "tenant", {"id": self.announcement_id})


class AnnouncementEnded(Fact, frozen=True, kw_only=True):
    """The time of an announcement is over."""

    announcement_id: int

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return LogEntry("announcement.ended", "tenant", {"id": self.announcement_id})


class MailsDue(Unlogged, frozen=True, kw_only=True):
    """Members are to be told by mail of what they were notified of, at these moments."""

    moments: tuple[datetime, ...]


class PreferencesSaved(OfMember, Unlogged, frozen=True, kw_only=True):
    """A member has chosen of what to be told, and how."""
