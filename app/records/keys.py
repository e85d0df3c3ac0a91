"""Keys: what lists are sorted by, and what keeps values unique."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from typing import Any

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, String, UniqueConstraint, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, PreparedChange, PreparedSelect, Tenanted, Transaction
from app.database.types import sortable_text
from app.records.fields import Field
from app.records.kinds.collation import SORT_KEY_LIMIT
from app.web.forms import Invalid
from app.web.texts import Text, _l

UNIQUE_KEY_LIMIT = 500
# The record, and its number, that has a value, by the id of the field and the value's key.
Taken = dict[tuple[int, str], tuple[int, int]]


class RecordKey(Tenanted, Base):
    """A value as it is sorted and kept unique. A record in the bin has none, so that its values can be used again."""

    __tablename__ = "record_key"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "record_id"], ["record.tenant_id", "record.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "field_id"], ["field.tenant_id", "field.id"], ondelete="CASCADE"),
        Index("ix_record_key_sorted", "tenant_id", "field_id", "sort_key", "number"),
        UniqueConstraint("tenant_id", "field_id", "unique_key", name="uq_record_key_unique"),
    )

    record_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    field_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger)
    sort_key: Mapped[str] = mapped_column(sortable_text(SORT_KEY_LIMIT))
    unique_key: Mapped[str | None] = mapped_column(String(UNIQUE_KEY_LIMIT))


def unique_key(field: Field, value: str) -> str:
    """What values of a field that count as the same have in common; '' for none.

    Folding makes some texts longer, '\ufdfa' eighteen times: one that outgrows the column ends in its digest.
    """
    folded = field.kind.unique_key(value, field) if value else ""
    if len(folded) <= UNIQUE_KEY_LIMIT:
        return folded
    digest = hashlib.sha256(folded.encode()).hexdigest()
    return f"{folded[: UNIQUE_KEY_LIMIT - len(digest)]}{digest}"


async def check_unique(
    transaction: Transaction, fields: list[Field], values: Mapping[str, str], record_id: int | None
) -> None:
    """Raise Invalid for each value that another record has in a field whose values are unique."""
    check_taken(fields, values, record_id, await find_taken(transaction, fields, [values]))


LIST_TAKEN = PreparedSelect(
    lambda: select(RecordKey.field_id, RecordKey.unique_key, RecordKey.record_id, RecordKey.number).where(
        RecordKey.field_id.in_(bindparam("field_ids")), RecordKey.unique_key.in_(bindparam("unique_keys"))
    )
)


async def find_taken(transaction: Transaction, fields: list[Field], rows: Iterable[Mapping[str, str]]) -> Taken:
    """Who has the values of some rows in fields whose values are unique."""
    wanted = {
        (field.id, unique_key(field, values[field.ref]))
        for values in rows
        for field in fields
        if field.unique and values.get(field.ref)
    }
    if not wanted:
        return {}
    field_ids, keys = {field_id for field_id, _ in wanted}, {key for _, key in wanted}
    found = await transaction.rows(LIST_TAKEN, field_ids=field_ids, unique_keys=keys)
    return {(field_id, key): (record_id, number) for field_id, key, record_id, number in found if key is not None}


async def find_taken_keys(transaction: Transaction, field: Field, keys: Set[str]) -> set[str]:
    """Which unique keys of a field some record has already."""
    if not keys:
        return set()
    found = await transaction.rows(LIST_TAKEN, field_ids=[field.id], unique_keys=keys)
    return {key for _, key, _, _ in found if key is not None}


def check_taken(fields: list[Field], values: Mapping[str, str], record_id: int | None, taken: Taken) -> None:
    """Raise Invalid for each value that another record has, of those that were looked for."""
    errors: dict[str, Text] = {}
    for field in fields:
        value = values.get(field.ref)
        if field.unique and value:
            other, number = taken.get((field.id, unique_key(field, value)), (record_id, 0))
            if other != record_id:
                errors[field.ref] = _l("Record %(number)d already has this value.", number=number)
    if errors:
        raise Invalid(**errors)


def keys_of(fields: list[Field], record_id: int, number: int, values: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows with the sort and unique keys of a record's values."""
    return [
        {
            "record_id": record_id,
            "field_id": field.id,
            "number": number,
            "sort_key": field.sort_key(values.get(field.ref, "")),
            "unique_key": unique_key(field, values[field.ref]) if field.unique and field.ref in values else None,
        }
        for field in fields
    ]


async def write_keys(
    transaction: Transaction,
    fields: list[Field],
    records: Collection[tuple[int, int, Mapping[str, str]]],
    *,
    anew: bool = False,
) -> None:
    """Write the keys of records, each with its id, number and values; `anew`, where they may have some already."""
    if anew:
        await forget_keys(transaction, [record_id for record_id, _, _ in records], [each.id for each in fields])
    await transaction.insert_rows(RecordKey, *(key for each in records for key in keys_of(fields, *each)))


FORGET_KEYS = PreparedChange(
    lambda: delete(RecordKey).where(
        RecordKey.record_id == bindparam("record_id"), RecordKey.field_id.in_(bindparam("field_ids"))
    )
)
FORGET_KEY = PreparedChange(
    lambda: delete(RecordKey).where(
        RecordKey.record_id == bindparam("record_id"), RecordKey.field_id == bindparam("field_id")
    )
)


async def forget_keys(transaction: Transaction, record_ids: Sequence[int], field_ids: Sequence[int]) -> None:
    """Delete the keys that some records have in some fields.

    Asked for several records at once, SQLite would go through the keys of all by the index that lists are sorted by.
    """
    if len(record_ids) == 1:
        await transaction.apply(FORGET_KEYS, record_id=record_ids[0], field_ids=field_ids)
    else:
        keys = ({"record_id": record_id, "field_id": each} for record_id in record_ids for each in field_ids)
        await transaction.apply_each(FORGET_KEY, *keys)


FORGET_KEYS_OF_RECORD = PreparedChange(lambda: delete(RecordKey).where(RecordKey.record_id == bindparam("record_id")))
FORGET_KEYS_OF_FIELD = PreparedChange(
    lambda: delete(RecordKey).where(RecordKey.field_id == bindparam("field_id")), many=True
)
