"""Sites: who comes to a socket, what they may follow, and from which log they are served."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from app.accounts.access import enter_workspace
from app.accounts.members import Member
from app.accounts.sessions import SEEN_STEP, find_session
from app.accounts.visits import Visits
from app.database import Transaction, now
from app.live.channels import list_allowed
from app.settings import Settings
from app.web.cookies import read_cookie


class Visitor(Struct, frozen=True):
    """Whose socket it is, as one snapshot of the database says.

    `tenant_id` is 0 on the central host, which has no log. The socket ends at `expires_at`, if that is known ahead.
    Of what was logged up to `began_cursor` it is told nothing.
    """

    tenant_id: int
    language: str
    cursor: int
    id: int
    name: str
    session_id: int
    seen_at: datetime
    expires_at: datetime | None
    began_cursor: int = 0
    member: Member | None = None


class Site(Protocol):
    """What the socket asks of the site that it belongs to."""

    def read_token(self, scope: Any) -> str | None:
        """What the cookie says; raises CookieError."""

    async def find_visitor(self, transaction: Transaction, slug: str, token: str) -> Visitor | None:
        """Whose token that is, on the host of a workspace or ('') the central one.

        Raises NotFoundException or PageError where a page of the site would.
        """

    def note_visit(self, visitor: Visitor) -> None:
        """Note that a socket was opened."""

    async def list_allowed(self, transaction: Transaction, visitor: Visitor, channels: Iterable[str]) -> list[str]:
        """Those of the channels that the visitor may follow."""


class WorkspaceSite:
    """The sockets of members, on the host of their workspace."""

    def __init__(self, settings: Settings, visits: Visits) -> None:
        self.settings = settings
        self.visits = visits

    def read_token(self, scope: Any) -> str | None:
        """The token of a member's session."""
        return read_cookie(scope["headers"], self.settings.session_cookie)

    async def find_visitor(self, transaction: Transaction, slug: str, token: str) -> Visitor | None:
        """The member whose session it is."""
        tenant = await enter_workspace(transaction, slug)
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
            began_cursor=session.began_cursor,
            member=member,
        )

    def note_visit(self, visitor: Visitor) -> None:
        """Note that the session is in use."""
        if now() - visitor.seen_at > SEEN_STEP:
            self.visits.note(visitor.tenant_id, visitor.session_id)

    async def list_allowed(self, transaction: Transaction, visitor: Visitor, channels: Iterable[str]) -> list[str]:
        """By the rules of the channels' patterns."""
        return await list_allowed(transaction, visitor.member, channels) if visitor.member is not None else []
