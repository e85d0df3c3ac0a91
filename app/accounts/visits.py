"""Visits: which sessions and tokens are in use, as people see it on their account's pages, and which rooms and
collections members open, from which the sidebar knows what they use."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from litestar import Request
from sqlalchemy import ForeignKeyConstraint, String, bindparam, delete, tuple_, update
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.accounts.program_tokens import note_uses
from app.accounts.sessions import Session
from app.database import Base, Database, PreparedChange, Tenanted, Transaction, UtcDateTime, now
from app.jobs.sweeps import delete_by_keys, sweeps
from app.web.visits import is_seen

# What was not opened for so long is used no more.
REMEMBERED = timedelta(days=90)


class Visit(Tenanted, Base):
    """When a member last opened a thing of a kind, such as a room."""

    __tablename__ = "visit"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
    )

    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    subject_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    visited_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


@sweeps(Visit)
async def forget_old_visits(transaction: Transaction, limit: int) -> int:
    """Forget what members have not opened for long."""
    return await delete_by_keys(transaction, Visit, Visit.visited_at < now() - REMEMBERED, limit=limit)


NOTE_SEEN = PreparedChange(
    lambda: update(Session).where(Session.id.in_(bindparam("ids"))).values(seen_at=bindparam("moment", callable_=now)),
    many=True,
)


class Visits:
    """The sessions and tokens that were used just now, and what was opened, written down together.

    After a restart every open page comes back within some seconds: they would be as many writers.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.noted: dict[int, set[int]] = {}
        self.opened: dict[int, set[tuple[int, str, int]]] = {}
        self.used: dict[int, dict[int, str]] = {}

    def note(self, tenant_id: int, session_id: int) -> None:
        """Note that a session is in use, where that was not written within the last `SEEN_STEP`."""
        self.noted.setdefault(tenant_id, set()).add(session_id)

    def note_used(self, tenant_id: int, token_id: int, address: str) -> None:
        """Note that a program has used a token, from an address, where that was not written within `SEEN_STEP`."""
        self.used.setdefault(tenant_id, {})[token_id] = address

    def note_opened(self, tenant_id: int, member_id: int, kind: str, subject_id: int) -> None:
        """Note that a member has opened a thing."""
        self.opened.setdefault(tenant_id, set()).add((member_id, kind, subject_id))

    async def write(self) -> bool:
        """Write down what was noted. False: there is nothing more to do at once."""
        while self.opened:
            tenant_id, opened = self.opened.popitem()
            try:
                async with self.database.write(tenant_id) as transaction:
                    await write_visits(transaction, opened)
            except LookupError:
                continue  # the workspace is gone
        while self.used:
            tenant_id, used = self.used.popitem()
            try:
                async with self.database.write(tenant_id) as transaction:
                    await note_uses(transaction, used)
            except LookupError:
                continue
        while self.noted:
            tenant_id, sessions = self.noted.popitem()
            try:
                async with self.database.write(tenant_id) as transaction:
                    await transaction.apply(NOTE_SEEN, ids=sessions)
            except LookupError:
                continue  # the workspace is gone, and its sessions with it
        return False


async def write_visits(transaction: Transaction, opened: set[tuple[int, str, int]]) -> None:
    """Write down what members have opened just now: in the place of what they had opened before."""
    key = tuple_(Visit.member_id, Visit.kind, Visit.subject_id)
    statement = delete(Visit).where(key.in_(opened))
    await transaction.execute(statement)
    names = ("member_id", "kind", "subject_id")
    await transaction.insert_rows(Visit, *(dict(zip(names, each, strict=True)) for each in sorted(opened)))


def note_visit(request: Request[Any, Any, Any], member: Member, kind: str, subject_id: int) -> None:
    """Note that a member has opened a thing by a request, unless nobody sees the page."""
    if is_seen(request):
        visits: Visits = request.app.state.visits
        visits.note_opened(member.tenant_id, member.id, kind, subject_id)
