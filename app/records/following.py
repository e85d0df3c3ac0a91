"""What follows behind a place in a list, however long it is: for exports, and for programs that page through it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select, tuple_

from app.database import PreparedSelect, Transaction
from app.records.collections import Collection
from app.records.fields import Field
from app.records.kinds.collation import LAST
from app.records.lists import Keys, Part, View, in_order, is_listed, keys_for, name_words, parameters_of
from app.records.records import Record

# Makes the select of the records of a view behind a place, of its number of words and of what `select_behind` takes.
Following = Callable[..., PreparedSelect[*tuple[Any, ...]]]


def select_behind(statement: Select[Any], *, by_key: Keys, descending: bool, part: Part, goes_on: bool) -> Select[Any]:
    """Bring a select of a collection's records into the order of a part of a view, from its beginning or behind a
    place, which `after_0` and so on are: `most` of them, each with its own place as the last columns."""
    statement, order = in_order(statement, by_key=by_key, descending=descending, part=part)
    if goes_on:
        place = tuple_(*order)
        after = tuple_(*(bindparam(f"after_{at}", type_=column.type) for at, column in enumerate(order)))
        statement = statement.where(place < after if descending else place > after)
    return statement.add_columns(*order).limit(bindparam("most"))


@cache
def select_following(
    words: int, *, by_key: Keys, descending: bool, part: Part, goes_on: bool
) -> PreparedSelect[*tuple[Any, ...]]:
    """The select of the records themselves."""
    listed = select(Record).where(*is_listed(words))
    return PreparedSelect(
        lambda: select_behind(listed, by_key=by_key, descending=descending, part=part, goes_on=goes_on)
    )


@cache
def select_following_changed(
    words: int, *, by_key: Keys, descending: bool, part: Part, goes_on: bool
) -> PreparedSelect[*tuple[Any, ...]]:
    """The select of those that have changed after the moment `changed_after`, up to `changed_until`."""
    between = Record.updated_at > bindparam("changed_after"), Record.updated_at <= bindparam("changed_until")
    listed = select(Record).where(*is_listed(words), *between)
    return PreparedSelect(
        lambda: select_behind(listed, by_key=by_key, descending=descending, part=part, goes_on=goes_on)
    )


@cache
def select_by_change(words: int) -> PreparedSelect[Record]:
    """The select of records in the order in which they were changed last, behind a place in it."""
    order = Record.updated_at, Record.number
    behind = tuple_(
        bindparam("changed_after", type_=Record.updated_at.type), bindparam("behind", type_=Record.number.type)
    )
    return PreparedSelect(
        lambda: (
            select(Record)
            .where(*is_listed(words), tuple_(*order) > behind, Record.updated_at <= bindparam("changed_until"))
            .order_by(*order)
            .limit(bindparam("most"))
        )
    )


async def list_by_change(
    transaction: Transaction,
    collection: Collection,
    view: View,
    after: tuple[datetime, int],
    until: datetime,
    most: int,
) -> Sequence[Record]:
    """The records with the words of a view that were changed behind a place: a moment, and a number where others were
    changed at that moment, too; up to a moment. What was changed first comes first."""
    listed = select_by_change(len(view.words))
    about = {"collection_id": collection.id, **name_words(view.words)}
    bounds = {"changed_after": after[0], "behind": after[1], "changed_until": until}
    return await transaction.column(listed, **about, **bounds, most=most)


FIND_NEWEST_CHANGE = PreparedSelect(
    lambda: (
        select(Record.updated_at)
        .where(Record.collection_id == bindparam("collection_id"))
        .order_by(Record.updated_at.desc(), Record.number.desc())
        .limit(1)
    )
)


async def find_newest_change(transaction: Transaction, collection: Collection) -> datetime | None:
    """When a record of a collection was changed last, in the bin or not; None where there is none."""
    return await transaction.value(FIND_NEWEST_CHANGE, collection_id=collection.id)


async def list_following(
    transaction: Transaction,
    following: Following,
    collection: Collection,
    fields: list[Field],
    view: View,
    after: Sequence[Any],
    most: int,
    **bounds: Any,
) -> list[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """What a select has of the next records of a view behind a place, or from its beginning where that is empty: each
    with its own place. `bounds` are what the select asks for beside that.

    An index has each part of a view in its order: downwards, what is empty is one of its own.
    """
    by_key = keys_for(fields, view)
    about = parameters_of(collection, fields, view)
    parts: list[Part] = ["filled", "empty"] if by_key and view.descending else ["all"]
    if after and after[0] == LAST:
        parts = parts[-1:]
    found: list[Any] = []
    for part in parts:
        if len(found) < most:
            behind = {f"after_{at}": value for at, value in enumerate(after)}
            prepared = following(
                len(view.words), by_key=by_key, descending=view.descending, part=part, goes_on=bool(after)
            )
            found += await transaction.rows(prepared, **about, **behind, **bounds, most=most - len(found))
            after = ()  # the next part is read from its beginning
    width = 2 if by_key else 1
    return [(tuple(row[:-width]), tuple(row[-width:])) for row in found]
