"""The rows of those who wait, and the prepared statements that read and change them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import (
    BigInteger,
    ForeignKeyConstraint,
    String,
    UniqueConstraint,
    bindparam,
    delete,
    false,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.programs import name_own_program, name_with_program
from app.database import Base, PreparedChange, PreparedSelect, Tenanted, UtcDateTime, now
from app.database.clock import lease_clock
from app.web.texts import Text

# How long, in seconds, whoever edits has to answer somebody who asks.
ANSWER_WITHIN = 30

WaitingState = Literal["waiting", "called", "missed"]


class Waiting(Tenanted, Base):
    """A person who waits for a row, from the moment they opened its edit page until they leave that page.

    `page` is how many such pages the person has open: all of them wait in the one place, and the leaving of the last
    one ends it, or the end of the session, or token, that the newest was opened with. Those that wait through the
    gateway are one page together (`by_gateway`), which the last of them leaves. Who was called (at `called_at`) and did
    not come missed the turn.
    `unanswered` is set when the time for an answer is over.
    """

    __tablename__ = "waiting"
    __table_args__ = (
        UniqueConstraint("tenant_id", "kind", "row_id", "member_id", name="uq_waiting_member"),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"]),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    row_id: Mapped[int]
    member_id: Mapped[int]
    name: Mapped[str] = mapped_column(String(80))
    role: Mapped[str] = mapped_column(String(10))
    page: Mapped[int] = mapped_column(default=1)
    by_gateway: Mapped[bool] = mapped_column(default=False, server_default=false())
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    since: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    until: Mapped[int] = mapped_column(BigInteger)
    asked_at: Mapped[int | None] = mapped_column(BigInteger, default=None)
    session_id: Mapped[int | None] = mapped_column(default=None)
    program_id: Mapped[int | None] = mapped_column(default=None)
    program: Mapped[str | None] = mapped_column(String(60), default=None)
    kept: Mapped[bool] = mapped_column(default=False, server_default=false())
    unanswered: Mapped[bool] = mapped_column(default=False, server_default=false())
    called_at: Mapped[int | None] = mapped_column(BigInteger, default=None)

    @property
    def who(self) -> Text:
        """Who waits, and by which program."""
        return name_with_program(self.name, self.program)

    @property
    def own_program(self) -> Text | None:
        """The program that waits, as the member is told for whom it does; None where a page waits."""
        return name_own_program(self.program) if self.program is not None else None


LIST_WAITING = PreparedSelect(
    lambda: (
        select(Waiting)
        .where(Waiting.kind == bindparam("kind"), Waiting.row_id.in_(bindparam("ids")))
        .order_by(Waiting.id)
    ),
    anew=True,
)


# Those who wait for some rows of a kind.
OF_ROWS = (Waiting.kind == bindparam("of_kind"), Waiting.row_id.in_(bindparam("of_rows")))
OF_MEMBER = Waiting.member_id == bindparam("of_member")
REFUSE_REQUEST = PreparedChange(
    lambda: (
        update(Waiting)
        .where(*OF_ROWS, Waiting.id == bindparam("waiting_id"), Waiting.asked_at.is_not(None))
        .values(kept=True, unanswered=False)
    )
)
KEEP_WAITING = PreparedChange(
    lambda: update(Waiting).where(*OF_ROWS, OF_MEMBER).values(until=lease_clock() + bindparam("lease"))
)
NOTE_UNANSWERED = PreparedChange(
    lambda: (
        update(Waiting)
        .where(*OF_ROWS, Waiting.asked_at <= lease_clock() - ANSWER_WITHIN * 1000, ~Waiting.kept, ~Waiting.unanswered)
        .values(unanswered=True)
    )
)
FORGET_REQUESTS = PreparedChange(
    lambda: update(Waiting).where(*OF_ROWS).values(asked_at=None, kept=False, unanswered=False)
)
MISS_TURN = PreparedChange(
    lambda: update(Waiting).where(*OF_ROWS, OF_MEMBER, Waiting.state == "called").values(state="missed")
)
CALL = PreparedChange(
    lambda: update(Waiting).where(Waiting.id == bindparam("waiting_id")).values(state="called", called_at=lease_clock())
)
LEAVE = PreparedChange(lambda: delete(Waiting).where(*OF_ROWS, OF_MEMBER))
LEAVE_PAGE = PreparedChange(
    lambda: update(Waiting).where(*OF_ROWS, OF_MEMBER, Waiting.page > 1).values(page=Waiting.page - 1)
)
LEAVE_GATEWAY = PreparedChange(
    lambda: update(Waiting).where(*OF_ROWS, OF_MEMBER, Waiting.by_gateway).values(by_gateway=False)
)
LEAVE_ALL = PreparedChange(lambda: delete(Waiting).where(*OF_ROWS))
LEAVE_WITH_CREDENTIALS = PreparedChange(
    lambda: (
        delete(Waiting)
        .where(or_(Waiting.session_id.in_(bindparam("sessions")), Waiting.program_id.in_(bindparam("programs"))))
        .returning(Waiting.kind, Waiting.row_id, Waiting.member_id)
    )
)
DROP_GONE = PreparedChange(lambda: delete(Waiting).where(*OF_ROWS, Waiting.until <= lease_clock()))
