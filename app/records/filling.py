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

# How many are filled in a transaction, which others wait for, and by one press: of more, the button is pressed again.
FILLED_AT_ONCE = 50
MOST_FILLED = 5_000


def is_lacking() -> tuple[ColumnElement[bool], ...]:
    """That a record of a collection is kept and has no value in a field."""
    value = value_in(Record.values)
    empty = or_(value.is_(None), value == "")
    return Record.collection_id == bindparam("collection_id"), Record.deleted_at.is_(None), empty


COUNT_LACKING = PreparedSelect(lambda: select(func.count(Record.id)).where(*is_lacking()))
LIST_LACKING = PreparedSelect(
    lambda: (
        select(Record)
        .where(*is_lacking(), Record.number > bindparam("after"))
        .order_by(Record.number)
        .limit(bindparam("most"))
    )
)


async def count_lacking(transaction: Transaction, field: Field) -> int:
    """How many records have no value in a field."""
    return await transaction.value(COUNT_LACKING, collection_id=field.collection_id, ref=field.ref) or 0


def read_filling(field: Field, text: str) -> str:
    """The value of what records that have none shall have. Raises Invalid when it is no value of the field."""
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
    return value


async def fill_lacking(
    transaction: Transaction,
    collection: Collection,
    field: Field,
    member: Member,
    text: str,
    *,
    after: int = 0,
    most: int = FILLED_AT_ONCE,
) -> tuple[int, int | None]:
    """Give so many records after a number that have no value in a field one, as a change of each, but for those that
    somebody edits; how many have it now, and the number of the last one, or None when there was none.

    Raises Invalid when it is no value of the field.
    """
    require_open(member, collection)
    value = read_filling(field, text)
    fields = await list_fields(transaction, collection)
    lacking = {"collection_id": collection.id, "ref": field.ref, "after": after, "most": most}
    filled, last = 0, None
    for record in await transaction.column(LIST_LACKING, **lacking):
        values, last = {**record.values, field.ref: value}, record.number
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
    return filled, last
