"""What records had in fields that were of another kind: told as what it was, also where it became nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from msgspec import Struct

from app.records.conversions import convert, is_kept_whole
from app.records.fields import Field, Fields
from app.records.revisions import Revision


class Conversion(Struct, frozen=True):
    """A change of the kind of a field in which a record's value was not kept whole: what it was before, and after."""

    old: Field
    new: Field
    before: str
    after: str
    made_at: datetime


def list_former(fields: Fields, revision: Revision) -> dict[Field, Field]:
    """The fields that were of another kind at a revision, and had a value in it, with what they were."""
    pairs = ((field, fields.at(field, revision.made_at)) for field in fields)
    return {
        field: before
        for field, before in pairs
        if before.kind_name != field.kind_name and (revision.values.get(before.ref) or before.kind.shows_none)
    }


def list_conversions(fields: Fields, values: Mapping[str, str]) -> list[Conversion]:
    """What was not kept whole of a record's values when the kinds of fields were changed, the last first. A record
    keeps what it had in a field of before; where that change was undone, it came back."""
    before = {each.id: each for each in fields.removed}
    found = []
    for new in fields.with_replaced():
        old = before.get(new.replaces or 0)
        if old is None or old.removed_at is None:
            continue
        first = before.get(new.restores or old.replaces or 0)
        value, now = values.get(old.ref, ""), values.get(new.ref, "")
        after, is_whole = "", not value
        with suppress(ValueError):
            after = convert(value, old, new)
            is_whole = is_kept_whole(value, after, old, new)
        if first and now and first.kind_name == new.kind_name and values.get(first.ref) == now != after:
            found.append(Conversion(old, new, value, now, old.removed_at))  # it was undone
        elif value and not is_whole:
            found.append(Conversion(old, new, value, after, old.removed_at))
    return sorted(found, key=lambda each: each.made_at, reverse=True)


def list_refs(fields: Fields, field: Field) -> tuple[str, ...]:
    """What the values of a field have been stored under, the first one first: it gets another with another kind."""
    before = {each.id: each for each in fields.removed}
    refs = [field.ref]
    while (older := before.get(field.replaces or 0)) and older.ref not in refs:
        field = older
        refs.append(field.ref)
    return (*reversed(refs),)
