"""The changes of a record: saved by people and programs. `adding.py` has new ones, `deleting.py` what is in the bin.

Every change raises the version by one and keeps a revision. The one statement that writes checks version and lock.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from app.records.access import require_on
from app.records.collections import Collection
from app.records.computing import compute, keep_computed
from app.records.fields import Fields, list_fields
from app.records.files import check_files, keep_files
from app.records.history import keep_revisions
from app.records.keys import check_unique
from app.records.record_facts import note_record_changed
from app.records.records import Record, Values, search_text
from app.records.values import list_read_only, read_values, refuse_overstepping


class Changed(Exception):
    """The record was changed since the version that the caller knew. Nothing was written."""


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
    brought: list[int] = []
    if with_files := [field for field in fields if field.kind_name == "files"]:
        brought = await check_files(transaction, with_files, values, record, author)
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
