"""Which records are edited now is asked by every page."""

from __future__ import annotations

import re

from app.database import Database
from app.records.access import LIST_EDITED, list_edited
from tests.databases import KIND, Store

COLUMNS = 'tenant_id, collection_id, search, "values", created_at, updated_at, version'


def plan_of_edited(database: Database, store: Store) -> str:
    """How the database finds the records that are edited now."""
    if KIND == "sqlite":
        words = LIST_EDITED.confined.compile_for_sqlite({}).words.replace("?", "1")
        return str(store.rows(f"EXPLAIN QUERY PLAN {words}"))
    words = LIST_EDITED.confined.compile_for_postgresql({}, database.reader.dialect).words
    return str(store.rows("EXPLAIN " + re.sub(r"[$][0-9]+", "'1'", words)))


async def test_edited_records_are_found_by_their_index_whatever_the_database_has_counted(
    database: Database, store: Store
) -> None:
    store.rows(
        f"INSERT INTO record ({COLUMNS}, number) WITH RECURSIVE series (n) AS"
        f" (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < 5000) SELECT {COLUMNS}, n + 1000 FROM series,"
        " (SELECT * FROM record WHERE tenant_id = 1 ORDER BY id LIMIT 1) AS one"
    )
    for edited in (1500, 4500):
        store.rows("ANALYZE")
        store.rows(f"UPDATE record SET lock_member_id = 1, lock_until = 1 WHERE tenant_id = 1 AND number = {edited}")
        plan = plan_of_edited(database, store)
        assert "ix_record_locked" in plan, plan
        assert not re.search("SCAN record'|Seq Scan on record ", plan), plan
    async with database.read(1) as transaction:
        assert [record.number for record in await list_edited(transaction, 20)] == [1500, 4500]
        assert [record.number for record in await list_edited(transaction, 1)] == [1500]
    async with database.read(2) as transaction:
        assert await list_edited(transaction, 20) == []
