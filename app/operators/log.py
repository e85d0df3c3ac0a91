"""The operators' log: who did what to which workspace, and why. Only ever added to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, String, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, PreparedSelect, Transaction, UtcDateTime, now
from app.web.texts import _l

LOG_PAGE_SIZE = 100
# Whose sign-in was refused, where no operator has the address that was typed.
UNKNOWN = "?"
LOG_SENTENCES = {
    "suspended": _l("suspended the workspace"),
    "restored": _l("restored the workspace"),
    "signed in": _l("signed in"),
    "refused": _l("was refused at sign-in"),
    "shut out": _l("was locked out after too many wrong attempts"),
}


class OperatorEntry(Base):
    """One thing that was done; `email` is the operator's, '' for the command line."""

    __tablename__ = "operator_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    what: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(254), default="")
    reason: Mapped[str] = mapped_column(String(200), default="")
    address: Mapped[str] = mapped_column(String(45), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


LIST_ENTRIES = PreparedSelect(
    lambda: (
        select(OperatorEntry)
        .where(OperatorEntry.id < bindparam("before", type_=BigInteger()))
        .order_by(OperatorEntry.id.desc())
        .limit(LOG_PAGE_SIZE + 1)
    )
)


async def list_entries(transaction: Transaction, *, before: int) -> list[OperatorEntry]:
    """A page of the log, the newest entry first, older than the one numbered `before` (0: the newest page).

    It has one entry more than PAGE when there are older ones.
    """
    return await transaction.column(LIST_ENTRIES, before=before or 2**63 - 1)
