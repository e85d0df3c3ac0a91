"""Making the values of a field unique, or letting them be alike again."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from app.database import Transaction
from app.records.fields import Field
from app.records.keys import RecordKey, unique_key
from app.records.records import Record
from app.web.forms import Invalid
from app.web.texts import _l


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
            key = unique_key(field, values.get(field.ref, ""))
            if key and key in keys:
                raise Invalid(unique=_l("Number %(number)d has a value that another record has too.", number=number))
            if key:
                keys[key] = record_id
    own = RecordKey.field_id == field.id
    if not keys:
        await transaction.execute(update(RecordKey).where(own).values(unique_key=None))
        return
    by_record = {record_id: key for key, record_id in keys.items()}
    there = select(RecordKey.record_id, RecordKey.field_id, RecordKey.number, RecordKey.sort_key).where(own)
    rows = [dict(row._mapping) for row in await transaction.execute(there)]
    await transaction.execute(delete(RecordKey).where(own))
    await transaction.insert_rows(RecordKey, *({**row, "unique_key": by_record.get(row["record_id"])} for row in rows))
