"""The facts of a workspace: who is kept out and let in, its invitations and settings."""

from __future__ import annotations

from datetime import datetime

from app.accounts.audit import Audited, Entry
from app.accounts.facts import OfMember
from app.database import Fact, LogEntry, Unlogged


class MemberSuspended(OfMember, Audited, frozen=True, kw_only=True):
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


class MemberRestored(OfMember, Audited, frozen=True, kw_only=True):
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


class PictureChanged(OfMember, frozen=True, kw_only=True):
    """A member has another picture, or none."""

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return LogEntry("member.picture", "tenant", {"id": self.member_id})


class BotPictureChanged(PictureChanged, Audited, frozen=True, kw_only=True):
    """Somebody has given a bot, which is called so, another picture, or none (`removed`)."""

    name: str
    removed: bool

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("member.picture-removed" if self.removed else "member.picture", self.name)


class SignInRefused(Audited, Unlogged, frozen=True, kw_only=True):
    """Somebody was refused at sign-in as `subject`."""

    subject: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("session.refused", self.subject)


class ShutOut(SignInRefused, frozen=True, kw_only=True):
    """Somebody has tried too often, and is refused for a while whatever they type."""

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("session.shut-out", self.subject)


class InvitationChanged(Fact, frozen=True, kw_only=True):
    """Something has become of an invitation."""

    invitation_id: int

    @property
    def log_entry(self) -> LogEntry:
        """What programs of admins get; of addresses nothing."""
        return LogEntry("invitation.changed", "admins", {"id": self.invitation_id})


class InvitationMade(InvitationChanged, Audited, frozen=True, kw_only=True):
    """Somebody was invited, or a link was made; `subject` is the address, or what the audit log calls the link."""

    subject: str
    role: str
    ends_at: datetime

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("invitation.made", self.subject, after=self.role)


class InvitationResent(InvitationChanged, Audited, frozen=True, kw_only=True):
    """An invitation has a new token, and works for longer."""

    subject: str
    ends_at: datetime

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("invitation.resent", self.subject)


class InvitationRevoked(InvitationChanged, Audited, frozen=True, kw_only=True):
    """An invitation works no more."""

    subject: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("invitation.revoked", self.subject)


class InvitationUsed(InvitationChanged, frozen=True):
    """Somebody has become a member by an invitation."""


class InvitationEnded(InvitationChanged, frozen=True):
    """An invitation works no more: its time is over, or who it was for has joined otherwise."""


class MailConfirmed(OfMember, Audited, Unlogged, frozen=True, kw_only=True):
    """An owner has shown that mail to their address is read."""

    email: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("mail.confirmed", self.email)


class SettingChanged(Audited, frozen=True, kw_only=True):
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


class LogoChanged(Audited, frozen=True, kw_only=True):
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


class WorkspaceSuspended(Audited, Unlogged, frozen=True, kw_only=True):
    """The workspace is closed to everybody."""

    slug: str
    reason: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("workspace.suspended", self.slug, after=self.reason)


class WorkspaceRestored(Audited, Unlogged, frozen=True, kw_only=True):
    """The workspace is open again."""

    slug: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("workspace.restored", self.slug)


class AuditLogExported(Audited, Unlogged, frozen=True, kw_only=True):
    """Somebody began to export the audit log: how many entries it had, as which query of its page has them."""

    count: int
    query: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("audit.exported", "", after=f"{self.count} csv {self.query}".rstrip())
