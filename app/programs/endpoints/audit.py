"""The audit log, for admins."""

from __future__ import annotations

from typing import Annotated, Any

from litestar.params import QueryParameter
from sqlalchemy import bindparam, select

from app.accounts.audit import AuditEntry, find_audited_places
from app.accounts.members import Member
from app.accounts.rights import require
from app.database import PreparedSelect, Transaction
from app.programs.lists import (
    DEFAULT_LIMIT,
    FIRST_MOMENT,
    LAST_MOMENT,
    After,
    Limit,
    Since,
    Until,
    page_rows,
    read_bound,
    read_cursor,
)
from app.programs.people_shapes import AuditShape, shape_entry
from app.programs.routes import ListPart, reads
from app.programs.shapes import find_people_shapes

EVERY_ENTRY = 2**62
WITHIN = AuditEntry.at >= bindparam("since"), AuditEntry.at < bindparam("until")
LIST_AUDITED_BEFORE = PreparedSelect(
    lambda: (
        select(AuditEntry)
        .where(AuditEntry.id < bindparam("before"), *WITHIN)
        .order_by(AuditEntry.id.desc())
        .limit(bindparam("most"))
    )
)
LIST_AUDITED_OF_KIND = PreparedSelect(
    lambda: (
        select(AuditEntry)
        .where(AuditEntry.id < bindparam("before"), AuditEntry.what == bindparam("what"), *WITHIN)
        .order_by(AuditEntry.id.desc())
        .limit(bindparam("most"))
    )
)
EntryKind = Annotated[str, QueryParameter(name="what", description="Only entries of this kind, such as `member.role`.")]


@reads("/audit", scope="admin")
async def list_audit(
    transaction: Transaction,
    member: Member,
    what: EntryKind = "",
    since: Since = None,
    until: Until = None,
    limit: Limit = DEFAULT_LIMIT,
    next: After = "",
) -> ListPart[AuditShape]:
    """What was done by whom, the newest first, from one moment on and up to another one; for admins."""
    require(member, "read", "audit log")
    wanted: dict[str, Any] = {"what": what} if what else {}
    wanted["since"] = read_bound(since, "since") or FIRST_MOMENT
    wanted["until"] = read_bound(until, "until") or LAST_MOMENT
    before = (read_cursor(next, int) or [EVERY_ENTRY])[0]
    prepared = LIST_AUDITED_OF_KIND if what else LIST_AUDITED_BEFORE
    rows = await transaction.column(prepared, before=before, most=limit + 1, **wanted)
    people = await find_people_shapes(transaction, {each.member_id for each in rows if each.member_id})
    places = await find_audited_places(transaction, member.id, rows)

    def shape(entry: AuditEntry) -> AuditShape:
        return shape_entry(entry, people.get(entry.member_id or 0), places.get(entry.id, {}))

    return page_rows(rows, limit, shape, lambda each: (each.id,))


endpoints = [list_audit]
