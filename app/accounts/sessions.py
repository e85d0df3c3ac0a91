"""Sessions: which browsers are signed in as whom."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from litestar import Request
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    ForeignKeyConstraint,
    LargeBinary,
    String,
    UniqueConstraint,
    bindparam,
    delete,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member, is_active
from app.database import Base, Database, PreparedChange, PreparedSelect, Tenant, Tenanted, Transaction, UtcDateTime, now
from app.settings import Settings
from app.web.cookies import read_cookie

if TYPE_CHECKING:
    from geoip2fast import GeoIP2Fast


LONGEST_AGENT = 300


class Session(Tenanted, Base):
    """A signed-in browser. The cookie holds a 256-bit token, this row only its SHA-256.

    `password_at` is when it last proved that whoever sits there has the password. `began_cursor` is how far the log was
    when it began: no page of it can have seen less, and none is told of what was before, which may be hidden since.
    """

    __tablename__ = "session"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    member_id: Mapped[int] = mapped_column(index=True)
    began_cursor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    password_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    address: Mapped[str] = mapped_column(String(45))
    agent: Mapped[str] = mapped_column(String(LONGEST_AGENT))

    @property
    def device(self) -> str:
        """Browser and system, as 'Firefox, Linux'."""
        return name_device(self.agent)

    @property
    def is_phone(self) -> bool:
        """Whether the browser seems to be a phone's."""
        return "Mobi" in self.agent

    @property
    def place(self) -> str:
        """The country of the address, '' where it is not known."""
        found = locator().lookup(self.address)
        return "" if found.is_private or not found.country_code.isalpha() else str(found.country_name)


@cache
def agent_reader() -> Callable[[str], Any]:
    """What knows browsers and systems by what they call themselves: the library's function, with its tables read."""
    from ua_parser import parse

    parse("")
    return parse


def name_device(agent: str) -> str:
    """The browser and the system of what a browser calls itself."""
    parsed = agent_reader()(agent)
    parts = [part.family for part in (parsed.user_agent, parsed.os) if part]
    return ", ".join(parts) or agent[:40] or "?"


def device_of(session: Session) -> str:
    """Whose tries at the password a browser's are that is signed in: its own, whatever strangers try meanwhile."""
    return f"session {session.id}"


# How long it takes until it is written again that a session is in use.
SEEN_STEP = timedelta(minutes=1)
# Sessions of one member; with one more the one that was seen longest ago ends.
MOST_SESSIONS = 50


@cache
def locator() -> GeoIP2Fast:
    """The table of addresses and countries that comes with the library; nobody is asked."""
    from geoip2fast import GeoIP2Fast

    return GeoIP2Fast()


class SignedIn(Struct, frozen=True):
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
            began_cursor=transaction.tenant.cursor,
            expires_at=now() + lifetime(transaction.tenant),
            address=address[:45],
            agent=agent[:LONGEST_AGENT],
        )
    )
    member.has_signed_in = True
    await transaction.flush()
    return token


FIND_SESSION = PreparedSelect(
    lambda: (
        select(Session, Member)
        .join(Member, (Member.id == Session.member_id) & (Member.tenant_id == Session.tenant_id))
        .where(Session.token_hash == bindparam("token_hash"), Session.expires_at > bindparam("now"), *is_active())
    )
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


class Askers:
    """Whose session a browser's is, before there is a transaction: limits are asked before the writer is taken.

    A session is never another's, so what was read once is kept. It only tells whose count it is: whether they may do
    what they want is read in the transaction.
    """

    MOST = 10_000

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.settings = settings
        self.known: OrderedDict[tuple[str, bytes], tuple[str, str]] = OrderedDict()

    async def find(self, request: Request[Any, Any, Any]) -> tuple[str, str] | None:
        """The workspace and member who ask; None when nobody is signed in."""
        slug = request.scope["state"]["slug"]
        token = read_cookie(request.scope["headers"], self.settings.session_cookie)
        if not token:
            return None
        key = (slug, digest(token))
        if key not in self.known:
            async with self.database.read() as transaction:
                tenant = await transaction.find_tenant("slug", slug)
                if tenant is None:
                    return None
                transaction.enter(tenant)
                found = await find_session(transaction, token)
            if found is None:
                return None
            self.known[key] = (str(found.member.tenant_id), str(found.member.id))
            if len(self.known) > self.MOST:
                self.known.popitem(last=False)
        self.known.move_to_end(key)
        return self.known[key]


LIST_SESSIONS = PreparedSelect(
    lambda: (
        select(Session)
        .where(Session.member_id == bindparam("member_id"), Session.expires_at > bindparam("now"))
        .order_by(Session.seen_at.desc(), Session.id.desc())
    )
)
LIST_SESSION_IDS = PreparedSelect(
    lambda: (
        select(Session.id)
        .where(Session.member_id == bindparam("member_id"))
        .order_by(Session.seen_at.desc(), Session.id.desc())
    )
)
FIND_SESSION_ID = PreparedSelect(lambda: select(Session.id).where(Session.token_hash == bindparam("token_hash")))
LIST_EVERY_SESSION = PreparedSelect(lambda: select(Session))
LIST_EVERY_ID = PreparedSelect(lambda: select(Session.id))
LIST_STARTED_BEFORE = PreparedSelect(lambda: select(Session.id).where(Session.started_at <= bindparam("moment")))
DELETE_SESSIONS = PreparedChange(lambda: delete(Session).where(Session.id.in_(bindparam("ids"))))


async def list_sessions(transaction: Transaction, member: Member) -> list[Session]:
    """The sessions of a member, the one seen last first."""
    return await transaction.column(LIST_SESSIONS, member_id=member.id, now=now())


async def list_session_ids(transaction: Transaction, member: Member) -> list[int]:
    """The ids of a member's sessions, the one seen last first, also of those that are over."""
    return await transaction.column(LIST_SESSION_IDS, member_id=member.id)


async def delete_sessions(transaction: Transaction, ids: Iterable[int]) -> tuple[int, ...]:
    """Delete sessions, and return their ids in order. `live.cutoff` calls this, and notes what has ended."""
    found = tuple(sorted(ids))
    if found:
        await transaction.apply(DELETE_SESSIONS, ids=found)
    return found
