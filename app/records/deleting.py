"""The bin: records are put into it, taken out of it, and forgotten after 30 days."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from sqlalchemy import ColumnElement, delete, select

from app.accounts.members import Member
from app.database import Transaction, now
from app.editing.drafts import Draft
from app.editing.rows import Proof
from app.editing.waiting import leave_all
from app.jobs.sweeps import sweeps
from app.records.access import require_on
from app.records.changes import advance
from app.records.collections import Collection
from app.records.fields import Field, Fields, list_fields
from app.records.history import keep_revisions
from app.records.keys import FORGET_KEYS_OF_RECORD, check_unique, find_taken, unique_key
from app.records.record_facts import RecordsForgotten, note_record_changed
from app.records.records import KEPT_IN_BIN, Record


async def delete_record(
    transaction: Transaction,
    collection: Collection,
    record: Record,
    author: Member,
    *,
    version: int,
    proof: Proof | None = None,
) -> None:
    """Put a record into the bin, with the proof of the author's lock, if any.

    Raises Changed when it is not at that version any more, and Held when somebody edits it.
    """
    await require_on(transaction, author, "delete", collection, record)
    await put_into_bin(transaction, record, author, version=version, proof=proof)
    await keep_deleted(transaction, collection, await list_fields(transaction, collection), [record], author)


async def put_into_bin(
    transaction: Transaction, record: Record, author: Member, *, version: int, proof: Proof | None = None
) -> None:
    """Write the version of a record that is in the bin; `keep_deleted` keeps what they were, for many at once.

    Raises Changed when it is not at that version any more, and Held when somebody edits it.
    """
    await advance(
        transaction,
        record,
        author,
        version=version,
        proof=proof,
        values=record.values,
        search=record.search,
        deleted_at=now(),
    )


async def keep_deleted(
    transaction: Transaction, collection: Collection, fields: list[Field], records: Sequence[Record], author: Member
) -> None:
    """Keep in their histories that records were taken out. Nobody waits for them any more."""
    if not records:
        return
    await leave_all(transaction, [("record", record.id) for record in records])
    collection.total -= len(records)
    await transaction.apply_each(FORGET_KEYS_OF_RECORD, *({"record_id": record.id} for record in records))
    await keep_revisions(transaction, fields, records, author, "deleted")
    for record in records:
        note_record_changed(transaction, collection, fields, record, author, "deleted", record.values, record.search)


async def restore_record(
    transaction: Transaction,
    collection: Collection,
    record: Record,
    author: Member,
    *,
    version: int,
) -> None:
    """Take a record out of the bin.

    Raises Invalid when one of its unique values was given to another record meanwhile, Changed when it is not at that
    version any more, and Held when somebody edits it.
    """
    await require_on(transaction, author, "delete", collection, record)
    fields = await list_fields(transaction, collection)
    await check_unique(transaction, fields, record.values, record.id)
    await advance(
        transaction, record, author, version=version, values=record.values, search=record.search, deleted_at=None
    )
    await keep_restored(transaction, collection, fields, [record], author)


async def list_unique_in_bin(transaction: Transaction, fields: Fields, records: Sequence[Record]) -> list[Field]:
    """The fields in the bin whose values stay unique with those of records that were taken out: they keep their keys.

    Of one with a value that another record has, the keys are forgotten, and looked at anew when it is restored.
    """
    kept = [field for field in fields.removed if field.unique and field.keyed]
    taken = await find_taken(transaction, kept, [record.values for record in records])
    for field in kept:
        keys = [key for record in records if (key := unique_key(field, record.values.get(field.ref, "")))]
        field.keyed = len(keys) == len(set(keys)) and not any((field.id, key) in taken for key in keys)
    await transaction.flush()
    return [field for field in kept if field.keyed]


async def keep_restored(
    transaction: Transaction, collection: Collection, fields: Fields, records: Sequence[Record], author: Member
) -> None:
    """Keep in their histories that records were taken out of the bin."""
    if not records:
        return
    collection.total += len(records)
    await keep_revisions(
        transaction, [*fields, *await list_unique_in_bin(transaction, fields, records)], records, author, "restored"
    )
    for record in records:
        note_record_changed(transaction, collection, fields, record, author, "restored", record.values)


@sweeps(Record)
async def empty_bin(transaction: Transaction, limit: int) -> int:
    """Delete for good what has been in the bin for 30 days.

    As a record's revisions go with it, it is at most `limit` of
    them, or one record; where that leaves some, it says that it was `limit`.
    """
    return await forget_records(transaction, Record.deleted_at < now() - KEPT_IN_BIN, limit=limit)


async def forget_records(transaction: Transaction, *over: ColumnElement[bool], limit: int) -> int:
    """Delete records for good, likewise, with what was typed and not saved of them."""
    chosen = select(Record.id, Record.collection_id, Record.version).where(*over)
    found = (await transaction.execute(chosen.order_by(Record.id).limit(limit))).all()
    if not found:
        return 0
    revisions = accumulate(row.version for row in found)
    records = [row for row, sum_ in zip(found, revisions, strict=True) if sum_ <= limit] or found[:1]
    ids = [row.id for row in records]
    for statement in (
        delete(Draft).where(Draft.kind == Record.kind_name, Draft.row_id.in_(ids)),
        delete(Record).where(Record.id.in_(ids)),
    ):
        await transaction.execute(statement)
    collection_ids = tuple(sorted({row.collection_id for row in records}))
    transaction.note(RecordsForgotten(by=transaction.actor, collection_ids=collection_ids, record_ids=tuple(ids)))
    return len(ids) if len(ids) == len(found) else limit
