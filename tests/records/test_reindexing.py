"""What is searched and sorted of records is made anew, also where fields are changed while it is."""

from __future__ import annotations

from typing import Any

import pytest
from alembic import command
from msgspec.structs import replace
from sqlalchemy import select, update

from app.accounts.members import Member, choose_time_zone
from app.database import Database, Tenant, Transaction
from app.database.facts import Actor
from app.jobs.jobs import Job
from app.jobs.runner import Runner
from app.migration import configuration
from app.records import reindexing
from app.records.adding import create_record
from app.records.channels import show_fields
from app.records.collections import get_collection
from app.records.definitions import append_field, change_field
from app.records.facts import FieldsChanged
from app.records.fields import list_fields
from app.records.keys import FORGET_KEY, FORGET_KEYS, RecordKey
from app.records.kinds.collation import DIGITS, LAST, load_collator, spell_number, write_weight
from app.records.kinds.kind import FieldKind
from app.records.lists import View, list_records
from app.records.record_facts import RecordsReindexed
from app.records.records import Record, search_text
from app.records.reindexing import LIST_SORTED_BY, WRITE_SORT_KEY, find_stale, reindex_soon, write_anew
from app.settings import read_settings
from app.tenants.members import rename_member
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
    looks = 0

    async def change_before_the_second_look(*given: Any) -> Any:
        nonlocal looks
        looks += 1
        if looks == 2:
            await change(database, "status", choices=["Lost", "Lent", "Ordered", "On the shelf"])
        return await find_stale(*given)

    await change(database, "status", choices=["Ordered", "On the shelf", "Lent", "Lost"])
    monkeypatch.setattr(reindexing, "MOST_LOOKED_AT", 10)
    monkeypatch.setattr(reindexing, "find_stale", change_before_the_second_look)
    await do_jobs(database, store)
    assert looks > 3, "it was changed between two looks"
    assert await count_stale(database) == (0, 0)


async def write_searched(database: Database, text: str, *numbers: int) -> None:
    """Let records be found by another text than they should."""
    async with database.write(ACME) as transaction:
        await transaction.execute(update(Record).where(Record.number.in_(numbers)).values(search=text))


async def rename(database: Database, member_id: int, name: str) -> None:
    """Let somebody be called otherwise."""
    async with database.write(ACME) as transaction:
        rename_member(transaction, await transaction.get_one(Member, member_id), name)


async def test_a_second_name_while_the_first_is_made_anew_is_found_and_sorted(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.write(ACME) as transaction:
        books, ana = await get_collection(transaction, "books"), await transaction.get_one(Member, 1)
        await append_field(transaction, books, ana, label="Added by", kind_name="created_by")
    await do_jobs(database, store)
    looks = 0

    async def rename_after_the_last_look(*given: Any) -> Any:
        nonlocal looks
        found = await find_stale(*given)
        looks += 1
        if found[0] is None and looks < 10:
            looks = 10
            await rename(database, 1, "Ana Zwei")
        return found

    await rename(database, 1, "Ana Eins")
    assert await count_stale(database) != (0, 0)
    monkeypatch.setattr(reindexing, "find_stale", rename_after_the_last_look)
    await do_jobs(database, store)
    assert looks > 10
    assert await count_stale(database) == (0, 0)


async def test_times_are_found_as_each_member_sees_them_also_when_a_zone_is_new(
    database: Database, store: Store
) -> None:
    async with database.write(ACME) as transaction:
        books, ana = await get_collection(transaction, "books"), await transaction.get_one(Member, 1)
        seen = await append_field(transaction, books, ana, label="Seen", kind_name="moment")
        await create_record(transaction, books, {"f1": "Iracema", seen.ref: "2021-12-26 00:30 UTC"}, ana)
    await do_jobs(database, store)

    async def find(query: str) -> int:
        async with database.read(ACME) as transaction:
            books = await get_collection(transaction, "books")
            fields = await list_fields(transaction, books)
            return (await list_records(transaction, books, fields, View(query=query))).count

    assert (await find("dec 26, 2021, 12:30 am"), await find("12/25/2021 21:30")) == (1, 0)
    async with database.write(ACME) as transaction:
        choose_time_zone(transaction, await transaction.get_one(Member, 2), "America/Sao_Paulo")
    assert await count_stale(database) != (0, 0)
    await do_jobs(database, store)
    assert await count_stale(database) == (0, 0)
    assert (await find("12/26/2021 00:30 utc"), await find("12/25/2021 21:30")) == (1, 1)
    async with database.write(ACME) as transaction:
        choose_time_zone(transaction, await transaction.get_one(Member, 3), "America/Sao_Paulo")
    assert not store.rows("SELECT 1 FROM job WHERE name LIKE 'records.reindex%'"), "in which somebody lives already"


async def test_what_is_as_it_should_be_is_not_written(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    async def note_written(transaction: Transaction, books: int, stale: dict[int, Any]) -> None:
        written.extend(stale)
        await write_anew(transaction, books, stale)

    monkeypatch.setattr(reindexing, "write_anew", note_written)
    await write_searched(database, "nothing", 3, 5)
    async with database.write(ACME) as transaction:
        await reindex_soon(transaction, (await get_collection(transaction, "books")).id)
    await do_jobs(database, store)
    assert sorted(store.rows(f"SELECT number FROM record WHERE id IN ({', '.join(map(str, written))})")) == [(3,), (5,)]
    assert await count_stale(database) == (0, 0)


async def test_what_somebody_writes_between_a_look_and_its_step_stays(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def edit_before(transaction: Transaction, books: int, stale: dict[int, Any]) -> None:
        monkeypatch.setattr(reindexing, "write_anew", write_anew)
        seen = {record_id: replace(each, seen={"f1": "Another"}) for record_id, each in stale.items()}
        await write_anew(transaction, books, seen)  # as if each had been another when it was looked at

    await write_searched(database, "as somebody wrote it", 3)
    monkeypatch.setattr(reindexing, "write_anew", edit_before)
    async with database.write(ACME) as transaction:
        await reindex_soon(transaction, (await get_collection(transaction, "books")).id)
    await do_jobs(database, store)
    assert store.rows("SELECT search FROM record WHERE tenant_id = 1 AND number = 3") == [("as somebody wrote it",)]


async def test_another_locale_makes_all_anew_by_one_job(database: Database, store: Store) -> None:
    await change(database, "year", options={"grouping": True})
    await do_jobs(database, store)
    async with database.write(ACME) as transaction:
        ana = await transaction.get_one(Member, 1)
        await change_settings(
            transaction, ana, name="Acme", language="en", locale="de_DE", color="green", session_days=30
        )
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
    command.downgrade(configuration(store.url, store.owner_url), "0031")
    store.rows("UPDATE record SET search = 'as it was'")
    store.migrate()
    await do_jobs(database, store)
    assert await count_stale(database) == (0, 0)
    assert store.rows("SELECT count(*) FROM record WHERE search = 'as it was'") == [(0,)]


def collate_as_before(text: str) -> str:
    """The sort key of a text as programs wrote it before 0273: each weight was a character."""
    levels: list[list[int]] = [[]]
    for weight in load_collator().sort_key(DIGITS.sub(spell_number, text[:80])):
        if weight:
            levels[-1].append(weight)
        else:
            levels.append([])
    for level, usual in zip(levels[1:3], (0x20, 0x02), strict=False):
        while level and level[-1] == usual:
            level.pop()
    return " ".join("".join(map(write_weight, level)) for level in levels[:3])[:120].rstrip(" ")


async def test_keys_of_texts_are_in_order_as_soon_as_the_tables_are_of_this_version(
    database: Database, store: Store
) -> None:
    titles = ["Dom Casmurro", "dom casmurro", "Łódź", "Волга", "語", "#1 & more", "Item 10", "x" * 200]
    async with database.write(ACME) as transaction:
        books = await get_collection(transaction, "books")
        ana = await transaction.get_one(Member, 1)
        first, *_ = await list_fields(transaction, books)
        for title in titles:
            await create_record(transaction, books, {first.ref: title}, ana)
    command.downgrade(configuration(store.url, store.owner_url), "0272")
    store.rows("DELETE FROM job")
    changed = 0
    async with database.read(ACME) as transaction:
        books = await get_collection(transaction, "books")
        fields = await list_fields(transaction, books)
        for record in await transaction.scalars(select(Record).where(Record.collection_id == books.id)):
            for field in fields:
                if type(field.kind).sort_key is FieldKind.sort_key and record.values.get(field.ref):
                    before = collate_as_before(field.kind.describe(record.values[field.ref], field)) or LAST
                    changed += before != field.sort_key(record.values[field.ref])
                    statement = "UPDATE record_key SET sort_key = ? WHERE record_id = ? AND field_id = ?"
                    store.rows(statement, before, record.id, field.id)
    assert changed > 100
    store.migrate()
    assert await count_stale(database) == (0, 0)
    assert store.rows("SELECT DISTINCT name FROM job") == [("records.reindex-all",)]


@pytest.mark.sqlite
def test_keys_of_some_records_are_found_without_going_through_all(store: Store) -> None:
    shapes = [
        (LIST_SORTED_BY, {}),
        (WRITE_SORT_KEY, {}),
        (FORGET_KEY, {}),
        (FORGET_KEYS, {"field_ids": 8}),
    ]
    for prepared, lengths in shapes:
        words = prepared.confined.compile_for_sqlite(lengths).words
        plan = str(store.rows(f"EXPLAIN QUERY PLAN {words.replace('?', '1')}"))
        assert "sqlite_autoindex_record_key_1 (record_id=?" in plan, plan


def test_pages_that_stay_as_they_are_say_nothing_of_what_is_only_sorted_anew() -> None:
    tenant = Tenant(id=1, slug="acme", name="Acme", language="en", locale="en")
    by = Actor("job")
    anew = RecordsReindexed(by=by, collection_id=7)
    (silent,) = show_fields(tenant, [anew])
    assert 'data-refresh="names"' in silent.body
    shown = list(show_fields(tenant, [FieldsChanged(by=by, collection_id=7), anew]))
    assert [("data-refresh>" in each.body, each.channel) for each in shown] == [(True, "collection.7")]
