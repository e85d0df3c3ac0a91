"""Records: listed, added, read, changed and deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from litestar import Response
from litestar.params import QueryParameter

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.database import Transaction
from app.editing.rows import read_clock
from app.programs.lists import (
    DEFAULT_LIMIT,
    LAST_NUMBER,
    NO_PLACE,
    After,
    ChangedAfter,
    Limit,
    page_rows,
    read_bound,
    read_cursor,
    read_moment_of_place,
)
from app.programs.problems import Problem
from app.programs.records import (
    IfMatch,
    LockHeader,
    read_given,
    read_version,
    refuse_locked,
    told_by_keys,
)
from app.programs.routes import API, ListPart, adds, changes, reads, removes
from app.programs.shapes import NewRecord, RecordChange, RecordShape, shape_record
from app.records.access import enter_collection
from app.records.adding import create_record
from app.records.changes import change_record
from app.records.deleting import delete_record
from app.records.fields import Field, list_fields
from app.records.following import (
    find_newest_change,
    list_by_change,
    list_following,
    select_following,
    select_following_changed,
)
from app.records.forms import RECORD_LIMIT, open_record
from app.records.kinds.collation import KEY_VERSION
from app.records.lists import read_view
from app.records.records import Record

RECORDS = "/collections/{slug:str}/records"
RECORD = RECORDS + "/{number:int}"
Sort = Annotated[
    str,
    QueryParameter(
        name="sort",
        description="A field's key or `number`, or `-` and that; by `number`, or with `changed_after` by the change.",
    ),
]


def answer_record(shape: RecordShape, *, status: int = 200, headers: dict[str, str] | None = None) -> Response[Any]:
    """A record, with its version as its tag."""
    return Response(shape, status_code=status, headers={"ETag": f'"{shape.version}"', **(headers or {})})


def check_sort(fields: Iterable[Field], sort: str) -> None:
    """Raise a 422 problem for what records can't be sorted by."""
    key = sort.removeprefix("-")
    if key != "number" and all(key not in (field.key, field.ref) for field in fields):
        raise Problem("invalid", errors={"sort": "There is no such field."})


@reads(RECORDS, scope="records:read", heavy="q")
async def list_records_for_programs(
    transaction: Transaction,
    member: Member,
    slug: str,
    q: str = "",
    sort: Sort = "",
    changed_after: ChangedAfter = None,
    limit: Limit = DEFAULT_LIMIT,
    next: After = "",
) -> ListPart[RecordShape]:
    """The records of a collection: those that have all words of `q`, and were changed after a moment, by `sort`, a
    field's key or `number`, or `-` and that for the other direction. With `changed_after` and without `sort`, what was
    changed first comes first. What is changed after the first part was read is not in the next ones: nothing comes
    twice, also for who changes what they read. Another list with `changed_after` has it."""
    collection = (await enter_collection(transaction, member, slug, "browse")).collection
    fields = await list_fields(transaction, collection)
    moment = read_bound(changed_after, "changed_after")
    by_change = moment is not None and not sort
    sort = sort or "number"
    check_sort(fields, sort)
    view = read_view(fields, q, "" if by_change else sort, "")
    kinds: list[type] = [str, int] if by_change or view.by_key else [int]
    version = [KEY_VERSION] if view.by_key else []
    if moment is None:
        after = read_place_by_key(next, version, kinds)
        rows = await list_following(transaction, select_following, collection, fields, view, after, limit + 1)
        return page_rows(rows, limit, lambda row: shape_record(fields, *row[0]), lambda row: [*version, *row[1]])
    *after, begun = read_place_by_key(next, version, [*kinds, str]) or [None]
    if begun is None:
        until = await find_newest_change(transaction, collection) or moment
    else:
        until = read_moment_of_place(begun)
    if by_change:
        place = (read_moment_of_place(after[0]), after[1]) if after else (moment, LAST_NUMBER)
        listed = await list_by_change(transaction, collection, view, place, until, limit + 1)
        return page_rows(listed, limit, lambda each: shape_record(fields, each), place_of_change, until.isoformat())
    bounds = {"changed_after": moment, "changed_until": until}
    rows = await list_following(
        transaction, select_following_changed, collection, fields, view, after, limit + 1, **bounds
    )
    return page_rows(
        rows, limit, lambda row: shape_record(fields, *row[0]), lambda row: [*version, *row[1]], until.isoformat()
    )


def read_place_by_key(text: str, version: Sequence[int], kinds: Sequence[type]) -> list[Any]:
    """The place of values of these kinds that a program gives back; [] for none. Where a list is sorted by keys, the
    `version` in which they are written comes first. Raises a 400 problem, also for a key of another version, which is
    nowhere in the list."""
    place = read_cursor(text, *map(type, version), *kinds)
    if place and place[: len(version)] != version:
        raise Problem("bad-request", NO_PLACE)
    return place[len(version) :]


def place_of_change(record: Record) -> tuple[str, int]:
    """The place of a record in a list by the time of change."""
    return record.updated_at.isoformat(), record.number


@adds(RECORDS, scope="records:write", request_max_body_size=RECORD_LIMIT)
async def add_record_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, data: NewRecord
) -> Response[RecordShape]:
    """Add a record. Fields that are not named have their defaults."""
    collection = (await enter_collection(transaction, member, slug, "add to")).collection
    fields = await list_fields(transaction, collection)
    with told_by_keys(fields):
        record = await create_record(transaction, collection, read_given(fields, data.values), member)
    location = f"{API}/collections/{slug}/records/{record.number}"
    return answer_record(shape_record(fields, record), status=201, headers={"Location": location})


@reads(RECORD, scope="records:read")
async def show_record_to_program(
    transaction: Transaction, member: Member, slug: str, number: int
) -> Response[RecordShape]:
    """A record, in the trash or not. Its tag begins with its version."""
    _, record, fields = await open_for_program(transaction, member, slug, number)
    return answer_record(shape_record(fields, record))


async def open_for_program(transaction: Transaction, member: Member, slug: str, number: int) -> Any:
    """A record with its collection and fields. One in the trash is read by who may read that. Raises what pages do."""
    collection, record, fields = await open_record(transaction, member, slug, number, deleted=None)
    if record.deleted_at is not None:
        await enter_collection(transaction, member, slug, "read the bin of")
    return collection, record, fields


@changes(RECORD, scope="records:write", answers=(412, 423, 428), request_max_body_size=RECORD_LIMIT)
async def change_record_by_program(
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
    data: RecordChange,
    if_match: IfMatch = None,
    lock: LockHeader = None,
) -> Response[RecordShape]:
    """Change values of a record. While somebody holds its lock, only who sends it may; they hold it on."""
    version = read_version(if_match)
    collection, record, fields = await open_record(transaction, member, slug, number, "edit")
    proof = await refuse_locked(transaction, record, member, lock, version)
    typed = read_given(fields, data.values, record)
    with told_by_keys(fields, record, await read_clock(transaction)):
        await change_record(
            transaction,
            collection,
            record,
            typed,
            member,
            version=version,
            proof=proof,
            fields=fields,
            keeps_lock=proof is not None,
        )
    return answer_record(shape_record(fields, record))


@removes(RECORD, scope="records:write", answers=(412, 423, 428))
async def delete_record_by_program(
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
    if_match: IfMatch = None,
    lock: LockHeader = None,
) -> None:
    """Delete a record: it moves to the trash, from where it can be restored for 30 days."""
    version = read_version(if_match)
    collection, record, fields = await open_record(transaction, member, slug, number, "delete")
    proof = await refuse_locked(transaction, record, member, lock, version)
    with told_by_keys(fields, record, await read_clock(transaction)):
        await delete_record(transaction, collection, record, member, version=version, proof=proof)


endpoints = [
    list_records_for_programs,
    add_record_by_program,
    show_record_to_program,
    change_record_by_program,
    delete_record_by_program,
]
