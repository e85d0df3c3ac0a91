"""Records that have no value in a field: how many there are, and giving all of them one."""

from __future__ import annotations

from sqlalchemy import ColumnElement, bindparam, func, or_, select

from app.accounts.members import Member
from app.database import PreparedSelect, Transaction
from app.editing.rows import Held
from app.records.access import require_open
from app.records.changes import Changed, write_record
from app.records.collections import Collection
from app.records.fields import Field, list_fields
from app.records.records import Record, value_in
from app.web.forms import Invalid
from app.web.texts import _l

# How many are filled at once: of more, the button is pressed again.
FILLED_AT_ONCE = 200


def is_lacking() -> tuple[ColumnElement[bool], ...]:
    """That a record of a collection is kept and has no value in a field."""
    value = value_in(Record.values)
    empty = or_(value.is_(None), value == "")
    return Record.collection_id == bindparam("collection_id"), Record.deleted_at.is_(None), empty


COUNT_LACKING = PreparedSelect(lambda: select(func.count(Record.id)).where(*is_lacking()))
LIST_LACKING = PreparedSelect(lambda: select(Record).where(*is_lacking()).order_by(Record.number).limit(FILLED_AT_ONCE))


async def count_lacking(transaction: Transaction, field: Field) -> int:
    """How many records have no value in a field."""
    return await transaction.value(COUNT_LACKING, collection_id=field.collection_id, ref=field.ref) or 0


async def fill_lacking(
    transaction: Transaction, collection: Collection, field: Field, member: Member, text: str
) -> tuple[int, int]:
    """Give the records that have no value in a field one, as a change of each; how many have it now, and how many were
    left, as somebody edits them or there are more than are done at once.

    Raises Invalid when it is no value of the field.
    """
    require_open(member, collection)
    if not field.kind.is_typed:
        raise Invalid(**{field.ref: _l("This kind of field can't be filled so.")})
    if field.unique:
        raise Invalid(**{field.ref: _l("Its values are unique: no two records can have the same.")})
    try:
        value = field.read(text)
        if not value:
            raise ValueError(_l("This can't be empty."))
    except ValueError as error:
        raise Invalid(**{field.ref: error.args[0]}) from error
    fields = await list_fields(transaction, collection)
    before = await count_lacking(transaction, field)
    filled = 0
    for record in await transaction.column(LIST_LACKING, collection_id=collection.id, ref=field.ref):
        values = {**record.values, field.ref: value}
        try:
            await write_record(
                transaction,
                collection,
                record,
                values,
                member,
                version=record.version,
                what="changed",
                fields=fields,
            )
        except (Changed, Held):
            continue
        filled += 1
    return filled, before - filled
