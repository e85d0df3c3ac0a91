"""The facts of collections and their fields: how records are defined."""

from __future__ import annotations

from typing import Literal

from app.accounts.audit import Audited, Entry
from app.accounts.facts import OfMember
from app.database import Fact, LogEntry, Unlogged


class DefinitionsForgotten(Unlogged, frozen=True, kw_only=True):
    """What was in a bin for long can't be restored any more: removed fields of collections, by the collections' ids; or
    collections."""

    what: Literal["fields", "collections"]
    collection_ids: tuple[int, ...]


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
