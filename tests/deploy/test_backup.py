"""Backups of PostgreSQL and of DATA_DIR, made and restored by the scripts that are deployed, on a real cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Server, end_server, free_port
from tests.databases import OWNER, PROGRAM, cluster, run_in_thread

pytestmark = pytest.mark.sqlite  # on PostgreSQL whatever the tests run on, so once is enough

DATABASE = "mutirao"
PASSWORDS = {"OWNER_PASSWORD": "o'wner", "PROGRAM_PASSWORD": "program", "BACKUP_PASSWORD": "back\\up"}


def make_roles() -> None:
    """Run deploy/postgresql.sql as PostgreSQL's image does at its first start."""
    done = subprocess.run(
        [cluster().programs / "psql", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1",
         "-p", str(cluster().port), "-U", "postgres", "-d", "postgres", "-f", ROOT / "deploy" / "postgresql.sql"],
        env={"PATH": os.environ["PATH"], **PASSWORDS}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def rows(statement: str, *values: Any, role: str = "postgres") -> list[tuple[Any, ...]]:
    async def work() -> list[tuple[Any, ...]]:
        connection = await cluster().connect(DATABASE, role)
        try:
            return [tuple(row) for row in await connection.fetch(statement, *values)]
        finally:
            await connection.close()

    return list(run_in_thread(work))


def read_everything() -> dict[str, Any]:
    """Every table with all its rows, who may do what with it, and the policies."""
    found: dict[str, Any] = {}
    for name, kind in rows(
        "SELECT relname::text, relkind::text FROM pg_class"
        " WHERE relkind IN ('r', 'S') AND relnamespace = 'public'::regnamespace ORDER BY 1"
    ):
        row = "t::text" if kind == "r" else "last_value || ' ' || is_called"
        found[name] = rows(f'SELECT count(*), md5(string_agg({row}, chr(10) ORDER BY {row})) FROM "{name}" t')
    found["rights"] = rows(
        "SELECT relname::text, relowner::regrole::text, relacl::text, relrowsecurity, relforcerowsecurity FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    found["policies"] = rows(
        "SELECT tablename::text, policyname::text, qual, with_check FROM pg_policies ORDER BY 1, 2"
    )
    found["functions"] = rows(
        "SELECT proname::text, proacl::text, prosecdef, prosrc FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace ORDER BY 1"
    )
    return found


@dataclass
class Installation:
    """A database with the demo, and a DATA_DIR."""

    data_dir: Path
    backup_dir: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{cluster().programs}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(cluster().port),
            "PGDATABASE": DATABASE,
            "DATA_DIR": str(self.data_dir),
            "BACKUP_DIR": str(self.backup_dir),
        }

    def run(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        role = "postgres" if script == "restore.sh" else "mutirao_backup"
        return subprocess.run(
            ["/bin/sh", ROOT / "deploy" / script, *arguments],
            env=self.environment | {"PGUSER": role} | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def copies(self) -> list[str]:
        return sorted(path.name for path in self.backup_dir.iterdir())

    def backup(self) -> str:
        before = self.copies()
        made = self.run("backup.sh", "now")
        assert made.returncode == 0, made.stderr
        (name,) = set(self.copies()) - set(before)
        return name


@pytest.fixture(scope="module")
def server_with_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on the database that deploy/postgresql.sql makes, with the demo and some files."""
    make_roles()
    make_roles()  # again: nothing is in the way
    data_dir = tmp_path_factory.mktemp("data")
    urls = {"DATABASE_URL": cluster().url(DATABASE), "DATABASE_OWNER_URL": cluster().url(DATABASE, OWNER)}
    server = Server(data_dir, free_port(), urls)
    made = server.run("demo")
    assert made.returncode == 0, made.stderr
    for name in ("files/1/ab", "pictures/1/cd", "outbox/mail"):
        (data_dir / name).parent.mkdir(parents=True)
        (data_dir / name).write_bytes(os.urandom(5000))
    (data_dir / "mutirao.sqlite").write_bytes(b"moved")
    yield server
    cluster().execute("postgres", f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture
def installation(server_with_files: Server, tmp_path: Path) -> Installation:
    return Installation(server_with_files.data_dir, tmp_path)


def test_the_roles_have_what_they_need_and_no_more(server_with_files: Server) -> None:
    described = rows(
        "SELECT rolname::text, rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls,"
        " rolpassword LIKE 'SCRAM%' FROM pg_authid WHERE rolname LIKE 'mutirao%' ORDER BY 1"
    )
    assert described == [
        ("mutirao", True, False, False, False, False, True),
        ("mutirao_backup", True, False, False, False, True, True),
        ("mutirao_owner", True, False, False, False, False, True),
    ]
    assert rows("SELECT count(*) FROM message", role=PROGRAM) == [(0,)]
    assert rows("SELECT count(*) FROM message", role="mutirao_backup")[0][0] > 0
    for statement in ("DELETE FROM message", "UPDATE tenant SET name = ''", "CREATE TABLE x ()"):
        with pytest.raises(Exception, match="permission denied"):
            rows(statement, role="mutirao_backup")


async def test_what_was_backed_up_is_served_again_after_everything_was_lost(
    installation: Installation, server_with_files: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = read_everything()
    assert before["message"][0][0] > 0
    name = installation.backup()
    copy = installation.backup_dir / name
    assert sorted(path.name for path in copy.iterdir()) == ["SHA256SUMS", "database.dump", "files.tar"]
    assert copy.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in copy.iterdir())

    cluster().execute("postgres", f"DROP DATABASE {DATABASE} WITH (FORCE)")
    make_roles()
    lost = Installation(tmp_path_factory.mktemp("new"), installation.backup_dir)
    restored = lost.run("restore.sh", name)
    assert restored.returncode == 0, restored.stderr
    assert read_everything() == before
    kept = sorted(path for path in installation.data_dir.rglob("*") if path.is_file() and path.suffix != ".sqlite")
    assert len(kept) == 4  # with secret_key
    for path in kept:
        again = lost.data_dir / path.relative_to(installation.data_dir)
        assert again.read_bytes() == path.read_bytes()
        assert again.stat().st_mode == path.stat().st_mode
    assert not (lost.data_dir / "mutirao.sqlite").exists()

    server = Server(lost.data_dir, free_port(), {"DATABASE_URL": cluster().url(DATABASE)})
    server.start()
    try:
        async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
            assert (await ana.post("/c/books/new", data={"title": "After the disaster"})).status_code == 303
            assert "After the disaster" in (await ana.get("/c/books")).text
    finally:
        end_server(server)


def test_a_restore_writes_over_nothing(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> None:
    name = installation.backup()
    before = read_everything()
    full = installation.run("restore.sh", name)
    assert full.returncode == 1
    assert "is not empty" in full.stderr
    assert read_everything() == before

    cluster().execute("postgres", "CREATE DATABASE elsewhere TEMPLATE template0")
    try:
        with_files = installation.run("restore.sh", name, PGDATABASE="elsewhere")
        assert with_files.returncode == 1
        assert "DATA_DIR is not empty" in with_files.stderr
        empty = Installation(tmp_path_factory.mktemp("empty"), installation.backup_dir)
        unknown = empty.run("restore.sh", "2020-01-01T000000Z", PGDATABASE="elsewhere")
        assert unknown.returncode == 1
        assert "there is no backup" in unknown.stderr
        dump = installation.backup_dir / name / "database.dump"
        dump.write_bytes(dump.read_bytes()[:-100])
        damaged = empty.run("restore.sh", name, PGDATABASE="elsewhere")
        assert damaged.returncode == 1
        assert "is damaged" in damaged.stderr
        assert list(empty.data_dir.iterdir()) == []
        listed = empty.run("restore.sh", PGDATABASE="elsewhere")
        assert (listed.returncode, listed.stdout) == (2, f"{name}\n")
    finally:
        cluster().execute("postgres", "DROP DATABASE elsewhere")


def test_the_newest_are_kept(installation: Installation) -> None:
    for day in ("01", "02", "03"):
        (installation.backup_dir / f"2020-01-{day}T031500Z").mkdir()
    (installation.backup_dir / "unfinished.2020-01-04T031500Z").mkdir()
    (installation.backup_dir / "of mine").mkdir()
    made = installation.run("backup.sh", "now", BACKUP_KEEP="2")
    assert made.returncode == 0, made.stderr
    kept = installation.copies()
    assert len(kept) == 3
    assert kept[0] == "2020-01-03T031500Z"
    assert kept[2] == "of mine"


@pytest.mark.parametrize(
    "broken", [{"PGPORT": "1"}, {"PGUSER": OWNER}, {"PGUSER": PROGRAM}, {"DATA_DIR": "/proc/nothing"}]
)
def test_a_backup_that_fails_says_so_and_takes_none_away(installation: Installation, broken: dict[str, str]) -> None:
    kept = installation.backup_dir / "2020-01-01T031500Z"
    kept.mkdir()
    failed = installation.run("backup.sh", "now", BACKUP_KEEP="1", **broken)
    assert failed.returncode != 0
    assert failed.stderr
    assert kept.is_dir()
    assert [name for name in installation.copies() if not name.startswith("unfinished")] == [kept.name]


def test_an_old_backup_is_unhealthy(installation: Installation) -> None:
    assert installation.run("backup.sh", "check").returncode == 1
    copy = installation.backup_dir / installation.backup()
    assert installation.run("backup.sh", "check").returncode == 0
    yesterday = time.time() - 27 * 3600
    os.utime(copy, (yesterday, yesterday))
    old = installation.run("backup.sh", "check")
    assert old.returncode == 1
    assert "no backup of the last 26 hours" in old.stderr


@pytest.mark.parametrize("wrong", [{"BACKUP_KEEP": "0"}, {"BACKUP_KEEP": "many"}, {"BACKUP_AT": "noonish"}])
def test_an_impossible_setting_is_one_line(installation: Installation, wrong: dict[str, str]) -> None:
    refused = installation.run("backup.sh", "now", **wrong)
    assert refused.returncode == 2
    assert refused.stderr.startswith(next(iter(wrong)))
    assert len(refused.stderr.splitlines()) == 1


def start_daily(installation: Installation, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["/bin/sh", ROOT / "deploy" / "backup.sh", "daily"],
        env=installation.environment | {"PGUSER": "mutirao_backup"} | environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def test_the_schedule_begins_with_a_backup_and_ends_at_once_when_told(installation: Installation) -> None:
    with start_daily(installation) as process:
        assert process.stdout is not None
        assert " made 2" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert len(installation.copies()) == 1


def test_the_schedule_outlives_a_failure(installation: Installation) -> None:
    with start_daily(installation, PGPORT="1") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        while "tried again in ten minutes" not in lines[-1]:
            assert lines[-1], lines
            lines.append(process.stdout.readline())
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert not [name for name in installation.copies() if not name.startswith("unfinished")]
