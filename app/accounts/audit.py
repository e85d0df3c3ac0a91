"""The audit log: who did what to whom, and from where. Only ever added to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKeyConstraint, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, Fact, Follower, Tenanted, Transaction, UtcDateTime, now

if TYPE_CHECKING:
    pass


class AuditEntry(Tenanted, Base):
    """One thing that was done: `what` it was, to which `subject`, with what it was before and after."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"]),
        Index("ix_audit_entry_tenant_id_id", "tenant_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int | None]
    what: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(254))
    before: Mapped[str] = mapped_column(Text, default="")
    after: Mapped[str] = mapped_column(Text, default="")
    address: Mapped[str] = mapped_column(String(45), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


@dataclass(frozen=True, slots=True)
class Entry:
    """What the audit log says of a fact: a kind that `tenants/audit_pages.py` has a sentence for, and of what."""

    what: str
    subject: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited(Fact):
    """A fact that is in the audit log."""

    @property
    def entry(self) -> Entry | None:
        """What the audit log says of it; None for one that it does not mention."""
        raise NotImplementedError


async def audit(transaction: Transaction, facts: Sequence[Audited]) -> None:
    """Write what was done into the audit log, all at once."""
    entries = [(fact.by, fact.entry) for fact in facts]
    rows = [
        {
            "member_id": by.member_id,
            "what": entry.what,
            "subject": entry.subject,
            "before": entry.before,
            "after": entry.after,
            "address": by.address,
            "at": now(),
        }
        for by, entry in entries
        if entry is not None
    ]
    if rows:
        await transaction.insert_rows(AuditEntry, *rows)


audited = Follower(audit, (Audited,))
