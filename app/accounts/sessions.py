"""Sessions: which browsers are signed in as whom."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from geoip2fast import GeoIP2Fast
from sqlalchemy import (
    ForeignKeyConstraint,
    LargeBinary,
    String,
    UniqueConstraint,
    bindparam,
    delete,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column
from ua_parser import parse

from app.accounts.members import Member, is_active
from app.database import Base, PreparedSelect, Tenant, Tenanted, Transaction, UtcDateTime, now


class Session(Tenanted, Base):
    """A signed-in browser. The cookie holds a 256-bit token, this row only its SHA-256.

    `password_at` is when it last proved that whoever sits there has the password.
    """

    __tablename__ = "session"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
        {"sqlite_autoincrement": True},  # an id is not used again: late news of its end must not hit another
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    member_id: Mapped[int] = mapped_column(index=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    password_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    address: Mapped[str] = mapped_column(String(45))
    agent: Mapped[str] = mapped_column(String(300))

    @property
    def device(self) -> str:
        """Browser and system, as 'Firefox, Linux'."""
        parsed = parse(self.agent)
        parts = [part.family for part in (parsed.user_agent, parsed.os) if part]
        return ", ".join(parts) or self.agent[:40] or "?"

    @property
    def is_phone(self) -> bool:
        """Whether the browser seems to be a phone's."""
        return "Mobi" in self.agent

    @property
    def place(self) -> str:
        """The country of the address, '' where it is not known."""
        found = locator().lookup(self.address)
        return "" if found.is_private or not found.country_code.isalpha() else str(found.country_name)


def device_of(session: Session) -> str:
    """Whose tries at the password a browser's are that is signed in: its own, whatever strangers try meanwhile."""
    return f"session {session.id}"


# Sessions of one member; with one more the one that was seen longest ago ends.
MOST_SESSIONS = 50


@cache
def locator() -> GeoIP2Fast:
    """The table of addresses and countries that comes with the library; nobody is asked."""
    return GeoIP2Fast()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A member and the session they came with."""

    member: Member
    session: Session


def lifetime(tenant: Tenant) -> timedelta:
    """How long a session lasts, as the workspace has chosen."""
    return timedelta(days=tenant.session_days)


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


async def add_session(transaction: Transaction, member: Member, *, address: str, agent: str) -> str:
    """Sign a browser in, and return the token for its cookie. `live.cutoff` calls this, and ends what are too many."""
    token = secrets.token_urlsafe(32)
    transaction.add(
        Session(
            token_hash=digest(token),
            member_id=member.id,
            expires_at=now() + lifetime(transaction.tenant),
            address=address[:45],
            agent=agent[:300],
        )
    )
    await transaction.flush()
    return token


FIND_SESSION = PreparedSelect(
    select(Session, Member)
    .join(Member, (Member.id == Session.member_id) & (Member.tenant_id == Session.tenant_id))
    .where(Session.token_hash == bindparam("token_hash"), Session.expires_at > bindparam("now"), *is_active())
)


async def find_session(transaction: Transaction, token: str | None) -> SignedIn | None:
    """Who a token signs in; None for one that is unknown or over, or whose member may not sign in."""
    if not token:
        return None
    found = await transaction.find(FIND_SESSION, token_hash=digest(token), now=now())
    if found is None:
        return None
    session, member = found
    return SignedIn(member, session)


async def list_sessions(transaction: Transaction, member: Member) -> list[Session]:
    """The sessions of a member, the one seen last first."""
    statement = (
        select(Session)
        .where(Session.member_id == member.id, Session.expires_at > now())
        .order_by(Session.seen_at.desc(), Session.id.desc())
    )
    return list(await transaction.scalars(statement))


async def list_surplus(transaction: Transaction, member: Member) -> list[int]:
    """The ids of a member's sessions that are more than may be kept; the ones that were seen last are not."""
    newest = select(Session.id).where(Session.member_id == member.id)
    ordered = newest.order_by(Session.seen_at.desc(), Session.id.desc())
    return list(await transaction.scalars(ordered.offset(MOST_SESSIONS)))


async def delete_sessions(transaction: Transaction, *criteria: object) -> list[int]:
    """Delete sessions, and return their ids. `live.cutoff` calls this, and notes what has ended."""
    found = list(await transaction.scalars(select(Session.id).where(*criteria)))  # type: ignore[arg-type]
    if found:
        await transaction.execute(delete(Session).where(Session.id.in_(found)))
    return found
