"""Values of records that are converted for a field of another kind, some at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import bindparam, select, update

from app.database import PreparedChange, Transaction
from app.records.conversions import convert_if_can
from app.records.fields import Field
from app.records.keys import RecordKey, find_taken_keys, forget_keys, keys_of, unique_key
from app.records.records import Record

# What becomes of the values of a record, and when it was changed last.
Become = Callable[[Mapping[str, str], datetime], str]
WRITE_CONVERTED = PreparedChange(
    lambda: (
        update(Record)
        .where(Record.id == bindparam("record_id"))
        .values(values=bindparam("new_values", type_=Record.values.type))
    )
)


async def convert_batch(
    transaction: Transaction,
    collection_id: int,
    new: Field,
    become: Become,
    after: int,
    *,
    most: int,
    since: datetime | None = None,
) -> tuple[int | None, int]:
    """Convert so many records after a number, of those that were changed `since`; return the number of the last one, or
    None when there was none, and how many it was."""
    chosen = select(Record.id, Record.number, Record.values, Record.updated_at, Record.deleted_at).where(
        Record.collection_id == collection_id, Record.number > after
    )
    if since is not None:
        chosen = chosen.where(Record.updated_at >= since)
    rows = (await transaction.execute(chosen.order_by(Record.number).limit(most))).all()
    if not rows:
        return None, 0
    values: dict[int, dict[str, str]] = {}
    for row in rows:
        others = {ref: value for ref, value in row.values.items() if ref != new.ref}
        value = become(others, row.updated_at)
        values[row.id] = {**others, new.ref: value} if value else others
    written = ({"record_id": row.id, "new_values": values[row.id]} for row in rows if values[row.id] != row.values)
    await transaction.apply_each(WRITE_CONVERTED, *written)
    await forget_keys(transaction, [row.id for row in rows], [new.id])
    kept = [row for row in rows if row.deleted_at is None]
    unique, new.unique = new.unique, False
    keys = [key for row in kept for key in keys_of([new], row.id, row.number, values[row.id])]
    new.unique = unique
    if unique:  # what is there twice gets none, and is found in the end
        wanted = {row.id: unique_key(new, values[row.id].get(new.ref, "")) for row in kept}
        taken = await find_taken_keys(transaction, new, set(wanted.values()) - {""})
        for key in keys:
            if (own := wanted[key["record_id"]]) and own not in taken:
                key["unique_key"] = own
                taken.add(own)
    await transaction.insert_rows(RecordKey, *keys)
    last: int = rows[-1].number
    return last, len(rows)


def becoming(field: Field, new: Field, restores: Field | None) -> Become:
    """What becomes of the values of a record; with what was there before the last change, where nobody has changed
    it since."""

    def become(values: Mapping[str, str], changed_at: datetime) -> str:
        value = values.get(field.ref, "")
        if restores is not None and restores.removed_at is not None:
            before = values.get(restores.ref, "")
            if changed_at < restores.removed_at or convert_if_can(before, restores, field) == value:
                return before
        return convert_if_can(value, field, new)

    return become
