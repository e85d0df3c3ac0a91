"""Single-use links: to set a new password, to confirm an e-mail address, or to enter a workspace that was just made.

A link is bound to what it stands for: one that lets somebody in works only while password and address are those that
it was made for, one that confirms an address while the address is.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ForeignKeyConstraint, LargeBinary, String, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.accounts.sessions import digest
from app.database import Base, PreparedChange, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.jobs.sweeps import delete_by_keys, sweeps

Purpose = Literal["password", "enter", "confirm"]
TOKEN_LIFETIME = {"password": timedelta(hours=1), "enter": timedelta(minutes=1), "confirm": timedelta(days=7)}


class SingleUseToken(Tenanted, Base):
    """A link's token (its SHA-256): works once, before its end."""

    __tablename__ = "single_use_token"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
    )

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    member_id: Mapped[int]
    purpose: Mapped[str] = mapped_column(String(10))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    bound_to: Mapped[bytes] = mapped_column(LargeBinary(32))


VOID_TOKENS = PreparedChange(
    lambda: delete(SingleUseToken).where(
        SingleUseToken.member_id == bindparam("member_id"), SingleUseToken.purpose == bindparam("purpose")
    )
)
DELETE_TOKEN = PreparedChange(
    lambda: delete(SingleUseToken).where(SingleUseToken.token_hash == bindparam("token_hash"))
)
FIND_TOKEN = PreparedSelect(
    lambda: (
        select(Member, SingleUseToken.bound_to)
        .join(
            SingleUseToken,
            (SingleUseToken.member_id == Member.id) & (SingleUseToken.tenant_id == Member.tenant_id),
        )
        .where(
            SingleUseToken.token_hash == bindparam("token_hash"),
            SingleUseToken.purpose == bindparam("purpose"),
            SingleUseToken.expires_at > bindparam("now"),
        )
    )
)


def bond(member: Member, purpose: Purpose) -> bytes:
    """What a link is bound to, as a digest that tells nothing."""
    parts = [member.email or "", "" if purpose == "confirm" else member.password_hash]
    return hashlib.sha256("\0".join(parts).encode()).digest()


async def void_tokens(transaction: Transaction, member: Member, purpose: Purpose) -> None:
    """Let the links of a person and purpose work no more."""
    await transaction.apply(VOID_TOKENS, member_id=member.id, purpose=purpose)


@sweeps(SingleUseToken)
async def delete_old_tokens(transaction: Transaction, limit: int) -> int:
    """Delete tokens that nobody has used in time."""
    return await delete_by_keys(transaction, SingleUseToken, SingleUseToken.expires_at <= now(), limit=limit)


async def make_token(transaction: Transaction, member: Member, purpose: Purpose) -> str:
    """A new token; an earlier one of the same person and purpose works no more."""
    await void_tokens(transaction, member, purpose)
    token = secrets.token_urlsafe(32)
    transaction.add(
        SingleUseToken(
            token_hash=digest(token),
            member_id=member.id,
            purpose=purpose,
            expires_at=now() + TOKEN_LIFETIME[purpose],
            bound_to=bond(member, purpose),
        )
    )
    return token


async def find_token(transaction: Transaction, token: str, purpose: Purpose) -> Member | None:
    """The member a token belongs to, while it works."""
    found = await transaction.find(FIND_TOKEN, token_hash=digest(token), purpose=purpose, now=now())
    if found is None:
        return None
    member, bound_to = found
    return member if member.active and bound_to == bond(member, purpose) else None


async def use_token(transaction: Transaction, token: str, purpose: Purpose) -> Member | None:
    """Find a token's member, and let the token work no more."""
    member = await find_token(transaction, token, purpose)
    if member:
        await transaction.apply(DELETE_TOKEN, token_hash=digest(token))
    return member
