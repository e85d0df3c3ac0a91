"""Transactions: readers see one snapshot, writers wait for each other, nothing half-done stays."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import TimeoutError

from app.accounts.members import Member
from app.database import Database, engine
from app.database.fast import inline
from app.database.steps import HURRIED, TURNS_AT, take_steps
from app.live.log import LoggedEvent, publish
from tests.processes import KIND, ROOT

ACME = 1


async def test_what_raises_is_undone_and_publishes_nothing(database: Database) -> None:
    announced: list[object] = []
    async with database.read(ACME) as transaction:
        before = transaction.tenant.cursor
    database.on_commit.append(announced.append)
    with pytest.raises(RuntimeError):
        async with database.write(ACME) as transaction:
            member = (await transaction.scalars(select(Member).limit(1))).one()
            member.name = "half-done"
            publish(transaction, "tenant", "never")
            await transaction.flush()
            raise RuntimeError
    async with database.read(ACME) as transaction:
        assert transaction.tenant.cursor == before
        assert await transaction.scalar(select(LoggedEvent.body).where(LoggedEvent.body == "never")) is None
        assert await transaction.scalar(select(Member.name).where(Member.name == "half-done")) is None
    assert announced == []


async def test_a_reader_sees_one_snapshot(database: Database) -> None:
    async with database.read(ACME) as reader:
        before = reader.tenant.cursor
        logged = await reader.scalar(select(func.count(LoggedEvent.cursor)))
        async with database.write(ACME) as writer:
            publish(writer, "tenant", "later")
        assert await reader.scalar(select(func.count(LoggedEvent.cursor))) == logged
    async with database.read(ACME) as reader:
        assert reader.tenant.cursor == before + 1


async def test_twenty_writers_leave_no_gap_in_the_cursor(database: Database) -> None:
    async def write(number: int) -> None:
        async with database.write(ACME) as transaction:
            for part in range(number % 3 + 1):
                publish(transaction, "tenant", f"{number}.{part}")

    async with database.read(ACME) as transaction:
        before = transaction.tenant.cursor
    await asyncio.gather(*(write(number) for number in range(20)))
    async with database.read(ACME) as transaction:
        written = select(LoggedEvent.cursor, LoggedEvent.body).where(LoggedEvent.cursor > before)
        rows = (await transaction.execute(written)).all()
        assert sorted(row.cursor for row in rows) == list(range(before + 1, transaction.tenant.cursor + 1))
        assert len({row.body for row in rows}) == len(rows) == sum(number % 3 + 1 for number in range(20))


@pytest.mark.sqlite
async def test_who_comes_first_writes_first(database: Database) -> None:
    """Also before who comes in the moment in which the connection is given back."""
    order: list[str] = []
    tasks: list[asyncio.Task[None]] = []

    async def write(name: str) -> None:
        async with database.write(ACME):
            order.append(name)

    def come(*_: object) -> None:
        tasks.append(asyncio.create_task(write("late")))

    async with database.write(ACME):
        tasks += [asyncio.create_task(write(name)) for name in ("first", "second")]
        await asyncio.sleep(0)  # now both stand in line
        event.listen(database.writer.sync_engine, "checkin", come, once=True)
    while any(not task.done() for task in tasks):
        await asyncio.gather(*tasks)
    assert order == ["first", "second", "late"]


async def test_who_waits_too_long_for_others_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "TURN_SECONDS", 0.01)
    async with AsyncExitStack() as others:
        while database.to_write.free:
            await others.enter_async_context(database.to_write.take(object()))
        with pytest.raises(TimeoutError):
            async with database.write(ACME):
                pass
    async with database.write(ACME) as transaction:
        assert transaction.tenant.id == ACME


@pytest.mark.sqlite
async def test_a_long_step_that_begins_to_write_goes_on_to_its_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All who write wait for what it has, of whichever workspace."""
    monkeypatch.setattr(inline, "TIME_BUDGET", 60.0)
    order: list[str] = []

    async def write() -> None:
        TURNS_AT[asyncio.get_running_loop()].until = 0.0
        asyncio.get_running_loop().call_soon(order.append, "others")
        async with database.write(ACME) as transaction:
            for number in (1, 2):
                await transaction.get_one(Member, number)
            order.append("written")

    async with database.write(ACME):
        """Now there is a connection."""
    await take_steps(write())
    assert order == ["written", "others"]
    assert not HURRIED


async def test_who_writes_takes_turns_at_the_loop_unless_all_writers_wait_for_it(database: Database) -> None:
    free: list[int] = []

    async def write() -> None:
        async with database.write(ACME):
            for _ in range(10):
                await asyncio.sleep(0)
            free.append(TURNS_AT[asyncio.get_running_loop()].turns.free)
        await asyncio.sleep(0)
        free.append(TURNS_AT[asyncio.get_running_loop()].turns.free)

    await take_steps(write())
    assert free == [1 if KIND == "sqlite" else 0, 0]


async def test_nobody_is_hurried_whose_transaction_is_over_however_it_ended(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def write(tenant_id: int, *, fails: bool = False) -> None:
        async with database.write(tenant_id):
            if fails:
                raise KeyError

    with pytest.raises(LookupError):
        await write(-1)
    with pytest.raises(KeyError):
        await write(ACME, fails=True)
    async with AsyncExitStack() as others:
        while database.to_write.free:
            await others.enter_async_context(database.to_write.take(object()))
        waits = asyncio.create_task(write(ACME))
        await asyncio.sleep(0)
        waits.cancel()
        await asyncio.gather(waits, return_exceptions=True)
        assert waits.cancelled()
        monkeypatch.setattr(engine, "TURN_SECONDS", 0.01)
        with pytest.raises(TimeoutError):
            await write(ACME)
    assert not HURRIED
    assert not database.writing


def test_what_is_committed_is_on_the_disk() -> None:
    """A commit waits for the disk, as the program is: tests, of which nobody needs anything afterwards, don't wait."""
    script = """
import asyncio, sys
from pathlib import Path
from sqlalchemy import text
from app.features import open_database

async def main():
    database = open_database(f"sqlite+aiosqlite:///{sys.argv[1]}/mutirao.sqlite")
    async with database.writer.connect() as connection:
        print((await connection.execute(text("PRAGMA synchronous"))).scalar())
        print((await connection.execute(text("PRAGMA journal_mode"))).scalar())
    await database.close()

asyncio.run(main())
"""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-c", script, directory]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    full = "2"  # https://www.sqlite.org/pragma.html#pragma_synchronous
    assert done.stdout.split() == [full, "wal"]
