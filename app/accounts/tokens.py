"""Single-use links: to set a new password, or to enter a workspace that was just made on the central host."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ForeignKeyConstraint, LargeBinary, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.accounts.sessions import digest
from app.database import Base, Tenanted, Transaction, UtcDateTime, now
from app.jobs.sweeps import delete_by_keys, sweeps

Purpose = Literal["password", "enter"]
LIFETIME = {"password": timedelta(hours=1), "enter": timedelta(minutes=1)}


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


@sweeps(SingleUseToken)
async def delete_old_tokens(transaction: Transaction, limit: int) -> int:
    """Delete tokens that nobody has used in time."""
    return await delete_by_keys(transaction, SingleUseToken, SingleUseToken.expires_at <= now(), limit=limit)


async def make_token(transaction: Transaction, member: Member, purpose: Purpose) -> str:
    """A new token; an earlier one of the same person and purpose works no more."""
    await transaction.execute(
        delete(SingleUseToken).where(SingleUseToken.member_id == member.id, SingleUseToken.purpose == purpose)
    )
    token = secrets.token_urlsafe(32)
    transaction.add(
        SingleUseToken(
            token_hash=digest(token),
            member_id=member.id,
            purpose=purpose,
            expires_at=now() + LIFETIME[purpose],
        )
    )
    return token


async def find_token(transaction: Transaction, token: str, purpose: Purpose) -> Member | None:
    """The member a token belongs to, while it works."""
    statement = (
        select(Member)
        .join(
            SingleUseToken,
            (SingleUseToken.member_id == Member.id) & (SingleUseToken.tenant_id == Member.tenant_id),
        )
        .where(
            SingleUseToken.token_hash == digest(token),
            SingleUseToken.purpose == purpose,
            SingleUseToken.expires_at > now(),
        )
    )
    member = (await transaction.scalars(statement)).one_or_none()
    return member if member and member.active else None


async def use_token(transaction: Transaction, token: str, purpose: Purpose) -> Member | None:
    """Find a token's member, and let the token work no more."""
    member = await find_token(transaction, token, purpose)
    if member:
        await transaction.execute(delete(SingleUseToken).where(SingleUseToken.token_hash == digest(token)))
    return member
