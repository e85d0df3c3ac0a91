"""What is searched and sorted of records, made anew when their field is shown or ordered otherwise.

It is a job of many short transactions, so that nobody waits for thousands of records. What a list finds meanwhile is as
it was before; when it is over, open lists fetch themselves anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import case, delete, literal, select, update

from app.accounts.facts import MemberRenamed
from app.database import PreparedSelect, Transaction, now
from app.jobs.jobs import ClaimedJob, job, put_job
from app.records.collections import Collection
from app.records.computing import compute_all, find_origins
from app.records.facts import RecordsReindexed
from app.records.fields import Field, Fields, list_fields_of
from app.records.keys import RecordKey
from app.records.kinds import FIELD_KINDS
from app.records.records import Record, Values, search_text
from app.tenants.facts import SettingChanged

# How many records are made anew at once: some milliseconds of the writer's time.
REINDEXED_AT_ONCE = 200


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


LIST_NAMING_PEOPLE = PreparedSelect(
    lambda: (
        select(Field.collection_id)
        .where(
            Field.kind_name.in_([name for name, kind in FIELD_KINDS.items() if kind.names_people]),
            Field.removed_at.is_(None),
        )
        .distinct()
    )
)


async def reindex_people_soon(transaction: Transaction, facts: Sequence[MemberRenamed]) -> None:
    """Records are found and sorted by the names that people have: where a field has people, all are made anew."""
    for collection_id in await transaction.column(LIST_NAMING_PEOPLE):
        await reindex_soon(transaction, collection_id)


@job("records.reindex", seconds=600)
async def reindex(claimed: ClaimedJob) -> None:
    """Make it anew, batch by batch, and say so in the end; from the start once more where it changed meanwhile."""
    collection_id: int = claimed.payload["collection"]
    async with claimed.database.read(claimed.workspace_id) as transaction:
        begun_with = await read_definition(transaction, collection_id)
    after: int | None = 0
    while after is not None:
        async with claimed.database.write(claimed.workspace_id) as transaction:
            after = await reindex_batch(transaction, collection_id, after)
    async with claimed.finishing() as transaction:
        found = await read_definition(transaction, collection_id)
        if found != begun_with:
            claimed.again = now()
        if found is not None:
            transaction.note(RecordsReindexed(by=transaction.actor, collection_id=collection_id))


async def read_definition(transaction: Transaction, collection_id: int) -> tuple[int, str] | None:
    """What records are searched and sorted by: the version of their fields, and the locale. None without a collection.

    Who changes it finds the job there already, and puts no other.
    """
    collection = await transaction.get(Collection, collection_id)
    return (collection.version, str(transaction.tenant.formats)) if collection else None


async def reindex_batch(transaction: Transaction, collection_id: int, after: int) -> int | None:
    """Make the records after an id anew; return the last one's, or None when there was none."""
    fields = (await list_fields_of(transaction, [collection_id]))[collection_id]
    chosen = select(Record.id, Record.values, Record.search).where(
        Record.collection_id == collection_id, Record.id > after
    )
    rows = (await transaction.execute(chosen.order_by(Record.id).limit(REINDEXED_AT_ONCE))).all()
    if not rows:
        return None
    values = {row.id: row.values for row in rows}
    if any(field.kind.computed for field in fields):
        origins = await find_origins(transaction, values)
        known = {record_id: values[record_id] | compute_all(fields, each) for record_id, each in origins.items()}
        computed = {record_id: each for record_id, each in known.items() if each != values[record_id]}
        values |= computed
        if computed:
            each_own = {record_id: literal(each, Record.values.type) for record_id, each in computed.items()}
            change = update(Record).where(Record.id.in_(computed)).values(values=case(each_own, value=Record.id))
            await transaction.execute(change)
    searched = {row.id: text for row in rows if (text := search_text(fields, values[row.id])) != row.search}
    if searched:
        change = update(Record).where(Record.id.in_(searched)).values(search=case(searched, value=Record.id))
        await transaction.execute(change)
    await sort_anew(transaction, fields, values)
    last: int = rows[-1].id
    return last


async def sort_anew(transaction: Transaction, fields: Fields, values: Mapping[int, Values]) -> None:
    """Write the sort keys of records anew, where one is another. What keeps their values unique stays."""
    by_id = {field.id: field for field in fields}
    own = RecordKey.record_id.in_(values), RecordKey.field_id.in_(by_id)
    kept = select(RecordKey.record_id, RecordKey.field_id, RecordKey.number, RecordKey.sort_key, RecordKey.unique_key)
    keys = [dict(row._mapping) for row in await transaction.execute(kept.where(*own))]
    changed = False
    for key in keys:
        field = by_id[key["field_id"]]
        sort_key = field.sort_key(values[key["record_id"]].get(field.ref, ""))
        changed = changed or sort_key != key["sort_key"]
        key["sort_key"] = sort_key
    if changed:
        await transaction.execute(delete(RecordKey).where(*own))
        await transaction.insert_rows(RecordKey, *keys)
