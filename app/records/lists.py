"""Lists: search, sort and pages of 50, all of it in the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, Select, String, bindparam, func, literal, select, tuple_

from app.database import PreparedSelect, Transaction
from app.database.functions import find_text
from app.records.collections import Collection
from app.records.fields import Field, Fields
from app.records.keys import RecordKey
from app.records.kinds.collation import LAST
from app.records.records import Record
from app.web.forms import number_of
from app.web.texts import fold

LIST_PAGE_SIZE = 50
MOST_LIST_WORDS = 8
DEFAULT_SORT = "-number"

# Which records have keys in the field that a list is sorted by.
Keys = Literal["", "all", "some"]

# The columns that records are ordered by.
Order = list[Any]
# What records are sorted by in a field in which some have no key yet.
KEY_OR_LAST = func.coalesce(RecordKey.sort_key, literal(LAST, RecordKey.sort_key.type), type_=RecordKey.sort_key.type)


@dataclass(frozen=True, slots=True)
class View:
    """What of a collection is looked at: which words, in which order, which page."""

    query: str = ""
    sort: str = DEFAULT_SORT
    page: int = 1

    @property
    def words(self) -> list[str]:
        """The folded words that a record must have, each anywhere in it."""
        return fold(self.query).split()[:MOST_LIST_WORDS]

    @property
    def key(self) -> str:
        """The ref of the field to sort by, or `number`."""
        return self.sort.removeprefix("-")

    @property
    def by_key(self) -> bool:
        """Whether it is sorted by a field."""
        return self.key != "number"

    @property
    def descending(self) -> bool:
        """Whether the last comes first."""
        return self.sort.startswith("-")

    def address(self, *, sort: str | None = None, page: int = 1) -> str:
        """The query string of this view, sorted otherwise or on another page."""
        sort = sort or self.sort
        parts = {
            "q": self.query,
            "sort": "" if sort == DEFAULT_SORT else sort,
            "page": page if page > 1 else "",
        }
        return "?" + urlencode({name: value for name, value in parts.items() if value})

    def toggled(self, key: str) -> str:
        """The sort that a click on a column's heading asks for."""
        return f"-{key}" if self.sort == key else key


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of a list. `count` is how many records the view has on all its pages; `keys` what they are sorted by, by
    their ids, where that is a field.
    """

    view: View
    records: list[Record]
    count: int
    keys: dict[int, str]

    def keys_of(self, record: Record) -> dict[str, str]:
        """The sort key of a record, by the ref of the field that the list is sorted by: the page compares no other."""
        return {self.view.key: self.keys[record.id]} if record.id in self.keys else {}

    @property
    def pages(self) -> int:
        """How many pages the view has, at least 1."""
        return max(1, -(-self.count // LIST_PAGE_SIZE))


def read_view(fields: Fields, query: str, sort: str, page: str) -> View:
    """A view from an address; what makes no sense there is left out."""
    key = sort.removeprefix("-")
    if key != "number":
        field = fields.find(key)
        sort = f"{'-' if sort.startswith('-') else ''}{field.ref}" if field else DEFAULT_SORT
    return View(" ".join(query.replace("\0", "").split())[:200], sort, max(1, number_of(page)))


def holds_words(count: int) -> list[ColumnElement[bool]]:
    """The criteria of records that have each of so many words, which are the parameters `word_0` and so on."""
    words = [bindparam(f"word_{place}", type_=String()) for place in range(count)]
    return [find_text(Record.search, word) > 0 for word in words]


def name_words(words: Sequence[str]) -> dict[str, str]:
    """Words as the parameters of those."""
    return {f"word_{place}": word for place, word in enumerate(words)}


def is_listed(words: int) -> tuple[ColumnElement[bool], ...]:
    """The criteria of the kept records of the collection `collection_id` that have so many words."""
    return Record.collection_id == bindparam("collection_id"), Record.deleted_at.is_(None), *holds_words(words)


def in_order(statement: Select[Any], *, by_key: Keys, descending: bool) -> tuple[Select[Any], Order]:
    """Bring a select of a collection's records into the order of their numbers, or of their keys in the field
    `field_id`: with it, the columns that it is ordered by.

    They say which place a record has: no two of a collection have the same.
    """
    order: Order = [Record.number]
    here = (RecordKey.record_id == Record.id) & (RecordKey.tenant_id == Record.tenant_id)
    if by_key == "all":
        statement = statement.join(RecordKey, here).where(RecordKey.field_id == bindparam("field_id"))
        order = [RecordKey.sort_key, RecordKey.number]
    elif by_key == "some":
        statement = statement.outerjoin(RecordKey, here & (RecordKey.field_id == bindparam("field_id")))
        order = [KEY_OR_LAST, Record.number]
    return statement.order_by(*in_direction(*order, descending=descending)), order


def parameters_of(collection: Collection, fields: list[Field], view: View) -> dict[str, Any]:
    """The parameters by which selects know what is looked at."""
    field = next((field for field in fields if field.ref == view.key), None)
    return {"collection_id": collection.id, **name_words(view.words)} | ({"field_id": field.id} if field else {})


def keys_for(fields: list[Field], view: View) -> Keys:
    """Which records have keys in the field that a view is sorted by; '' where it is sorted by numbers."""
    field = next((field for field in fields if field.ref == view.key), None)
    return "" if field is None else "all" if field.keyed else "some"


@cache
def select_list_count(words: int) -> PreparedSelect[int]:
    """The select of how many records have so many words."""
    return PreparedSelect(lambda: select(func.count(Record.id)).where(*is_listed(words)))


@cache
def select_list_page(words: int, *, by_key: Keys, descending: bool) -> PreparedSelect[*tuple[Any, ...]]:
    """The select of a page of those, in an order; with what they are sorted by, where that is a field."""

    def make() -> Select[Any]:
        listed = select(Record).where(*is_listed(words))
        if by_key == "all" and not words:
            return join_page_of_keys(listed, descending=descending)
        statement, order = in_order(listed, by_key=by_key, descending=descending)
        if by_key:
            statement = statement.add_columns(order[0])
        return statement.limit(LIST_PAGE_SIZE).offset(bindparam("offset"))

    return PreparedSelect(make)


def join_page_of_keys(listed: Select[Any], *, descending: bool) -> Select[Any]:
    """Confine a select of a collection's records to those on a page of their keys in the field `field_id`.

    Every kept record has a key there, and no other: what comes before the page is skipped in the index of the keys,
    without looking at records.
    """
    keys = select(RecordKey.record_id, RecordKey.sort_key, RecordKey.number).where(
        RecordKey.field_id == bindparam("field_id")
    )
    ordered = keys.order_by(*in_direction(RecordKey.sort_key, RecordKey.number, descending=descending))
    page = ordered.limit(LIST_PAGE_SIZE).offset(bindparam("offset")).subquery("page")
    joined = listed.join(page, page.c.record_id == Record.id).add_columns(page.c.sort_key)
    return joined.order_by(*in_direction(page.c.sort_key, page.c.number, descending=descending))


def in_direction(*columns: Any, descending: bool) -> list[Any]:
    """Columns to order by, upwards or downwards."""
    return [column.desc() if descending else column for column in columns]


async def count_view(transaction: Transaction, collection: Collection, view: View) -> int:
    """How many records a view has on all its pages."""
    if not view.words:
        return collection.total
    counted = select_list_count(len(view.words))
    return await transaction.value(counted, collection_id=collection.id, **name_words(view.words)) or 0


async def list_records(transaction: Transaction, collection: Collection, fields: list[Field], view: View) -> Listing:
    """The records of a view's page; of the last page when there are fewer."""
    count = await count_view(transaction, collection, view)
    page = min(view.page, max(1, -(-count // LIST_PAGE_SIZE)))
    view = View(view.query, view.sort, page)
    by_key = keys_for(fields, view)
    select_shown = select_list_page(len(view.words), by_key=by_key, descending=view.descending)
    parameters = parameters_of(collection, fields, view)
    rows = await transaction.rows(select_shown, **parameters, offset=(page - 1) * LIST_PAGE_SIZE)
    keys = {record.id: key for record, key in rows} if by_key else {}
    return Listing(view, [record for record, *_ in rows], count, keys)


@cache
def select_following(words: int, *, by_key: Keys, descending: bool, goes_on: bool) -> PreparedSelect[*tuple[Any, ...]]:
    """The select of the next records of a view, from its beginning or behind a place; with their places."""

    def make() -> Select[Any]:
        statement, order = in_order(select(Record).where(*is_listed(words)), by_key=by_key, descending=descending)
        if goes_on:
            place = tuple_(*order)
            after = tuple_(*(bindparam(f"after_{at}", type_=column.type) for at, column in enumerate(order)))
            statement = statement.where(place < after if descending else place > after)
        selected: Select[Any] = statement.add_columns(*order).limit(bindparam("most"))
        return selected

    return PreparedSelect(make)


async def list_following(
    transaction: Transaction, collection: Collection, fields: list[Field], view: View, after: Sequence[Any], most: int
) -> list[tuple[Record, tuple[Any, ...]]]:
    """The next records of a view behind a place, each with its own place; from the beginning where that is empty."""
    by_key = keys_for(fields, view)
    prepared = select_following(len(view.words), by_key=by_key, descending=view.descending, goes_on=bool(after))
    behind = {f"after_{at}": each for at, each in enumerate(after)}
    rows = await transaction.rows(prepared, **parameters_of(collection, fields, view), **behind, most=most)
    return [(record, tuple(place)) for record, *place in rows]
