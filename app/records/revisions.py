"""Revisions: what a record was after each change."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.programs import LONGEST_PROGRAM
from app.database import Base, Tenanted, UtcDateTime, now

# What may have made a version of a record.
REVISED = ("created", "changed", "imported", "reverted", "deleted", "restored")


class Revision(Tenanted, Base):
    """A record as it was after one change: created, changed, deleted, restored from the bin, or reverted.

    `program` is which one acted for the member, if one did (`accounts/programs.py`).
    """

    __tablename__ = "revision"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "record_id"], ["record.tenant_id", "record.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"]),
    )

    record_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    member_id: Mapped[int]
    program: Mapped[str | None] = mapped_column(String(LONGEST_PROGRAM))
    what: Mapped[str] = mapped_column(String(10))
    values: Mapped[dict[str, str]] = mapped_column(JSON)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
