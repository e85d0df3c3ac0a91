"""Keys of all records of a collection, of a field that is new, or whose values become unique.

What can be done before, in steps that keep nobody waiting, is done before: `stage_unique`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlalchemy import bindparam, select, update

from app.database import Database, PreparedChange, PreparedCopy, PreparedSelect, Transaction
from app.jobs.steps import Steps
from app.records.collections import Collection
from app.records.fields import Field, list_fields
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
    ).where(Record.collection_id == bindparam("collection_id"), Record.deleted_at.is_(None)),
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
FORGET_UNIQUE_KEYS = PreparedChange(
    lambda: (
        update(RecordKey)
        .where(RecordKey.field_id == bindparam("of_field"), RecordKey.unique_key.is_not(None))
        .values(unique_key=None)
    ),
    many=True,
)


async def fill_keys(transaction: Transaction, field: Field) -> None:
    """Give the kept records a sort key for a field that is new, so that none is missing from a list sorted by it."""
    await transaction.flush()
    await transaction.apply(
        COPY_NUMBERS, collection_id=field.collection_id, of_field=field.id, of_none=field.sort_key("")
    )


async def set_unique(transaction: Transaction, field: Field, *, unique: bool) -> None:
    """Give the values of a field their unique keys, as far as they have none, or take them away.

    Raises Invalid when two records have the same value.
    """
    if not unique:
        await transaction.apply(FORGET_UNIQUE_KEYS, of_field=field.id)
        return
    collection = await transaction.get_one(Collection, field.collection_id)
    for after in range(0, collection.last_number, LOOKED_AT):
        same = await key_uniquely(transaction, field, after, after + LOOKED_AT)
        if same:
            raise Invalid(unique=_l("Number %(number)d has a value that another record has too.", number=min(same)))
        await asyncio.sleep(0)  # others of this process go on meanwhile


async def key_uniquely(transaction: Transaction, field: Field, after: int, last: int) -> Sequence[int]:
    """Give the values of records of these numbers their unique keys. Those that are like another's get none: their
    numbers."""
    about = {"collection_id": field.collection_id, "field_id": field.id, "ref": field.ref}
    rows = await transaction.rows(LIST_UNKEYED, **about, after=after, last=last)
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
