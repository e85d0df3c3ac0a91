"""Changing the fields of a collection that has records already."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update

from app.accounts.members import Member
from app.accounts.rights import require
from app.database import Transaction, now
from app.jobs.sweeps import delete_by_keys, sweeps
from app.records.collections import Collection, Field, add_field, check_field, forget_fields, list_fields
from app.records.facts import FieldRemoved, FieldsChanged
from app.records.keys import RecordKey, unique_key
from app.records.kinds import FIELD_KINDS, LAST
from app.records.records import Record
from app.web.forms import Invalid
from app.web.texts import _l, fold

# As long as drafts are kept, which may have a text that was typed into it.
REMOVED_IS_KNOWN_FOR = timedelta(days=30)


async def append_field(transaction: Transaction, collection: Collection, member: Member, **values: Any) -> Field:
    """Add a field at the end, as `add_field` does, to a collection that has records already."""
    require(member, "manage", "collections")
    field = await add_field(transaction, collection, **values)
    await fill_keys(transaction, field)
    note_fields_changed(transaction, collection, member)
    return field


def note_fields_changed(transaction: Transaction, collection: Collection, member: Member) -> None:
    """Note that the fields of a collection are other ones."""
    transaction.note(FieldsChanged(by=transaction.acting(member.id), collection_id=collection.id))


async def change_field(
    transaction: Transaction, collection: Collection, field: Field, member: Member, **values: Any
) -> None:
    """Change all of a field but its kind; records that hold what it no longer allows keep it until they are edited.

    Raises Invalid when it can't be so; for `unique`, when two records have the same value.
    """
    require(member, "manage", "collections")
    check_field(
        kind_name=field.kind,
        choices=values["choices"],
        default=values["default"],
        unique=values["unique"],
    )
    others = {fold(other.label) for other in await list_fields(transaction, collection) if other.id != field.id}
    if fold(values["label"]) in others:
        raise Invalid(label=_l("There is a field of this name already."))
    if values["unique"] != field.unique:
        await set_unique(transaction, field, unique=values["unique"])
    values["default"] = FIELD_KINDS[field.kind].read(values["default"], values["choices"])
    for name, value in values.items():
        setattr(field, name, value)
    await transaction.flush()
    note_fields_changed(transaction, collection, member)


async def set_unique(transaction: Transaction, field: Field, *, unique: bool) -> None:
    """Give the values of a field their unique keys, or take them away.

    Raises Invalid when two records have the same value.
    """
    keys: dict[str, int] = {}
    if unique:
        statement = (
            select(Record.id, Record.number, Record.values)
            .where(Record.collection_id == field.collection_id, Record.deleted_at.is_(None))
            .order_by(Record.number)
        )
        for record_id, number, values in await transaction.execute(statement):
            key = unique_key(values.get(field.key, ""))
            if key and key in keys:
                raise Invalid(unique=_l("Number %(number)d has a value that another record has too.", number=number))
            if key:
                keys[key] = record_id
    await transaction.execute(update(RecordKey).where(RecordKey.field_id == field.id).values(unique_key=None))
    for key, record_id in keys.items():
        await transaction.execute(
            update(RecordKey)
            .where(RecordKey.field_id == field.id, RecordKey.record_id == record_id)
            .values(unique_key=key)
        )


async def move_field(transaction: Transaction, collection: Collection, field: Field, member: Member, step: int) -> None:
    """Move a field one place up (-1) or down (1); at the end it stays."""
    require(member, "manage", "collections")
    fields = list(await list_fields(transaction, collection))
    index = fields.index(field)
    if 0 <= index + step < len(fields):
        fields.insert(index + step, fields.pop(index))
    for position, moved in enumerate(fields):
        moved.position = position
    await transaction.flush()
    forget_fields(transaction, collection.id)
    note_fields_changed(transaction, collection, member)


async def count_values(transaction: Transaction, field: Field) -> int:
    """How many records have a value in a field, also those in the bin, which can be restored."""
    statement = select(func.count(Record.id)).where(
        Record.collection_id == field.collection_id,
        Record.values[field.key].as_string() != "",
    )
    return await transaction.scalar(statement) or 0


async def remove_field(transaction: Transaction, collection: Collection, field: Field, member: Member) -> None:
    """Take a field out. Its values stay in the revisions, but are shown no more. Who types into it is told.

    Raises Invalid for the last field, as a record must be called something.
    """
    require(member, "manage", "collections")
    if len(await list_fields(transaction, collection)) == 1:
        raise Invalid(label=_l("A collection keeps at least one field."))
    field.removed_at = now()
    await transaction.flush()
    forget_fields(transaction, collection.id)
    keys = delete(RecordKey).where(RecordKey.field_id == field.id)
    await transaction.execute(keys)
    by = transaction.acting(member.id)
    transaction.note(FieldRemoved(by=by, collection_id=collection.id, label=field.label, collection=collection.name))


@sweeps(Field)
async def delete_removed_fields(transaction: Transaction, limit: int) -> int:
    """Forget the fields that were removed more than 30 days ago."""
    return await delete_by_keys(transaction, Field, Field.removed_at < now() - REMOVED_IS_KNOWN_FOR, limit=limit)


async def fill_keys(transaction: Transaction, field: Field) -> None:
    """Give the kept records a sort key for a field that is new, so that none is missing from a list sorted by it."""
    statement = select(Record.id, Record.number).where(
        Record.collection_id == field.collection_id, Record.deleted_at.is_(None)
    )
    transaction.add_all(
        RecordKey(record_id=record_id, field_id=field.id, number=number, sort_key=LAST)
        for record_id, number in await transaction.execute(statement)
    )
    await transaction.flush()
