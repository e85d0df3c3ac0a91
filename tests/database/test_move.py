"""Moving from SQLite to PostgreSQL: everything arrives as it was, or nothing does."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import JSON, Column, LargeBinary, String

import app.server.asgi  # noqa: F401  (all models)
from app.database import Base, UtcDateTime
from app.database.copying import canonical
from tests.conftest import Server, end_server, free_port
from tests.databases import OWNER, PROGRAM, Store, cluster, run_in_thread
from tests.processes import run

pytestmark = pytest.mark.sqlite  # moves from there; the other end is here whatever the tests run on

STRANGE = [
    "Olá, São João! 🌱 👩‍👩‍👧 \u202eback\u202c",
    '\'; DROP TABLE message; -- "quoted" \\ \\u0000 \\x00 $1 :name %s',
    "  spaces\tand\r\nlines\n",
    "e\u0301 is not é",
    "\ufeff\u200b\u2028\uffff",
    "",
]


@dataclass
class Target:
    """An empty database on the cluster, and the command that moves a file into it."""

    name: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": cluster().url(self.name),
            "DATABASE_OWNER_URL": cluster().url(self.name, OWNER),
        }

    def run(self, data_dir: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir), **self.environment, **environment}
        return run(arguments, own, timeout=120)

    def move(self, store: Store) -> subprocess.CompletedProcess[str]:
        return self.run(store.directory, "move", "--from", str(store.path))

    def rows(self, statement: str, *values: Any, role: str = "postgres") -> list[tuple[Any, ...]]:
        async def work() -> list[tuple[Any, ...]]:
            connection = await cluster().connect(self.name, role)
            try:
                return [tuple(row) for row in await connection.fetch(statement, *values)]
            finally:
                await connection.close()

        return list(run_in_thread(work))

    def count_rows(self) -> int:
        counts = " UNION ALL ".join(f'SELECT count(*) AS rows FROM "{name}"' for name in Base.metadata.tables)
        return int(self.rows(f"SELECT sum(rows) FROM ({counts}) AS counted")[0][0])

    def describe(self) -> object:
        """Everything about the tables but their rows."""
        return [
            self.rows(
                "SELECT relname::text, relkind::text, relrowsecurity, relforcerowsecurity, relacl::text FROM pg_class"
                " WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
            ),
            self.rows(
                "SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2"
            ),
            self.rows("SELECT tablename::text, policyname::text, cmd, qual, with_check FROM pg_policies ORDER BY 1, 2"),
            self.rows("SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1"),
        ]


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target("moved_" + secrets.token_hex(8))
    cluster().make(made.name)
    yield made
    cluster().execute("postgres", f"DROP DATABASE {made.name} WITH (FORCE)")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A database with empty tables, to be copied."""
    made = Target("migrated_" + secrets.token_hex(8))
    cluster().make(made.name)
    done = made.run(tmp_path_factory.mktemp("migrating"), "migrate")
    assert done.returncode == 0, done.stderr
    yield made
    cluster().execute("postgres", f"DROP DATABASE {made.name} WITH (FORCE)")


@pytest.fixture
def migrated(template: Target) -> Iterator[Target]:
    made = Target("moved_" + secrets.token_hex(8))
    cluster().make(made.name, template.name)
    yield made
    cluster().execute("postgres", f"DROP DATABASE {made.name} WITH (FORCE)")


def change(store: Store, *statements: tuple[str, tuple[Any, ...]]) -> None:
    """Change the file as no program would."""
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        for statement, values in statements:
            connection.execute(statement, values)


async def test_a_server_goes_on_where_the_other_one_ended(store: Store, target: Target) -> None:
    before = Server(store.directory, free_port())
    before.start()
    async with aclosing(await before.sign_in("acme", "ana@acme.test")) as ana:
        assert (await ana.post("/c/books/new", data={"title": "The last one before"})).status_code == 303
        sign_in = ana.headers["cookie"]
    before.stop()
    last = before.store.rows("SELECT max(number) FROM record WHERE tenant_id = 1")[0][0]

    moved = target.move(store)
    assert moved.returncode == 0, moved.stderr
    for name, digest in ((line.split()[0], line.split()[-1]) for line in moved.stdout.splitlines()[1:-1]):
        assert name in Base.metadata.tables
        assert len(digest) == 32
    total = sum(store.rows(f'SELECT count(*) FROM "{name}"')[0][0] for name in Base.metadata.tables)
    assert moved.stdout.splitlines()[-1] == f"{total} rows in {len(Base.metadata.tables)} tables are the same."

    after = Server(store.directory, before.port, target.environment, name="after")
    after.start()
    try:
        async with after.client("acme", cookie=sign_in) as ana:
            assert "The last one before" in (await ana.get("/c/books")).text
            assert (await ana.post("/c/books/new", data={"title": "The first one after"})).status_code == 303
            assert "The first one after" in (await ana.get("/c/books")).text
            text = store.rows(
                "SELECT text FROM message JOIN room ON room.id = room_id"
                " WHERE message.tenant_id = 1 AND slug = 'general' AND length(text) > 20"
            )[0][0]
            words = [word for word in text.split() if word.isalpha()][:3]
            found = (await ana.get("/chat/search", params={"q": " ".join(words)})).text
            assert "<mark" in found
    finally:
        end_server(after)
    assert target.rows("SELECT max(number) FROM record WHERE tenant_id = 1") == [(last + 1,)]


def test_strange_values_arrive_as_they_were(store: Store, migrated: Target) -> None:
    moments = ["0001-02-03 04:05:06.000000", "1969-12-31 23:59:59.999999", "9999-12-30 23:59:59.999999"]
    nested = {STRANGE[0]: STRANGE[1], "": "", "null": "null"}
    ids = [identity for (identity,) in store.rows("SELECT id FROM message ORDER BY id LIMIT ?", len(STRANGE))]
    change(
        store,
        *(("UPDATE message SET text = ? WHERE id = ?", (text, i)) for text, i in zip(STRANGE, ids, strict=True)),
        *(
            ("UPDATE message_index SET text = ? WHERE rowid = ?", (text, i))
            for text, i in zip(STRANGE, ids, strict=True)
        ),
        *(("UPDATE message SET edited_at = ? WHERE id = ?", each) for each in zip(moments, ids, strict=False)),
        ("UPDATE record SET version = ?, lock_until = NULL WHERE id = 1", (2**63 - 1,)),
        ('UPDATE record SET "values" = ? WHERE id = 1', (json.dumps(nested),)),
        (
            'INSERT INTO draft (kind, row_id, member_id, tenant_id, token, version, "values", typed_at)'
            " SELECT 'record', id, 1, 1, 7, 1, NULL, '2026-01-02 03:04:05.678901' FROM record WHERE id = 1",
            (),
        ),
        (
            "INSERT INTO single_use_token (token_hash, tenant_id, member_id, purpose, expires_at)"
            " VALUES (?, 1, 1, 'password', '2026-01-01 00:00:00.000001')",
            (bytes(range(224, 256)),),
        ),
    )
    moved = migrated.move(store)
    assert moved.returncode == 0, moved.stderr
    assert [
        text for (text,) in migrated.rows("SELECT text FROM message WHERE id = ANY($1) ORDER BY id", ids)
    ] == STRANGE
    assert migrated.rows("SELECT edited_at FROM message WHERE id = ANY($1) ORDER BY id", ids[:3]) == [
        (datetime.fromisoformat(moment).replace(tzinfo=UTC),) for moment in moments
    ]
    assert migrated.rows("SELECT version, lock_until FROM record WHERE id = 1") == [(2**63 - 1, None)]
    assert json.loads(migrated.rows('SELECT "values"::text FROM record WHERE id = 1')[0][0]) == nested
    assert migrated.rows("SELECT \"values\" IS NULL FROM draft WHERE kind = 'record' AND row_id = 1") == [(True,)]
    assert migrated.rows("SELECT token_hash FROM single_use_token") == [(bytes(range(224, 256)),)]
    words = migrated.rows("SELECT tsvector_to_array(text) FROM message_index WHERE rowid = $1", ids[0])[0][0]
    assert {"ola", "sao", "joao"} <= set(words)


def test_ids_of_deleted_rows_are_not_given_again(store: Store, migrated: Target) -> None:
    change(store, ("UPDATE sqlite_sequence SET seq = 5000 WHERE name = 'record'", ()))
    moved = migrated.move(store)
    assert moved.returncode == 0, moved.stderr
    assert migrated.rows("SELECT nextval(pg_get_serial_sequence('record', 'id'))") == [(5001,)]
    highest = store.rows("SELECT max(id) FROM member")[0][0]
    assert migrated.rows("SELECT nextval(pg_get_serial_sequence('member', 'id'))") == [(highest + 1,)]


def test_no_id_is_given_twice_of_whatever_was_deleted_before_the_move(store: Store, migrated: Target) -> None:
    counted = [name for name, table in Base.metadata.tables.items() if table.autoincrement_column is not None]
    change(store, ("DELETE FROM sqlite_sequence", ()))
    for place, name in enumerate(counted):
        change(store, ("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, 9000 + place)))
    moved = migrated.move(store)
    assert moved.returncode == 0, moved.stderr
    for place, name in enumerate(counted):
        key = Base.metadata.tables[name].autoincrement_column
        assert key is not None
        sequence = f"pg_get_serial_sequence('{name}', '{key.name}')"
        assert migrated.rows(f"SELECT nextval({sequence})") == [(9001 + place,)], name


def test_the_tables_are_as_the_migrations_made_them(store: Store, migrated: Target) -> None:
    before = migrated.describe()
    moved = migrated.move(store)
    assert moved.returncode == 0, moved.stderr
    assert migrated.describe() == before
    assert migrated.rows("SELECT count(*) FROM message", role=PROGRAM) == [(0,)], "the program sees no workspace's rows"
    assert migrated.rows("SELECT count(*) FROM message")[0][0] > 0


def spoil_text(store: Store) -> None:
    change(store, ("UPDATE message SET text = 'a' || char(0) || 'b' WHERE id = 1", ()))


def spoil_moment(store: Store) -> None:
    change(store, ("UPDATE record SET created_at = 'never' WHERE id = 1", ()))


def spoil_length(store: Store) -> None:
    change(store, ("UPDATE member SET name = ? WHERE id = 1", ("x" * 300,)))


def spoil_reference(store: Store) -> None:
    change(store, ("PRAGMA foreign_keys = OFF", ()), ("UPDATE message SET room_id = 99999 WHERE id = 1", ()))


def spoil_version(store: Store) -> None:
    change(store, ("UPDATE alembic_version SET version_num = '0001'", ()))


def spoil_file(store: Store) -> None:
    store.path.write_bytes(b"not a database" * 1000)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_text, "message has what PostgreSQL can't hold"),
        (spoil_length, "member has what PostgreSQL can't hold"),
        (spoil_moment, "record has what can't be read"),
        (spoil_reference, "rows refer to rows that are not there"),
        (spoil_version, "is not at this version"),
        (spoil_file, "file is not a database"),
    ],
)
def test_what_can_not_be_moved_is_one_line_and_leaves_nothing_behind(
    store: Store, migrated: Target, spoil: Callable[[Store], None], words: str
) -> None:
    before = migrated.describe()
    spoil(store)
    kept = store.path.read_bytes()
    moved = migrated.move(store)
    assert moved.returncode == 1
    assert words in moved.stderr
    assert len(moved.stderr.splitlines()) == 1
    assert migrated.count_rows() == 0
    assert migrated.describe() == before
    assert store.path.read_bytes() == kept


def test_a_database_that_changes_a_value_is_found_out(store: Store, migrated: Target) -> None:
    cluster().execute(
        migrated.name,
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF NEW.id = 2 THEN NEW.text = NEW.text || ' '; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER spoil BEFORE INSERT ON message FOR EACH ROW EXECUTE FUNCTION spoil()",
    )
    moved = migrated.move(store)
    assert moved.returncode == 1
    assert "message did not come out the same" in moved.stderr
    assert migrated.count_rows() == 0


def test_a_database_that_loses_a_row_is_found_out(store: Store, migrated: Target) -> None:
    cluster().execute(
        migrated.name,
        "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF NEW.rowid = 2 THEN RETURN NULL; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER lose BEFORE INSERT ON message_index FOR EACH ROW EXECUTE FUNCTION lose()",
    )
    moved = migrated.move(store)
    assert moved.returncode == 1
    assert "message_index did not come out the same" in moved.stderr
    assert migrated.count_rows() == 0


def test_a_database_with_rows_is_left_as_it_is(store: Store, migrated: Target) -> None:
    assert migrated.move(store).returncode == 0
    rows = migrated.count_rows()
    again = migrated.move(store)
    assert again.returncode == 1
    assert "the database to move to is not empty: there are rows in " in again.stderr
    assert len(again.stderr.splitlines()) == 1
    assert migrated.count_rows() == rows


def test_the_owner_of_the_tables_is_needed(store: Store, migrated: Target) -> None:
    moved = migrated.run(store.directory, "move", "--from", str(store.path), DATABASE_OWNER_URL="")
    assert moved.returncode == 2
    assert moved.stderr.startswith("DATABASE_OWNER_URL: is needed")
    assert len(moved.stderr.splitlines()) == 1


VALUES = {
    "text": (Column("text", String()), st.text(max_size=8)),
    "bytes": (Column("bytes", LargeBinary()), st.binary(max_size=4)),
    "moment": (Column("moment", UtcDateTime()), st.datetimes(timezones=st.just(UTC))),
    "json": (
        Column("json", JSON()),
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=3), lambda inner: st.lists(inner)),
    ),
}


@pytest.mark.parametrize("kind", VALUES)
@given(data=st.data())
def test_different_values_are_different_in_the_proof(kind: str, data: st.DataObject) -> None:
    column, values = VALUES[kind]
    first, second = data.draw(values | st.none()), data.draw(values | st.none())
    lines = [json.dumps(canonical(column, value), sort_keys=True) for value in (first, second)]
    assert (lines[0] == lines[1]) == (first == second and type(first) is type(second) and repr(first) == repr(second))
