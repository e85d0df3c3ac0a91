"""Keys of records while fields and records go into the bin and come back, in whatever order."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.accounts.members import Member
from app.database import Database, now
from app.records.adding import create_record
from app.records.changes import Changed
from app.records.collections import get_collection
from app.records.deleting import delete_record, restore_record
from app.records.fields import Field
from app.records.opening import open_collection
from app.records.records import get_record
from app.records.removing import delete_removed_fields, remove_field, restore_field
from app.web.forms import Invalid
from tests.databases import Store
from tests.records.test_key_writing import ACME, do_all_jobs, find_books, make_unique


async def move_field(database: Database, key: str, *, back: bool) -> Any:
    """Put a field of the books into the bin, or take it out."""
    async with database.write(ACME) as transaction:
        books, fields = await open_collection(transaction, "books")
        ana = await transaction.get_one(Member, 1)
        if back:
            (field,) = (each for each in fields.in_bin if each.key == key)
            return await restore_field(transaction, books, field, ana)
        (field,) = (each for each in fields if each.key == key)
        return await remove_field(transaction, books, field, ana)


async def move_record(database: Database, number: int, *, back: bool) -> None:
    """Put a book into the bin, or take it out."""
    async with database.write(ACME) as transaction:
        books, ana = await get_collection(transaction, "books"), await transaction.get_one(Member, 1)
        record = await get_record(transaction, books, number, deleted=None)
        move = restore_record if back else delete_record
        await move(transaction, books, record, ana, version=record.version)


async def add_book(database: Database, **values: str) -> int:
    async with database.write(ACME) as transaction:
        books, ana = await get_collection(transaction, "books"), await transaction.get_one(Member, 1)
        return (await create_record(transaction, books, {"title": "A book"} | values, ana)).number


async def test_a_field_whose_values_are_unique_keeps_its_keys_in_the_bin(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await add_book(database, isbn="one of a kind")
    await move_field(database, "isbn", back=False)
    await do_all_jobs(database)
    await move_record(database, number, back=False)
    await move_record(database, number, back=True)
    monkeypatch.delattr("app.records.removing.set_unique")  # nothing is written of each record
    assert await move_field(database, "isbn", back=True)
    with pytest.raises(Invalid):
        await add_book(database, isbn="One of a kind")
    await do_all_jobs(database)
    check_keys(store)


async def test_a_value_that_came_back_twice_while_the_field_was_away_makes_it_unique_no_more(
    database: Database, store: Store
) -> None:
    first = await add_book(database, isbn="the same")
    await move_record(database, first, back=False)
    await add_book(database, isbn="the same")
    await move_field(database, "isbn", back=False)
    await move_record(database, first, back=True)
    await do_all_jobs(database)
    assert await move_field(database, "isbn", back=True) is False
    await add_book(database, isbn="the same")
    await do_all_jobs(database)
    check_keys(store)


def check_keys(store: Store) -> None:
    """Each kept book has one key in each field, no other has any; values that are to be unique have each a key of their
    own."""
    fields = store.rows(
        'SELECT id, "unique", keyed FROM field WHERE collection_id = 1 AND tenant_id = 1 AND removed_at IS NULL'
    )
    kept = store.rows('SELECT id, "values" FROM record WHERE collection_id = 1 AND deleted_at IS NULL ORDER BY id')
    for field_id, unique, keyed in fields:
        keys = dict(store.rows(f"SELECT record_id, unique_key FROM record_key WHERE field_id = {field_id}"))
        if keyed:
            assert sorted(keys) == [record_id for record_id, _ in kept]
        if unique:
            values = [json.loads(values) if isinstance(values, str) else values for _, values in kept]
            texts = [each[f"f{field_id}"].lower() for each in values if each.get(f"f{field_id}")]
            assert len(set(texts)) == len(texts) == sum(key is not None for key in keys.values())


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_is_done_in_whatever_order_the_keys_are_those_of_the_records(
    database: Database, store: Store, seed: int
) -> None:
    chance, numbers, away = random.Random(seed), [], {"isbn": False, "author": False}
    for step in range(40):
        what = chance.choice(("add", "bin", "restore", "field", "field", "unique", "jobs"))
        try:
            if what == "add":
                numbers.append(await add_book(database, isbn=f"isbn {chance.randrange(4)}", author=f"by {step % 5}"))
            elif what == "field":
                key = chance.choice(("isbn", "author"))
                await move_field(database, key, back=away[key])
                away[key] = not away[key]
            elif what == "unique":
                async with database.write(ACME) as transaction:
                    _, field = await find_books(transaction, "isbn")
                    await make_unique(transaction, "isbn", unique=not field.unique)
            elif what == "jobs":
                await do_all_jobs(database)
            elif numbers:
                await move_record(database, chance.choice(numbers), back=what == "restore")
        except (Invalid, Changed, AssertionError):
            pass
        check_keys(store)
    await do_all_jobs(database)
    check_keys(store)
    assert store.rows("SELECT 1 FROM field WHERE NOT keyed AND removed_at IS NULL") == []


async def test_the_keys_of_a_field_that_is_forgotten_go_before_it_a_part_at_a_time(
    database: Database, store: Store
) -> None:
    await move_field(database, "isbn", back=False)
    async with database.write(ACME) as transaction:
        long_ago = update(Field).where(Field.key == "isbn").values(removed_at=now() - timedelta(days=99))
        await transaction.execute(long_ago.execution_options(synchronize_session=False))
    (isbn,) = store.rows("SELECT id FROM field WHERE key = 'isbn' AND tenant_id = 1")[0]
    counted = f"SELECT count(*) FROM record_key WHERE field_id = {isbn}"
    ((before,),) = store.rows(counted)
    async with database.write(ACME) as transaction:
        assert await delete_removed_fields(transaction, 7) == 7
    assert store.rows(counted) == [(before - 7,)]
    async with database.write(ACME) as transaction:
        assert await delete_removed_fields(transaction, before) == 1
    assert store.rows(f"SELECT 1 FROM field WHERE id = {isbn}") == []
