"""SQLite plans a select with a limit once, whatever its parameters are bound to."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, Integer, Select, bindparam, select

from app.accounts.members import Member
from app.database import Database
from app.database.fast.inline import InlineConnection
from app.database.fast.prepared import Prepared

pytestmark = pytest.mark.sqlite
BY_NAME = select(Member.id).where(Member.name != bindparam("name")).order_by(Member.id)
# A select, its parameters, and which of all that it would find without a limit it is to find.
LIMITED = {
    "a number": (BY_NAME.limit(2), {}, slice(0, 2)),
    "a number and an offset": (BY_NAME.limit(2).offset(1), {}, slice(1, 3)),
    "a parameter": (BY_NAME.limit(bindparam("most")), {"most": 2}, slice(0, 2)),
    "what is made of one": (BY_NAME.limit(bindparam("most", type_=Integer()) - 1), {"most": 3}, slice(0, 2)),
    "parameters": (BY_NAME.limit(bindparam("most")).offset(bindparam("from")), {"most": 2, "from": 1}, slice(1, 3)),
    "an offset alone": (BY_NAME.offset(2), {}, slice(2, None)),
    "none": (BY_NAME, {}, slice(None)),
}


@pytest.mark.parametrize(("statement", "parameters", "found"), LIMITED.values(), ids=LIMITED)
async def test_a_select_is_planned_once_and_finds_as_many_as_it_should(
    database: Database, statement: Select[Any], parameters: dict[str, Any], found: slice
) -> None:
    prepared = Prepared(statement, ["name", *parameters])
    planned: list[int] = []

    def read(connection: Connection) -> None:
        straight: Any = connection.connection.dbapi_connection
        assert isinstance(straight, InlineConnection)
        # SQLite asks the authorizer while it plans a statement, and when it plans it again.
        driver: Any = straight._connection
        driver._conn.set_authorizer(lambda *about: planned.append(about[0]) or 0)
        try:
            prepared.execute(connection, {"name": "Ana", **parameters})
            assert planned
            planned.clear()
            rows = prepared.execute(connection, {"name": "Carla", **parameters}).rows
            assert planned == []
        finally:
            driver._conn.set_authorizer(None)
        everybody = [tuple(row) for row in connection.execute(BY_NAME, {"name": "Carla"})]
        assert [tuple(row) for row in rows] == everybody[found] != []

    async with database.reader.connect() as connection:
        await connection.run_sync(read)
