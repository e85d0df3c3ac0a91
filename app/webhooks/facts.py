"""What becomes of webhooks. Of an address only the host is told: what stands behind it may be a secret."""

from __future__ import annotations

from typing import Literal

from app.accounts.audit import Audited, Entry
from app.database import LogEntry

# Why a webhook is disabled, but for having failed for too long.
RIGHTS_LOST = "its maker may not have webhooks any more"
SAYS_GONE = "the receiver says that it is gone (410)"


class OfWebhook(Audited, frozen=True, kw_only=True):
    """Something has become of a webhook to a host."""

    webhook_id: int
    host: str


class WebhookMade(OfWebhook, frozen=True, kw_only=True):
    """There is a webhook, with the rights of a member."""

    member_id: int

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("webhook.made", self.host)

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return LogEntry("webhook.made", "admins", {"id": self.webhook_id, "member": self.member_id})


class WebhookChanged(OfWebhook, frozen=True, kw_only=True):
    """Somebody has switched a webhook on or off, given it another secret, or had it skip or repeat something."""

    what: Literal["enabled", "disabled", "rotated", "skipped", "replayed"]
    cursor: int | None = None

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry(f"webhook.{self.what}", self.host, after="" if self.cursor is None else str(self.cursor))

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return LogEntry(f"webhook.{self.what}", "admins", {"id": self.webhook_id})


class WebhookGivenUp(OfWebhook, frozen=True, kw_only=True):
    """A webhook was disabled by the program: it has failed for too long, or its maker may not have one any more."""

    member_id: int
    why: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        if self.why == RIGHTS_LOST:
            return Entry("webhook.rights-lost", self.host)
        return Entry("webhook.gone" if self.why == SAYS_GONE else "webhook.given-up", self.host)

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return LogEntry("webhook.given-up", "admins", {"id": self.webhook_id, "why": self.why})


class WebhookRemoved(OfWebhook, frozen=True, kw_only=True):
    """There is a webhook no more."""

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("webhook.removed", self.host)

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return LogEntry("webhook.removed", "admins", {"id": self.webhook_id})
