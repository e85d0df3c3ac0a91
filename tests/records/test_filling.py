"""Many records without a value are given one, a few at a time."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

from app.accounts.members import Member
from app.database import Database
from app.records.changes import change_record
from app.records.collections import get_collection
from app.records.definitions import append_field
from app.records.fields import list_fields
from app.records.filling import FILLED_IN_A_STEP, fill_in_steps, list_lacking
from app.records.opening import open_collection
from app.records.records import get_record
from tests.fields import typed_of

ACME = 1


async def test_many_records_are_filled_a_few_in_each_transaction_and_what_has_a_value_by_then_keeps_it(
    database: Database,
) -> None:
    async with database.write(ACME) as transaction:
        books, ana = await get_collection(transaction, "books"), await transaction.get_one(Member, 1)
        shelf = await append_field(transaction, books, ana, label="Shelf", kind_name="text")
    async with database.read(ACME) as transaction:
        numbers, more = await list_lacking(transaction, shelf)
    assert not more
    assert len(numbers) > FILLED_IN_A_STEP
    begun: list[int] = []

    @asynccontextmanager
    async def begin() -> Any:
        async with database.write(ACME) as transaction:
            member = await transaction.get_one(Member, 1)
            begun.append(1)
            yield transaction, member
            books, _ = await open_collection(transaction, "books")
            last = await get_record(transaction, books, numbers[-1])
            if len(begun) == 1:  # somebody else does so meanwhile
                await change_record(
                    transaction, books, last, typed_of(last) | {shelf.ref: "mine"}, member, version=last.version
                )

    assert await fill_in_steps(begin, "books", shelf.key, "B", numbers)
    assert len(begun) >= len(numbers) / FILLED_IN_A_STEP
    async with database.read(ACME) as transaction:
        books = await get_collection(transaction, "books")
        fields = await list_fields(transaction, books)
        assert await list_lacking(transaction, fields[-1]) == ([], False)
        values = [(await get_record(transaction, books, number)).values[shelf.ref] for number in numbers]
        assert values == ["B"] * (len(numbers) - 1) + ["mine"]
