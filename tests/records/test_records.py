"""Records: what is done with them keeps versions, revisions, totals, keys and unique values true."""

from __future__ import annotations

import random
from functools import partial
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar.exceptions import NotFoundException
from sqlalchemy import func, select, update

from app.accounts.members import Member, find_member
from app.database import Database, Transaction
from app.folding import fold
from app.records.adding import create_record
from app.records.changes import Changed, change_record
from app.records.collections import Collection, get_collection
from app.records.deleting import delete_record, restore_record
from app.records.fields import list_fields
from app.records.key_writing import set_unique
from app.records.keys import RecordKey, find_taken, unique_key
from app.records.kinds.collation import LAST
from app.records.lists import View, list_records
from app.records.records import Record, get_record
from app.records.revisions import Revision
from app.web.forms import Invalid
from tests.fields import by_key, make_field

ACME = 1
ISBN = make_field("text")
BOOK = {"title": "Helena", "author": "Machado de Assis", "year": "1876", "isbn": "978-1"}


async def setting(transaction: Transaction) -> tuple[Collection, Member]:
    member = await find_member(transaction, "ana@acme.test")
    assert member is not None
    return await get_collection(transaction, "books"), member


async def test_a_record_gets_the_next_number_and_its_first_revision(database: Database) -> None:
    async with database.write(ACME) as transaction:
        books, ana = await setting(transaction)
        record = await create_record(transaction, books, BOOK, ana)
        assert (record.number, record.version, books.total) == (43, 1, 43)
        revision = (await transaction.scalars(select(Revision).where(Revision.record_id == record.id))).one()
        assert (revision.version, revision.what) == (1, "created")
        assert by_key(await list_fields(transaction, books), revision.values) == BOOK


async def test_every_field_that_will_not_do_is_named_and_nothing_is_written(database: Database) -> None:
    async with database.write(ACME) as transaction:
        books, ana = await setting(transaction)
        with pytest.raises(Invalid) as caught:
            await create_record(transaction, books, {"title": "", "year": "soon", "status": "Burnt"}, ana)
        fields = await list_fields(transaction, books)
        assert by_key(fields, caught.value.errors).keys() == {"title", "year", "status"}
        assert books.last_number == 42


async def test_a_unique_value_is_taken_once_and_free_again_from_the_bin(database: Database) -> None:
    async with database.write(ACME) as transaction:
        books, ana = await setting(transaction)
        first = await create_record(transaction, books, BOOK, ana)
        with pytest.raises(Invalid) as caught:
            await create_record(transaction, books, BOOK, ana)
        assert by_key(await list_fields(transaction, books), caught.value.errors).keys() == {"isbn"}
        await delete_record(transaction, books, first, ana, version=1)
        second = await create_record(transaction, books, BOOK, ana)
        assert second.number == 44
        with pytest.raises(Invalid):
            await restore_record(transaction, books, first, ana, version=2)
        assert first.deleted_at is not None


async def test_an_old_version_saves_deletes_and_restores_nothing(database: Database) -> None:
    async with database.write(ACME) as transaction:
        books, ana = await setting(transaction)
        record = await create_record(transaction, books, BOOK, ana)
        assert await change_record(transaction, books, record, {**BOOK, "year": "1877"}, ana, version=1)
        with pytest.raises(Changed):
            await change_record(transaction, books, record, {**BOOK, "year": "1878"}, ana, version=1)
        with pytest.raises(Changed):
            await delete_record(transaction, books, record, ana, version=1)
        await delete_record(transaction, books, record, ana, version=2)
        with pytest.raises(Changed):
            await restore_record(transaction, books, record, ana, version=2)
        with pytest.raises(NotFoundException):
            await get_record(transaction, books, record.number)
    async with database.read(ACME) as transaction:
        stored = await get_record(transaction, books, record.number, deleted=True)
        values = by_key(await list_fields(transaction, await get_collection(transaction, "books")), stored.values)
        assert (stored.version, values["year"]) == (3, "1877")


async def test_saving_what_is_there_already_makes_no_revision(database: Database) -> None:
    async with database.write(ACME) as transaction:
        books, ana = await setting(transaction)
        record = await create_record(transaction, books, BOOK, ana)
        assert not await change_record(transaction, books, record, BOOK, ana, version=1)
        assert record.version == 1


@pytest.mark.parametrize("seed", range(4))
async def test_any_sequence_of_changes_keeps_the_books_balanced(database: Database, seed: int) -> None:
    dice = random.Random(seed)
    versions: dict[int, int] = {}
    for _ in range(60):
        async with database.write(ACME) as transaction:
            books, ana = await setting(transaction)
            action = dice.choice(["create", "change", "change", "delete", "restore", "stale"])
            number = dice.choice(sorted(versions)) if versions else 0
            typed = {"title": dice.choice(["Ábaco", "abacate", "Zebra", "2"]), "year": str(dice.randint(-9, 2000))}
            if action == "create" or not number:
                made = await create_record(transaction, books, typed, ana)
                versions[made.number] = 1
                continue
            record = await get_record(transaction, books, number, deleted=None)
            version = versions[number] - (action == "stale")
            deleted = record.deleted_at is not None
            try:
                if action in ("change", "stale"):
                    grown = await change_record(transaction, books, record, typed, ana, version=version)
                elif action == "delete" and not deleted:
                    grown = True
                    await delete_record(transaction, books, record, ana, version=version)
                elif action == "restore" and deleted:
                    grown = True
                    await restore_record(transaction, books, record, ana, version=version)
                else:
                    continue
            except Changed:
                assert deleted or action == "stale"
                continue
            assert action != "stale"
            versions[number] += grown
            assert record.version == versions[number]
    async with database.read(ACME) as transaction:
        await check_balance(transaction, versions)


async def check_balance(transaction: Transaction, versions: dict[int, int]) -> None:
    books, _ = await setting(transaction)
    fields = await list_fields(transaction, books)
    kept = list(await transaction.scalars(select(Record).where(Record.deleted_at.is_(None))))
    assert books.total == len(kept)
    revisions = select(Revision.record_id, func.count(), func.max(Revision.version)).group_by(Revision.record_id)
    for _, count, newest in await transaction.execute(revisions):
        assert count == newest
    keys = (await transaction.execute(select(RecordKey.record_id, RecordKey.field_id))).all()
    assert len(keys) == len(kept) * len(fields)
    assert {row.record_id for row in keys} == {record.id for record in kept}
    for record in await transaction.scalars(select(Record).where(Record.number > 42)):
        assert record.version == versions[record.number]
    for field in fields:
        expected = sorted((field.sort_key(record.values.get(field.ref, "")), record.number) for record in kept)
        downwards = sorted(expected, key=lambda each: (each[0] != LAST, each), reverse=True)
        for sort, order in ((field.ref, expected), (f"-{field.ref}", downwards)):
            listing = await list_records(transaction, books, fields, View(sort=sort))
            assert [record.number for record in listing.records] == [number for _, number in order][:50]


async def test_a_unique_text_that_grows_when_it_is_folded_is_unique_too(database: Database) -> None:
    async with database.write(ACME) as transaction:
        books, ana = await setting(transaction)
        long = "\ufdfa" * 60
        await create_record(transaction, books, BOOK | {"isbn": long}, ana)
        with pytest.raises(Invalid) as caught:
            await create_record(transaction, books, BOOK | {"isbn": long}, ana)
        assert by_key(await list_fields(transaction, books), caught.value.errors).keys() == {"isbn"}
        other = await create_record(transaction, books, BOOK | {"isbn": long[:-1] + "x"}, ana)
        (isbn,) = (field for field in await list_fields(transaction, books) if field.key == "isbn")
        await transaction.execute(update(RecordKey).values(unique_key=None).where(RecordKey.field_id == isbn.id))
        await set_unique(transaction, isbn)
        with pytest.raises(Invalid):
            await change_record(transaction, books, other, BOOK | {"isbn": long}, ana, version=1)


# What changes when it is folded: letters with several cases, that become two, or are written in several ways.
FOLDING = "sSſßẞiIİıfﬁﬂﬀﬆkKåÅAσςΣǆǅǄ①1Ⅳ４ﷺé\u0301\u0307\u0130 \u00a0'"
SAME = (str.upper, str.lower, str.casefold, str.title, *(partial(normalize, form) for form in ("NFC", "NFD", "NFKC")))


async def test_what_is_the_same_text_is_the_same_on_every_database(database: Database) -> None:
    drawn: list[str] = []

    @settings(max_examples=150, database=None, deadline=None)
    @given(st.text(alphabet=FOLDING, min_size=1, max_size=6).filter(lambda text: fold(text) != ""))
    def draw(text: str) -> None:
        drawn.append(text)
        for change in SAME:
            # Upper case makes an i of the dotless one, as no other way does.
            if "ı" not in text or change not in (str.upper, str.title):
                assert unique_key(ISBN, change(text)) == unique_key(ISBN, text), (change, text)
        assert unique_key(ISBN, unique_key(ISBN, text)) == unique_key(ISBN, text)

    draw()
    taken: dict[str, int] = {}
    async with database.write(ACME) as transaction:
        books, ana = await setting(transaction)
        for text in drawn:
            if unique_key(ISBN, text) not in taken:
                record = await create_record(transaction, books, BOOK | {"isbn": text}, ana)
                taken[unique_key(ISBN, text)] = record.number
        fields = await list_fields(transaction, books)
        (isbn,) = (field for field in fields if field.key == "isbn")
        variants = {change(text) for text in drawn for change in (str, *SAME)} | {f"{text}x" for text in drawn}
        found = await find_taken(transaction, fields, [{isbn.ref: text} for text in variants])
        assert {key: number for (_, key), (_, number) in found.items()} == {
            unique_key(ISBN, text): taken[unique_key(ISBN, text)]
            for text in variants
            if unique_key(ISBN, text) in taken
        }
        await transaction.execute(update(RecordKey).values(unique_key=None).where(RecordKey.field_id == isbn.id))
        await set_unique(transaction, isbn)
