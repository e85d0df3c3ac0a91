"""What is done with several records at once. Each is written as if it were alone, with its version and lock checked:
those that somebody holds, or has changed since, are left as they are, and said."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from app.accounts.members import Member
from app.accounts.rights import may
from app.database import Transaction
from app.editing.rows import Held
from app.records.access import find_accesses, why_not
from app.records.changes import Changed, advance
from app.records.collections import Collection
from app.records.deleting import keep_deleted, keep_restored, put_into_bin
from app.records.fields import list_fields
from app.records.history import Difference
from app.records.keys import check_taken, find_taken, unique_key
from app.records.records import Record, find_numbered
from app.web.forms import Invalid
from app.web.texts import Text, _l


class LeftAlone(Struct, frozen=True):
    """A record that was not written, and why; with what would have become of it, where that was typed. One that is not
    `permitted` is not to be tried again."""

    record: Record
    reason: Text
    differences: tuple[Difference, ...] = ()
    permitted: bool = True


def reason_of(record: Record, refusal: Changed | Held, member: Member) -> Text:
    """Why a record was left as it is."""
    if isinstance(refusal, Changed):
        return _l("It has changed since you saw it.") if record.deleted_at is None else _l("It is in the trash.")
    if record.lock_member_id == member.id and record.lock_offered:
        return _l("It is your turn to edit it.")
    if record.lock_member_id == member.id and record.lock_own_program is None:
        return _l("You are editing it.")
    if record.lock_offered:
        return _l("It is %(name)s's turn to edit it.", name=record.lock_holder_inside)
    own = record.lock_own_program if record.lock_member_id == member.id else None
    return _l("%(name)s is editing it.", name=own or record.lock_holder)


async def delete_records(
    transaction: Transaction, collection: Collection, seen: Mapping[int, int], author: Member
) -> tuple[dict[int, int], list[LeftAlone]]:
    """Put records into the bin, by number at the version that the author has seen: which were, by number at the version
    that they have there, and which were not."""
    left: list[LeftAlone] = []
    fields = await list_fields(transaction, collection)
    deleted: list[Record] = []
    records = await find_numbered(transaction, collection, seen)
    accesses = await find_accesses(transaction, author, collection, records)
    for record in records:
        if not may(author, "delete", accesses[record]):
            left.append(LeftAlone(record, why_not("delete", accesses[record]), permitted=False))
            continue
        try:
            if record.deleted_at is not None:
                raise Changed
            await put_into_bin(transaction, record, author, version=seen[record.number])
        except (Changed, Held) as refusal:
            left.append(LeftAlone(record, reason_of(record, refusal, author)))
        else:
            deleted.append(record)
    await keep_deleted(transaction, collection, fields, deleted, author)
    return {record.number: record.version for record in deleted}, left


async def restore_records(
    transaction: Transaction, collection: Collection, seen: Mapping[int, int], author: Member
) -> tuple[list[Record], list[LeftAlone]]:
    """Take records out of the bin, likewise: which were, and which were not."""
    fields = await list_fields(transaction, collection)
    records = await find_numbered(transaction, collection, seen)
    accesses = await find_accesses(transaction, author, collection, records)
    taken = await find_taken(transaction, fields, [record.values for record in records if record.deleted_at])
    left: list[LeftAlone] = []
    restored: list[Record] = []
    for record in records:
        if not may(author, "delete", accesses[record]):
            left.append(LeftAlone(record, why_not("delete", accesses[record]), permitted=False))
            continue
        if record.deleted_at is None:
            left.append(LeftAlone(record, _l("It has already been restored."), permitted=False))
            continue
        version, values = seen[record.number], record.values
        try:
            check_taken(fields, values, record.id, taken)
            await advance(
                transaction, record, author, version=version, values=values, search=record.search, deleted_at=None
            )
        except Invalid as invalid:
            left.extend(LeftAlone(record, reason, permitted=False) for reason in invalid.errors.values())
        except (Changed, Held) as refusal:
            left.append(LeftAlone(record, reason_of(record, refusal, author)))
        else:
            restored.append(record)
            for field in fields:
                if field.unique and values.get(field.ref):
                    taken[field.id, unique_key(field, values[field.ref])] = (record.id, record.number)
    await keep_restored(transaction, collection, fields, restored, author)
    return restored, left
