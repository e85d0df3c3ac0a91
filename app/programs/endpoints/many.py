"""Many records at once: each is written as if it were alone, and answered by itself."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar.exceptions import HTTPException

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.database import Transaction
from app.editing.rows import read_clock
from app.programs.endpoints.records import RECORDS
from app.programs.problems import Problem, ProblemShape, find_problem, write_problem
from app.programs.record_shapes import RowAnswer, RowChange, RowsAnswer, RowsChange
from app.programs.records import read_given, refuse_locked, told_by_keys
from app.programs.routes import adds
from app.records.access import enter_collection
from app.records.changes import change_record
from app.records.deleting import delete_record
from app.records.forms import RECORD_LIMIT, open_record
from app.web.forms import Invalid


@adds(RECORDS + "/changes", scope="records:write", status_code=200, request_max_body_size=RECORD_LIMIT)
async def change_records(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, data: RowsChange
) -> RowsAnswer:
    """Change or delete up to 200 records, each by itself: what is wrong with one keeps no other from being written. The
    answer is 200, and says of each record what became of it."""
    access = await enter_collection(transaction, member, slug, "read")
    if access.permissions.edit == "none" and access.permissions.delete == "none":
        raise Problem("forbidden", "You may read the records of this collection, but not change any.")
    return RowsAnswer([await answer_row(request, transaction, member, slug, row) for row in data.records])


async def answer_row(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, row: RowChange
) -> RowAnswer:
    """Do what is to be done with one record, and say what became of it. What is refused, is before anything of it is
    written."""
    try:
        version = await change_one_of_many(transaction, member, slug, row)
    except (HTTPException, Invalid) as error:
        problem = find_problem(request, error)
        said = msgspec.json.decode(write_problem(request, problem), type=ProblemShape)
        return RowAnswer(row.number, problem.status_code, None, said)
    return RowAnswer(row.number, 204 if version is None else 200, version, None)


async def change_one_of_many(transaction: Transaction, member: Member, slug: str, row: RowChange) -> int | None:
    """Write one record; the version that it is at by now, None where it is in the trash. Raises what a call for it
    alone would, and a 422 problem where it is to be changed and deleted, or neither."""
    if row.delete and row.values is not None:
        raise Problem("invalid", errors={"values": "A record that is deleted gets no values: send one or the other."})
    if not row.delete and row.values is None:
        raise Problem("invalid", errors={"values": "Send the values to be changed, or `delete`."})
    collection, record, fields = await open_record(
        transaction, member, slug, row.number, "delete" if row.delete else "edit"
    )
    proof = await refuse_locked(transaction, record, member, row.lock, row.version)
    with told_by_keys(fields, record, await read_clock(transaction)):
        said: dict[str, Any] = {"version": row.version, "proof": proof}
        if row.delete:
            await delete_record(transaction, collection, record, member, **said)
            return None
        typed = read_given(fields, row.values or {}, record)
        said |= {"fields": fields, "keeps_lock": proof is not None}
        await change_record(transaction, collection, record, typed, member, **said)
    return record.version


endpoints = [change_records]
