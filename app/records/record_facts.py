"""What is told of a record: its values for programs, and the fact of a change, from which all else follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from app.accounts.members import Member
from app.database import Transaction
from app.editing.row_places import RowPlace
from app.records.collections import Collection
from app.records.facts import RecordBinned, RecordChanged
from app.records.fields import Field
from app.records.kinds.kind import Json
from app.records.records import Record, place_of_record


def tell_values(fields: Iterable[Field], values: Mapping[str, str]) -> dict[str, Any]:
    """Values for programs, by the keys of their fields."""
    return {field.key: field.kind.to_json(values.get(field.ref, ""), field) for field in fields}


def note_record_changed(
    transaction: Transaction,
    collection: Collection,
    fields: Sequence[Field],
    record: Record,
    author: Member,
    what: Literal["created", "changed", "deleted", "restored"],
    before: Mapping[str, str] | None,
    found_before: str = "",
) -> None:
    """Note what was done to a record, whose values were others before, and what searching looked through; by all fields
    of its collection."""
    after, was = record.values, before or {}
    first = fields[0].ref if fields else ""
    transaction.info.setdefault(RowPlace, {})[record] = place_of_record(collection, fields, record)
    told_after: dict[str, Json] = {}
    told_before: dict[str, Json] = {}
    changed: list[str] = []
    named: set[int] = set()
    named_before: set[int] = set()
    for field in fields:
        old, new, kind = was.get(field.ref, ""), after.get(field.ref, ""), field.kind
        told_after[field.key] = kind.to_json(new, field)
        told_before[field.key] = told_after[field.key] if new == old else kind.to_json(old, field)
        if new != old and not kind.computed:
            changed.append(field.label)
        if kind.names_people and not kind.computed:
            named |= {int(each) for each in new.split()}
            named_before |= {int(each) for each in old.split()}
    for instance in (record, collection, author):  # what is told and shown of them needs no statement
        transaction.keep(instance)
    fact = (RecordBinned if what in ("deleted", "restored") else RecordChanged)(
        by=transaction.acting(author.id),
        kind="record",
        row_id=record.id,
        what=what,
        collection_id=collection.id,
        number=record.number,
        version=record.version,
        address=f"/c/{collection.slug}/{record.number}",
        before=before,
        after=after,
        fields=() if before is None else tuple(changed),
        found_before=found_before,
        told_before=None if before is None else told_before,
        told_after=told_after,
        named=tuple(sorted(named | named_before)),
        assigned=tuple(sorted(named - named_before)) if what in ("created", "changed") else (),
        called_otherwise=what != "changed" or was.get(first) != after.get(first),
    )
    transaction.note(fact)
