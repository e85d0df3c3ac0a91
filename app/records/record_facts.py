"""The facts of records, from which all else follows, and what programs are told of their values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from app.accounts.audit import Audited, Entry
from app.accounts.members import Member
from app.database import Fact, LogEntry, Transaction, Unlogged
from app.editing.facts import OfRow
from app.editing.row_places import RowPlace
from app.records.collections import Collection
from app.records.fields import Field
from app.records.kinds.kind import Json
from app.records.records import Record, place_of_record


class RecordChanged(OfRow, frozen=True, kw_only=True):
    """A record was added, changed, put into the bin, or taken out of it.

    `before` are the values it had, by the refs of fields; None for one that was not there. `fields` are the labels of
    those that have another value now, `found_before` what searching looked through; `told_before` and `told_after` are
    the values as programs get them, by the keys that the fields have now. `named` are the ids of
    the members that the values name, or did before; `assigned` of those among them who are new to it. It may be
    `called_otherwise` now: also as it is gone, or there again.
    """

    what: Literal["created", "changed", "deleted", "restored"]
    collection_id: int
    number: int
    version: int
    address: str
    before: Mapping[str, str] | None
    after: Mapping[str, str]
    fields: tuple[str, ...] = ()
    found_before: str = ""
    told_before: Mapping[str, Json] | None
    told_after: Mapping[str, Json]
    named: tuple[int, ...] = ()
    assigned: tuple[int, ...] = ()
    called_otherwise: bool = True

    @property
    def log_entry(self) -> LogEntry:
        """What programs get, with the values of before and after."""
        data = {
            "id": self.row_id,
            "collection": self.collection_id,
            "number": self.number,
            "version": self.version,
            "before": self.told_before,
            "after": self.told_after,
        }
        return LogEntry(f"record.{self.what}", f"collection.{self.collection_id}", data)


class RecordBinned(RecordChanged, Audited, frozen=True, kw_only=True):
    """A record was put into the bin, or taken out of it. Other changes are in its history, and not audited."""

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry(f"record.{self.what}", self.address)


class RecordsAdded(Fact, frozen=True, kw_only=True):
    """Many records were added to a collection at once."""

    collection_id: int
    count: int

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        data = {"collection": self.collection_id, "count": self.count}
        return LogEntry("records.added", f"collection.{self.collection_id}", data)


class RecordsReindexed(Unlogged, frozen=True, kw_only=True):
    """What is searched and sorted of a collection's records was made anew, as a field is shown or ordered otherwise."""

    collection_id: int


class RecordsForgotten(Unlogged, frozen=True, kw_only=True):
    """Records that were in the bin for long are gone for good, with their histories. Both by their ids."""

    collection_ids: tuple[int, ...]
    record_ids: tuple[int, ...]


class TableImported(Audited, frozen=True, kw_only=True):
    """A table was imported into a collection: how many records it has added and changed."""

    collection_id: int
    address: str
    added: int
    changed: int

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("records.imported", self.address, after=f"+{self.added} ~{self.changed}")

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        data = {"collection": self.collection_id, "added": self.added, "changed": self.changed}
        return LogEntry("records.imported", f"collection.{self.collection_id}", data)


class RecordsExported(Audited, frozen=True, kw_only=True):
    """Somebody began to export records of a collection: how many there were, in which format, and as which list's
    query has them."""

    collection_id: int
    address: str
    count: int
    format: str
    query: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("records.exported", self.address, after=f"{self.count} {self.format} {self.query}".rstrip())

    @property
    def log_entry(self) -> LogEntry:
        """What programs get that may know what admins do."""
        data = {"collection": self.collection_id, "count": self.count, "format": self.format, "query": self.query}
        return LogEntry("records.exported", "admins", data)


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
