"""PostgreSQL: what comes of a connection that is lost at a transaction's end, and of a table that was changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from app.accounts.members import Member
from app.database import Transaction
from app.database.postgresql import is_away
from app.features import open_database
from tests.conftest import Server
from tests.databases import Store
from tests.programs.conftest import API, add_token, call_with
from tests.waiting import until

pytestmark = pytest.mark.postgresql

ACME = 1


async def lose(transaction: Transaction, store: Store) -> None:
    """Have the server end the connection of a transaction, which is told so."""
    connection = await (await transaction.connection()).get_raw_connection()
    driver: Any = connection.driver_connection
    store.rows("SELECT pg_terminate_backend(?)", driver.get_server_pid())
    await until(driver.is_closed)


async def occupy(transaction: Transaction, store: Store) -> None:
    """Leave the connection of a transaction in the middle of an answer, which never comes."""
    connection = await (await transaction.connection()).get_raw_connection()
    driver: Any = connection.driver_connection
    waiting = asyncio.ensure_future(driver.execute("SELECT pg_sleep(60)"))
    waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
    asking = "SELECT 1 FROM pg_stat_activity WHERE pid = ? AND state = 'active' AND wait_event = 'PgSleep'"
    await until(lambda: store.rows(asking, driver.get_server_pid()))


@pytest.mark.parametrize("spoil", [lose, occupy])
@pytest.mark.parametrize("writes", [False, True])
async def test_what_was_read_or_refused_stays_so_when_the_connection_is_lost_at_the_end(
    store: Store, spoil: Callable[[Transaction, Store], Awaitable[None]], writes: bool
) -> None:
    database = open_database(store.url, readers=1, writers=1)
    pool: Any = (database.writer if writes else database.reader).pool
    begin = database.write if writes else database.read
    if not writes:
        async with database.read(ACME) as transaction:
            read = transaction.tenant.slug
            await spoil(transaction, store)
        assert read == "acme"
    with pytest.raises(LookupError, match="the one there was first"):
        async with begin(ACME) as transaction:
            await spoil(transaction, store)
            raise LookupError("the one there was first")
    assert pool.checkedout() == 0, "no lost connection is held"
    async with begin(ACME) as transaction:
        assert transaction.tenant.slug == "acme"
    await database.close()


@pytest.fixture
def alter() -> Iterator[Callable[[Store, str], None]]:
    """Changes the kind of a table's column `name`, which is as it was afterwards."""
    altered = []

    def change(store: Store, table: str) -> None:
        altered.append((store, table))
        store.rows(f"ALTER TABLE {table} ALTER COLUMN name TYPE text")

    yield change
    for store, table in altered:
        store.rows(f"ALTER TABLE {table} ALTER COLUMN name TYPE varchar(80)")


async def test_after_a_table_was_changed_one_is_told_to_try_again_and_then_all_goes_on(
    store: Store, alter: Callable[[Store, str], None]
) -> None:
    database = open_database(store.url, readers=1)

    async def read() -> str:
        async with database.read(ACME) as transaction:
            return (await transaction.get_one(Member, 1)).name

    name = await read()
    alter(store, "member")
    with pytest.raises(DBAPIError) as told:
        await read()
    assert is_away(told.value), "which pages and programs are told as a 503"
    assert await read() == name
    alter(store, "tenant")
    assert await read() == name, "nothing was read yet: it is asked once more"
    await database.close()


async def test_calls_go_on_while_a_table_is_changed(server: Server, alter: Callable[[Store, str], None]) -> None:
    _, secret = add_token(server, "acme", "ana@acme.test")
    async with (
        aclosing(server.let_in("acme", "ana@acme.test")) as ana,
        aclosing(call_with(server, "acme", secret)) as program,
    ):
        asked = [(ana, "/c/books"), (program, f"{API}/collections"), (program, f"{API}/collections")]
        assert [(await client.get(path)).status_code for client, path in asked] == [200, 200, 200]
        alter(server.store, "member")
        for client, path in asked * 2:
            answer = await client.get(path)
            assert answer.status_code == 200 or (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert [(await client.get(path)).status_code for client, path in asked] == [200, 200, 200]
