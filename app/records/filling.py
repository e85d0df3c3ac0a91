"""Records that have no value in a field: how many there are, and giving them one.

To look for them is to look at all records: that is done before, and then a few at a time are written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from sqlalchemy import ColumnElement, bindparam, func, or_, select

from app.accounts.members import Member
from app.accounts.rights import require
from app.database import PreparedSelect, Transaction
from app.editing.rows import Held
from app.jobs.steps import Steps
from app.records.access import require_open
from app.records.changed_fields import refuse_before
from app.records.changes import Changed, write_record
from app.records.collections import Collection
from app.records.fields import Field, list_fields
from app.records.opening import open_field
from app.records.records import Record, find_numbered, value_in
from app.web.forms import Invalid
from app.web.texts import _l

# How many are filled by one press, of more the button is pressed again; and how many of them in one transaction, which
# others wait for, at the most.
MOST_FILLED = 5_000
FILLED_IN_A_STEP = 20

Begin = Callable[[], AbstractAsyncContextManager[tuple[Transaction, Member]]]


def is_lacking() -> tuple[ColumnElement[bool], ...]:
    """That a record of a collection is kept and has no value in a field."""
    value = value_in(Record.values)
    empty = or_(value.is_(None), value == "")
    return Record.collection_id == bindparam("collection_id"), Record.deleted_at.is_(None), empty


COUNT_LACKING = PreparedSelect(lambda: select(func.count(Record.id)).where(*is_lacking()))
LIST_LACKING = PreparedSelect(
    lambda: select(Record.number).where(*is_lacking()).order_by(Record.number).limit(MOST_FILLED + 1)
)


async def count_lacking(transaction: Transaction, field: Field) -> int:
    """How many records have no value in a field."""
    return await transaction.value(COUNT_LACKING, collection_id=field.collection_id, ref=field.ref) or 0


def read_filling(member: Member, collection: Collection, field: Field, text: str) -> str:
    """The value that records without one shall have. Raises Invalid when it is no value of the field."""
    require_open(member, collection)
    if not field.kind.is_typed:
        raise Invalid(**{field.ref: _l("This type of field can't be filled this way.")})
    if field.unique:
        raise Invalid(**{field.ref: _l("Values are unique: no two records can have the same one.")})
    try:
        value = field.read(text)
        if not value:
            raise ValueError(_l("This can't be empty."))
    except ValueError as error:
        raise Invalid(**{field.ref: error.args[0]}) from error
    return value


async def list_lacking(transaction: Transaction, field: Field) -> tuple[list[int], bool]:
    """The numbers of records that have no value in a field, as many as are filled by one press; whether there are
    more."""
    numbers = await transaction.column(LIST_LACKING, collection_id=field.collection_id, ref=field.ref)
    return numbers[:MOST_FILLED], len(numbers) > MOST_FILLED


async def fill_lacking(
    transaction: Transaction, collection: Collection, field: Field, member: Member, text: str, numbers: Sequence[int]
) -> bool:
    """Give some records that have no value in a field one, as a change of each. False when one was left, as somebody
    edits it.

    Raises Invalid when it is no value of the field.
    """
    value = read_filling(member, collection, field, text)
    fields = await list_fields(transaction, collection)
    filled = True
    for record in await find_numbered(transaction, collection, numbers):
        if record.values.get(field.ref) or record.deleted_at is not None:
            continue
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
            filled = False
    return filled


async def fill_in_steps(begin: Begin, slug: str, key: str, text: str, numbers: Sequence[int]) -> bool:
    """Likewise, a few in each transaction, which `begin` begins with who does it. What was filled stays when the rest
    is refused."""
    steps, filled, left = Steps(first=FILLED_IN_A_STEP, most=FILLED_IN_A_STEP), True, list(numbers)
    while left:
        async with begin() as (transaction, member):
            with steps.step():
                some, left = left[: steps.size], left[steps.size :]
                require(member, "manage", "collections")
                collection, fields, field = await open_field(transaction, slug, key)
                refuse_before(fields, field, key, member)
                filled &= await fill_lacking(transaction, collection, field, member, text, some)
        await steps.pause()
    return filled
