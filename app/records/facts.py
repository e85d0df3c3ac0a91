"""The facts of records and their collections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from app.accounts.audit import Audited, Entry
from app.accounts.facts import OfMember
from app.database import Fact, LogEntry, Unlogged
from app.editing.facts import OfRow
from app.records.kinds.kind import Json


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


class DefinitionsForgotten(Unlogged, frozen=True, kw_only=True):
    """What was in a bin for long can't be restored any more: removed fields of collections, by the collections' ids; or
    collections."""

    what: Literal["fields", "collections"]
    collection_ids: tuple[int, ...]


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


class CollectionAdded(Audited, frozen=True, kw_only=True):
    """A collection was made."""

    collection_id: int
    name: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("collection.added", self.name)

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return LogEntry(
            "collection.added", f"collection.{self.collection_id}", {"id": self.collection_id, "name": self.name}
        )


class CollectionRenamed(Audited, frozen=True, kw_only=True):
    """A collection has another name; its address stays."""

    collection_id: int
    slug: str
    before: str
    after: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("collection.changed", self.slug, before=self.before, after=self.after)

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        data = {"id": self.collection_id, "slug": self.slug, "before": self.before, "after": self.after}
        return LogEntry("collection.renamed", f"collection.{self.collection_id}", data)


class CollectionDescribed(Fact, frozen=True, kw_only=True):
    """A collection has another icon, colour or description."""

    collection_id: int

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return LogEntry("collection.described", "tenant", {"id": self.collection_id})


class FieldsChanged(Fact, frozen=True, kw_only=True):
    """A field was added to a collection, changed, or moved. `refs` are by what its values have been stored, the first
    one first: it gets another with another kind. `computed`: no form shows it."""

    collection_id: int
    refs: tuple[str, ...] = ()
    computed: bool = False

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return LogEntry("fields.changed", f"collection.{self.collection_id}", {"collection": self.collection_id})


class FieldDescribed(FieldsChanged, frozen=True, kw_only=True):
    """Something else of a field was changed than its kind: it is called `label` now, and what else is other now is None
    where it is as before."""

    before: str
    label: str
    required: bool | None
    unique: bool | None
    choices_changed: bool


class FieldAdded(FieldsChanged, Audited, frozen=True, kw_only=True):
    """A field was added to a collection that was there already."""

    label: str
    collection: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("field.added", self.label, before=self.collection)


class FieldRemoved(FieldsChanged, Audited, frozen=True, kw_only=True):
    """A field was taken out of a collection."""

    label: str
    collection: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("field.removed", self.label, before=self.collection)


class FieldRestored(FieldsChanged, Audited, frozen=True, kw_only=True):
    """A field was taken out of the bin of its collection."""

    label: str
    collection: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("field.restored", self.label, before=self.collection)


class FieldKindChanged(FieldsChanged, Audited, frozen=True, kw_only=True):
    """The kind of a field was changed, or that was undone. Before and after are names of kinds."""

    label: str
    before: str
    after: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("field.kind-changed", self.label, before=self.before, after=self.after)


class FieldLimited(FieldsChanged, Audited, frozen=True, kw_only=True):
    """Other roles than before (`were`) may not change the values of a field: `roles`, with commas between them."""

    label: str
    roles: str
    were: str

    @property
    def entry(self) -> Entry:
        """What the audit log says."""
        return Entry("field.limited", self.label, after=self.roles)


class ColumnsChosen(OfMember, Unlogged, frozen=True, kw_only=True):
    """A member has chosen which columns of a collection's list to look at."""

    collection_id: int
