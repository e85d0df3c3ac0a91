"""Keys of all records of a collection, of a field that is new, or whose values become unique.

Those of a new field, or of one that is back from the bin, are written by a job in steps that keep nobody waiting: until
all are there the field is not `keyed`, and lists take what has none for empty. What has to be there when values become
unique is written in steps before: `stage_unique`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlalchemy import bindparam, select, update

from app.database import Database, PreparedChange, PreparedCopy, PreparedSelect, Transaction
from app.jobs.jobs import ClaimedJob, job, put_job
from app.jobs.steps import Steps
from app.records.collections import Collection
from app.records.fields import Field, list_fields, list_fields_of
from app.records.keys import RecordKey, find_taken_keys, unique_key
from app.records.records import Record, value_in
from app.web.forms import Invalid
from app.web.texts import _l

# Of so many numbers, the values are looked at at once.
LOOKED_AT = 500

COPY_NUMBERS = PreparedCopy(
    RecordKey,
    lambda: select(
        Record.id.label("record_id"),
        bindparam("of_field", type_=RecordKey.field_id.type).label("field_id"),
        Record.number.label("number"),
        bindparam("of_none", type_=RecordKey.sort_key.type).label("sort_key"),
    ).where(
        Record.collection_id == bindparam("collection_id"),
        Record.number > bindparam("after"),
        Record.number <= bindparam("last"),
        Record.deleted_at.is_(None),
    ),
)
# The index of unique keys has those without one beside each other.
LIST_NOT_UNIQUE = PreparedSelect(
    lambda: (
        select(Record.id, Record.number, value_in(Record.values))
        .join(RecordKey, (RecordKey.record_id == Record.id) & (RecordKey.tenant_id == Record.tenant_id))
        .where(
            RecordKey.field_id == bindparam("field_id"),
            RecordKey.unique_key.is_(None),
            value_in(Record.values) != "",
        )
        .order_by(Record.number)
    ),
    many=True,
)
LIST_UNKEYED = PreparedSelect(
    lambda: (
        select(Record.id, Record.number, value_in(Record.values))
        .join(
            RecordKey,  # from the records: by the field, SQLite would go through the keys of all
            (RecordKey.record_id == Record.id)
            & (RecordKey.tenant_id == Record.tenant_id)
            & (RecordKey.field_id == bindparam("field_id")),
            isouter=True,
        )
        .where(
            Record.collection_id == bindparam("collection_id"),
            Record.number > bindparam("after"),
            Record.number <= bindparam("last"),
            Record.deleted_at.is_(None),
            RecordKey.unique_key.is_(None),
            value_in(Record.values) != "",
        )
        .order_by(Record.number)
    ),
    many=True,
)
WRITE_UNIQUE_KEY = PreparedChange(
    lambda: (
        update(RecordKey)
        .where(RecordKey.record_id == bindparam("of_record"), RecordKey.field_id == bindparam("of_field"))
        .values(unique_key=bindparam("new_key"))
    )
)


async def fill_keys_soon(transaction: Transaction, collection: Collection, field: Field) -> None:
    """Have the kept records given a sort key for a field, so that none is missing from a list sorted by it. Until then
    the field is not `keyed`."""
    if not collection.last_number:
        return
    field.keyed = False
    await transaction.flush()
    tenant_id = transaction.tenant.id
    key = f"{tenant_id} {collection.id}"
    await put_job(transaction, "records.key", key=key, workspace_id=tenant_id, collection=collection.id)


async def list_not_keyed(transaction: Transaction, collection_id: int) -> list[Field]:
    """The fields of a collection in which records may have no key yet."""
    fields = (await list_fields_of(transaction, [collection_id]))[collection_id]
    return [field for field in fields if not field.keyed]


@job("records.key", seconds=120)
async def fill_keys(claimed: ClaimedJob) -> None:
    """Write the keys that are missing; then the fields that were there when it began are `keyed`.

    Who adds or restores one meanwhile asks for it again: it begins from the start, and nothing is said of any field.
    """
    collection_id: int = claimed.payload["collection"]
    there = await copy_missing(claimed, collection_id)
    async with claimed.finishing() as transaction:
        if not await claimed.is_asked_again(transaction):
            for field in await list_not_keyed(transaction, collection_id):
                field.keyed = field.id in there
            await transaction.flush()


async def copy_missing(claimed: ClaimedJob, collection_id: int) -> set[int]:
    """Write the keys that are missing in the fields that are not `keyed`, step by step; the ids of these."""
    async with claimed.database.read(claimed.workspace_id) as reading:
        there = {field.id for field in await list_not_keyed(reading, collection_id)}
    steps, after, last = Steps(most=LOOKED_AT), 0, 1
    while there and after < last:
        await claimed.keep()
        async with claimed.database.write(claimed.workspace_id) as transaction:
            with steps.step():
                collection = await transaction.get(Collection, collection_id)
                fields = [each for each in await list_not_keyed(transaction, collection_id) if each.id in there]
                size = steps.size
                for field in fields:
                    await copy_numbers(transaction, field, after, after + size)
        after, last = after + size, collection.last_number if collection and fields else 0
        await steps.pause()
    return there


async def copy_numbers(transaction: Transaction, field: Field, after: int, last: int) -> None:
    """Give the kept records of some numbers a key in a field, as of an empty value, where they have none."""
    about = {"collection_id": field.collection_id, "of_field": field.id, "of_none": field.sort_key("")}
    await transaction.apply(COPY_NUMBERS, **about, after=after, last=last)


async def set_unique(transaction: Transaction, field: Field) -> None:
    """Give the values of a field their unique keys, as far as they have none. Where values need not be unique any more,
    those that are there stay: whoever changes a record takes its own away.

    Raises Invalid when two records have the same value.
    """
    if not field.keyed:
        collection = await transaction.get_one(Collection, field.collection_id)
        await copy_numbers(transaction, field, 0, collection.last_number)
        field.keyed = True
        await transaction.flush()
    rows = await transaction.rows(LIST_NOT_UNIQUE, field_id=field.id, ref=field.ref)
    for place in range(0, len(rows), LOOKED_AT):
        same = await write_unique_keys(transaction, field, rows[place : place + LOOKED_AT])
        if same:
            raise Invalid(unique=_l("Record %(number)d has a value that another record also has.", number=min(same)))
        await asyncio.sleep(0)  # others of this process go on meanwhile


async def key_uniquely(transaction: Transaction, field: Field, after: int, last: int) -> Sequence[int]:
    """Give the values of records of these numbers their unique keys. Those that are like another's get none: their
    numbers."""
    about = {"collection_id": field.collection_id, "field_id": field.id, "ref": field.ref}
    return await write_unique_keys(
        transaction, field, await transaction.rows(LIST_UNKEYED, **about, after=after, last=last)
    )


async def write_unique_keys(
    transaction: Transaction, field: Field, rows: Sequence[tuple[int, int, str]]
) -> Sequence[int]:
    """Likewise, of records by their ids, their numbers and their values."""
    keys = {record_id: key for record_id, _, value in rows if (key := unique_key(field, value))}
    taken = await find_taken_keys(transaction, field, set(keys.values()))
    same, written = [], []
    for record_id, number, _ in rows:
        if record_id in keys and keys[record_id] in taken:
            same.append(number)
        elif record_id in keys:
            taken.add(keys[record_id])
            written.append({"of_record": record_id, "of_field": field.id, "new_key": keys[record_id]})
    await transaction.apply_each(WRITE_UNIQUE_KEY, *written)
    return same


async def stage_unique(database: Database, tenant_id: int, collection_id: int, field_id: int) -> None:
    """Write unique keys of a field before it is unique, in steps: little is left to `set_unique`.

    As long as it is not, nobody relies on them, and whoever changes a record takes its own away. With the first value
    that two records have, it ends.
    """
    steps, after, last = Steps(most=LOOKED_AT), 0, 1
    while after < last:
        async with database.write(tenant_id) as transaction:
            with steps.step():
                collection = await transaction.get(Collection, collection_id)
                fields = await list_fields(transaction, collection) if collection else []
                field = next((each for each in fields if each.id == field_id), None)
                if collection is None or field is None or field.unique:
                    return
                size = steps.size
                same = await key_uniquely(transaction, field, after, after + size)
        if same:
            return
        after, last = after + size, collection.last_number
        await steps.pause()
