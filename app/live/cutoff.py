"""Starting and ending sessions; one that ends takes its sockets with it, in the same transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.accounts.facts import (
    AllOfMemberEnded,
    EverySessionEnded,
    OtherSessionsEnded,
    OwnSessionsEnded,
    SessionsEnded,
    SessionsLapsed,
)
from app.accounts.members import Member
from app.accounts.sessions import Session, add_session, delete_sessions, list_surplus
from app.accounts.tokens import void_tokens
from app.database import Transaction, now
from app.jobs.sweeps import sweeps


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
        transaction.note(SessionsEnded(by=transaction.actor, session_ids=tuple(ended), reason=reason))


@sweeps(Session)
async def end_expired_sessions(transaction: Transaction, limit: int) -> int:
    """End the sessions that are over; lists of sessions that are open follow."""
    over = select(Session.id, Session.member_id).where(Session.expires_at <= now()).order_by(Session.id).limit(limit)
    found = (await transaction.execute(over)).all()
    if found:
        await end_sessions(transaction, Session.id.in_([row.id for row in found]), reason="expired")
        member_ids = sorted({row.member_id for row in found})
        transaction.note(SessionsLapsed(by=transaction.actor, member_ids=tuple(member_ids)))
    return len(found)


async def end_all_sessions(transaction: Transaction, member: Member, *, reason: str) -> None:
    """End all sessions of a member, close the member's sockets, and void the links that were mailed to set a new
    password: whoever ends everything means whatever could be used to come in again."""
    await void_tokens(transaction, member, "password")
    ended = tuple(await delete_sessions(transaction, Session.member_id == member.id))
    by = transaction.actor
    transaction.note(AllOfMemberEnded(by=by, member_id=member.id, session_ids=ended, reason=reason))


async def end_every_session(transaction: Transaction, *, reason: str) -> None:
    """End all sessions of the workspace, and close everybody's sockets."""
    ended = tuple(await delete_sessions(transaction, Session.id > 0))
    transaction.note(EverySessionEnded(by=transaction.actor, session_ids=ended, reason=reason))


async def end_other_sessions(transaction: Transaction, member: Member, *, but: Session) -> None:
    """End all sessions of a member but one, and void the links that were mailed to set a new password."""
    await void_tokens(transaction, member, "password")
    await end_sessions(transaction, Session.member_id == member.id, Session.id != but.id, reason="ended")
    by = transaction.acting(member.id)
    transaction.note(OtherSessionsEnded(by=by, member_id=member.id, email=member.email or ""))


async def end_own_session(transaction: Transaction, member: Member, session_id: int) -> None:
    """End a session of a member's who wants it ended."""
    await end_sessions(transaction, Session.member_id == member.id, Session.id == session_id, reason="ended")
    transaction.note(OwnSessionsEnded(by=transaction.acting(member.id), member_id=member.id))
