"""People who are signed in, for tests that call operations: a lock belongs to a member and their session."""

from __future__ import annotations

import secrets

from sqlalchemy import select

from app.accounts.members import Member, find_member
from app.accounts.sessions import Session, add_session
from app.database import Actor, Transaction


async def sign_in(transaction: Transaction, name: str) -> Member:
    """A member of acme, who acts in a transaction with the session that they have, or a new one."""
    member = await find_member(transaction, f"{name}@acme.test")
    assert member is not None
    await act_as(transaction, member)
    return member


async def act_as(transaction: Transaction, member: Member) -> None:
    """Let a member act in a transaction with the session that they have, or a new one."""
    statement = select(Session.id).where(Session.member_id == member.id).order_by(Session.id).limit(1)
    if await transaction.scalar(statement) is None:
        await add_session(transaction, member, address="127.0.0.1", agent=secrets.token_hex(4))
    session_id = await transaction.scalar(statement)
    transaction.actor = Actor("page", member_id=member.id, session_id=session_id, address="127.0.0.1")
