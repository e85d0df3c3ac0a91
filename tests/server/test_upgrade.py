"""Upgrades with a migration that no earlier program can live with: requests wait for the new one, and none fails."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.migration import list_table_versions
from tests.conftest import ROOT, RedisServer, Server, free_port
from tests.databases import Store
from tests.server.test_workers import Traffic, list_workers
from tests.waiting import until

# It waits, after what it does, until the test lets it go on, or fail.
MIGRATION = f'''
import os
import time
from pathlib import Path

from alembic import op

revision = "played"
down_revision = "{list_table_versions()[-1]}"
needs_stop = "renames what every page asks for"


def upgrade() -> None:
    op.rename_table("session", "sitting")
    here = Path(os.environ["DATA_DIR"])
    (here / "migrating").touch()
    while not (here / "go on").exists():
        time.sleep(0.02)
    assert (here / "go on").read_text() == "well", "it fails, as the test wants it to"
'''
NEXT_MIGRATION = """
revision = "next"
down_revision = "played"
needs_stop = "changes what the one before has made"


def upgrade() -> None:
    pass
"""
BEFORE, AFTER = '__tablename__ = "session"', '__tablename__ = "sitting"'


@pytest.fixture
def upgradable(seeded: Store, tmp_path: Path, redis_server: RedisServer) -> Iterator[Server]:
    """Two workers of a program whose files may be replaced."""
    for folder in ("app", "migrations"):
        shutil.copytree(ROOT / folder, tmp_path / "program" / folder)
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700)
    seeded.copy_to(data_dir)
    environment = {"REDIS_URL": redis_server.url}
    made = Server(data_dir, free_port(), environment, workers=2, forked=False, home=tmp_path / "program", debug=False)
    made.start()
    yield made
    if made.process and made.process.poll() is None:
        made.stop()
    if "sitting" in made.store.dump_tables():  # another test gets this database
        made.store.rows("ALTER TABLE sitting RENAME TO session")
        made.store.rows("UPDATE alembic_version SET version_num = ?", list_table_versions()[-1])
    made.store.drop()


def install(server: Server) -> None:
    """Put a newer version in the place of the program."""
    (server.home / "migrations" / "versions" / "played.py").write_text(MIGRATION)
    replace(server, BEFORE, AFTER)


def replace(server: Server, before: str, after: str) -> None:
    model = server.home / "app" / "accounts" / "sessions.py"
    assert before in model.read_text()
    model.write_text(model.read_text().replace(before, after))


def tell(server: Server, number: int) -> None:
    assert server.process
    server.process.send_signal(number)


async def begin_upgrade(server: Server) -> None:
    """Install, reload, and wait until the migration is at work."""
    install(server)
    tell(server, signal.SIGHUP)
    await until((server.data_dir / "migrating").exists, seconds=60)


@dataclass
class Request:
    """A request that was sent to a server, which may not answer yet."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read_status(self) -> int:
        """The status of the answer."""
        async with asyncio.timeout(60):
            line = await self.reader.readline()
        self.writer.close()
        return int(line.split()[1])


async def send_request(server: Server, client: httpx.AsyncClient) -> Request:
    """Ask for a page that only members see."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    headers = f"Host: {server.host('acme')}\r\nCookie: {client.headers['cookie']}\r\nConnection: close"
    writer.write(f"GET /c/books HTTP/1.1\r\n{headers}\r\n\r\n".encode())
    await writer.drain()
    return Request(reader, writer)


async def test_requests_wait_for_the_new_program_and_none_fails(upgradable: Server) -> None:
    traffic = Traffic()
    async with aclosing(upgradable.let_in("acme", "ana@acme.test")) as ana, asyncio.TaskGroup() as group:
        ana.timeout = httpx.Timeout(90)  # a busy machine is slow, and not wrong
        group.create_task(traffic.write(ana))
        await traffic.more()
        await begin_upgrade(upgradable)
        assert list_workers(upgradable) == []
        assert "renames what every page asks for" in upgradable.log
        waiting = [await send_request(upgradable, ana) for _ in range(5)]
        (upgradable.data_dir / "go on").write_text("well")
        assert [await each.read_status() for each in waiting] == [200] * 5
        await traffic.more()
        traffic.over.set()
    assert traffic.failed == []
    assert len(list_workers(upgradable)) == 2
    assert "a worker ended, and is started again" not in upgradable.log


async def test_who_reloads_meanwhile_gets_what_is_installed_by_then(upgradable: Server) -> None:
    async with aclosing(upgradable.let_in("acme", "ana@acme.test")) as ana:
        await begin_upgrade(upgradable)
        (upgradable.home / "migrations" / "versions" / "next.py").write_text(NEXT_MIGRATION)
        tell(upgradable, signal.SIGHUP)
        (upgradable.data_dir / "go on").write_text("well")
        waiting = [await send_request(upgradable, ana) for _ in range(5)]
        assert [await each.read_status() for each in waiting] == [200] * 5
    assert upgradable.store.rows("SELECT version_num FROM alembic_version") == [("next",)]


async def test_when_migrating_fails_the_tables_are_as_before_and_what_is_installed_says_that_it_does_not_fit(
    upgradable: Server,
) -> None:
    (upgradable.data_dir / "go on").write_text("badly")
    await begin_upgrade(upgradable)
    await until(lambda: "the database can't be migrated, and is as before" in upgradable.log, seconds=60)
    assert upgradable.store.rows("SELECT version_num FROM alembic_version") == [(list_table_versions()[-1],)]
    assert {"session", "sitting"} & upgradable.store.dump_tables().keys() == {"session"}
    await until(lambda: "this version needs played: run `migrate`" in upgradable.log, seconds=60)
    replace(upgradable, AFTER, BEFORE)
    (upgradable.home / "migrations" / "versions" / "played.py").unlink()
    tell(upgradable, signal.SIGHUP)
    await until(lambda: upgradable.log.count("a worker was replaced") == 2, seconds=90)
    async with aclosing(upgradable.let_in("acme", "ana@acme.test")) as ana:
        waiting = [await send_request(upgradable, ana) for _ in range(5)]
        assert [await each.read_status() for each in waiting] == [200] * 5, "the version before is there again"


async def test_a_process_whose_tables_are_newer_than_it_knows_is_not_ready(server: Server) -> None:
    async with aclosing(server.client("acme")) as client:
        assert (await client.get("/readyz")).json()["tables"] == "ok"
        server.store.rows("UPDATE alembic_version SET version_num = 'played'")
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["tables"]) == (503, "newer")
        assert "a newer version of the program has brought them to played" in server.log
        server.store.rows("UPDATE alembic_version SET version_num = ?", list_table_versions()[-1])
        assert (await client.get("/readyz")).status_code == 200
