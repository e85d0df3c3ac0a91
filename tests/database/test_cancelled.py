"""A transaction whose task is cancelled leaves nothing behind, wherever it was: people close pages all the time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.members import Member
from app.database import Database
from app.database.steps import HURRIED
from app.features import open_database
from tests.databases import KIND, Store

ACME = 1
MOST_WAITS = 200


@coroutine
def cancelled_at(waits: int, work: Coroutine[Any, Any, None]) -> Generator[Any, Any, bool]:
    """Do some work in this task, and cancel it when it waits for the so-manieth time. Whether it came to that."""
    count, going_on = 0, work.__await__()
    value: Any = None
    try:
        awaited = going_on.send(None)
        while True:
            count += 1
            if count == waits:
                task = asyncio.current_task()
                assert task
                task.cancel()
            try:
                value = yield awaited
            except BaseException as error:
                awaited = going_on.throw(error)
            else:
                awaited = going_on.send(value)
    except StopIteration:
        return False
    except asyncio.CancelledError:
        task = asyncio.current_task()
        assert task
        task.uncancel()
        return True


async def rename(database: Database, name: str) -> None:
    async with database.write(ACME) as transaction:
        member = await transaction.get_one(Member, 1)
        await transaction.change(member, name=name)


async def read_name(database: Database) -> str:
    async with database.read(ACME) as transaction:
        return (await transaction.scalars(select(Member.name).where(Member.id == 1))).one()


async def look(database: Database) -> None:
    assert await read_name(database)


@pytest.mark.parametrize("writes", [False, True])
async def test_what_comes_after_a_cancelled_transaction_reads_and_keeps_as_ever(store: Store, writes: bool) -> None:
    database = open_database(store.url, readers=1, writers=1)
    await look(database)
    waits, was_cancelled = 0, True
    while was_cancelled and waits < MOST_WAITS:
        waits += 1
        work = rename(database, f"Cancelled {waits}") if writes else look(database)
        was_cancelled = await cancelled_at(waits, work)
        assert not HURRIED
        await rename(database, f"Ana {waits}")
        assert store.rows("SELECT name FROM member WHERE id = 1") == [(f"Ana {waits}",)], "it is kept"
        assert await read_name(database) == f"Ana {waits}", "and read"
        store.rows("UPDATE member SET name = ? WHERE id = 1", f"Bruno {waits}")
        assert await read_name(database) == f"Bruno {waits}"
    assert not was_cancelled, "each of its waits has had its turn"
    if KIND == "postgresql":
        assert waits > 4
    await database.close()
