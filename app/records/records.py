"""Records: found, and shown. `changes.py` has what is done with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from litestar.exceptions import NotFoundException
from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, PreparedSelect, Transaction, UtcDateTime, fill_up, now, partial_index
from app.editing.row_places import RowPlace, editable
from app.editing.rows import Editable
from app.folding import fold_searched
from app.records.collections import Collection
from app.records.fields import Field, find_collections
from app.records.revisions import Revision

KEPT_IN_BIN = timedelta(days=30)
SEARCHED_OF_A_VALUE = 2000
# What the database's whole numbers hold; an address may ask for more.
LARGEST_NUMBER = 2**63 - 1

Values = dict[str, str]


class Record(Editable, Base):
    """A record. `search` is the folded text of its values, which searching looks through."""

    kind_name = "record"

    __tablename__ = "record"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "collection_id", "number", name="uq_record_number"),
        ForeignKeyConstraint(
            ["tenant_id", "collection_id"],
            ["collection.tenant_id", "collection.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(["tenant_id", "lock_member_id"], ["member.tenant_id", "member.id"]),
        partial_index("ix_record_locked", "tenant_id", "id", where="lock_member_id IS NOT NULL"),
        Index("ix_record_kept", "tenant_id", "collection_id", "deleted_at", "number"),
        Index("ix_record_changed", "tenant_id", "collection_id", "updated_at", "number"),
    )

    collection_id: Mapped[int]
    number: Mapped[int] = mapped_column(BigInteger)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    search: Mapped[str] = mapped_column(Text)
    values: Mapped[Values] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


OPEN_RECORD = PreparedSelect(
    lambda: (
        select(Collection, Record)
        .join(Record, (Record.collection_id == Collection.id) & (Record.tenant_id == Collection.tenant_id))
        .where(
            Collection.slug == bindparam("slug"),
            Collection.deleted_at.is_(None),
            Record.number == bindparam("number"),
        )
    )
)
FIND_RECORD = PreparedSelect(
    lambda: select(Record).where(
        Record.collection_id == bindparam("collection_id"), Record.number == bindparam("number")
    )
)
LIST_NUMBERED = PreparedSelect(
    lambda: (
        select(Record)
        .where(Record.collection_id == bindparam("collection_id"), Record.number.in_(bindparam("numbers")))
        .order_by(Record.number)
    )
)
LIST_NAMED = PreparedSelect(
    lambda: select(Collection.slug, Collection.id).where(
        Collection.slug.in_(bindparam("slugs")), Collection.deleted_at.is_(None)
    )
)
FIND_OLDEST = PreparedSelect(
    lambda: select(Collection.id).where(Collection.deleted_at.is_(None)).order_by(Collection.id).limit(1)
)
LIST_AUTHORS = PreparedSelect(
    lambda: select(Revision.member_id).where(Revision.record_id == bindparam("record_id")).distinct()
)
FIND_MAKERS = PreparedSelect(
    lambda: select(Revision.record_id, Revision.member_id).where(
        Revision.record_id.in_(bindparam("ids")), Revision.what == "created"
    )
)


def value_in(values: Any) -> ColumnElement[str]:
    """What the values of records, revisions or drafts have in the field whose ref is the parameter `ref`."""
    value: ColumnElement[str] = values[bindparam("ref", type_=JSON.JSONStrIndexType())].as_string()
    return value


def title_of(fields: Sequence[Field], values: Mapping[str, str]) -> str:
    """What a record is called: the value of its first field."""
    return fields[0].describe(values.get(fields[0].ref, "")) if fields else ""


async def find_by_references(
    transaction: Transaction, written: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], Record]:
    """The records that people write as `#42`: of the collection given, or of the oldest one."""
    slugs = {slug for slug, _ in written}
    collections = dict(await transaction.rows(LIST_NAMED, slugs=slugs))
    if "" in slugs:
        oldest = await transaction.value(FIND_OLDEST)
        collections |= {} if oldest is None else {"": oldest}
    places = {
        each: (collections[each[0]], each[1])
        for each in written
        if each[0] in collections and each[1] <= LARGEST_NUMBER
    }
    if not places:
        return {}
    found = await find_at(transaction, set(places.values()))
    return {each: found[place] for each, place in places.items() if place in found}


@cache
def select_at(places: int) -> PreparedSelect[Record]:
    """The select of the records of so many collections and numbers."""

    def is_at(place: int) -> ColumnElement[bool]:
        return and_(
            Record.collection_id == bindparam(f"collection_id_{place}"), Record.number == bindparam(f"number_{place}")
        )

    return PreparedSelect(lambda: select(Record).where(or_(*map(is_at, range(places)))))


async def find_at(transaction: Transaction, places: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Record]:
    """The records of the ids of their collections, and their numbers; as far as they are there."""
    filled = fill_up(list(places))
    named = {f"collection_id_{place}": collection_id for place, (collection_id, _) in enumerate(filled)}
    named |= {f"number_{place}": number for place, (_, number) in enumerate(filled)}
    records = await transaction.column(select_at(len(filled)), **named)
    return {(record.collection_id, record.number): record for record in records}


async def find_numbered(transaction: Transaction, collection: Collection, numbers: Iterable[int]) -> list[Record]:
    """The records of a collection that have these numbers, in their order; in the bin or not."""
    return await transaction.column(LIST_NUMBERED, collection_id=collection.id, numbers=numbers)


async def find_authors(transaction: Transaction, record: Record) -> list[int]:
    """Ids of the members who have made and changed a record."""
    return await transaction.column(LIST_AUTHORS, record_id=record.id)


async def find_makers(transaction: Transaction, record_ids: Iterable[int]) -> dict[int, int | None]:
    """The ids of the members who have added records, by the ids of these."""
    ids = list(record_ids)
    return dict.fromkeys(ids) | dict(await transaction.rows(FIND_MAKERS, ids=ids))


@editable(Record, find_by_references, find_authors)
async def find_record_places(transaction: Transaction, records: Sequence[Record]) -> list[RowPlace]:
    """Where records are seen."""
    kept = await find_collections(transaction, {record.collection_id for record in records})
    return [place_of_record(*kept[record.collection_id], record) for record in records]


async def find_record_place(transaction: Transaction, record: Record) -> RowPlace:
    """Where a record is seen."""
    return (await find_record_places(transaction, [record]))[0]


def place_of_record(collection: Collection, fields: Sequence[Field], record: Record) -> RowPlace:
    """Where a record of a collection is seen."""
    choice = next((each for each in fields if each.kind_name == "choice"), None)
    return RowPlace(
        name=f"record-{record.id}",
        channel=f"record.{record.id}",
        address=f"/c/{collection.slug}/{record.number}",
        title=title_of(fields, record.values) or str(record.number),
        list_channel=f"collection.{collection.id}",
        state=choice.describe(record.values.get(choice.ref, "")) if choice else "",
        gone=record.deleted_at is not None,
        icon=collection.icon,
        list_name=collection.name,
    )


def search_text(fields: list[Field], values: Mapping[str, str]) -> str:
    """The folded text that searching looks through."""
    found = ((field, values.get(field.ref, "")) for field in fields if field.kind.is_searched)
    parts = (field.kind.search_text(value, field)[:SEARCHED_OF_A_VALUE] for field, value in found if value)
    return fold_searched("\n".join(parts))


async def open_by_number(
    transaction: Transaction, slug: str, number: int, *, deleted: bool | None
) -> tuple[Collection, Record]:
    """A record by its address, with its collection: a kept one, a deleted one, or either (None).

    Raises NotFoundException.
    """
    found = await transaction.find(OPEN_RECORD, slug=slug, number=number) if number <= LARGEST_NUMBER else None
    if found is None or (deleted is not None and (found[1].deleted_at is not None) != deleted):
        raise NotFoundException
    return found


async def find_record(transaction: Transaction, collection: Collection, number: int) -> Record | None:
    """A record by its number, in the bin or not."""
    if number > LARGEST_NUMBER:
        return None
    found = await transaction.find(FIND_RECORD, collection_id=collection.id, number=number)
    return found and found[0]


async def get_record(
    transaction: Transaction, collection: Collection, number: int, *, deleted: bool | None = False
) -> Record:
    """A record by its number; kept ones, deleted ones, or either (None). Raises NotFoundException."""
    record = await find_record(transaction, collection, number)
    if record is None or (deleted is not None and (record.deleted_at is not None) != deleted):
        raise NotFoundException
    return record
