"""A prepared statement gives and takes what SQLAlchemy gives and takes, of every model."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, Table, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.accounts.members import Member
from app.database import Base, Database, Tenant
from app.database.fast.inline import InlineConnection
from app.database.fast.prepared import Prepared

pytestmark = pytest.mark.sqlite
MODELS = sorted((mapper.class_ for mapper in Base.registry.mappers), key=lambda model: model.__name__)


async def run(database: Database, work: Any) -> Any:
    """Do something with a connection that writes, and undo it."""
    async with database.writer.connect() as connection:
        try:
            return await connection.run_sync(work)
        finally:
            await connection.rollback()


async def test_the_connections_are_those_on_which_statements_are_run_at_once(database: Database) -> None:
    """Otherwise SQLAlchemy would execute everything, and nothing would be gained."""
    assert await run(database, lambda connection: type(connection.connection.dbapi_connection)) is InlineConnection


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
        with pytest.raises(IntegrityError) as short:
            Prepared(insert(table), row).execute(connection, row)
        with pytest.raises(IntegrityError) as long:
            connection.execute(insert(table), row)
        assert str(short.value.orig) == str(long.value.orig)

    await run(database, work)
