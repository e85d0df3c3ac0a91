"""What happens to members: suspended, let in again, removed."""

from __future__ import annotations

from sqlalchemy import func, select

from app.accounts.members import Member
from app.database import Transaction, now
from app.live.cutoff import end_all_sessions
from app.web.forms import Invalid
from app.web.texts import _l


async def keep_an_owner(transaction: Transaction, member: Member) -> None:
    """Raise Invalid when the workspace would be without an owner that can sign in."""
    if member.role != "owner":
        return
    others = select(func.count(Member.id)).where(
        Member.role == "owner",
        Member.id != member.id,
        Member.suspended_at.is_(None),
        Member.removed_at.is_(None),
    )
    if not await transaction.scalar(others):
        raise Invalid(member=_l("The last owner of a workspace can't leave it."))


async def suspend_member(transaction: Transaction, member: Member) -> None:
    """Keep somebody out, at once.

    Raises Invalid for the last owner.
    """
    await keep_an_owner(transaction, member)
    if member.suspended_at is None:
        member.suspended_at = now()
        await end_all_sessions(transaction, member, reason="suspended")


async def restore_member(transaction: Transaction, member: Member) -> None:
    """Let a suspended member in again."""
    member.suspended_at = None


async def remove_member(transaction: Transaction, member: Member) -> None:
    """Take somebody's account away, at once. What they wrote stays, with their name.

    Raises Invalid for the last owner.
    """
    await keep_an_owner(transaction, member)
    if member.removed_at is None:
        member.removed_at = now()
        member.email = None
        member.password_hash = ""
        await end_all_sessions(transaction, member, reason="removed")
