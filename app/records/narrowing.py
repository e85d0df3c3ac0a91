"""What a narrower rule of a field concerns: how many records have a value that its options leave out, and how many
values are in several records, where they shall be unique. Each is one statement, which looks at all records."""

from __future__ import annotations

import asyncio
from functools import cache

from sqlalchemy import Select, bindparam, func, or_, select, text

from app.database import PreparedSelect, Transaction
from app.records.fields import Field
from app.records.keys import unique_key
from app.records.records import Record, value_in
from app.web.texts import Text, _ln

# After so many values others have their turn.
LOOKED_AT_IN_A_ROW = 500


@cache
def select_left_out(patterns: int) -> PreparedSelect[int]:
    """The select of how many kept records have a value that is like one of so many patterns."""

    def make() -> Select[int]:
        value = value_in(Record.values)
        is_left_out = or_(*(value.like(bindparam(f"pattern_{at}")) for at in range(patterns)))
        of = Record.collection_id == bindparam("collection_id"), Record.deleted_at.is_(None)
        return select(func.count(Record.id)).where(*of, is_left_out)

    return PreparedSelect(make, many=True)


LIST_KEPT_VALUES = PreparedSelect(
    lambda: (
        select(value_in(Record.values).label("value"), func.count(Record.id), func.min(Record.number))
        .where(
            Record.collection_id == bindparam("collection_id"),
            Record.deleted_at.is_(None),
            value_in(Record.values) != "",
        )
        # By its place: databases don't know that a value with a parameter is the same as another one.
        .group_by(text("1"))
    ),
    many=True,
)


async def count_left_out(transaction: Transaction, field: Field) -> int:
    """How many records have a value that the options of a field leave out by now, and keep it."""
    patterns = () if field.kind.computed else field.kind.list_left_out(field)
    if not patterns:
        return 0
    given = {f"pattern_{at}": pattern for at, pattern in enumerate(patterns)}
    about = {"collection_id": field.collection_id, "ref": field.ref}
    return await transaction.value(select_left_out(len(patterns)), **about, **given) or 0


async def say_repeated(transaction: Transaction, field: Field) -> Text | None:
    """How many values of a field are in several records, and one of these; None where each is in one."""
    rows = await transaction.rows(LIST_KEPT_VALUES, collection_id=field.collection_id, ref=field.ref)
    first, repeated = dict[str, int](), dict[str, int]()
    for at, (value, count, number) in enumerate(rows):
        if at % LOOKED_AT_IN_A_ROW == 0:
            await asyncio.sleep(0)
        key = unique_key(field, value)
        if count > 1 or key in first:
            repeated[key] = min(number, first.get(key, number), repeated.get(key, number))
        first[key] = min(number, first.get(key, number))
    if not repeated:
        return None
    return _ln(
        "%(count)d value is in several records, such as record %(number)d.",
        "%(count)d values are in several records, such as record %(number)d.",
        len(repeated),
        number=min(repeated.values()),
    )
