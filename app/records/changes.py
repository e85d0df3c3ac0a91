"""What is done with a record: added and edited; what goes into the bin, and comes out of it, is in deleting.py.

Every change raises the version by one and keeps a revision. The one statement that writes checks version and lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm.attributes import set_committed_value

from app.accounts.members import Member
from app.database import PreparedChange, PreparedSelect, Transaction, now
from app.editing.drafts import settle_draft
from app.editing.facts import LockFreed
from app.editing.lock_statements import is_writable
from app.editing.locks import release_lock
from app.editing.rows import LOCK_COLUMNS, UNLOCKED, Held, Proof, note_lock, show_proof
from app.editing.turns import pass_on
from app.records.access import require_in, require_on
from app.records.collections import Collection
from app.records.computing import Origin, compute, compute_all, keep_computed
from app.records.facts import RecordsAdded
from app.records.fields import Fields, list_fields
from app.records.files import check_files, keep_files
from app.records.history import keep_revisions
from app.records.keys import check_unique, write_keys
from app.records.records import (
    Record,
    Values,
    note_record_changed,
    search_text,
)
from app.records.revisions import Revision
from app.records.values import list_read_only, read_values, refuse_overstepping


class Changed(Exception):
    """The record was changed since the version that the caller knew. Nothing was written."""


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
    brought = await check_files(transaction, fields, values, None, author)
    number, moment = take_numbers(collection), now()
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
    transaction.add(record)
    await transaction.flush()
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
    last = take_numbers(collection, len(rows))
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


def take_numbers(collection: Collection, count: int = 1) -> int:
    """The last of the next `count` numbers of a collection, and as many more in its total.

    Writers of a workspace come one after another: nobody else takes these.
    """
    collection.last_number += count
    collection.total += count
    return collection.last_number


async def change_record(
    transaction: Transaction,
    collection: Collection,
    record: Record,
    typed: Mapping[str, str],
    author: Member,
    *,
    version: int,
    proof: Proof | None = None,
    what: str = "changed",
    fields: Fields | None = None,
    keeps_lock: bool = False,
) -> bool:
    """Save what is typed over the version that the author has seen, with the proof of the author's lock, if any: the
    whole form, as a field that is not in it is emptied.

    Frees the lock, unless a program goes on with it. False when there is nothing to change; whoever has no right to the
    lock is refused that, too.

    Raises Invalid when a value won't do, Changed when the record is not at that version any more, and Held when
    somebody else, or another page, holds it.
    """
    fields = fields or await list_fields(transaction, collection)
    refuse_changed(record, version)
    values = read_values(fields, typed, record.values, by=author)
    changed = await write_record(
        transaction,
        collection,
        record,
        values,
        author,
        version=version,
        proof=proof,
        what=what,
        fields=fields,
        keeps_lock=keeps_lock,
    )
    if what == "changed" and transaction.actor.token_id is None:  # what a person has typed is not a program's to settle
        await settle_draft(transaction, record, author)
    return changed


def refuse_changed(record: Record, version: int) -> None:
    """Raise Changed when a kept record is not at a version any more."""
    if record.version != version or record.deleted_at is not None:
        raise Changed


async def write_record(
    transaction: Transaction,
    collection: Collection,
    record: Record,
    values: Values,
    author: Member,
    *,
    version: int,
    proof: Proof | None = None,
    what: str,
    fields: Fields,
    keeps_lock: bool = False,
) -> bool:
    """Save values that were read, or are an old revision's: as `change_record` does, but all that is judged of them is
    whether the author may change them."""
    await require_on(transaction, author, "edit", collection, record)
    refuse_changed(record, version)
    before, found_before = record.values, record.search
    values = {each.ref: before[each.ref] for each in fields.removed if each.ref in before} | values
    computed = [field for field in fields if field.kind.computed]
    if computed:
        values = keep_computed(computed, values, before)
    if limited := [field for field in fields if field.read_only_for]:
        refuse_overstepping(list_read_only(limited, author), before, values)
    files = [field for field in fields if field.kind_name == "files"]
    brought = await check_files(transaction, files, values, record, author) if files else []
    changed = [field for field in fields if values.get(field.ref) != before.get(field.ref)]
    if changed:
        stamp = compute(computed, changed_at=now(), changed_by=author.id) if computed else {}
        values |= stamp
        if any(field.unique for field in changed):
            await check_unique(transaction, changed, values, record.id)
        await advance(
            transaction,
            record,
            author,
            version=version,
            proof=proof,
            values=values,
            search=search_text(fields, values),
            deleted_at=None,
            keeps_lock=keeps_lock,
        )
        if brought:
            await keep_files(transaction, record, brought)
        stamped = [field for field in computed if field.ref in stamp]
        await keep_revisions(transaction, [*changed, *stamped], [record], author, what)
        note_record_changed(transaction, collection, fields, record, author, "changed", before, found_before)
    else:
        shown = show_proof(transaction.acting(author.id), proof)
        if not await transaction.value(IS_WRITABLE, row_id=record.id, **shown):
            raise Held
        if not keeps_lock:
            await release_lock(transaction, record, author, proof)
    return bool(changed)


IS_WRITABLE = PreparedSelect(lambda: select(is_writable(Record)).where(Record.id == bindparam("row_id")))


@cache
def advance_of(*, keeps_lock: bool) -> PreparedChange:
    """The statement that writes a record's next version, if it is at the one before and the lock allows it."""
    return PreparedChange(
        lambda: (
            update(Record)
            .where(Record.id == bindparam("row_id"), Record.version == bindparam("seen_version"), is_writable(Record))
            .values(
                version=Record.version + 1,
                values=bindparam("new_values"),
                search=bindparam("new_search"),
                deleted_at=bindparam("new_deleted_at"),
                updated_at=bindparam("new_updated_at"),
                **({} if keeps_lock else UNLOCKED),
            )
        )
    )


async def advance(
    transaction: Transaction,
    record: Record,
    author: Member,
    *,
    version: int,
    proof: Proof | None = None,
    values: Values,
    search: str,
    deleted_at: datetime | None,
    keeps_lock: bool = False,
) -> None:
    """Write a record's next version, in one statement that checks the one before and the lock, and frees it unless it
    is kept.

    Raises Changed when the record is not at that version, and Held when somebody else, or another page, holds it.
    """
    holder = record.lock_member_id
    written = {"values": values, "search": search, "deleted_at": deleted_at, "updated_at": now()}
    shown = show_proof(transaction.acting(author.id), proof)
    parameters = {f"new_{name}": value for name, value in written.items()}
    statement = advance_of(keeps_lock=keeps_lock)
    result = await transaction.apply(statement, row_id=record.id, seen_version=version, **parameters, **shown)
    if result.changed != 1:
        await transaction.refresh(record, ["version", *LOCK_COLUMNS])
        raise Changed if record.version != version else Held
    for name, value in {"version": version + 1, **written, **({} if keeps_lock else UNLOCKED)}.items():
        set_committed_value(record, name, value)
    if keeps_lock:
        return
    if deleted_at is not None:
        if holder is not None:
            note_lock(transaction, record, LockFreed, holder)
    elif holder is not None:
        await pass_on(transaction, {record: holder})
