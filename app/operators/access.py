"""Which operator asks: the argument that operators' page functions take."""

from __future__ import annotations

from typing import Any

from litestar import Response
from sqlalchemy import bindparam, select

from app.accounts.access import AnyRequest
from app.accounts.sessions import digest
from app.accounts.shell import render_plain
from app.database import Database, PreparedSelect, Transaction, now
from app.operators.operators import Operator
from app.operators.sessions import OPERATOR_SEEN_STEP, OperatorSession, is_running, mark_seen
from app.settings import Settings
from app.web.cookies import read_cookie
from app.web.languages import browser_language
from app.web.redirects import see_other


class OperatorSignInNeeded(Exception):
    """The page is for operators, and none is signed in."""


FIND_OPERATOR_SESSION = PreparedSelect(
    lambda: (
        select(Operator, OperatorSession)
        .join(OperatorSession, OperatorSession.operator_id == Operator.id)
        .where(OperatorSession.token_hash == bindparam("token_hash"), is_running())
    )
)


async def find_operator_session(transaction: Transaction, token: str | None) -> tuple[Operator, OperatorSession] | None:
    """Whom a token signs in; None for one that is unknown or over."""
    if not token:
        return None
    return await transaction.find(FIND_OPERATOR_SESSION, token_hash=digest(token))


async def provide_operator(request: AnyRequest, database: Database, settings: Settings) -> Operator:
    """The operator who asks. Whatever a person opens or sends keeps the session; what a page fetches itself does not.

    Raises OperatorSignInNeeded when there is none.
    """
    request.scope["state"]["language"] = browser_language(request)
    token = read_cookie(request.scope["headers"], settings.operator_cookie)
    async with database.read() as transaction:
        found = await find_operator_session(transaction, token)
    if found is None:
        raise OperatorSignInNeeded
    operator, session = found
    if now() - session.seen_at > OPERATOR_SEEN_STEP and "x-refresh" not in request.headers:
        async with database.write() as transaction:
            await mark_seen(transaction, session.id)
    return operator


def ask_operator_to_sign_in(request: AnyRequest, error: Exception) -> Response[Any]:
    """Lead to the operators' sign-in page."""
    return see_other("/operator/login")


def render_operators_page(
    request: AnyRequest, operator: Operator, template: str, *, status: int = 200, channels: str = "", **context: Any
) -> Response[str]:
    """A page of operators, in the browser's language."""
    return render_plain(
        browser_language(request),
        template,
        status=status,
        operator=operator,
        channels=channels,
        path=request.scope["path"],
        **context,
    )
