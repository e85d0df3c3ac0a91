"""A prepared statement gives and takes what SQLAlchemy gives and takes, of every model."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, Table, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from app.accounts.members import Member
from app.database import Base, Database, Tenant
from app.database.fast.inline import InlineConnection
from app.database.fast.prepared import Prepared
from app.database.postgresql import enter_tenant
from tests.databases import KIND, Store

MODELS = sorted((mapper.class_ for mapper in Base.registry.mappers), key=lambda model: model.__name__)


async def run(database: Database, work: Any) -> Any:
    """Do something with a connection that writes for acme, and undo it."""
    async with database.writer.connect() as connection:
        try:
            if KIND == "postgresql":
                await connection.run_sync(enter_tenant, 1)
            return await connection.run_sync(work)
        finally:
            await connection.rollback()


async def test_the_connections_are_those_on_which_statements_go_straight_to_the_driver(database: Database) -> None:
    """Otherwise SQLAlchemy would execute everything, and nothing would be gained."""
    known = AsyncAdapt_asyncpg_connection if KIND == "postgresql" else InlineConnection
    assert await run(database, lambda connection: type(connection.connection.dbapi_connection)) is known


async def test_rows_of_every_model_are_read_as_sqlalchemy_reads_them(database: Database) -> None:
    def read(connection: Connection) -> int:
        found = 0
        for model in MODELS:
            table: Table = model.__table__
            statement = select(table).order_by(*table.primary_key)
            rows = [tuple(row) for row in Prepared(statement, ()).execute(connection, {}).rows]
            assert rows == [tuple(row) for row in connection.execute(statement)], model
            found += bool(rows)
        return found

    assert await run(database, read) > 10


@pytest.mark.sqlite
async def test_rows_of_every_model_are_written_as_sqlalchemy_writes_them(database: Database) -> None:
    """Each row of the demo is written to another table like its own, both ways."""

    def write(connection: Connection) -> int:
        written = 0
        for model in MODELS:
            table: Table = model.__table__
            rows = [dict(row) for row in connection.execute(select(table)).mappings()]
            if not rows:
                continue
            statement = insert(table)
            connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            given = []
            for way in ("sqlalchemy", "prepared", "each"):
                connection.execute(table.delete())
                if way == "sqlalchemy":
                    connection.execute(statement, rows)
                elif way == "each":
                    Prepared(statement, rows[0]).execute_each(connection, rows)
                else:
                    prepared = Prepared(statement, rows[0])
                    for row in rows:
                        prepared.execute(connection, row)
                kept = connection.exec_driver_sql(f'SELECT * FROM "{table.name}" ORDER BY rowid')
                given.append([tuple(row) for row in kept])
            assert given[0] == given[1] == given[2], model
            written += len(rows)
        return written

    assert await run(database, write) > 100


async def test_what_a_statement_has_changed_and_added_is_told(database: Database) -> None:
    def work(connection: Connection) -> None:
        members: Any = Member.__table__
        change = Prepared(update(members).where(members.c.id == bindparam("key")).values(name="Anna"), ["key"])
        assert change.execute(connection, {"key": 1}).changed == 1
        assert change.execute(connection, {"key": 0}).changed == 0
        tenants: Any = Tenant.__table__
        values = {
            "slug": "new",
            "name": "New",
            "language": "en",
            "locale": "",
            "cursor": 0,
            "color": "green",
            "pictures": 0,
            "session_days": 30,
        }
        add = Prepared(insert(tenants), [*values, "created_at", "suspended_why"])
        row = connection.execute(select(tenants)).mappings().first()
        assert row is not None
        added = add.execute(connection, {**values, "created_at": row["created_at"], "suspended_why": ""}).added
        assert connection.execute(select(tenants.c.slug).where(tenants.c.id == added)).scalar() == "new"

    await run(database, work)


async def test_an_error_is_the_one_that_sqlalchemy_raises(database: Database) -> None:
    def work(connection: Connection) -> None:
        table: Any = Member.__table__
        row = dict(connection.execute(select(table)).mappings().first() or {})
        with pytest.raises(IntegrityError) as short, connection.begin_nested():
            Prepared(insert(table), row).execute(connection, row)
        with pytest.raises(IntegrityError) as long, connection.begin_nested():
            connection.execute(insert(table), row)
        assert str(short.value.orig) == str(long.value.orig)

    await run(database, work)


@pytest.mark.postgresql
async def test_a_connection_that_the_server_has_ended_is_known_as_lost(database: Database) -> None:
    async with database.writer.connect() as connection:
        ended = (await connection.exec_driver_sql("SELECT pg_backend_pid()")).scalar()
        async with database.reader.connect() as other:
            await other.exec_driver_sql(f"SELECT pg_terminate_backend({ended})")
        members: Any = Member.__table__
        with pytest.raises(DBAPIError) as lost:
            await connection.run_sync(Prepared(select(members), ()).execute, {})
        assert lost.value.connection_invalidated
        assert connection.invalidated


@pytest.mark.postgresql
async def test_a_kept_statement_of_tables_that_were_changed_is_made_anew(database: Database, store: Store) -> None:
    members: Any = Member.__table__
    prepared = Prepared(select(members.c.id, members.c.name), ())
    owner = create_async_engine(store.owner_url)
    async with database.reader.connect() as connection:
        await connection.run_sync(enter_tenant, 1)
        before = (await connection.run_sync(prepared.execute, {})).rows
    try:
        async with owner.begin() as changing:
            await changing.exec_driver_sql("ALTER TABLE member ALTER COLUMN name TYPE text")
        for attempt in ("kept", "anew"):
            async with database.reader.connect() as connection:
                await connection.run_sync(enter_tenant, 1)
                try:
                    assert (await connection.run_sync(prepared.execute, {})).rows == before
                except DBAPIError:
                    assert attempt == "kept"
    finally:
        async with owner.begin() as changing:
            await changing.exec_driver_sql("ALTER TABLE member ALTER COLUMN name TYPE varchar(80)")
        await owner.dispose()
