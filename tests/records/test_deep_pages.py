"""A page deep in a list has what it would have if all before it were looked at."""

from __future__ import annotations

import pytest

from app.accounts.members import Member
from app.database import Database
from app.database.fast import inline
from app.records import lists
from app.records.adding import create_record
from app.records.collections import get_collection
from app.records.deleting import delete_record
from app.records.fields import list_fields
from app.records.lists import LIST_PAGE_SIZE, View, list_records
from tests.statements import noting_statements

ACME = 1
ADDED = 3 * LIST_PAGE_SIZE


@pytest.mark.parametrize("sort", ["number", "-number", "title", "-title", "author", "-author"])
async def test_pages_that_are_deep_have_what_follows_the_ones_before(
    database: Database, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    monkeypatch.setattr(inline, "TIME_BUDGET", 60.0)  # what takes long is begun twice
    async with database.write(ACME) as transaction:
        ana = await transaction.get_one(Member, 1)
        books = await get_collection(transaction, "books")
        fields = await list_fields(transaction, books)
        title, author = fields.find("title"), fields.find("author")
        assert title
        assert author
        for number in range(ADDED):
            values = {title.ref: f"Title {number * 7 % ADDED:03d}", author.ref: f"{number % 5}" if number % 3 else ""}
            record = await create_record(transaction, books, values, ana)
            if number % 10 == 0:
                await delete_record(transaction, books, record, ana, version=record.version)
    async with database.read(ACME) as transaction:
        books = await get_collection(transaction, "books")
        fields = await list_fields(transaction, books)
        field = fields.find(sort.removeprefix("-"))
        by = f"{'-' if sort.startswith('-') else ''}{field.ref if field else 'number'}"
        pages = -(-books.total // LIST_PAGE_SIZE)
        for deep in (False, True):
            monkeypatch.setattr(lists, "DEEP", -1 if deep else 10_000)
            monkeypatch.setattr(lists, "MOST_SKIPPED", -1 if deep else 10_000)
            found = []
            for page in range(1, pages + 1):
                with noting_statements() as asked:
                    listing = await list_records(transaction, books, fields, View(sort=by, page=page))
                assert len(asked) == 1 or (deep and not field), "each is a trip to a server"
                assert len(listing.records) == min(LIST_PAGE_SIZE, books.total - (page - 1) * LIST_PAGE_SIZE)
                found += [(listing.keys.get(each.id, ""), each.number) for each in listing.records]
            assert len(set(found)) == books.total
            empty = field.sort_key("") if field else None
            filled = [each for each in found if each[0] != empty]
            assert filled == sorted(filled, reverse=by.startswith("-"))
            others = found[len(filled) :]
            assert others == sorted((each for each in found if each[0] == empty), reverse=by.startswith("-"))
