"""What was typed into fields that are gone: removed, or of another kind by now, while somebody typed into them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress

from msgspec import Struct

from app.records.conversions import convert
from app.records.fields import Field, Fields
from app.records.records import Record


class LeftOver(Struct, frozen=True):
    """What was typed into a field that is gone, as forms have it, over the value of `before`; and the field that it
    became as its kind was changed, with what that takes of it."""

    field: Field
    text: str
    before: str
    became: Field | None
    carried: str | None

    @property
    def is_the_same(self) -> bool:
        """Whether the field is what it was again: a change of its kind that was undone."""
        return self.became is not None and self.became.kind_name == self.field.kind_name and self.carried == self.text

    @property
    def described(self) -> str:
        """What was typed, in plain text."""
        return self.field.quote_typed(self.text, self.before)


def carry_over(text: str, before: str, old: Field, new: Field) -> str | None:
    """What was typed into a field as the form of one of another kind has it; None where that can't read it."""
    with suppress(ValueError):
        value = read_carried(text, before, old, new)
        return new.write(value) if value or new.kind.shows_none else None
    return None


def read_carried(text: str, before: str, old: Field, new: Field) -> str:
    """The value of it, also of a text that the old kind did not take. Raises ValueError with a Text."""
    try:
        value = old.read(text, before)
    except ValueError:
        if read := new.read(old.describe_typed(text, before)):
            return read
        raise
    return convert(value, old, new)


def list_left_over(fields: Fields, typed: Mapping[str, str], record: Record | None) -> list[LeftOver]:
    """What was typed, by the fields' refs, into those that are gone.

    What the form was opened with is not typed: what the record has, or the default of a new one.
    """
    found = []
    for field in fields.removed:
        text = typed.get(field.ref, "")
        before = field.default if record is None else record.values.get(field.ref, "")
        says = text or (field.kind.shows_none and field.ref in typed)
        if says and text != field.write(before):
            became = fields.successor_of(field)
            carried = carry_over(text, before, field, became) if became is not None else None
            found.append(LeftOver(field, text, before, became, carried))
    return found


def carried_over(
    fields: Fields, typed: Mapping[str, str], record: Record | None, *, asked: Collection[str] = ()
) -> dict[str, str]:
    """What fields of another kind take of what was typed before they were there: those that the page has `asked` for,
    or that something was typed into, have their own."""
    return {
        each.became.ref: each.carried
        for each in list_left_over(fields, typed, record)
        if each.became is not None
        and each.carried is not None
        and each.became.ref not in typed
        and each.became.ref not in asked
    }
