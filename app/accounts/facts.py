"""The facts of accounts and their sessions that several features follow."""

from __future__ import annotations

from typing import Any, Literal

from app.accounts.audit import Audited, Entry
from app.database import Fact, LogEntry, Unlogged


class OfMember(Fact, frozen=True, kw_only=True):
    """Something has become of a member's account."""

    member_id: int


class MemberJoined(OfMember, Audited, frozen=True, kw_only=True):
    """Somebody has an account in the workspace; `founding` who has it since the workspace was made. A guest is
    `invited_to` things by their names, such as `room-7`."""

    email: str
    role: str
    founding: bool
    invited_to: tuple[str, ...] = ()

    @property
    def entry(self) -> Entry | None:
        """Who is there from the start has not joined."""
        return None if self.founding else Entry("member.joined", self.email, after=self.role)

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return LogEntry("member.joined", "tenant", {"id": self.member_id, "role": self.role})


class MemberRenamed(OfMember, frozen=True, kw_only=True):
    """A member is called something else."""

    before: str
    after: str

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        data = {"id": self.member_id, "before": self.before, "after": self.after}
        return LogEntry("member.renamed", "tenant", data)


class TimeZoneChosen(OfMember, Unlogged, frozen=True, kw_only=True):
    """A member lives in another time zone than was known."""

    zone: str


class RoleChanged(OfMember, Audited, frozen=True, kw_only=True):
    """A member has another role."""

    email: str
    before: str
    after: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("member.role", self.email, before=self.before, after=self.after)

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        data = {"id": self.member_id, "before": self.before, "after": self.after}
        return LogEntry("member.role", "tenant", data)


class PasswordChanged(OfMember, Audited, Unlogged, frozen=True, kw_only=True):
    """A member has another password: who was signed in changed it, or whoever had the link that was mailed."""

    email: str
    how: Literal["signed in", "link"]

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("password.reset" if self.how == "link" else "password.changed", self.email)


class AccountEnded(OfMember, Audited, frozen=True, kw_only=True):
    """A member has left or was removed. `email` and `role` are what they had: their address is free again, and the
    audit log is told the name beside it."""

    what: Literal["left", "removed"]
    name: str
    email: str
    role: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        whom = f"{self.name} ({self.email})" if self.email else self.name
        return Entry("member.left" if self.what == "left" else "member.removed", whom[:254], before=self.role)

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return LogEntry("member.ended", "tenant", {"id": self.member_id})


class SessionStarted(OfMember, Audited, Unlogged, frozen=True, kw_only=True):
    """A member has signed in."""

    email: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("session.started", self.email)


class SignedInFromNewDevice(SessionStarted, frozen=True, kw_only=True):
    """A member has signed in with a browser that is like none of those where they are signed in."""

    device: str
    address: str


class OwnSessionsEnded(OfMember, Unlogged, frozen=True, kw_only=True):
    """A member has signed out, here or elsewhere."""


class OtherSessionsEnded(OwnSessionsEnded, Audited, frozen=True, kw_only=True):
    """A member has signed out everywhere else."""

    email: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("session.all-ended", self.email)


class SessionsLapsed(Unlogged, frozen=True, kw_only=True):
    """Sessions of members were over."""

    member_ids: tuple[int, ...]


class CredentialsEnded(Unlogged, frozen=True, kw_only=True):
    """Sessions, or tokens, have ended, and what was theirs alone ends with them: their locks, and their sockets and
    streams. `reason` is what their pages and programs are told."""

    session_ids: tuple[int, ...] = ()
    token_ids: tuple[int, ...] = ()
    reason: str

    @property
    def sockets(self) -> dict[str, Any]:
        """Whose sockets and streams end."""
        return {"sessions": list(self.session_ids)}


class SessionsEnded(CredentialsEnded, frozen=True):
    """Sessions have ended."""


class TokensEnded(CredentialsEnded, frozen=True):
    """Tokens have ended."""

    @property
    def sockets(self) -> dict[str, Any]:
        """The streams of their programs."""
        return {"tokens": list(self.token_ids)}


class AllOfMemberEnded(SessionsEnded, frozen=True, kw_only=True):
    """All sessions of a member have ended; of one who is kept out, tokens do nothing, and hold nothing."""

    member_id: int

    @property
    def sockets(self) -> dict[str, Any]:
        """The member's: also those of a session that is just being started."""
        return {"member": self.member_id}


class EverySessionEnded(SessionsEnded, frozen=True, kw_only=True):
    """All sessions of the workspace have ended, and its tokens do nothing."""

    @property
    def sockets(self) -> dict[str, Any]:
        """Everybody's."""
        return {"everybody": True}


class OfToken(OfMember, Audited, Unlogged, frozen=True, kw_only=True):
    """Something has become of a token of a member's, which has a name."""

    email: str
    token: str


class TokenMade(OfToken, frozen=True, kw_only=True):
    """A member has a token for a program, which may do so much."""

    scopes: tuple[str, ...]

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("token.made", self.email, after=f"{self.token}: {', '.join(self.scopes)}")


class TokenFirstUsed(OfToken, frozen=True):
    """A program has used a token for the first time."""

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("token.used", self.email, after=self.token)


class TokenEnded(OfToken, frozen=True):
    """A token works no more."""

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("token.ended", self.email, before=self.token)
