"""Rows of lists that are kept as HTML: most of a list is what it was when it was shown before.

That takes 15 to 35 % off a list's time of the processor. A row is kept by all that it shows, so that none is shown as
it was: tests/records/test_kept_rows.py changes each thing. One that says who edits it is not kept, and none of a list
that names people, who may be called otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from app.records.collections import Collection
from app.records.columns import Columns
from app.records.fields import Field
from app.records.records import Record

# Some kB each, in every process.
MOST_ROWS_KEPT = 1500
KEPT: dict[Hashable, Markup] = {}


class ShownRows:
    """The rows of a list, as `show` makes one: the macro of records/_row.html."""

    def __init__(self, collection: Collection, fields: Sequence[Field], columns: Columns) -> None:
        self.collection = collection
        self.fields = fields
        self.columns = columns
        shown = dict.fromkeys([*fields[:2], *(column.field for column in columns)])
        self.keeps = not any(field.kind.names_people for field in shown)
        self.key = (
            *(collection.tenant_id, collection.slug, len(fields)),
            *((column.ref, column.classes, column.begins) for column in columns),
            *map(identify, shown),
        )

    def show(self, show: Callable[..., Markup], record: Record, keys: Mapping[str, str]) -> Markup:
        """The row of a record with its sort keys."""
        if not self.keeps or record.lock_member_id:
            return show(self.collection, self.fields, self.columns, record, keys)
        key = self.key, record.id, record.number, record.version, *record.values.items(), *keys.items()
        kept = KEPT.get(key)
        if kept is None:
            kept = KEPT[key] = show(self.collection, self.fields, self.columns, record, keys)
            if len(KEPT) > MOST_ROWS_KEPT:
                del KEPT[next(iter(KEPT))]
        return kept


def identify(field: Field) -> Hashable:
    """All that the values of a field are shown by."""
    chosen: Any = field.options
    return field.ref, field.kind_name, field.language, str(field.locale), repr(field.choices), repr(chosen)
