"""The facts of a workspace: who is kept out and let in, its invitations and settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.accounts.audit import Audited, Entry
from app.accounts.facts import OfMember
from app.database import Fact, LogEntry, Unlogged


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSuspended(OfMember, Audited):
    """A member is kept out."""

    email: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("member.suspended", self.email)

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return LogEntry("member.suspended", "tenant", {"id": self.member_id})


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRestored(OfMember, Audited):
    """A member who was suspended is let in again."""

    email: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("member.restored", self.email)

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return LogEntry("member.restored", "tenant", {"id": self.member_id})


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureChanged(OfMember):
    """A member has another picture, or none."""

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return LogEntry("member.picture", "tenant", {"id": self.member_id})


@dataclass(frozen=True, slots=True, kw_only=True)
class BotPictureChanged(PictureChanged, Audited):
    """Somebody has given a bot, which is called so, another picture, or none (`removed`)."""

    name: str
    removed: bool

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("member.picture-removed" if self.removed else "member.picture", self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRefused(Audited, Unlogged):
    """Somebody was refused at sign-in as `subject`."""

    subject: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("session.refused", self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutOut(SignInRefused):
    """Somebody has tried too often, and is refused for a while whatever they type."""

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("session.shut-out", self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationChanged(Fact):
    """Something has become of an invitation."""

    invitation_id: int

    @property
    def log_entry(self) -> LogEntry:
        """What programs of admins get; of addresses nothing."""
        return LogEntry("invitation.changed", "admins", {"id": self.invitation_id})


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationMade(InvitationChanged, Audited):
    """Somebody was invited, or a link was made; `subject` is the address, or what the audit log calls the link."""

    subject: str
    role: str
    ends_at: datetime

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("invitation.made", self.subject, after=self.role)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationResent(InvitationChanged, Audited):
    """An invitation has a new token, and works for longer."""

    subject: str
    ends_at: datetime

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("invitation.resent", self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationRevoked(InvitationChanged, Audited):
    """An invitation works no more."""

    subject: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("invitation.revoked", self.subject)


class InvitationUsed(InvitationChanged):
    """Somebody has become a member by an invitation."""


class InvitationEnded(InvitationChanged):
    """An invitation works no more: its time is over, or who it was for has joined otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailConfirmed(OfMember, Audited, Unlogged):
    """An owner has shown that mail to their address is read."""

    email: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("mail.confirmed", self.email)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingChanged(Audited):
    """A setting of the workspace has another value."""

    setting: str
    before: str
    after: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("settings.changed", self.setting, before=self.before, after=self.after)

    @property
    def log_entry(self) -> LogEntry:
        """What programs of admins get."""
        data = {"setting": self.setting, "before": self.before, "after": self.after}
        return LogEntry("setting.changed", "admins", data)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoChanged(Audited):
    """The workspace has another logo, or none; both by their fingerprints."""

    before: str
    after: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("settings.changed", "logo", before=self.before, after=self.after)

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return LogEntry("logo.changed", "tenant", {"before": self.before, "after": self.after})


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceSuspended(Audited, Unlogged):
    """The workspace is closed to everybody."""

    slug: str
    reason: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("workspace.suspended", self.slug, after=self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceRestored(Audited, Unlogged):
    """The workspace is open again."""

    slug: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("workspace.restored", self.slug)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLogExported(Audited, Unlogged):
    """Somebody began to export the audit log: how many entries it had, as which query of its page has them."""

    count: int
    query: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("audit.exported", "", after=f"{self.count} csv {self.query}".rstrip())
