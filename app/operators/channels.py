"""What operators' pages follow on the central host: one channel a language, as a push is rendered once for all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.database import Transaction
from app.live.hub import CENTRAL
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

    def read_token(self, scope: Any) -> str | None:
        """The token of an operator's session."""
        return read_cookie(scope["headers"], self.settings.operator_cookie)

    async def find_visitor(self, transaction: Transaction, slug: str, token: str) -> Visitor | None:
        """The operator whose session it is."""
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

    def note_visit(self, visitor: Visitor) -> None:
        """A socket comes back by itself, and is no use of the session."""

    async def list_allowed(self, transaction: Transaction, visitor: Visitor, channels: Iterable[str]) -> list[str]:
        """Every operator sees the figures; there is nothing else."""
        figures = set(map(channel_of, LANGUAGES))
        return [name for name in channels if name in figures]
