"""What operators' pages follow on the central host: one channel a language, as a push is rendered once for all."""

from __future__ import annotations

from typing import Any

from app.database import Database, Transaction
from app.live.hub import CENTRAL
from app.live.replay import Replay, Replays
from app.live.site import Visitor
from app.operators.access import find_operator_session
from app.settings import Settings
from app.web.cookies import read_cookie
from app.web.texts import LANGUAGES


def channel_of(language: str) -> str:
    """The channel of the installation's figures in a language."""
    return f"installation.{language}"


class OperatorSite:
    """The sockets of operators. An open page is no use of the session: only opening one is."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    async def find_visitor(self, transaction: Transaction, scope: Any) -> Visitor | None:
        """The operator whose session it is."""
        token = read_cookie(scope["headers"], self.settings.operator_cookie)
        found = await find_operator_session(transaction, token)
        if found is None:
            return None
        operator, session = found
        return Visitor(
            tenant_id=CENTRAL,
            language="en",
            cursor=0,
            id=operator.id,
            name=operator.email,
            session_id=session.id,
            seen_at=session.seen_at,
            expires_at=None,  # other pages move it: `Gathering.end_sockets` looks
        )

    async def note_visit(self, database: Database, visitor: Visitor) -> None:
        """A socket comes back by itself, and is no use of the session."""

    async def may_follow(self, transaction: Transaction, visitor: Visitor, channel: str) -> bool:
        """Every operator sees the figures; there is nothing else."""
        return channel in map(channel_of, LANGUAGES)

    async def read_replay(self, replays: Replays, tenant_id: int, last: int, *, least: float) -> Replay:
        """The central host has no log."""
        return Replay(cursor=0, reach=0, events=[])
