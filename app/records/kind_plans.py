"""What a change of the kind of a field would do: looked at before it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec import Struct
from msgspec import field as part
from sqlalchemy import Select, bindparam, func, select, text

from app.database import PreparedSelect, Transaction
from app.records.choices import name_choices
from app.records.conversions import CONVERTED_IN, convert, convert_if_can, find_zone, is_kept_whole, list_choice_names
from app.records.fields import Field, prepare_fields
from app.records.kinds import FIELD_KINDS
from app.records.records import Record, value_in
from app.web.forms import Invalid
from app.web.texts import Text, _l

# How many texts a preview shows, of those that become something and of those that can't.
MOST_CONVERTED_SHOWN = 10
MOST_FAILURES_SHOWN = 50
# Of so many different values a preview is made; what is beyond is not looked at.
MOST_VALUES = 20_000
# After so many others have their turn.
CONVERTED_IN_A_ROW = 100


class Preview(Struct):
    """What a change of kind would do: to how many records, what some values become, and which can't; of how many
    something is left out, and how many that have nothing will say something; `partial` where there are so many that
    some were not looked at."""

    total: int = 0
    failed: int = 0
    lessened: int = 0
    empty: int = 0
    partial: bool = False
    shown: list[tuple[str, str]] = part(default_factory=list)
    failures: list[tuple[str, int, int, Text]] = part(default_factory=list)


@cache
def select_values(*, with_none: bool) -> PreparedSelect[str, int, int]:
    """The select of the different values of a field, the most frequent first; of no value, too, or not."""

    def make() -> Select[str, int, int]:
        value = func.coalesce(value_in(Record.values), "")
        said = [] if with_none else [value != ""]
        counted = select(value.label("value"), func.count(Record.id), func.min(Record.number))
        counted = counted.where(Record.collection_id == bindparam("collection_id"), *said)
        # By its place: databases don't know that a value with a parameter is the same as another one.
        return counted.group_by(text("1")).order_by(text("2 DESC"), text("3")).limit(MOST_VALUES)

    return PreparedSelect(make)


COUNT_EMPTY = PreparedSelect(
    lambda: select(func.count(Record.id)).where(
        Record.collection_id == bindparam("collection_id"), func.coalesce(value_in(Record.values), "") == ""
    )
)


async def list_values(transaction: Transaction, field: Field) -> list[tuple[str, int, int]]:
    """The different values of a field, the most frequent first: each with the number of records that have it, also in
    the bin, and of the first of them. No value is among them where it says something."""
    prepared = select_values(with_none=field.kind.shows_none)
    rows = await transaction.rows(prepared, collection_id=field.collection_id, ref=field.ref)
    return [(value, count, number) for value, count, number in rows]


async def count_archived_choices(transaction: Transaction, field: Field) -> dict[int, int]:
    """How many records have each of the choices of a field that can't be chosen any more, by their ids."""
    archived = {str(choice["id"]): 0 for choice in field.choices if choice["archived"]}
    for value, count, _ in await list_values(transaction, field) if archived else ():
        for choice_id in archived.keys() & set(value.split()):
            archived[choice_id] += count
    return {int(choice_id): count for choice_id, count in archived.items()}


async def count_empty(transaction: Transaction, field: Field) -> int:
    """How many records have no value in a field, also in the bin."""
    return await transaction.value(COUNT_EMPTY, collection_id=field.collection_id, ref=field.ref) or 0


async def plan_kind(transaction: Transaction, field: Field, kind_name: str, options: Mapping[str, Any]) -> Field:
    """The field that one of another kind would be, not stored.

    Raises Invalid when it can't be of that kind.
    """
    if kind_name == field.kind_name or kind_name not in FIELD_KINDS or not FIELD_KINDS[kind_name].is_typed:
        raise Invalid(
            kind=_l(
                "Choose one of these: %(names)s.",
                names=", ".join(
                    name for name, kind in FIELD_KINDS.items() if kind.is_typed and name != field.kind_name
                ),
            )
        )
    new = Field(collection_id=field.collection_id, kind_name=kind_name, choices=[], options={})
    await prepare_fields(transaction, [new])
    new.options = dict(new.kind.check_options(options))
    if new.kind.has_choices and field.kind.has_choices:
        new.choices, new.options = field.choices, field.options
    elif new.kind.has_choices:
        texts = [value for value, _, _ in await list_values(transaction, field)]
        texts += [field.default] if field.default else []
        try:
            new.choices = name_choices(list_choice_names(field, new, texts))
        except ValueError as error:
            raise Invalid(kind=error.args[0]) from error
        if not new.choices:
            raise Invalid(kind=_l("No values could become choices. Add a field of this type instead."))
    if new.kind.tells_time or field.kind.tells_time:
        new.options[CONVERTED_IN] = find_zone(field, new)
    take_place(new, field)
    new.unique = field.unique and new.kind.can_be_unique
    new.default = convert_if_can(field.default, field, new) if field.default else ""
    return new


def take_place(new: Field, field: Field) -> None:
    """Let a field be called, and stand, as another one does."""
    new.label, new.required = field.label, field.required
    new.help, new.position, new.read_only_for = field.help, field.position, field.read_only_for


async def preview_kind(transaction: Transaction, field: Field, new: Field) -> Preview:
    """What would become of the values of a field in a new one; those first of which something is left out, and then
    those that will be written otherwise."""
    values = await list_values(transaction, field)
    preview = Preview(partial=len(values) == MOST_VALUES)
    if new.kind.shows_none and not field.kind.shows_none:
        preview.empty = await count_empty(transaction, field)
    converted: tuple[list[tuple[str, str]], ...] = ([], [], [])
    for place, (value, count, number) in enumerate(values):
        if place % CONVERTED_IN_A_ROW == 0:
            await asyncio.sleep(0)  # others go on meanwhile
        preview.total += count
        try:
            becomes = convert(value, field, new)
        except ValueError as error:
            preview.failed += count
            if len(preview.failures) < MOST_FAILURES_SHOWN:
                preview.failures.append((field.describe_here(value), count, number, error.args[0]))
            continue
        before, after = field.describe_here(value), new.describe_here(becomes)
        is_whole = is_kept_whole(value, becomes, field, new)
        preview.lessened += 0 if is_whole else count
        alike = converted[0 if not is_whole else 1 if before != after else 2]
        if len(alike) < MOST_CONVERTED_SHOWN:
            alike.append((before, after))
    preview.shown = [each for alike in converted for each in alike][:MOST_CONVERTED_SHOWN]
    return preview
