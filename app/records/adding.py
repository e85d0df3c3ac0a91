"""New records: added one at a time, or many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam, select

from app.accounts.members import Member
from app.database import PreparedSelect, Transaction, now
from app.records.access import require_in
from app.records.collections import Collection
from app.records.computing import Origin, compute_all
from app.records.fields import list_fields
from app.records.files import check_files, keep_files
from app.records.history import keep_revisions
from app.records.keys import check_unique, write_keys
from app.records.record_facts import RecordsAdded, note_record_changed
from app.records.records import Record, Values, search_text
from app.records.revisions import Revision
from app.records.values import list_read_only, read_values, refuse_overstepping


async def create_record(
    transaction: Transaction, collection: Collection, typed: Mapping[str, str], author: Member
) -> Record:
    """Add a record of what is typed into each field, by refs or keys.

    Raises Invalid when a value won't do.
    """
    await require_in(transaction, author, "add to", collection)
    fields = await list_fields(transaction, collection)
    values = read_values(fields, typed, by=author)
    await check_unique(transaction, fields, values, None)
    with_files = [field for field in fields if field.kind_name == "files"]
    brought = await check_files(transaction, with_files, values, None, author)
    number, moment = await take_numbers(transaction, collection), now()
    values |= compute_all(fields, Origin(number, moment, author.id, moment, author.id))
    record = Record(
        collection_id=collection.id,
        number=number,
        version=1,
        values=values,
        created_at=moment,
        updated_at=moment,
        search=search_text(fields, values),
    )
    await transaction.insert(record)
    if brought:
        await keep_files(transaction, record, brought)
    await keep_revisions(transaction, fields, [record], author, "created")
    note_record_changed(transaction, collection, fields, record, author, "created", None)
    return record


async def create_records(
    transaction: Transaction, collection: Collection, rows: Sequence[Mapping[str, str]], author: Member
) -> None:
    """Add many records at once. Unique values are left to the database to check.

    Raises Invalid when a value won't do.
    """
    fields = await list_fields(transaction, collection)
    await add_records(transaction, collection, [read_values(fields, typed, by=author) for typed in rows], author)


LIST_ADDED = PreparedSelect(
    lambda: select(Record.id, Record.number).where(
        Record.collection_id == bindparam("collection_id"), Record.number > bindparam("last_before")
    )
)


async def add_records(transaction: Transaction, collection: Collection, rows: Sequence[Values], author: Member) -> None:
    """Add many records with values that were read. Unique ones are left to the database to check.

    Raises Invalid for what the author may not say of a new record.
    """
    await require_in(transaction, author, "add to", collection)
    fields = await list_fields(transaction, collection)
    if read_only := list_read_only(fields, author):
        for each in rows:
            refuse_overstepping(read_only, None, each)
    last = await take_numbers(transaction, collection, len(rows))
    moment = now()
    values = {
        number: each | compute_all(fields, Origin(number, moment, author.id, moment, author.id))
        for number, each in enumerate(rows, last - len(rows) + 1)
    }
    written = [
        {"collection_id": collection.id, "number": number, "values": each, "search": search_text(fields, each)}
        for number, each in values.items()
    ]
    await transaction.insert_rows(Record, *written)
    ids = await transaction.rows(LIST_ADDED, collection_id=collection.id, last_before=last - len(rows))
    revision = {
        "version": 1,
        "member_id": author.id,
        "program": transaction.actor.program,
        "what": "created",
    }
    await write_keys(transaction, fields, [(record_id, number, values[number]) for record_id, number in ids])
    await transaction.insert_rows(
        Revision, *({**revision, "record_id": record_id, "values": values[number]} for record_id, number in ids)
    )
    transaction.note(RecordsAdded(by=transaction.acting(author.id), collection_id=collection.id, count=len(rows)))


async def take_numbers(transaction: Transaction, collection: Collection, count: int = 1) -> int:
    """The last of the next `count` numbers of a collection, and as many more in its total.

    Writers of a workspace come one after another: nobody else takes these.
    """
    last = collection.last_number + count
    await transaction.change(collection, last_number=last, total=collection.total + count)
    return last
