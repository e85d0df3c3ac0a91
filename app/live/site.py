"""Sites: who comes to a socket, what they may follow, and from which log they are served."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from app.accounts.access import enter_workspace
from app.accounts.members import Member
from app.accounts.sessions import SEEN_STEP, find_session, mark_seen
from app.database import Database, Transaction, now
from app.live.channels import may_follow
from app.live.replay import Replay, Replays
from app.settings import Settings
from app.web.cookies import read_cookie


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whose socket it is, as one snapshot of the database says.

    `tenant_id` is 0 on the central host, which has no log. The socket ends at `expires_at`, if that is known ahead.
    """

    tenant_id: int
    language: str
    cursor: int
    id: int
    name: str
    session_id: int
    seen_at: datetime
    expires_at: datetime | None
    member: Member | None = None


class Site(Protocol):
    """What the socket asks of the site that it belongs to."""

    async def find_visitor(self, transaction: Transaction, scope: Any) -> Visitor | None:
        """Who the cookie says this is.

        Raises CookieError, NotFoundException or PageError where a page of the site would.
        """

    async def note_visit(self, database: Database, visitor: Visitor) -> None:
        """Note that a socket was opened."""

    async def may_follow(self, transaction: Transaction, visitor: Visitor, channel: str) -> bool:
        """Whether the visitor may follow a channel."""

    async def read_replay(self, replays: Replays, tenant_id: int, last: int, *, least: float) -> Replay:
        """What a page has missed after a cursor, up to the cursor `least` or beyond.

        Raises LookupError when the workspace is gone.
        """


class WorkspaceSite:
    """The sockets of members, on the host of their workspace."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def find_visitor(self, transaction: Transaction, scope: Any) -> Visitor | None:
        """The member whose session it is."""
        token = read_cookie(scope["headers"], self.settings.session_cookie)
        tenant = await enter_workspace(transaction, scope["state"]["slug"])
        signed_in = await find_session(transaction, token)
        if signed_in is None:
            return None
        member, session = signed_in.member, signed_in.session
        return Visitor(
            tenant_id=tenant.id,
            language=tenant.language,
            cursor=tenant.cursor,
            id=member.id,
            name=member.name,
            session_id=session.id,
            seen_at=session.seen_at,
            expires_at=session.expires_at,
            member=member,
        )

    async def note_visit(self, database: Database, visitor: Visitor) -> None:
        """Note that the session is in use."""
        if now() - visitor.seen_at > SEEN_STEP:
            async with database.write(visitor.tenant_id) as transaction:
                await mark_seen(transaction, visitor.session_id)

    async def may_follow(self, transaction: Transaction, visitor: Visitor, channel: str) -> bool:
        """By the rule of the channel's pattern."""
        return visitor.member is not None and await may_follow(transaction, visitor.member, channel)

    async def read_replay(self, replays: Replays, tenant_id: int, last: int, *, least: float) -> Replay:
        """From the workspace's log."""
        return await replays.read(tenant_id, last, least=least)
