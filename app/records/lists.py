"""Lists: search, sort and pages of 50, all of it in the address."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal
from urllib.parse import urlencode

from msgspec import Struct
from sqlalchemy import ColumnElement, Integer, Select, String, Subquery, and_, bindparam, case, func, select, union_all

from app.database import PreparedSelect, Transaction
from app.database.functions import find_text
from app.folding import fold_searched
from app.records.collections import Collection
from app.records.fields import Field, Fields
from app.records.keys import RecordKey
from app.records.kinds.collation import LAST
from app.records.records import Record, find_numbered
from app.web.forms import number_of

LIST_PAGE_SIZE = 50
# Behind so many a page takes less when it is looked for in an index first.
DEEP = 2_000
# To skip more takes SQLite longer than reading may keep the event loop.
MOST_SKIPPED = 20_000
MOST_LIST_WORDS = 8
DEFAULT_SORT = "-number"

# Which records have keys in the field that a list is sorted by.
Keys = Literal["", "all", "some"]

# Those that have a value in the field that a list is sorted by, or have none.
Part = Literal["all", "filled", "empty"]
# The columns that records are ordered by.
Order = list[Any]
# What records are sorted by in a field in which some have no key yet: `of_none` is that of an empty value.
KEY_OR_NONE = func.coalesce(
    RecordKey.sort_key, bindparam("of_none", type_=RecordKey.sort_key.type), type_=RecordKey.sort_key.type
)


class View(Struct, frozen=True):
    """What of a collection is looked at: which words, in which order, which page."""

    query: str = ""
    sort: str = DEFAULT_SORT
    page: int = 1

    @property
    def words(self) -> list[str]:
        """The folded words that a record must have, each anywhere in it."""
        return fold_searched(self.query).split()[:MOST_LIST_WORDS]

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


class Listing(Struct, frozen=True):
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
        field = fields.find_now(key)
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


def in_order(
    statement: Select[Any], *, by_key: Keys, descending: bool, part: Part = "all"
) -> tuple[Select[Any], Order]:
    """Bring a select of a collection's records into the order of their numbers, or of their keys in the field
    `field_id`, of which those that are empty come last, whatever the direction: with it, the columns that it is ordered
    by. A `part` has only those.

    They say which place a record has in its part: no two of a collection have the same.
    """
    here = (RecordKey.record_id == Record.id) & (RecordKey.tenant_id == Record.tenant_id)
    order: Order = [Record.number]
    if by_key == "all":
        statement = statement.join(RecordKey, here).where(RecordKey.field_id == bindparam("field_id"))
        order = [RecordKey.sort_key, RecordKey.number]
    elif by_key == "some":
        statement = statement.outerjoin(RecordKey, here & (RecordKey.field_id == bindparam("field_id")))
        order = [KEY_OR_NONE, Record.number]
    if part != "all":
        statement = statement.where(is_in_part(order[0], part))
    empty_last = [is_in_part(order[0], "empty")] if by_key and descending and part == "all" else []
    return statement.order_by(*empty_last, *in_direction(*order, descending=descending)), order


def is_in_part(key: Any, part: Part) -> ColumnElement[bool]:
    """The criterion of keys of records that have a value, or of those that have none."""
    criterion: ColumnElement[bool] = key < LAST if part == "filled" else key == LAST
    return criterion


def parameters_of(collection: Collection, fields: list[Field], view: View) -> dict[str, Any]:
    """The parameters by which selects know what is looked at."""
    field = next((field for field in fields if field.ref == view.key), None)
    about = {"collection_id": collection.id, **name_words(view.words)}
    if field is None:
        return about
    return about | {"field_id": field.id} | ({} if field.keyed else {"of_none": field.sort_key("")})


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
        statement, order = in_order(select(Record).where(*is_listed(words)), by_key=by_key, descending=descending)
        if by_key:
            statement = statement.add_columns(order[0])
        return statement.limit(LIST_PAGE_SIZE).offset(bindparam("offset"))

    return PreparedSelect(make)


@cache
def select_page_of_keys(*, descending: bool, from_end: bool, many: bool) -> PreparedSelect[Record, str]:
    """The select of `most` of a collection's records in the order of their keys in the field `field_id`, with these:
    every kept record has one there, and no other. What comes before the page, or behind it, is skipped in the index of
    the keys, which has the records' numbers, too.

    Downwards, a page has what it can of those that have a value, and then of the others.
    """
    most, skipped = bindparam("most", type_=Integer()), bindparam("skipped", type_=Integer())

    def make() -> Select[Record, str]:
        if descending:
            one, other = order_keys("filled", descending=not from_end), order_keys("empty", descending=not from_end)
            page = follow_keys(*((other, one) if from_end else (one, other)), most, skipped)
        else:
            page = order_keys("all", descending=from_end).limit(most).offset(skipped).subquery("page")
        # An outer join begins with the page: SQLite would look for it in all records of the collection.
        listed = and_(Record.number == page.c.number, *is_listed(0))
        found = select(Record, page.c.sort_key).select_from(page).outerjoin(Record, listed)
        empty_last = [page.c.sort_key == LAST] if descending else []
        in_page = *empty_last, *in_direction(page.c.sort_key, page.c.number, descending=descending)
        return found.where(func.coalesce(Record.id, 0) != 0).order_by(*in_page)

    return PreparedSelect(make, many=many)


def follow_keys(first: Select[str, int], then: Select[str, int], most: Any, skipped: Any) -> Subquery:
    """A page of what is in two selects of keys, one after the other: what it can have of the first, and then of the
    other."""
    begun = first.limit(most).offset(skipped).cte("begun")
    there = select(func.count()).select_from(begun).scalar_subquery()
    passed = select(func.count()).select_from(first.limit(skipped).subquery("passed")).scalar_subquery()
    rest = then.limit(most - there).offset(case((there == 0, skipped - passed), else_=0)).subquery("rest")
    both = union_all(select(begun), select(rest))
    return both.add_cte(begun, nest_here=True).subquery("page")


def order_keys(part: Part, *, descending: bool) -> Select[str, int]:
    """The select of the keys in the field `field_id`, with the numbers of their records."""
    keys = select(RecordKey.sort_key, RecordKey.number).where(RecordKey.field_id == bindparam("field_id"))
    if part != "all":
        keys = keys.where(is_in_part(RecordKey.sort_key, part))
    return keys.order_by(*in_direction(RecordKey.sort_key, RecordKey.number, descending=descending))


@cache
def select_numbers(*, descending: bool, many: bool) -> PreparedSelect[int]:
    """The select of `most` numbers of a collection's records, from the index that has them in order."""

    def make() -> Select[int]:
        ordered = (
            select(Record.number).where(*is_listed(0)).order_by(*in_direction(Record.number, descending=descending))
        )
        return ordered.limit(bindparam("most")).offset(bindparam("skipped"))

    return PreparedSelect(make, many=many)


def in_direction(*columns: Any, descending: bool) -> list[Any]:
    """Columns to order by, upwards or downwards."""
    return [column.desc() if descending else column for column in columns]


async def count_view(transaction: Transaction, collection: Collection, view: View) -> int:
    """How many records a view has on all its pages."""
    if not view.words:
        return collection.total
    counted = select_list_count(len(view.words))
    return await transaction.value(counted, collection_id=collection.id, **name_words(view.words)) or 0


async def list_numbered(transaction: Transaction, collection: Collection, numbers: list[int]) -> list[Record]:
    """The records that have these numbers, as these are in order."""
    found = await find_numbered(transaction, collection, numbers) if numbers else []
    records = {record.number: record for record in found}
    return [records[number] for number in numbers if number in records]


async def list_records(transaction: Transaction, collection: Collection, fields: list[Field], view: View) -> Listing:
    """The records of a view's page; of the last page when there are fewer.

    A page that is nearer to the end is walked to from there. That is not done where words are searched, nor by a field
    whose keys are not all written yet.
    """
    count = await count_view(transaction, collection, view)
    page = min(view.page, max(1, -(-count // LIST_PAGE_SIZE)))
    view = View(view.query, view.sort, page)
    by_key, offset = keys_for(fields, view), (page - 1) * LIST_PAGE_SIZE
    parameters = parameters_of(collection, fields, view)
    if view.words or by_key == "some" or (not by_key and offset <= DEEP):
        select_page = select_list_page(len(view.words), by_key=by_key, descending=view.descending)
        rows = await transaction.rows(select_page, **parameters, offset=offset)
    else:
        most = min(LIST_PAGE_SIZE, count - offset)
        from_end = count - offset - most < offset
        skipped = count - offset - most if from_end else offset
        parameters |= {"most": most, "skipped": skipped}
        if not by_key:
            select_shown = select_numbers(descending=view.descending != from_end, many=skipped > MOST_SKIPPED)
            numbers = await transaction.column(select_shown, **parameters)
            ordered = numbers[::-1] if from_end else numbers
            return Listing(view, await list_numbered(transaction, collection, ordered), count, {})
        select_keyed = select_page_of_keys(descending=view.descending, from_end=from_end, many=skipped > MOST_SKIPPED)
        rows = await transaction.rows(select_keyed, **parameters)
    keys = {record.id: key for record, key in rows} if by_key else {}
    return Listing(view, [record for record, *_ in rows], count, keys)
