"""What the events of records, their collections and their locks hold, and what all events have.

`event_shapes.py` has those of what else there is, and says which kinds hold what.
"""

from __future__ import annotations

from typing import Any

import msgspec

Id = int


class EventData(msgspec.Struct):
    """What all events have: the member who did it, null where the program did."""

    by: Id | None


class RecordEvent(EventData):
    """A record was added, changed, put into the trash or restored, with its values of before and after as records have
    them, by the keys that the fields had then; `before` is null for one that was not there."""

    id: Id
    collection: Id
    number: int
    version: int
    before: dict[str, Any] | None
    after: dict[str, Any]


class RecordsAddedEvent(EventData):
    """So many records were added at once. They are not told of one by one."""

    collection: Id
    count: int


class RecordsImportedEvent(EventData):
    """A table has added and changed so many records."""

    collection: Id
    added: int
    changed: int


class RecordsExportedEvent(EventData):
    """Records of a list with a query were exported."""

    collection: Id
    count: int
    format: str
    query: str


class CollectionNamedEvent(EventData):
    """A collection was made, archived, opened again, deleted or restored."""

    id: Id
    name: str


class CollectionRenamedEvent(EventData):
    """A collection has another name."""

    id: Id
    slug: str
    before: str
    after: str


class PermissionsEvent(EventData):
    """A role may do something else in a collection, in words."""

    collection: Id
    role: str
    before: str
    after: str


class GuestEvent(EventData):
    """A collection was opened to a guest, or is so no more."""

    collection: Id
    member: Id


class FieldsEvent(EventData):
    """The fields of a collection are other ones."""

    collection: Id


class LockEvent(EventData):
    """A record, by its id, is edited by a member, or not any more, or it is their turn."""

    id: Id
    member: Id


class LockAskedEvent(EventData):
    """A member, or a program of theirs, asks one to hand over; they are answered by `waiting`. The record's page is
    at `address`, such as `/c/books/42`."""

    row: str
    member: Id
    program: str | None
    waiting: int
    address: str


class LockLostEvent(EventData):
    """A member has taken over what one has edited. The record's page is at `address`, such as `/c/books/42`."""

    row: str
    member: Id
    address: str
