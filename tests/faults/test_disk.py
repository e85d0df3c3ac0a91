"""A disk that is full: who writes is told so, nothing is half done, and all goes on when there is room again."""

from __future__ import annotations

import os
import pwd
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.conftest import Server, end_server, free_port
from tests.databases import KIND, Store, cluster
from tests.faults.extent import times
from tests.faults.traffic import REFUSALS, ROOM, traffic_on

SIZE = "64m"  # beyond what the demo takes on PostgreSQL


@dataclass
class Disk:
    """A disk of its own, in memory, and what fills it."""

    path: Path

    @property
    def ballast(self) -> Path:
        return self.path / "ballast"

    def fill(self) -> None:
        """Leave no room for another byte."""
        with self.ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with suppress(OSError):
                    while True:
                        file.write(b"x" * size)

    def clear(self) -> None:
        """Make room again."""
        self.ballast.unlink()


@pytest.fixture
def disk() -> Iterator[Disk]:
    """A disk that can be filled."""
    path = Path(tempfile.mkdtemp(prefix="mutirao-disk-", dir="/tmp"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", path], capture_output=True, text=True, check=False
    )
    assert mounted.returncode == 0, f"a disk that can be filled takes root's rights: {mounted.stderr}"
    path.chmod(0o755)
    yield Disk(path)
    subprocess.run(["umount", "--lazy", path], check=True)
    path.rmdir()


@contextmanager
def database_on(disk: Disk, seeded: Store, data_dir: Path) -> Iterator[Store]:
    """A database with the demo whose rows are on the disk, as its uploads are."""
    if KIND == "sqlite":
        yield seeded.copy_to(data_dir)
        return
    folder = disk.path / "postgresql"
    folder.mkdir()
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    cluster().execute("postgres", f"CREATE TABLESPACE small LOCATION '{folder}'")
    made = seeded.copy_to(data_dir, place="small")
    yield made
    made.drop()
    cluster().execute("postgres", "DROP TABLESPACE small")


@pytest.fixture(params=["elsewhere", "there too"])
def server_on_disk(seeded: Store, disk: Disk, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server whose data are on the disk, and perhaps its log too."""
    data_dir = disk.path / "data"
    data_dir.mkdir()
    with database_on(disk, seeded, data_dir):
        server = Server(data_dir, free_port(), log_dir=tmp_path if request.param == "elsewhere" else data_dir)
        server.start()
        yield server
        end_server(server)


async def is_refused_in_words(ana: httpx.AsyncClient) -> None:
    """A book, a file and a picture are refused by a page, or a line, that says why; pages are still there."""
    told = REFUSALS[507]
    # What fits into no page that is there already, and can't be made smaller.
    book = await ana.post("/c/books/new", data={"title": "No room for it", "notes": secrets.token_hex(9_000)})
    assert (book.status_code, told in book.text) == (507, True)
    file = await ana.post(f"{ROOM}/files", files={"file": ("plan.txt", b"x" * 300_000)})
    assert (file.status_code, file.text.startswith("The server is out of space")) == (507, True)
    assert (await ana.get("/c/books")).status_code == 200
    assert (await ana.get("/healthz")).status_code == 200


async def test_a_full_disk_is_said_and_costs_nothing_that_was_acknowledged(disk: Disk, server_on_disk: Server) -> None:
    rounds = times(1, 10)
    async with traffic_on(server_on_disk) as traffic:
        for _ in range(rounds):
            await traffic.more(times(10, 20))
            disk.fill()
            await traffic.more_refusals(10)
            await is_refused_in_words(traffic.clients[0])
            disk.clear()
            await traffic.more(times(10, 20))
    messages = traffic.check()
    assert not list((server_on_disk.data_dir / "files").rglob("*.*")), "a part of a file was left"
    assert server_on_disk.store.rows("SELECT count(*) FROM record WHERE tenant_id = 1 AND number > 42") == [(0,)]
    print(f"{rounds} times full; {messages} messages, {traffic.refused} refusals, all sent again")
