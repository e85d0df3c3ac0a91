"""Operators' sessions: short ones, which end when nobody uses them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, LargeBinary, String, and_, bindparam, delete, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.sessions import MOST_SESSIONS, digest
from app.database import Base, PreparedChange, PreparedSelect, Transaction, UtcDateTime, now
from app.jobs.sweeps import delete_by_keys, sweeps

OPERATOR_SESSION_IDLE = timedelta(minutes=30)
OPERATOR_SESSION_LIFETIME = timedelta(hours=12)
OPERATOR_SEEN_STEP = timedelta(seconds=30)


class OperatorSession(Base):
    """A browser in which an operator is signed in. The cookie holds a 256-bit token, this row only its SHA-256."""

    __tablename__ = "operator_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operator.id", ondelete="CASCADE"))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    address: Mapped[str] = mapped_column(String(45))


def is_running() -> ColumnElement[bool]:
    """Whether a session is in use, and not too old, when a statement with this criterion is executed."""
    idle = bindparam("idle", callable_=lambda: now() - OPERATOR_SESSION_IDLE, type_=UtcDateTime())
    oldest = bindparam("oldest", callable_=lambda: now() - OPERATOR_SESSION_LIFETIME, type_=UtcDateTime())
    return and_(OperatorSession.seen_at > idle, OperatorSession.started_at > oldest)


LIST_OF_OPERATOR = PreparedSelect(
    lambda: (
        select(OperatorSession.id)
        .where(OperatorSession.operator_id == bindparam("operator_id"))
        .order_by(OperatorSession.seen_at.desc(), OperatorSession.id.desc())
    )
)
LIST_RUNNING = PreparedSelect(
    lambda: select(OperatorSession.id).where(OperatorSession.id.in_(bindparam("ids")), is_running())
)
MARK_SEEN = PreparedChange(
    lambda: (
        update(OperatorSession)
        .where(OperatorSession.id == bindparam("session_id"), is_running())
        .values(seen_at=bindparam("moment"))
    )
)
DELETE_OPERATOR_SESSIONS = PreparedChange(
    lambda: delete(OperatorSession).where(OperatorSession.id.in_(bindparam("ids")))
)
DELETE_BY_TOKEN = PreparedChange(
    lambda: delete(OperatorSession).where(OperatorSession.token_hash == bindparam("token_hash"))
)


async def start_operator_session(transaction: Transaction, operator_id: int, *, address: str) -> str:
    """Sign a browser in, and return the token for its cookie."""
    token = secrets.token_urlsafe(32)
    transaction.add(OperatorSession(token_hash=digest(token), operator_id=operator_id, address=address[:45]))
    await transaction.flush()
    await end_surplus(transaction, operator_id)
    return token


async def end_surplus(transaction: Transaction, operator_id: int) -> None:
    """End an operator's sessions that are more than `MOST_SESSIONS`: those that were seen longest ago."""
    surplus = (await transaction.column(LIST_OF_OPERATOR, operator_id=operator_id))[MOST_SESSIONS:]
    if surplus:
        await transaction.apply(DELETE_OPERATOR_SESSIONS, ids=surplus)


async def end_operator_session(transaction: Transaction, token: str | None) -> None:
    """End the session of a token, if there is one."""
    if token:
        await transaction.apply(DELETE_BY_TOKEN, token_hash=digest(token))


async def mark_seen(transaction: Transaction, session_id: int) -> None:
    """Note that a session is in use; one that is over stays so."""
    await transaction.apply(MARK_SEEN, session_id=session_id, moment=now())


async def list_running(transaction: Transaction, sessions: Iterable[int]) -> set[int]:
    """Which of some sessions still run."""
    return set(await transaction.column(LIST_RUNNING, ids=sessions))


@sweeps(OperatorSession)
async def delete_ended_sessions(transaction: Transaction, limit: int) -> int:
    """Forget the sessions that are over."""
    moment = now()
    ended = or_(
        OperatorSession.seen_at <= moment - OPERATOR_SESSION_IDLE,
        OperatorSession.started_at <= moment - OPERATOR_SESSION_LIFETIME,
    )
    return await delete_by_keys(transaction, OperatorSession, ended, limit=limit)
