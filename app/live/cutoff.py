"""Cutting off: a session that ends takes its sockets with it, in the same transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.accounts.members import Member
from app.accounts.sessions import Session, delete_sessions
from app.database import Transaction, now
from app.jobs.sweeps import sweeps
from app.live.log import close_sockets, publish_partial


async def end_sessions(transaction: Transaction, *criteria: Any, reason: str) -> None:
    """End the sessions that meet the criteria, and close their sockets."""
    ended = await delete_sessions(transaction, *criteria)
    if ended:
        close_sockets(transaction, sessions=ended, reason=reason)


@sweeps(Session)
async def end_expired_sessions(transaction: Transaction, limit: int) -> int:
    """End the sessions that are over; lists of sessions that are open follow."""
    over = select(Session.id, Session.member_id).where(Session.expires_at <= now()).order_by(Session.id).limit(limit)
    found = (await transaction.execute(over)).all()
    if found:
        await end_sessions(transaction, Session.id.in_([row.id for row in found]), reason="expired")
    for member_id in sorted({row.member_id for row in found}):
        push_sessions(transaction, member_id)
    return len(found)


async def end_all_sessions(transaction: Transaction, member: Member, *, reason: str) -> None:
    """End all sessions of a member, and close the member's sockets."""
    await delete_sessions(transaction, Session.member_id == member.id)
    close_sockets(transaction, member=member.id, reason=reason)


def push_sessions(transaction: Transaction, member_id: int) -> None:
    """Publish that a member's sessions have changed, to that person's open account pages."""
    publish_partial(transaction, f"user.{member_id}", "live/refresh_push.html", target="sessions-refresh")
