"""What records were, and what is in the trash; and bringing it back."""

from __future__ import annotations

from typing import Any

from litestar import Response
from sqlalchemy import bindparam, select

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.database import PreparedSelect, Transaction
from app.editing.rows import read_clock
from app.programs.endpoints.records import RECORD, answer_record, open_for_program
from app.programs.lists import (
    DEFAULT_LIMIT,
    FIRST_MOMENT,
    LAST_NUMBER,
    After,
    ChangedAfter,
    Limit,
    page_rows,
    read_bound,
    read_cursor,
)
from app.programs.records import IfMatch, LockHeader, read_version, refuse_locked, told_by_keys
from app.programs.routes import ListPart, adds, reads
from app.programs.shapes import FormerValue, PersonShape, RecordShape, RevisionShape, in_utc, shape_record
from app.records.access import enter_collection
from app.records.changes import write_record
from app.records.deleting import restore_record
from app.records.fields import list_fields
from app.records.former_values import list_former
from app.records.forms import open_record
from app.records.history import get_revision, translate, values_as_before
from app.records.record_facts import tell_values
from app.records.records import Record
from app.records.revisions import Revision
from app.records.undoing import end_restoring

LIST_REVISIONS_BEFORE = PreparedSelect(
    lambda: (
        select(Revision, Member.name, Member.bot)
        .join(Member, (Member.id == Revision.member_id) & (Member.tenant_id == Revision.tenant_id))
        .where(Revision.record_id == bindparam("record_id"), Revision.version < bindparam("before"))
        .order_by(Revision.version.desc())
        .limit(bindparam("most"))
    )
)
LIST_BINNED_BEFORE = PreparedSelect(
    lambda: (
        select(Record)
        .where(
            Record.collection_id == bindparam("collection_id"),
            Record.deleted_at.is_not(None),
            Record.updated_at > bindparam("changed_after"),
            Record.number < bindparam("before"),
        )
        .order_by(Record.number.desc())
        .limit(bindparam("most"))
    )
)


@reads(RECORD + "/revisions", scope="records:read")
async def list_revisions_for_programs(
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
    limit: Limit = DEFAULT_LIMIT,
    next: After = "",
) -> ListPart[RevisionShape]:
    """What a record was after each change, the newest first."""
    _, record, fields = await open_for_program(transaction, member, slug, number)
    before = (read_cursor(next, int) or [LAST_NUMBER])[0]
    rows = await transaction.rows(LIST_REVISIONS_BEFORE, record_id=record.id, before=before, most=limit + 1)

    def shape(row: tuple[Revision, str, bool]) -> RevisionShape:
        revision, name, bot = row
        values = tell_values(fields, translate(fields, revision))
        former = {
            field.key: FormerValue(before.kind_name, before.describe(revision.values.get(before.ref, "")))
            for field, before in list_former(fields, revision).items()
        }
        author = PersonShape(revision.member_id, name, bot)
        made_at = in_utc(revision.made_at)
        return RevisionShape(revision.version, revision.what, author, revision.program, made_at, values, former)

    return page_rows(rows, limit, shape, lambda row: (row[0].version,))


@adds(
    RECORD + "/revisions/{version:int}/restore",
    scope="records:write",
    status_code=200,
    answers=(412, 423, 428),
)
async def restore_revision(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
    version: int,
    if_match: IfMatch = None,
    lock: LockHeader = None,
) -> Response[RecordShape]:
    """Give a record the values of an older version, but for those that may not be changed, as its next one."""
    seen = read_version(if_match)
    collection, record, fields = await open_record(transaction, member, slug, number, "edit")
    proof = await refuse_locked(transaction, record, member, lock, seen)
    values, _ = values_as_before(fields, record, await get_revision(transaction, record, version), member)
    said: dict[str, Any] = {"version": seen, "proof": proof, "what": "reverted", "fields": fields}
    with told_by_keys(fields, record, await read_clock(transaction)):
        await write_record(transaction, collection, record, values, member, **said, keeps_lock=proof is not None)
    return answer_record(shape_record(fields, record))


@reads("/collections/{slug:str}/bin", scope="records:read")
async def list_bin(
    transaction: Transaction,
    member: Member,
    slug: str,
    changed_after: ChangedAfter = None,
    limit: Limit = DEFAULT_LIMIT,
    next: After = "",
) -> ListPart[RecordShape]:
    """The records that were deleted in the last 30 days, or after a moment, those with the highest numbers first."""
    collection = (await enter_collection(transaction, member, slug, "read the bin of")).collection
    fields = await list_fields(transaction, collection)
    before = (read_cursor(next, int) or [LAST_NUMBER])[0]
    asked = {"before": before, "changed_after": read_bound(changed_after, "changed_after") or FIRST_MOMENT}
    rows = await transaction.column(LIST_BINNED_BEFORE, collection_id=collection.id, most=limit + 1, **asked)
    return page_rows(rows, limit, lambda record: shape_record(fields, record), lambda record: (record.number,))


@adds(RECORD + "/restore", scope="records:write", status_code=200, answers=(412, 423, 428))
async def restore_from_bin(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int, if_match: IfMatch = None
) -> Response[RecordShape]:
    """Restore a record from the trash."""
    version = read_version(if_match)
    collection, record, fields = await open_record(transaction, member, slug, number, "delete", deleted=True)
    await refuse_locked(transaction, record, member, None, version)
    with told_by_keys(fields, record, await read_clock(transaction)):
        await restore_record(transaction, collection, record, member, version=version)
        await end_restoring(transaction, collection, [record.number])
    return answer_record(shape_record(fields, record))


endpoints = [list_revisions_for_programs, restore_revision, list_bin, restore_from_bin]
