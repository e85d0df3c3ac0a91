"""What is quick is done on the event loop, what is not in SQLite's thread."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from inspect import signature

import pytest
from sqlalchemy import BigInteger, Integer, String, bindparam, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.members import Member
from app.chat.memberships import Membership
from app.chat.rooms import Room
from app.database import ChangedObject, Database, PreparedCopy, PreparedSelect, Transaction
from app.database.fast import inline
from app.features import open_database
from app.records.keys import FORGET_KEYS_OF_FIELD, RecordKey
from app.records.records import Record
from tests.waiting import until

BY_NAME = PreparedSelect(lambda: select(Member).where(Member.name == bindparam("name")))

pytestmark = pytest.mark.sqlite


@pytest.fixture
async def teach(database: Database) -> Callable[[Transaction], object]:
    """Teach a transaction's connection to say which thread it works in."""

    async def teach(transaction: Transaction) -> None:
        connection = await (await transaction.connection()).get_raw_connection()
        raw = connection.driver_connection
        assert raw is not None
        raw._conn.create_function("worked_in", 0, threading.get_ident)

    return teach


def test_what_is_done_otherwise_is_what_sqlalchemy_calls() -> None:
    """A method that it calls by another name, or with other arguments, would not be ours any more."""
    for ours, own in (
        (inline.InlineCursor, {"run_outside"}),
        (
            inline.InlineConnection,
            {"run_now", "run_each_now", "begin_now", "is_busy", "ends_at_once", "budget", "patience", "reads"}
            | {"interrupted", "run_in_thread", "_run_in_thread"},
        ),
    ):
        for name in {name for name in vars(ours) if not name.startswith("__")} - own:
            theirs = getattr(ours.__base__, name)
            if callable(theirs) and not isinstance(theirs, type):
                assert list(signature(theirs).parameters) == list(signature(getattr(ours, name)).parameters), name


async def test_a_small_question_is_answered_where_it_is_asked(database: Database, teach: Callable) -> None:
    async with database.read(1) as transaction:
        await teach(transaction)
        statement = select(func.worked_in(type_=BigInteger)).select_from(Room).limit(1)
        assert await transaction.scalar(statement) == threading.get_ident()


async def test_rows_are_written_where_they_are_given(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for would run in a greenlet, which takes as long as a row."""
    async with database.write(1) as transaction:
        room = await transaction.get_one(Room, 1)
        with monkeypatch.context() as patched:
            patched.delattr(AsyncSession, "run_sync")
            lamps = Room(slug="lamps", name="Lamps", kind="public")
            await transaction.insert(lamps)
            await transaction.change(room, description="changed")
            await transaction.insert_rows(Membership, {"room_id": lamps.id, "member_id": 1})
            await transaction.write_together(ChangedObject(lamps, {"last_number": 3}))
    async with database.read(1) as transaction:
        assert (await transaction.get_one(Room, 1)).description == "changed"
        assert (await transaction.get_one(Room, lamps.id)).last_number == 3
        assert await transaction.get(Membership, (lamps.id, 1)) is not None


async def test_rows_that_wait_to_be_flushed_are_written_before_others(database: Database) -> None:
    async with database.write(1) as transaction:
        transaction.add(lamps := Room(slug="lamps", name="Lamps", kind="public"))
        await transaction.change(await transaction.get_one(Room, 1), description="changed")
        assert lamps.id


async def test_rows_that_are_copied_are_copied_in_the_thread(database: Database, teach: Callable) -> None:
    async with database.write(1) as transaction:
        await teach(transaction)
        field_id = await transaction.scalar(select(RecordKey.field_id).limit(1))
        await transaction.apply(FORGET_KEYS_OF_FIELD, field_id=field_id)
        copy = PreparedCopy(
            RecordKey,
            lambda: select(
                Record.id.label("record_id"),
                literal(field_id).label("field_id"),
                func.worked_in(type_=BigInteger).label("number"),
                literal("").label("sort_key"),
            ),
        )
        assert (await transaction.apply(copy)).changed > 0
        threads = select(RecordKey.number).where(RecordKey.field_id == field_id)
        assert threading.get_ident() not in set(await transaction.scalars(threads))


async def test_a_long_question_is_answered_in_the_thread_and_whole(
    database: Database, teach: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inline, "TIME_BUDGET", 0.0)
    asked: list[int] = []
    async with database.read(1) as transaction:
        await teach(transaction)
        numbers = select(literal(1, Integer).label("number")).cte("numbers", recursive=True)
        numbers = numbers.union_all(select(numbers.c.number + 1).where(numbers.c.number < 50_000))
        statement = (
            select(func.count(), func.max(func.worked_in(type_=BigInteger)))
            .select_from(Room)
            .join(numbers, literal(True))
            .where(Room.slug == "general")
        )
        count, thread = (await transaction.execute(statement)).one()
        asked.append(thread)
    assert count == 50_000
    assert threading.get_ident() not in asked


async def test_a_standing_statement_that_takes_long_is_answered_whole(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inline, "TIME_BUDGET", 0.0)
    monkeypatch.setattr(inline, "PROGRESS_STEPS", 1)
    asking = open_database(database.url)
    async with asking.read(1) as transaction:
        raw = await (await transaction.connection()).get_raw_connection()
        assert raw.dbapi_connection.run_now("SELECT count(*) FROM member", ()) is None
        found = await transaction.find(BY_NAME, name="Ana")
    await asking.close()
    assert found is not None
    assert found[0].name == "Ana"


async def test_what_takes_long_is_begun_once_here_and_once_in_the_thread(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inline, "TIME_BUDGET", 0.0)
    monkeypatch.setattr(inline, "PROGRESS_STEPS", 1)
    asking = open_database(database.url)
    begun: list[int] = []
    run = inline.run_in_cursor

    def note_and_run(*arguments: object) -> object:
        begun.append(threading.get_ident())
        return run(*arguments)

    async with asking.read(1) as transaction:
        monkeypatch.setattr(inline, "run_in_cursor", note_and_run)
        for _ in range(2):
            assert await transaction.find(BY_NAME, name="Ana") is not None
        monkeypatch.undo()
    await asking.close()
    assert [each == threading.get_ident() for each in begun] == [True, False] * 2


async def test_a_change_before_a_long_question_is_kept(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline, "TIME_BUDGET", 0.0)
    monkeypatch.setattr(inline, "PROGRESS_STEPS", 1)
    changing = open_database(database.url)
    async with changing.write(1) as transaction:
        changed = update(Room).where(Room.slug == "general").values(description="changed")
        await transaction.execute(changed.execution_options(synchronize_session=False))
        assert len((await transaction.scalars(select(Member))).all()) == 4
    await changing.close()
    async with database.read(1) as transaction:
        assert await transaction.scalar(select(Room.description).where(Room.slug == "general")) == "changed"


async def test_a_change_may_take_its_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupting it would undo its whole transaction."""
    monkeypatch.setattr(inline, "TIME_BUDGET", 0.0)
    monkeypatch.setattr(inline, "PROGRESS_STEPS", 1)
    changing = open_database(database.url)
    async with changing.write(1) as transaction:
        transaction.add(Room(slug="lamps", name="Lamps", kind="public"))
    async with changing.read(1) as transaction:
        found = await transaction.scalar(select(Room.name.cast(String)).where(Room.slug == "lamps"))
    await changing.close()
    assert found == "Lamps"


async def test_who_begins_to_write_while_another_process_does_waits_beside_the_event_loop(database: Database) -> None:
    async def write() -> str:
        async with database.write(1) as transaction:
            found = await transaction.find(BY_NAME, name="Ana")
            assert found
            return found[0].name

    with closing(sqlite3.connect(str(database.writer.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(write())
        for _ in range(3):  # by then it has tried
            async with database.read(1) as transaction:
                assert await transaction.find(BY_NAME, name="Ana")
        assert not writing.done()
        other.rollback()
        assert await writing == "Ana"
    assert await write() == "Ana"


async def test_what_has_only_read_is_over_without_a_task_of_its_own(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.read(1) as transaction:
        assert await transaction.find(BY_NAME, name="Ana")
        begun: list[object] = []
        monkeypatch.setattr(asyncio, "create_task", lambda each, **_: begun.append(each))
    assert begun == []


async def test_who_begins_to_write_waits_in_the_thread_and_only_for_somebody_else_who_writes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[bool] = []
    begin_now = inline.InlineConnection.begin_now

    def note(connection: inline.InlineConnection, words: str) -> bool:
        begun.append(begin_now(connection, words))
        assert connection._connection._conn.execute("PRAGMA busy_timeout").fetchone() == (10_000,)
        return begun[-1]

    monkeypatch.setattr(inline.InlineConnection, "begin_now", note)

    async def write() -> None:
        async with database.write(1):
            pass

    await write()
    assert begun == [True]
    with closing(sqlite3.connect(str(database.writer.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(write())
        await until(lambda: begun[1:])
        assert not begun[1]
        other.execute("ROLLBACK")
        async with asyncio.timeout(10):
            await writing
