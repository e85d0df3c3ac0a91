"""Starting and ending sessions; one that ends takes its sockets with it, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable

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
from app.accounts.program_tokens import list_every_token_id, silence_tokens_of
from app.accounts.sessions import (
    LIST_EVERY_ID,
    MOST_SESSIONS,
    Session,
    add_session,
    delete_sessions,
    list_session_ids,
)
from app.accounts.tokens import void_tokens
from app.database import Transaction, now
from app.jobs.sweeps import sweeps


async def start_session(transaction: Transaction, member: Member, *, address: str, agent: str) -> str:
    """Sign a browser in, and return the token for its cookie. Of too many sessions those that were seen longest ago
    end."""
    token = await add_session(transaction, member, address=address, agent=agent)
    await end_sessions(transaction, (await list_session_ids(transaction, member))[MOST_SESSIONS:], reason="ended")
    return token


async def end_sessions(transaction: Transaction, ids: Iterable[int], *, reason: str) -> None:
    """End sessions by their ids, and close their sockets."""
    ended = await delete_sessions(transaction, ids)
    if ended:
        transaction.note(SessionsEnded(by=transaction.actor, session_ids=ended, reason=reason))


@sweeps(Session)
async def end_expired_sessions(transaction: Transaction, limit: int) -> int:
    """End the sessions that are over; lists of sessions that are open follow."""
    over = select(Session.id, Session.member_id).where(Session.expires_at <= now()).order_by(Session.id).limit(limit)
    found = (await transaction.execute(over)).all()
    if found:
        await end_sessions(transaction, [row.id for row in found], reason="expired")
        member_ids = sorted({row.member_id for row in found})
        transaction.note(SessionsLapsed(by=transaction.actor, member_ids=tuple(member_ids)))
    return len(found)


async def end_all_sessions(transaction: Transaction, member: Member, *, reason: str) -> None:
    """End all sessions of a member, close the member's sockets, and void the links that were mailed to set a new
    password: whoever ends everything means whatever could be used to come in again."""
    await void_tokens(transaction, member, "password")
    ended = await delete_sessions(transaction, await list_session_ids(transaction, member))
    tokens = () if member.active else await silence_tokens_of(transaction, member)
    by = transaction.actor
    transaction.note(AllOfMemberEnded(by=by, member_id=member.id, session_ids=ended, token_ids=tokens, reason=reason))


async def end_every_session(transaction: Transaction, *, reason: str) -> None:
    """End all sessions of the workspace, and close everybody's sockets."""
    ended = await delete_sessions(transaction, await transaction.column(LIST_EVERY_ID))
    tokens = tuple(await list_every_token_id(transaction))
    by = transaction.actor
    transaction.note(EverySessionEnded(by=by, session_ids=ended, token_ids=tokens, reason=reason))


async def end_other_sessions(transaction: Transaction, member: Member, *, but: Session) -> None:
    """End all sessions of a member but one, and void the links that were mailed to set a new password."""
    await void_tokens(transaction, member, "password")
    others = [each for each in await list_session_ids(transaction, member) if each != but.id]
    await end_sessions(transaction, others, reason="ended")
    by = transaction.acting(member.id)
    transaction.note(OtherSessionsEnded(by=by, member_id=member.id, email=member.email or ""))


async def end_own_session(transaction: Transaction, member: Member, session_id: int) -> None:
    """End a session of a member's who wants it ended."""
    own = [each for each in await list_session_ids(transaction, member) if each == session_id]
    await end_sessions(transaction, own, reason="ended")
    transaction.note(OwnSessionsEnded(by=transaction.acting(member.id), member_id=member.id))
