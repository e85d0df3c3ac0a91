"""Drafts: what somebody has typed and not saved yet, kept for them alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKeyConstraint, Index, String, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.database import Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.editing.pushes import push_standings
from app.editing.rows import Editable

DRAFT_KEPT_FOR = timedelta(days=30)

# By member: when a draft was typed, and the token of its page.
Drafts = dict[int, tuple[datetime, int]]


class Draft(Tenanted, Base):
    """What a member has typed over a version of a row. A settled draft has no values: it was saved or discarded.

    It stays for a while as a mark of the token it was settled with, so that what a page sent before and what arrives
    after does not bring it back.
    """

    __tablename__ = "draft"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"]),
        Index("ix_draft_member", "tenant_id", "member_id", "typed_at"),
    )

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    row_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    token: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(BigInteger)
    values: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    typed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    # Of a record that is not added yet (records/new_drafts.py): which form it was typed on. Its token is a count then.
    form: Mapped[str | None] = mapped_column(String(64))
    # … and on which form it was begun: all that go on with it, in whatever tabs, are to make one record.
    begun_form: Mapped[str | None] = mapped_column(String(64))


FIND_DRAFT_OF_ROW = PreparedSelect(
    lambda: select(Draft).where(
        Draft.kind == bindparam("kind"), Draft.row_id == bindparam("row_id"), Draft.member_id == bindparam("member_id")
    )
)
LIST_DRAFTS = PreparedSelect(
    lambda: select(Draft.row_id, Draft.member_id, Draft.typed_at, Draft.token).where(
        Draft.kind == bindparam("kind"), Draft.row_id.in_(bindparam("ids")), Draft.values.is_not(None)
    )
)


# How many of a member's own drafts are listed.
MOST_OWN_DRAFTS = 12
LIST_OWN_DRAFTS = PreparedSelect(
    lambda: (
        select(Draft.kind, Draft.row_id, Draft.typed_at)
        .where(Draft.member_id == bindparam("member_id"), Draft.values.is_not(None))
        .order_by(Draft.typed_at.desc())
        .limit(MOST_OWN_DRAFTS)
    )
)


async def list_own_drafts(transaction: Transaction, member: Member) -> Sequence[tuple[str, int, datetime]]:
    """Of what a member has typed and not saved, the newest: of what kind and row, and when. A page reads it once."""
    key = LIST_OWN_DRAFTS, member.id
    if key not in transaction.info or transaction.writes:
        transaction.info[key] = await transaction.rows(LIST_OWN_DRAFTS, member_id=member.id)
    found: Sequence[tuple[str, int, datetime]] = transaction.info[key]
    return found


async def find_any_draft(transaction: Transaction, row: Editable, member: Member) -> Draft | None:
    """The member's draft of a row, settled or not."""
    found = await transaction.find(FIND_DRAFT_OF_ROW, kind=row.kind_name, row_id=row.id, member_id=member.id)
    return found and found[0]


async def find_draft(transaction: Transaction, row: Editable, member: Member) -> Draft | None:
    """What this member has typed and not saved."""
    draft = await find_any_draft(transaction, row, member)
    return draft if draft is not None and draft.values is not None else None


async def list_drafts(transaction: Transaction, rows: Sequence[Editable]) -> dict[Editable, Drafts]:
    """The drafts that there are of each of some rows."""
    found: dict[Editable, Drafts] = {row: {} for row in rows}
    for name in {row.kind_name for row in rows}:
        by_id = {row.id: row for row in rows if row.kind_name == name}
        for row_id, member_id, typed_at, token in await transaction.rows(LIST_DRAFTS, kind=name, ids=by_id):
            found[by_id[row_id]][member_id] = typed_at, token
    return found


def shown_of(row: Editable, member_id: int, draft: Draft | None) -> tuple[datetime | None, datetime | None]:
    """What the member's open pages say of a draft: that it waits to be gone on with, and that it is an older page's.

    The page that edits has what is typed on it already, and the others only say that it does.
    """
    if draft is None or draft.values is None:
        return None, None
    edits = row.lock_member_id == member_id and not row.lock_offered
    return None if edits else draft.typed_at, draft.typed_at if draft.token < row.lock_token else None


async def write_draft(
    transaction: Transaction,
    row: Editable,
    member: Member,
    draft: Draft | None,
    *,
    token: int,
    version: int,
    values: dict[str, str] | None,
) -> None:
    """Write a draft: the one place where what is typed is kept and settled. The member's open pages follow it."""
    before = shown_of(row, member.id, draft)
    written: dict[str, Any] = {"token": token, "version": version, "values": values, "typed_at": now()}
    if draft is None:
        draft = Draft(kind=row.kind_name, row_id=row.id, member_id=member.id, **written)
        await transaction.insert(draft)
    else:
        await transaction.change(draft, **written)
    if shown_of(row, member.id, draft) != before:
        push_standings(transaction, row, member.id)


async def drop_draft(transaction: Transaction, row: Editable, member: Member, draft: Draft) -> None:
    """Forget a draft of what is saved anyway, and its token with it."""
    before = shown_of(row, member.id, draft)
    await transaction.delete(draft)
    await transaction.flush()
    if before != shown_of(row, member.id, None):
        push_standings(transaction, row, member.id)


async def keep_draft(
    transaction: Transaction,
    row: Editable,
    member: Member,
    values: Mapping[str, str],
    *,
    saved: Mapping[str, str],
    token: int | None,
    version: int,
    late: bool = False,
) -> bool:
    """Keep what was typed on the page of a lock's token, unless it is what is saved, or kept already.

    False when a newer page of this member has written, or the draft is settled: nothing was kept. Without a token it
    is kept in any case: the member has just sent it. What is `late` was never sent before, as the page could not: it
    is kept after the draft of other pages was settled, too.
    """
    draft = await find_any_draft(transaction, row, member)
    forced = token is None
    token = row.lock_token if token is None else token
    if draft is not None and draft.values is None and late:
        token = max(token, draft.token)
    elif draft is not None and draft.values == dict(values) and token <= draft.token:
        return True
    if all(value == saved.get(key, "") for key, value in values.items()):
        if draft is not None and draft.values is not None and token >= draft.token:
            await drop_draft(transaction, row, member, draft)
        return True
    if (
        draft is not None
        and not (forced or (late and draft.values is None))
        and (token < draft.token or (token == draft.token and draft.values is None))
    ):
        return False
    await write_draft(transaction, row, member, draft, token=token, version=version, values=dict(values))
    return True


async def settle_draft(transaction: Transaction, row: Editable, member: Member) -> bool:
    """The draft was saved or discarded: nothing of it is left. False when there was none."""
    draft = await find_any_draft(transaction, row, member)
    had = draft is not None and draft.values is not None
    await write_draft(transaction, row, member, draft, token=row.lock_token, version=row.version, values=None)
    return had
