"""What is searched and sorted of records, made anew when their field is shown or ordered otherwise.

It is a job of many short steps, so that nobody waits for thousands of records: it looks at some without keeping anybody
from writing, and then writes what is another, as far as nobody else has written it meanwhile. What a list finds
meanwhile is as it was before; when it is over, open lists fetch themselves anew.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import bindparam, select, update

from app.accounts.facts import MemberRenamed, TimeZoneChosen
from app.accounts.members import LIST_ZONES, find_zones
from app.database import PreparedChange, PreparedSelect, Transaction
from app.jobs.jobs import ClaimedJob, job, put_job
from app.jobs.steps import Steps
from app.records.collections import Collection
from app.records.computing import compute_all, find_origins
from app.records.fields import Field, Fields, list_fields_of
from app.records.key_writing import copy_missing
from app.records.keys import RecordKey, forget_keys
from app.records.kinds import FIELD_KINDS
from app.records.kinds.collation import load_collator
from app.records.record_facts import RecordsReindexed
from app.records.records import Record, Values, search_text
from app.tenants.facts import SettingChanged

# How many records are looked at in one step, at the most.
MOST_LOOKED_AT = 200

LIST_INDEXED = PreparedSelect(
    lambda: (
        select(Record.id, Record.values, Record.search, Record.number)
        .where(Record.collection_id == bindparam("collection_id"), Record.number > bindparam("after"))
        .order_by(Record.number)
        .limit(bindparam("most"))
    )
)
# SQLite takes the index of the sort keys, and goes through those of all records, where it is asked for a list of ids.
LIST_SORTED_BY = PreparedSelect(
    lambda: (
        select(Record.id, RecordKey.field_id, RecordKey.sort_key)
        .join(
            RecordKey,
            (RecordKey.record_id == Record.id) & (RecordKey.tenant_id == Record.tenant_id),
            isouter=True,
        )
        .where(
            Record.collection_id == bindparam("collection_id"),
            Record.number > bindparam("after"),
            Record.number <= bindparam("last"),
        )
    )
)
LIST_VALUES = PreparedSelect(lambda: select(Record.id, Record.values).where(Record.id.in_(bindparam("record_ids"))))
WRITE_SEARCHED = PreparedChange(
    lambda: (
        update(Record)
        .where(Record.id == bindparam("record_id"))
        .values(values=bindparam("new_values", type_=Record.values.type), search=bindparam("new_search"))
    )
)
WRITE_SORT_KEY = PreparedChange(
    lambda: (
        update(RecordKey)
        .where(RecordKey.record_id == bindparam("of_record"), RecordKey.field_id == bindparam("of_field"))
        .values(sort_key=bindparam("new_key"))
    )
)


class Stale(Struct, frozen=True):
    """A record that is searched or sorted by what it does not have: its values when it was looked at, those that it
    shall have, with what is searched of them if that is another, the other sort keys by field, and the fields in the
    bin of which it has keys."""

    seen: Values
    values: Values
    search: str
    written: bool
    sort_keys: dict[int, str]
    forgotten: list[int]


async def reindex_soon(transaction: Transaction, collection_id: int) -> None:
    """Have what is searched and sorted of a collection's records made anew."""
    tenant_id = transaction.tenant.id
    key = f"{tenant_id} {collection_id}"
    await put_job(transaction, "records.reindex", key=key, workspace_id=tenant_id, collection=collection_id)


async def reindex_all_soon(transaction: Transaction, facts: Sequence[SettingChanged]) -> None:
    """Numbers and dates are found as they are shown: where they are shown otherwise, all records are searched anew."""
    if any(fact.setting in ("language", "locale") for fact in facts):
        tenant_id = transaction.tenant.id
        await put_job(transaction, "records.reindex-all", key=str(tenant_id), workspace_id=tenant_id)


@job("records.reindex-all", seconds=60)
async def reindex_all(claimed: ClaimedJob) -> None:
    """Have the records of each collection made anew, however many collections there are."""
    async with claimed.finishing() as transaction:
        for collection_id in (await transaction.scalars(select(Collection.id))).all():
            await reindex_soon(transaction, collection_id)


LIST_HAVING_KINDS = PreparedSelect(
    lambda: (
        select(Field.collection_id)
        .where(Field.kind_name.in_(bindparam("kinds")), Field.removed_at.is_(None))
        .distinct()
    )
)


async def reindex_people_soon(transaction: Transaction, facts: Sequence[MemberRenamed]) -> None:
    """Records are found and sorted by the names that people have: where a field has people, all are made anew."""
    await reindex_kinds_soon(transaction, [name for name, kind in FIELD_KINDS.items() if kind.names_people])


async def reindex_times_soon(transaction: Transaction, facts: Sequence[TimeZoneChosen]) -> None:
    """Times are found as they are shown to the members: where one is the first in a zone, all are made anew."""
    transaction.info.pop(LIST_ZONES, None)
    zones = await find_zones(transaction)
    chosen = Counter(fact.zone for fact in facts)
    if any(0 < zones.get(zone, 0) <= count for zone, count in chosen.items()):
        told = [name for name, kind in FIELD_KINDS.items() if kind.tells_time and kind.is_searched]
        await reindex_kinds_soon(transaction, told)


async def reindex_kinds_soon(transaction: Transaction, kinds: Sequence[str]) -> None:
    """Have the records of all collections made anew that have a field of one of these kinds."""
    for collection_id in await transaction.column(LIST_HAVING_KINDS, kinds=kinds):
        await reindex_soon(transaction, collection_id)


@job("records.reindex", seconds=120)
async def reindex(claimed: ClaimedJob) -> None:
    """Make it anew, step by step, and say so in the end. Who changes meanwhile what records are searched by puts it
    again, and it begins from the start."""
    collection_id: int = claimed.payload["collection"]
    await asyncio.to_thread(load_collator)
    await copy_missing(claimed, collection_id)
    looking, writing = Steps(most=MOST_LOOKED_AT), Steps()
    after: int | None = 0
    while after is not None:
        await claimed.keep()
        async with claimed.database.read(claimed.workspace_id) as reading:
            with looking.step():
                after, stale = await find_stale(reading, collection_id, after, looking.size)
        await looking.pause()
        left = list(stale.items())
        while left:
            async with claimed.database.write(claimed.workspace_id) as transaction:
                with writing.step():
                    some, left = dict(left[: writing.size]), left[writing.size :]
                    await write_anew(transaction, collection_id, some)
            await writing.pause()
    async with claimed.finishing() as transaction:
        if await transaction.get(Collection, collection_id) is not None:
            transaction.note(RecordsReindexed(by=transaction.actor, collection_id=collection_id))


async def find_stale(
    transaction: Transaction, collection_id: int, after: int, most: int
) -> tuple[int | None, dict[int, Stale]]:
    """Look at the records after a number: the last one's, or None when there was none, and what is stale of them."""
    fields = (await list_fields_of(transaction, [collection_id]))[collection_id]
    rows = await transaction.rows(LIST_INDEXED, collection_id=collection_id, after=after, most=most)
    if not rows:
        return None, {}
    seen = {record_id: values for record_id, values, _, _ in rows}
    computed: dict[int, Values] = {}
    if any(field.kind.computed for field in fields):
        origins = await find_origins(transaction, seen)
        computed = {record_id: compute_all(fields, each) for record_id, each in origins.items()}
    values = {record_id: each | computed.get(record_id, {}) for record_id, each in seen.items()}
    by_id = {field.id: field for field in fields}
    gone = list_forgotten(fields)
    forgotten: dict[int, list[int]] = {}
    sorted_by: dict[int, dict[int, str]] = {}
    about = {"collection_id": collection_id, "after": after, "last": rows[-1][3]}
    for record_id, field_id, key in await transaction.rows(LIST_SORTED_BY, **about):
        field = by_id.get(field_id)
        if field is None:
            if field_id in gone:
                forgotten.setdefault(record_id, []).append(field_id)
            continue
        wanted = field.sort_key(values[record_id].get(field.ref, ""))
        if wanted != key:
            sorted_by.setdefault(record_id, {})[field_id] = wanted
    stale = {}
    for record_id, _, before, _ in rows:
        search = search_text(fields, values[record_id])
        written = search != before or values[record_id] != seen[record_id]
        if written or record_id in sorted_by or record_id in forgotten:
            keys, left = sorted_by.get(record_id, {}), forgotten.get(record_id, [])
            stale[record_id] = Stale(seen[record_id], values[record_id], search, written, keys, left)
    return rows[-1][3], stale


def list_forgotten(fields: Fields) -> set[int]:
    """The ids of fields in the bin that need no keys: but for those that are to come, and those whose values stay
    unique."""
    there = {field.id for field in fields}
    return {field.id for field in fields.removed if field.replaces not in there and not field.keyed}


async def write_anew(transaction: Transaction, collection_id: int, stale: dict[int, Stale]) -> None:
    """Write what is stale of records that are as they were seen: whoever has changed one since wrote all of it."""
    gone = list_forgotten((await list_fields_of(transaction, [collection_id]))[collection_id])
    for record_id, values in await transaction.rows(LIST_VALUES, record_ids=stale):
        found = stale[record_id]
        if values != found.seen:
            continue
        if found.written:
            await transaction.apply(
                WRITE_SEARCHED, record_id=record_id, new_values=found.values, new_search=found.search
            )
        if left := [field_id for field_id in found.forgotten if field_id in gone]:
            await forget_keys(transaction, [record_id], left)
        for field_id, key in found.sort_keys.items():
            await transaction.apply(WRITE_SORT_KEY, of_record=record_id, of_field=field_id, new_key=key)
