"""The watch runs in every process; what ends, ends once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from app.database import Database, Transaction
from app.editing import locks, waiting
from app.editing.rows import LEASE
from app.editing.waiting_rows import Waiting
from app.editing.watch import Watch
from app.features import open_database
from app.live.log import LoggedEvent
from app.live.node import Node
from app.records.collections import get_collection
from app.records.records import Record, get_record
from tests.sessions import sign_in

ACME = 1


async def book(transaction: Transaction, number: int) -> Record:
    return await get_record(transaction, await get_collection(transaction, "books"), number)


@pytest.mark.parametrize("processes", [1, 4])
async def test_a_lease_that_ends_makes_it_the_next_one_s_turn_once(
    database: Database, wait: Callable[[float], None], processes: int
) -> None:
    async with database.write(ACME) as transaction:
        row = await book(transaction, 40)
        token = await locks.take_lock(transaction, row, await sign_in(transaction, "ana"), lease=LEASE)
    assert token
    wait(LEASE - 5)
    async with database.write(ACME) as transaction:
        row = await book(transaction, 40)
        for name in ("carla", "davi"):
            await waiting.join_queue(transaction, row, await sign_in(transaction, name), LEASE)
    wait(6)
    others = [open_database(database.url) for _ in range(processes)]
    before = await read_cursor(database)
    await asyncio.gather(*(Watch(other, Node(other)).look_at([ACME]) for other in others))
    async with database.read(ACME) as transaction:
        row = await book(transaction, 40)
        assert (row.lock_name, row.lock_offered, row.lock_token) == ("Carla", True, token.token + 1)
        states = await transaction.scalars(select(Waiting.state).order_by(Waiting.id))
        assert list(states) == ["called", "waiting"]
        channels = list(
            await transaction.scalars(
                select(LoggedEvent.channel).where(LoggedEvent.cursor > before, LoggedEvent.kind.is_(None))
            )
        )
    assert len(channels) == len(set(channels)), "something was published twice"
    for other in others:
        await other.close()


async def read_cursor(database: Database) -> int:
    async with database.read(ACME) as transaction:
        return int(await transaction.scalar(select(func.max(LoggedEvent.cursor))) or 0)
