"""Keys of all records at once: of a field that is new, or whose values become unique."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import func, select, update

from app.accounts.members import Member
from app.database import Database, PreparedCopy, Tenant, TenantScopeError, Transaction
from app.jobs.jobs import ClaimedJob
from app.jobs.runner import Runner
from app.records.adding import create_record
from app.records.collections import get_collection
from app.records.definitions import append_field, change_field
from app.records.exports import select_batch
from app.records.fields import Field, list_fields
from app.records.following import list_following
from app.records.key_writing import COPY_NUMBERS, LIST_UNKEYED, stage_unique
from app.records.keys import RecordKey
from app.records.kinds.collation import LAST
from app.records.lists import View, list_records
from app.records.opening import open_collection
from app.records.records import Record, find_record
from app.records.revisions import Revision
from app.web.forms import Invalid
from tests.databases import Store
from tests.test_isolation import SETTINGS

ACME, GLOBEX = 1, 2


async def find_books(transaction: Transaction, key: str) -> tuple[Any, Field]:
    books = await get_collection(transaction, "books")
    field = (await list_fields(transaction, books)).find(key)
    assert field is not None
    return books, field


async def do_all_jobs(database: Database) -> None:
    """Do what is due, as the program does."""
    runner = Runner(database, SETTINGS)
    while await runner.step():
        pass


async def make_unique(transaction: Transaction, key: str, *, unique: bool = True) -> None:
    """Let the values of a field of the books be unique."""
    books, field = await find_books(transaction, key)
    given = {"label": field.label, "required": False, "unique": unique, "help": "", "default": "", "choices": ()}
    await change_field(transaction, books, field, await transaction.get_one(Member, 1), **given)


async def test_a_new_field_has_a_key_for_each_record_that_is_kept_of_this_workspace_alone(database: Database) -> None:
    async with database.write(ACME) as transaction:
        books, ana = await get_collection(transaction, "books"), await transaction.get_one(Member, 1)
        field = await append_field(transaction, books, ana, label="Shelf", kind_name="text")
        assert not field.keyed
    await do_all_jobs(database)
    async with database.read(ACME) as transaction:
        assert (await transaction.get_one(Field, field.id)).keyed
        kept = select(Record.id, Record.number).where(Record.collection_id == books.id, Record.deleted_at.is_(None))
        keys = select(RecordKey.record_id, RecordKey.number).where(
            RecordKey.field_id == field.id, RecordKey.sort_key == LAST, RecordKey.unique_key.is_(None)
        )
        found = sorted(tuple(row) for row in await transaction.execute(keys))
        assert found == sorted(tuple(row) for row in await transaction.execute(kept))
        assert found
    async with database.write(GLOBEX) as transaction:
        copied = await transaction.apply(
            COPY_NUMBERS, collection_id=books.id, of_field=field.id, of_none=LAST, after=0, last=99
        )
        assert copied.changed == 0, "the collection is another workspace's"


async def export(transaction: Transaction, books: Any, fields: list[Field], view: View, *, after: int) -> list[int]:
    """The numbers of the records that an export of a view has behind one, where it goes on."""
    rows = await list_following(transaction, select_batch, books, fields, view, (), 99)
    place = next(place for (number, *_), place in rows if number == after)
    following = await list_following(transaction, select_batch, books, fields, view, place, 99)
    return [number for (number, *_), _ in following]


@pytest.mark.parametrize(("kind_name", "value", "first_downwards"), [("text", "B", 0), ("yes_no", "yes", -1)])
async def test_a_list_has_every_record_while_the_keys_of_a_new_field_are_written(
    database: Database, store: Store, kind_name: str, value: str, first_downwards: int
) -> None:
    async with database.write(ACME) as transaction:
        books, ana = await get_collection(transaction, "books"), await transaction.get_one(Member, 1)
        shelf = await append_field(transaction, books, ana, label="Shelf", kind_name=kind_name)
        assert store.rows(f"SELECT 1 FROM record_key WHERE field_id = {shelf.id}") == [], "that is left to the job"
        record = await create_record(transaction, books, {"title": "Filed", "shelf": value}, ana)
        total = books.total
    assert total <= 50
    for done in (False, True):
        if done:
            await do_all_jobs(database)
        async with database.read(ACME) as transaction:
            books, fields = await open_collection(transaction, "books")
            assert all(field.keyed == (done or field.id != shelf.id) for field in fields)
            for sort, first in ((shelf.ref, 0), (f"-{shelf.ref}", first_downwards)):
                listing = await list_records(transaction, books, fields, View(sort=sort))
                numbers = [each.number for each in listing.records]
                assert len(set(numbers)) == len(numbers) == total
                assert numbers[first] == record.number
                assert listing.keys[record.id] == shelf.sort_key(str(record.values[shelf.ref]))
                others = numbers[1:] if first == 0 else numbers[:-1]
                assert others == sorted(others, reverse=sort != shelf.ref)
                assert {listing.keys[each.id] for each in listing.records[1:-1]} == {shelf.sort_key("")}
                assert await export(transaction, books, fields, View(sort=sort), after=numbers[20]) == numbers[21:]
                found = await list_records(transaction, books, fields, View(query="filed", sort=sort))
                assert [each.number for each in found.records] == [record.number]


async def test_who_adds_another_field_while_keys_are_written_has_them_written_once_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def add(label: str) -> int:
        async with database.write(ACME) as transaction:
            books, ana = await get_collection(transaction, "books"), await transaction.get_one(Member, 1)
            return (await append_field(transaction, books, ana, label=label, kind_name="text")).id

    added = [await add("Shelf")]
    finishing = ClaimedJob.finishing

    def add_first(self: ClaimedJob) -> Any:
        @asynccontextmanager
        async def work() -> AsyncIterator[Transaction]:
            if len(added) == 1:
                added.append(await add("Room"))
            async with finishing(self) as transaction:
                yield transaction
            if len(seen) < 2:
                async with database.read(ACME) as reading:
                    seen.append([(await reading.get_one(Field, each)).keyed for each in added])

        return work()

    seen: list[list[bool]] = []
    monkeypatch.setattr(ClaimedJob, "finishing", add_first)
    await do_all_jobs(database)
    assert seen == [[False, False], [True, True]]


async def test_a_copy_is_of_one_table_and_of_one_workspace(database: Database) -> None:
    of_two = PreparedCopy(RecordKey, lambda: select(Record.id.label("record_id"), Revision.version.label("number")))
    of_none = PreparedCopy(RecordKey, lambda: select(Tenant.id.label("record_id")))
    for refused in (of_two, of_none):
        async with database.write(ACME) as transaction:
            with pytest.raises(TenantScopeError):
                await transaction.apply(refused)
    guarded = PreparedCopy(Record, lambda: select(Record.id.label("id")))
    async with database.write(ACME) as transaction:
        with pytest.raises(TypeError):
            await transaction.apply(guarded)
    async with database.write() as transaction:
        with pytest.raises(TenantScopeError):
            await transaction.apply(COPY_NUMBERS, collection_id=1, of_field=1, of_none=LAST, after=0, last=99)


async def test_what_was_staged_is_left_as_it_is_and_what_was_changed_since_is_added(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.read(ACME) as transaction:
        books, title = await find_books(transaction, "title")
        total = await transaction.scalar(select(func.count(Record.id)).where(Record.collection_id == books.id))
    await stage_unique(database, ACME, books.id, title.id)
    staged = f"SELECT count(*) FROM record_key WHERE field_id = {title.id} AND unique_key IS NOT NULL"
    assert store.rows(staged) == [(total,)]
    async with database.write(ACME) as transaction:
        record = await find_record(transaction, books, 3)
        assert record
        change = update(RecordKey).where(RecordKey.field_id == title.id, RecordKey.record_id == record.id)
        await transaction.execute(change.values(unique_key=None))  # as whoever changes the record leaves it
    written: list[dict[str, Any]] = []
    apply_each = Transaction.apply_each

    async def note_rows(self: Transaction, prepared: Any, *rows: dict[str, Any]) -> None:
        written.extend(rows)
        await apply_each(self, prepared, *rows)

    monkeypatch.setattr(Transaction, "apply_each", note_rows)
    async with database.write(ACME) as transaction:
        await make_unique(transaction, "title")
    assert [row["of_record"] for row in written] == [record.id]
    assert store.rows(staged) == [(total,)]


async def test_values_that_are_there_twice_are_refused_whatever_was_staged(database: Database, store: Store) -> None:
    async with database.read(ACME) as transaction:
        books, author = await find_books(transaction, "language")
    await stage_unique(database, ACME, books.id, author.id)
    with pytest.raises(Invalid, match="unique") as refused:
        async with database.write(ACME) as transaction:
            await make_unique(transaction, "language")
    assert "has a value that another record also has" in str(refused.value.errors["unique"])
    assert store.rows(f'SELECT 1 FROM field WHERE id = {author.id} AND "unique"') == []


@pytest.mark.sqlite
def test_values_without_a_key_are_found_by_their_numbers(store: Store) -> None:
    words = LIST_UNKEYED.confined.compile_for_sqlite({}).words
    plan = str(store.rows(f"EXPLAIN QUERY PLAN {words.replace('?', '1')}"))
    assert "(tenant_id=? AND collection_id=? AND number>? AND number<?)" in plan, plan
    assert "sqlite_autoindex_record_key_1 (record_id=? AND field_id=?)" in plan, plan
