"""Cutting off: a session that ends takes its sockets with it, in the same transaction."""

from __future__ import annotations

from typing import Any

from app.accounts.members import Member
from app.accounts.sessions import Session, delete_sessions
from app.database import Transaction
from app.live.log import close_sockets, publish_partial


async def end_sessions(transaction: Transaction, *criteria: Any, reason: str) -> None:
    """End the sessions that meet the criteria, and close their sockets."""
    ended = await delete_sessions(transaction, *criteria)
    if ended:
        close_sockets(transaction, sessions=ended, reason=reason)


async def end_all_sessions(transaction: Transaction, member: Member, *, reason: str) -> None:
    """End all sessions of a member, and close the member's sockets."""
    await delete_sessions(transaction, Session.member_id == member.id)
    close_sockets(transaction, member=member.id, reason=reason)


def push_sessions(transaction: Transaction, member: Member) -> None:
    """Publish that a member's sessions have changed, to that person's open account pages."""
    publish_partial(transaction, f"user.{member.id}", "live/refresh_push.html", target="sessions-refresh")
