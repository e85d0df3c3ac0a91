"""Cutting off: a session that ends takes its sockets with it, in the same transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.accounts.members import Member
from app.accounts.sessions import Session, add_session, delete_sessions, list_surplus
from app.accounts.tokens import void_tokens
from app.database import Transaction, now
from app.jobs.sweeps import sweeps
from app.live.log import close_sockets, publish_partial


async def start_session(transaction: Transaction, member: Member, *, address: str, agent: str) -> str:
    """Sign a browser in, and return the token for its cookie. Of too many sessions the oldest end."""
    token = await add_session(transaction, member, address=address, agent=agent)
    surplus = await list_surplus(transaction, member)
    if surplus:
        await end_sessions(transaction, Session.id.in_(surplus), reason="ended")
    return token


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
    """End all sessions of a member, close the member's sockets, and void the links that were mailed to set a new
    password: whoever ends everything means whatever could be used to come in again."""
    await void_tokens(transaction, member, "password")
    await delete_sessions(transaction, Session.member_id == member.id)
    close_sockets(transaction, member=member.id, reason=reason)


async def end_other_sessions(transaction: Transaction, member: Member, *, but: Session) -> None:
    """End all sessions of a member but one, and void the links that were mailed to set a new password."""
    await void_tokens(transaction, member, "password")
    await end_sessions(transaction, Session.member_id == member.id, Session.id != but.id, reason="ended")


def push_sessions(transaction: Transaction, member_id: int) -> None:
    """Publish that a member's sessions have changed, to that person's open account pages."""
    publish_partial(transaction, f"user.{member_id}", "live/refresh_push.html", target="sessions-refresh")
