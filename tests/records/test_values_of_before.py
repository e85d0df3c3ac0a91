"""Records of a version in which values belonged to fields by their keys, and to choices by their names (0.1)."""

from __future__ import annotations

import json
from typing import Any

from alembic import command
from sqlalchemy import select

from app.database import Database
from app.jobs.runner import Runner
from app.migration import configuration
from app.records.collections import get_collection
from app.records.fields import list_fields
from app.records.kinds.collation import collate
from app.records.lists import View, list_records
from app.records.records import Record, search_text, title_of
from app.records.revisions import Revision
from app.settings import read_settings
from tests.conftest import Server
from tests.databases import Store
from tests.fields import by_key

BEFORE = "0025"


def write(store: Store, statement: str, *values: Any) -> None:
    store.rows(statement, *(json.dumps(each) if isinstance(each, dict | list) else each for each in values))


def go_back(store: Store) -> None:
    command.downgrade(configuration(store.url, store.owner_url), BEFORE)


async def test_values_of_before_are_those_of_fields_and_choices_with_ids(store: Store, database: Database) -> None:
    go_back(store)
    # A decimal that an earlier version has stored with an exponent; a choice that is none any more; what was typed into
    # a text before it was removed and added again as a link; a key that is no field's.
    columns = 'tenant_id, collection_id, key, label, kind, required, "unique", help, "default", choices, position'
    add = f"INSERT INTO field ({columns})"
    for position, (key, kind) in enumerate((("weight", "decimal"), ("site", "link"), ("lent", "yes_no")), 20):
        store.rows(f"{add} VALUES (1, 1, '{key}', '{key}', '{kind}', false, false, '', '', '[]', {position})")
    values = {
        "title": "Helena",
        "status": "Burnt",
        "weight": "1E-7",
        "site": "javascript:alert(1)",
        "lent": "yes",
        "f2": "what was called F2",
    }
    write(store, 'UPDATE record SET "values" = ? WHERE tenant_id = 1 AND number = 1', values)
    newest = "version = 1 AND record_id = (SELECT id FROM record WHERE tenant_id = 1 AND number = 1)"
    write(store, f'UPDATE revision SET "values" = ? WHERE {newest}', values | {"status": "Lent"})
    draft = 'INSERT INTO draft (tenant_id, kind, row_id, member_id, token, version, "values", typed_at)'
    ((record_id,),) = store.rows("SELECT id FROM record WHERE tenant_id = 1 AND number = 1")
    for kind, row_id in (("record", record_id), ("new record", 1)):
        moment = store.rows("SELECT created_at FROM tenant WHERE id = 1")[0][0]
        typed = {"title": "Half", "weight": "1,5"}
        write(store, f"{draft} VALUES (1, ?, ?, 1, 1, 1, ?, ?)", kind, row_id, typed, moment)
    before = store.rows('SELECT id, "values" FROM record ORDER BY id')
    store.migrate()
    async with database.write(1) as transaction:
        fields = await list_fields(transaction, await get_collection(transaction, "books"))
        record = (await transaction.scalars(select(Record).where(Record.number == 1))).one()
        shown = {"title": "Helena", "status": "Burnt", "weight": "0.0000001", "lent": "yes"}
        assert by_key(fields, record.values) == shown
        assert set(record.values.values()) >= {"javascript:alert(1)", "what was called F2"}, "nothing is thrown away"
        revision = (await transaction.scalars(select(Revision).where(Revision.record_id == record.id))).first()
        assert revision is not None
        assert by_key(fields, revision.values)["status"] == "Lent"
        status = fields.find("status")
        assert status is not None
        assert [(each["name"], each["archived"]) for each in status.choices][-1] == ("Burnt", True)
        assert status.describe(status.default) == "On the shelf"
        drafts = store.rows('SELECT "values" FROM draft WHERE "values" IS NOT NULL ORDER BY kind')
        read = [json.loads(each) if isinstance(each, str) else each for (each,) in drafts]
        assert [by_key(fields, each) for each in read] == [{"title": "Half", "weight": "1,5"}] * 2
    go_back(store)
    after = store.rows('SELECT id, "values" FROM record ORDER BY id')
    assert [row for row in after if row[0] != record_id] == [row for row in before if row[0] != record_id]
    store.migrate()


async def test_what_is_sorted_and_searched_is_made_anew_after_it(store: Store, database: Database) -> None:
    go_back(store)
    store.rows("UPDATE record_key SET sort_key = 'as it was'")
    store.rows("UPDATE record SET search = 'as it was' WHERE number > 1")
    store.migrate()
    runner = Runner(database, read_settings({"DATA_DIR": str(store.directory)}))
    while store.rows("SELECT 1 FROM job WHERE name = 'records.reindex'"):
        assert await runner.step()
    assert store.rows("SELECT count(*) FROM record_key WHERE sort_key = 'as it was'") == [(0,)]
    async with database.read(1) as transaction:
        books = await get_collection(transaction, "books")
        fields = await list_fields(transaction, books)
        title = fields.find("title")
        assert title is not None
        listing = await list_records(transaction, books, fields, View(sort=title.ref))
        titles = [title_of(fields, record.values) for record in listing.records]
        assert titles == sorted(titles, key=collate)
        assert all(record.search == search_text(fields, record.values) for record in listing.records)


async def test_a_page_of_before_loses_nothing(shared_server: Server) -> None:
    """It names its inputs by keys, and what a choice is by its name."""
    ana = shared_server.let_in("acme", "ana@acme.test")
    kept = await ana.post("/c/books/new/draft", data={"title": "Typed before", "status": "Lent", "draft-version": "0"})
    assert kept.status_code in (204, 409)
    saved = await ana.post("/c/books/new", data={"title": "Typed before", "status": "Lent", "year": "1899"})
    assert saved.status_code == 303
    page = (await ana.get(saved.headers["location"])).text
    assert all(text in page for text in ("Typed before", "Lent", "1899"))
    await ana.aclose()
