"""The migrations make the tables that the models describe."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from inspect import getsource
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

import app.accounts.audit
import app.accounts.tokens
import app.chat.attachments
import app.chat.drafts
import app.chat.timeline
import app.editing.drafts
import app.editing.waiting_rows
import app.jobs.jobs
import app.live.log
import app.mail.outbox
import app.notifications.announcements
import app.notifications.preferences
import app.operators.figures
import app.operators.log
import app.operators.operators
import app.records.records
import app.tenants.invitations  # noqa: F401
from app.database import Base, now
from app.migration import MIGRATIONS, configuration, is_ordinary, list_table_versions, plan_migration, read_scripts
from tests.conftest import Server
from tests.databases import Store, run_in_thread


def look(store: Store, work: Callable[[Connection], Any]) -> Any:
    """What the owner of the tables sees."""

    async def connect() -> Any:
        engine = create_async_engine(store.owner_url or store.url)
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()

    return run_in_thread(connect)


def test_a_migrated_database_is_what_the_models_say(empty: Store) -> None:
    empty.migrate()

    def compare(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"include_object": is_ordinary})
        return list(compare_metadata(context, Base.metadata))

    assert look(empty, compare) == []


def test_migrations_go_down_and_up_again(empty: Store) -> None:
    empty.migrate()
    command.downgrade(configuration(empty.url, empty.owner_url), "base")
    left = look(empty, lambda connection: inspect(connection).get_table_names())
    assert set(left) <= {"alembic_version", "sqlite_sequence"}
    empty.migrate()


def test_migrating_twice_changes_nothing(empty: Store) -> None:
    empty.migrate()
    before = dump(empty)
    empty.migrate()
    assert dump(empty) == before


@pytest.mark.parametrize("command_line", ["migrate", "serve --port 0", "demo"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE alembic_version SET version_num = '0099'", "the tables were made by a newer version of the program"),
        ("INSERT INTO alembic_version VALUES ('0099')", "the tables were made by a newer version of the program"),
        ("DELETE FROM alembic_version", "alembic_version does not say of which version: restore a backup"),
    ],
)
def test_tables_of_another_version_are_one_line_at_every_command(
    store: Store, change: str, said: str, command_line: str
) -> None:
    store.rows(change)
    done = Server(store.directory, 0).run(*command_line.split())
    assert done.returncode != 0
    assert said in done.stderr
    lines = [line for line in done.stderr.splitlines() if "others could read this" not in line]
    assert len(lines) == 1, done.stderr


@pytest.mark.parametrize(
    "command_line", ["token list acme", "member suspend acme ana@acme.test", "operator remove a@b.test"]
)
def test_tables_of_an_older_version_are_one_line_where_they_are_read(store: Store, command_line: str) -> None:
    store.rows("UPDATE alembic_version SET version_num = '0003'")
    done = Server(store.directory, 0).run(*command_line.split())
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if "others could read this" not in line]
    assert len(lines) == 1, done.stderr
    assert "the tables are at 0003, and this version needs" in lines[0]


def test_messages_that_were_there_get_their_plain_text(store: Store) -> None:
    before = store.rows("SELECT id, text, html, plain FROM message ORDER BY id")
    assert any(row[1] != row[3] for row in before), "no message has markup"
    command.downgrade(configuration(store.url, store.owner_url), "0008")
    store.migrate()
    after = store.rows("SELECT id, text, html, plain FROM message ORDER BY id")
    assert after == before


def test_messages_that_were_there_mention_members_and_not_names(store: Store) -> None:
    (ana,) = store.rows("SELECT id FROM member WHERE email = 'ana@acme.test'")[0]
    html = f'<p><span class="mention" data-member="{ana}">@Ana</span> says <code>{{}}</code></p>'
    first, second = [
        row[0] for row in store.rows("SELECT id FROM message WHERE deleted_at IS NULL ORDER BY id LIMIT 2")
    ]
    command.downgrade(configuration(store.url, store.owner_url), "0017")
    for message_id, code in ((first, "x"), (second, "@Ana")):
        values = (f"@ana says `{code}`", f"@Ana says {code}", html.format(code), message_id)
        store.rows("UPDATE message SET text = ?, plain = ?, html = ? WHERE id = ?", *values)
    store.migrate()
    found = dict(store.rows("SELECT id, text FROM message ORDER BY id"))
    assert found[first] == f"\ufdd0{ana}\ufdd1 says `x`"
    assert found[second] == "@ana says `@Ana`", "which one is the mention is not certain"
    command.downgrade(configuration(store.url, store.owner_url), "0017")
    assert dict(store.rows("SELECT id, text FROM message ORDER BY id"))[first] == "@Ana says `x`"
    store.migrate()


def test_messages_that_were_there_are_found_without_the_strokes_of_their_letters(store: Store) -> None:
    (message_id,) = store.rows("SELECT min(rowid) FROM message_index")[0]
    on_postgresql = store.url.startswith("postgresql")
    text = "CAST(text AS text)" if on_postgresql else "text"
    others = f"SELECT rowid, {text} FROM message_index WHERE rowid <> {message_id} ORDER BY rowid"
    before, after = ("'w':2 'łodz':1", "'lodz':1 'w':2") if on_postgresql else ("Łódź, w ø", "Lódź, w o")
    kept = store.rows(others)
    command.downgrade(configuration(store.url, store.owner_url), "0043")
    was = "CAST(CAST(? AS text) AS tsvector)" if on_postgresql else "?"
    store.rows(f"UPDATE message_index SET text = {was} WHERE rowid = ?", before, message_id)
    store.migrate()
    assert store.rows(f"SELECT {text} FROM message_index WHERE rowid = {message_id}") == [(after,)]
    assert store.rows(others) == kept


def test_what_undo_puts_back_and_mails_that_wait_are_taken_along_by_a_renamed_column(store: Store) -> None:
    kept = '{"message": 1, "told": [{"id": 5, "to": [{"%s": 5, "kind": "mention"}]}]}'
    command.downgrade(configuration(store.url, store.owner_url), "0022")
    store.rows(
        "INSERT INTO undo_offer (tenant_id, member_id, kind, state, made_at) VALUES (1, 1, 'message.deleted', ?, ?)",
        *(kept % "happening_id", now()),
    )
    written = "INSERT INTO mail (message_id, composer, payload, receiver, subject, text, due_at, lease, attempts)"
    store.rows(f"{written} VALUES ('one', '', '{{}}', 'carla@acme.test', 'Hello', 'Hello', ?, 0, 2)", now())
    store.migrate()
    assert read_kept(store) == kept % "activity_id"
    assert store.rows("SELECT count(*) FROM mail") == [(0,)]
    assert store.rows("SELECT composer, attempts FROM failed_mail") == [("earlier version", 2)]
    command.downgrade(configuration(store.url, store.owner_url), "0022")
    assert read_kept(store) == kept % "happening_id"
    store.migrate()


def test_ids_are_counted_from_the_rows_that_are_there_and_all_else_stays(store: Store) -> None:
    counted = set(read_scripts(MIGRATIONS).get_revision("0033").module.TABLES)
    command.downgrade(configuration(store.url, store.owner_url), "0032")
    store.rows(
        "INSERT INTO announcement (tenant_id, id, member_id, title, text, acknowledge, created_at)"
        " VALUES (1, 41, 1, 'Tea', '', false, ?)",
        now(),
    )
    store.rows(
        "INSERT INTO audit_entry (tenant_id, what, subject, before, after, address, at)"
        " VALUES (1, 'announcement.made', 'Tea', '', '', '', ?)",
        now(),
    )
    store.rows("INSERT INTO notification_mute VALUES ('announcement', 60, 2, 1)")
    before = look(store, describe), read_all(store)
    command.upgrade(configuration(store.url, store.owner_url), "0033")
    assert look(store, describe) == before[0]
    assert read_all(store) == before[1]
    if store.path.exists():
        ids = {name: store.rows(f'SELECT max(id) FROM "{name}"')[0][0] or 0 for name in counted}
        seeded = dict(store.rows("SELECT name, seq FROM sqlite_sequence"))
        assert {name: seeded.get(name) for name in counted} == {**ids, "announcement": 60}, "it was muted"
        assert store.rows("PRAGMA foreign_key_check") == []
        assert store.rows("PRAGMA integrity_check") == [("ok",)]
    with pytest.raises(Exception, match="only added to"):
        store.rows("DELETE FROM audit_entry")


@pytest.mark.sqlite
def test_no_id_of_any_table_is_given_twice(empty: Store) -> None:
    """PostgreSQL's sequences never go back."""
    empty.migrate()
    made = dict(empty.rows("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
    by_itself = {table.name for table in Base.metadata.tables.values() if table.autoincrement_column is not None}
    assert {"announcement", "attachment", "record", "member", "job"} <= by_itself
    assert {name for name in by_itself if "AUTOINCREMENT" not in made[name]} == set()


def describe(connection: Connection) -> Any:
    """The tables: their columns, keys and indexes, and the triggers, in an order of their own."""
    found = inspect(connection)
    tables = {}
    for name in found.get_table_names():
        columns = [
            (each["name"], str(each["type"]), each["nullable"], str(each["default"]).strip("()"))
            for each in found.get_columns(name)
        ]
        keys = found.get_pk_constraint(name)["constrained_columns"], found.get_foreign_keys(name)
        others = found.get_unique_constraints(name), found.get_check_constraints(name)
        indexes = [(each["name"], each["column_names"], each["unique"]) for each in found.get_indexes(name)]
        tables[name] = columns, *(sorted(map(str, each)) for each in (*keys, *others, indexes))
    if connection.dialect.name == "sqlite":
        triggers = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
        return tables, sorted(map(tuple, triggers))
    return tables


def read_all(store: Store) -> dict[str, list[str]]:
    """Every row of every table that is there and that a model describes."""
    there = look(store, lambda connection: inspect(connection).get_table_names())
    names = [name for name in Base.metadata.tables if name in there and not name.endswith("_index")]
    return {name: sorted(map(str, store.rows(f'SELECT * FROM "{name}"'))) for name in names}


def read_kept(store: Store) -> str:
    """What the newest undo is done with."""
    ((state,),) = store.rows("SELECT state FROM undo_offer ORDER BY id DESC LIMIT 1")
    return json.dumps(json.loads(state) if isinstance(state, str) else state)


def test_what_there_is_to_be_done_is_said_before_and_whether_the_program_before_can_go_on(store: Store) -> None:
    server = Server(store.directory, 0)
    assert server.run("migrate", "--plan").stdout == "nothing\n"
    command.downgrade(configuration(store.url, store.owner_url), "0022")
    before = dump(store)
    planned = server.run("migrate", "--plan").stdout
    assert planned.startswith("stop: 0023 renames the table of what notifications tell of")
    assert dump(store) == before
    done = server.run("migrate")
    assert "No process of the version before can go on with these tables: 0023 renames" in done.stderr
    assert done.returncode == 0
    assert "No process" not in server.run("migrate").stderr


def test_tables_that_are_not_there_yet_stop_nobody(empty: Store) -> None:
    server = Server(empty.directory, 0)
    before = sorted(empty.directory.iterdir())
    assert server.run("migrate", "--plan").stdout.startswith("running: 0001 0002 ")
    assert sorted(empty.directory.iterdir()) == before
    assert "No process" not in server.run("migrate").stderr


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Add a migration that comes after all others."""
    newest, folder = list_table_versions()[-1], tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)

    def add(*statements: str) -> None:
        above = f'from alembic import op\n\nrevision = "played"\ndown_revision = "{newest}"\n'
        lines = "".join(f"    {statement}\n" for statement in statements)
        (folder / "versions" / "played.py").write_text(f"{above}\n\ndef upgrade() -> None:\n{lines}")
        monkeypatch.setattr("app.migration.MIGRATIONS", folder)

    return add


def test_a_migration_without_a_reason_to_stop_lets_the_program_before_run(
    store: Store, played: Callable[..., None]
) -> None:
    played("pass")
    assert str(plan_migration(store.url, store.owner_url)) == "running: played"


def test_a_migration_that_fails_leaves_everything_as_it_was(store: Store, played: Callable[..., None]) -> None:
    played(
        "op.rename_table('session', 'sitting')",
        "op.execute(\"UPDATE member SET name = 'Nobody'\")",
        "op.drop_table('nothing')",
    )
    before = dump(store)
    with pytest.raises(DBAPIError, match="nothing"):
        store.migrate()
    assert dump(store) == before


@pytest.mark.postgresql
def test_what_only_the_owner_can_do_is_not_planned_without_the_owner(store: Store) -> None:
    command.downgrade(configuration(store.url, store.owner_url), "0022")
    done = Server(store.directory, 0, {"DATABASE_OWNER_URL": ""}).run("migrate", "--plan")
    assert (done.returncode, done.stdout) == (2, "")
    assert "run `migrate` with DATABASE_OWNER_URL" in done.stderr
    store.migrate()  # another test gets these tables


@pytest.mark.sqlite
def test_the_versions_that_are_known_without_alembic_are_those_that_it_knows() -> None:
    walked = [script.revision for script in read_scripts(MIGRATIONS).walk_revisions()]
    assert list_table_versions() == walked[::-1]


TAKES_AWAY = r"drop_column|drop_table|rename_table|RENAME|alter_column|drop_constraint"


def test_a_migration_that_takes_away_what_the_program_before_uses_says_so() -> None:
    silent = []
    for script in read_scripts(MIGRATIONS).walk_revisions():
        source = Path(script.path).read_text().replace(getsource(script.module.downgrade), "")
        if re.search(TAKES_AWAY, source) and not getattr(script.module, "needs_stop", ""):
            silent.append(script.revision)
    assert silent == []


def test_a_migration_asks_nothing_of_the_program_of_later_days() -> None:
    """Only for the kinds of columns, and for what the database itself is given of walls and indexes."""
    asked = {
        module
        for path in Path("migrations/versions").glob("*.py")
        for module in re.findall(r"^\s*(?:from|import) (app[.\w]*)", path.read_text(), re.MULTILINE)
    }
    assert {module for module in asked if not module.startswith("app.database")} == set()


def dump(store: Store) -> object:
    """All that the database holds."""
    if store.path.exists():
        return store.path.read_bytes()
    return [
        store.rows("SELECT oid, xmin::text, relforcerowsecurity, relacl::text FROM pg_class ORDER BY oid"),
        store.rows("SELECT tablename::text, policyname::text, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2"),
        store.rows("SELECT * FROM alembic_version"),
    ]
