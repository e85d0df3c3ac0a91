"""The facts of apps."""

from __future__ import annotations

from typing import ClassVar

from app.accounts.audit import Audited, Entry
from app.database import LogEntry


class OfApp(Audited, frozen=True, kw_only=True):
    """Something has become of an app, which is called so, and whose bot is that member."""

    what: ClassVar[str] = "changed"

    app_id: int
    name: str
    bot_id: int

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry(f"app.{self.what}", self.name)

    @property
    def log_entry(self) -> LogEntry:
        """What programs of admins get. Neither key nor secret is any part of it."""
        return LogEntry(f"app.{self.what}", "admins", {"id": self.app_id, "member": self.bot_id})


class AppMade(OfApp, frozen=True):
    """There is an app, and its bot."""

    what = "made"


class AppChanged(OfApp, frozen=True):
    """Other pages may connect for an app, or its clients may say other things."""

    what = "changed"


class AppSecretMade(OfApp, frozen=True):
    """An app has another secret; the one before goes on for a while."""

    what = "secret-made"


class AppSecretDropped(OfApp, frozen=True):
    """An app has one secret again, the newer one."""

    what = "secret-dropped"


class AppWebhookChanged(OfApp, frozen=True):
    """The server of an app is told other things, or somewhere else, or nothing any more."""

    what = "webhook-changed"


class AppEnded(OfApp, frozen=True):
    """An app is no more, nor is its bot."""

    what = "ended"
