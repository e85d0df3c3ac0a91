"""What is searched and sorted of records is made anew, also where fields are changed while it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from alembic import command
from sqlalchemy import select

from app.accounts.members import Member
from app.database import Database, Transaction
from app.jobs.jobs import Job
from app.jobs.runner import Runner
from app.migration import configuration
from app.records import reindexing
from app.records.collections import get_collection
from app.records.definitions import change_field
from app.records.fields import list_fields
from app.records.keys import RecordKey
from app.records.records import Record, search_text
from app.settings import read_settings
from app.tenants.workspaces import change_settings
from tests.databases import Store

ACME = 1


async def change(database: Database, key: str, **values: Any) -> None:
    """Change a field of the books."""
    async with database.write(ACME) as transaction:
        books = await get_collection(transaction, "books")
        field = (await list_fields(transaction, books)).find(key)
        assert field is not None
        given = {"label": field.label, "required": False, "unique": False, "help": "", "default": "", "choices": ()}
        await change_field(transaction, books, field, await transaction.get_one(Member, 1), **{**given, **values})


async def do_jobs(database: Database, store: Store) -> None:
    """Do what is to be made anew."""
    runner = Runner(database, read_settings({"DATA_DIR": str(store.directory)}))
    while store.rows("SELECT 1 FROM job WHERE name LIKE 'records.reindex%'"):
        assert await runner.step()


async def count_stale(database: Database) -> tuple[int, int]:
    """How many books, and how many of their keys, are not as their values would have them."""
    async with database.read(ACME) as transaction:
        books = await get_collection(transaction, "books")
        fields = await list_fields(transaction, books)
        found = await transaction.scalars(select(Record).where(Record.collection_id == books.id))
        records = {record.id: record for record in found}
        by_id = {field.id: field for field in fields}
        stale = [each for each in records.values() if each.search != search_text(fields, each.values)]
        keys = [
            key
            for key in await transaction.scalars(select(RecordKey).where(RecordKey.field_id.in_(by_id)))
            if key.sort_key
            != by_id[key.field_id].sort_key(records[key.record_id].values.get(by_id[key.field_id].ref, ""))
        ]
        return len(stale), len(keys)


async def test_what_changes_while_it_is_made_anew_is_made_anew_again(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_batch, write, batches = reindexing.reindex_batch, Database.write, 0

    async def count_batch(*given: Any) -> int | None:
        nonlocal batches
        batches += 1
        return await make_batch(*given)

    @asynccontextmanager
    async def change_before_the_second_batch(self: Database, *given: Any) -> AsyncIterator[Transaction]:
        nonlocal batches
        if batches == 1:
            batches += 1
            await change(database, "status", choices=["Lost", "Lent", "Ordered", "On the shelf"])
        async with write(self, *given) as transaction:
            yield transaction

    await change(database, "status", choices=["Ordered", "On the shelf", "Lent", "Lost"])
    monkeypatch.setattr(reindexing, "REINDEXED_AT_ONCE", 10)
    monkeypatch.setattr(reindexing, "reindex_batch", count_batch)
    monkeypatch.setattr(Database, "write", change_before_the_second_batch)
    await do_jobs(database, store)
    assert batches > 3, "it was changed between two batches"
    assert await count_stale(database) == (0, 0)


async def test_another_locale_makes_all_anew_by_one_job(database: Database, store: Store) -> None:
    await change(database, "year", options={"grouping": True})
    await do_jobs(database, store)
    async with database.write(ACME) as transaction:
        ana = await transaction.get_one(Member, 1)
        await change_settings(transaction, ana, name="Acme", language="en", locale="de_DE", session_days=30)
    stale, _ = await count_stale(database)
    assert stale > 0, "years are found as they are shown"
    async with database.read(ACME) as transaction:
        names = list(await transaction.scalars(select(Job.name).where(Job.name.like("records.%"))))
    assert names == ["records.reindex-all"]
    await do_jobs(database, store)
    assert await count_stale(database) == (0, 0)


async def test_what_an_earlier_version_has_stored_is_made_anew_after_its_migration(
    database: Database, store: Store
) -> None:
    command.downgrade(configuration(store.url, store.owner_url), "0030")
    store.rows("UPDATE record SET search = 'as it was'")
    store.migrate()
    await do_jobs(database, store)
    assert await count_stale(database) == (0, 0)
    assert store.rows("SELECT count(*) FROM record WHERE search = 'as it was'") == [(0,)]
