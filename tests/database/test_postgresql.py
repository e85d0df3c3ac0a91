"""PostgreSQL: row-level security holds for whoever goes around the program, and the program outlives its server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import asyncpg
import pytest

from app.database import Transaction
from app.database.postgresql import LOCK_MILLISECONDS, is_away
from app.features import open_database
from tests.conftest import Server, free_port
from tests.databases import OWNER, PROGRAM, Store, cluster

pytestmark = pytest.mark.postgresql

ACME, GLOBEX = 1, 2


@pytest.fixture
async def raw(store: Store) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the program's role, without the program."""
    connection = await cluster().connect(store.name, PROGRAM)
    yield connection
    await connection.close()


async def list_tables(connection: asyncpg.Connection) -> list[str]:
    """Every table that belongs to workspaces."""
    found = await connection.fetch(
        "SELECT DISTINCT table_name::text AS name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name = 'tenant_id'"
    )
    names = [row["name"] for row in found]
    assert len(names) > 15
    return names


async def enter(connection: asyncpg.Connection, tenant: object) -> None:
    await connection.execute("SELECT set_config('app.tenant', $1, false)", str(tenant))


@pytest.mark.parametrize("nobody", [None, "", "3"])
async def test_without_a_workspace_of_its_own_plain_sql_sees_nothing(
    raw: asyncpg.Connection, nobody: str | None
) -> None:
    if nobody is not None:
        await enter(raw, nobody)
    for table in await list_tables(raw):
        assert await raw.fetchval(f"SELECT count(*) FROM {table}") == 0, table


async def test_plain_sql_sees_the_rows_of_one_workspace_and_changes_no_others(
    store: Store, raw: asyncpg.Connection
) -> None:
    await enter(raw, GLOBEX)
    seen = 0
    for table in await list_tables(raw):
        ((theirs,),) = store.rows(f"SELECT count(*) FROM {table} WHERE tenant_id = ?", ACME)
        assert await raw.fetchval(f"SELECT count(*) FROM {table} WHERE tenant_id <> {GLOBEX}") == 0, table
        assert await raw.execute(f"UPDATE {table} SET tenant_id = tenant_id WHERE tenant_id = {ACME}") == "UPDATE 0"
        assert await raw.execute(f"DELETE FROM {table} WHERE tenant_id = {ACME}") == "DELETE 0"
        ((left,),) = store.rows(f"SELECT count(*) FROM {table} WHERE tenant_id = ?", ACME)
        assert left == theirs, table
        seen += await raw.fetchval(f"SELECT count(*) FROM {table}")
    assert seen > 30


async def test_plain_sql_adds_no_row_to_another_workspace(raw: asyncpg.Connection) -> None:
    await enter(raw, GLOBEX)
    for statement in (
        "INSERT INTO collection (tenant_id, slug, name, icon, last_number, total, created_at)"
        f" VALUES ({ACME}, 'x', 'x', 'x', 0, 0, now())",
        f"INSERT INTO message_index (tenant_id, rowid, text) VALUES ({ACME}, 99999, '')",
        f"UPDATE member SET tenant_id = {ACME}",
        f"UPDATE tenant SET name = 'stolen' WHERE id = {ACME}",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await raw.execute(statement)


async def test_the_search_function_looks_into_one_workspace(store: Store, raw: asyncpg.Connection) -> None:
    words = "SELECT count(*) FROM search_message_index($1::text::tsquery)"
    ((word, count),) = store.rows(
        "SELECT word, ndoc FROM ts_stat('SELECT text FROM message_index WHERE tenant_id = 1')"
        " ORDER BY ndoc DESC LIMIT 1"
    )
    assert await raw.fetchval(words, f"'{word}'") == 0
    await enter(raw, ACME)
    assert await raw.fetchval(words, f"'{word}'") == count > 0


async def test_the_program_can_not_take_the_wall_away(raw: asyncpg.Connection) -> None:
    await enter(raw, GLOBEX)
    for statement in (
        "ALTER TABLE member DISABLE ROW LEVEL SECURITY",
        "DROP POLICY own ON member",
        "CREATE POLICY mine ON member USING (true)",
        "TRUNCATE member CASCADE",
        f"SET ROLE {OWNER}",
        "CREATE TABLE mine (id int)",
        "UPDATE alembic_version SET version_num = '0001'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await raw.execute(statement)


async def test_every_table_of_workspaces_is_behind_a_policy_that_also_holds_for_the_owner(store: Store) -> None:
    unforced = store.rows(
        "SELECT relname::text FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid WHERE attname = 'tenant_id'"
        " AND relkind = 'r' AND relnamespace = 'public'::regnamespace AND NOT (relrowsecurity AND relforcerowsecurity)"
    )
    assert unforced == [("message_index",)], "read by the owner's function alone"


async def test_a_pooled_connection_forgets_its_workspace(store: Store) -> None:
    database = open_database(store.url, readers=1, writers=1)
    async with database.read(ACME) as transaction:
        assert transaction.tenant.slug == "acme"
    async with database.reader.connect() as connection:
        seen = await connection.exec_driver_sql("SELECT count(*) FROM member")
        assert seen.scalar_one() == 0
    await database.close()


async def test_a_reading_transaction_can_not_write(store: Store) -> None:
    database = open_database(store.url)
    async with database.reader.connect() as connection:
        with pytest.raises(Exception, match="read-only transaction"):
            await connection.exec_driver_sql("DELETE FROM event")
    await database.close()


@pytest.mark.parametrize(
    ("role", "words"),
    [("postgres", "is a superuser"), (OWNER, "owns the tables"), ("nobody_here", "can't be reached")],
)
def test_a_role_that_the_wall_does_not_hold_for_is_one_clear_line(store: Store, role: str, words: str) -> None:
    server = Server(store.directory, free_port(), {"DATABASE_URL": cluster().url(store.name, role)})
    server.environment["DATABASE_OWNER_URL"] = ""
    result = server.run("serve", "--port", str(server.port))
    assert result.returncode == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_tables_that_are_not_there_are_one_clear_line(empty: Store) -> None:
    server = Server(empty.directory, free_port(), {"DATABASE_OWNER_URL": ""})
    result = server.run("serve", "--port", str(server.port))
    assert result.returncode == 2
    assert "run `migrate` with DATABASE_OWNER_URL" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.fixture
def stopped() -> Iterator[Any]:
    """The cluster, which a test stops; it runs again afterwards."""
    yield cluster()
    cluster().start_again()


async def test_a_server_that_restarts_is_a_clear_503_and_then_all_goes_on(server: Server, stopped: Any) -> None:
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        assert (await ana.get("/c/books")).status_code == 200
        stopped.stop("immediate")
        for answer in (await ana.get("/c/books"), await ana.post("/c/books/new", data={"title": "Lost?"})):
            assert answer.status_code == 503
            assert "The database is busy or" in answer.text
            assert "Traceback" not in answer.text
        ready = await ana.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["database"] == "not reachable"
        assert (await ana.get("/healthz")).status_code == 200
        assert "the database is not available" in server.log
        stopped.start_again()
        assert (await ana.get("/c/books")).status_code == 200, "the first request already has a new connection"
        assert (await ana.post("/c/books/new", data={"title": "After the restart"})).status_code == 303
        assert (await ana.get("/readyz")).status_code == 200
        assert "After the restart" in (await ana.get("/c/books")).text


async def test_connections_that_are_cut_are_replaced(server: Server) -> None:
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        for _ in range(3):
            server.store.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ? AND pid <> pg_backend_pid()",
                server.store.name,
            )
            assert (await ana.get("/c/books")).status_code == 200


async def test_two_that_wait_for_each_other_are_told_to_try_again(store: Store) -> None:
    """No transaction of the program takes two locks that another could hold; should one ever do, it is no 500."""
    database = open_database(store.url)
    both = asyncio.Barrier(2)

    async def lock(first: int, second: int) -> BaseException | None:
        try:
            async with database.writer.begin() as connection:
                await connection.exec_driver_sql(f"SELECT 1 FROM tenant WHERE id = {first} FOR UPDATE")
                await both.wait()
                await connection.exec_driver_sql(f"SELECT 1 FROM tenant WHERE id = {second} FOR UPDATE")
        except Exception as error:
            return error
        return None

    failures = [each for each in await asyncio.gather(lock(ACME, GLOBEX), lock(GLOBEX, ACME)) if each is not None]
    assert len(failures) == 1
    assert is_away(failures[0])
    await database.close()


async def test_when_all_connections_are_taken_one_is_told_to_try_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.database.engine.TURN_SECONDS", 0.2)
    database = open_database(store.url, writers=1)
    async with database.write(ACME):
        with pytest.raises(Exception, match="other transactions") as refused:
            async with database.write(GLOBEX):
                pass
    assert is_away(refused.value)
    async with database.write(GLOBEX) as transaction:
        assert isinstance(transaction, Transaction)
    await database.close()


async def test_writers_of_two_workspaces_do_not_wait_for_each_other(store: Store) -> None:
    database = open_database(store.url)
    async with asyncio.timeout(LOCK_MILLISECONDS / 1000 / 2), database.write(ACME), database.write(GLOBEX):
        pass
    await database.close()
