"""The databases that tests stand on: SQLite files, or a real PostgreSQL cluster with TEST_DATABASE=postgresql.

The demo is made once; each test or server that needs a database gets a copy of its own.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import hashlib
import itertools
import os
import pwd
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import update

from app.accounts import hashing
from app.database import now, sqlite
from app.database.clock import read_monotonic_clock
from app.demo import seed_demo
from app.features import open_database
from app.jobs.jobs import Job
from app.jobs.runner import Runner
from app.migration import migrate_database
from app.settings import read_settings
from tests.copies import Original
from tests.processes import CHEAP, KIND, UNSYNCHRONISED
from tests.statements import share_compiled_statements

hashing.load_hasher = lambda: CHEAP
sqlite.SYNCHRONOUS = UNSYNCHRONISED
share_compiled_statements()
assert KIND in ("sqlite", "postgresql"), "TEST_DATABASE is sqlite or postgresql"
Result = TypeVar("Result")
OWNER, PROGRAM = "mutirao_owner", "mutirao"


@functools.cache
def start_loop() -> asyncio.AbstractEventLoop:
    """An event loop in a thread of its own, for what is asked of PostgreSQL beside the program."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="beside", daemon=True).start()
    return loop


def run_in_thread(work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run a coroutine to its end, whether or not there is an event loop here."""
    return asyncio.run_coroutine_threadsafe(work(), start_loop()).result()


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Cluster:
    """A PostgreSQL server of this test run, which forgets everything at its end."""

    # Nobody needs what tests write after a crash of the machine.
    SPEED = "-c fsync=off -c full_page_writes=off"

    def __init__(self) -> None:
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
        found = str(programs[-1]) if programs else shutil.which("initdb")
        assert found, "PostgreSQL is missing: run tests/install-system-packages"
        self.programs = Path(found).parent
        self.directory = Path(tempfile.mkdtemp(prefix="mutirao-postgresql-", dir="/tmp"))
        self.port = find_free_port()
        self.user: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            nobody = pwd.getpwnam("nobody")
            os.chown(self.directory, nobody.pw_uid, nobody.pw_gid)
            self.user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        # A collation that sorts as people do: what needs the order of bytes has to say so itself.
        self.call("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N", "--locale=C.UTF-8",
                  "--locale-provider=icu", "--icu-locale=en-US")  # fmt: skip
        self.start()
        atexit.register(self.end)
        self.execute(
            "postgres",
            f"CREATE ROLE {OWNER} LOGIN",
            f"CREATE ROLE {PROGRAM} LOGIN PASSWORD 'program'",
        )

    def call(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.programs / program, "-D", self.directory / "data", *arguments],
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            **self.user,
        )
        assert done.returncode == 0, done.stdout.decode()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.directory}"
        options += f" {self.SPEED} -c max_connections=300"
        # Its output goes to a file, so that nothing waits for a pipe that the server keeps open.
        with (self.directory / "start.log").open("wb") as output:
            done = subprocess.run(
                [self.programs / "pg_ctl", "-D", self.directory / "data", "-l", self.directory / "server.log",
                 "-o", options, "-w", "start"],
                cwd=self.directory, stdout=output, stderr=output, check=False, **self.user,
            )  # fmt: skip
        assert done.returncode == 0, (self.directory / "start.log").read_text()

    def stop(self, mode: str = "fast") -> None:
        self.call("pg_ctl", "-m", mode, "-w", "stop")

    def start_again(self) -> None:
        """Start it if it is stopped."""
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.port)):
                self.start()

    def list_processes(self) -> list[int]:
        """Its processes, the one that starts and ends the others first."""
        first = (self.directory / "data" / "postmaster.pid").read_text().split()[0]
        others = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return [int(number) for number in (first, *others)]

    def signal(self, number: int) -> None:
        """Send all of them a signal."""
        for process in self.list_processes():
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def end(self) -> None:
        atexit.unregister(self.end)
        self.stop("immediate")
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, name: str, role: str = PROGRAM) -> str:
        password = ":program" if role == PROGRAM else ""
        return f"postgresql+asyncpg://{role}{password}@127.0.0.1:{self.port}/{name}"

    def local_url(self, name: str) -> str:
        """The program's address of a database where no network leads to it."""
        return f"postgresql+asyncpg://{PROGRAM}:program@/{name}?host={self.directory}&port={self.port}"

    async def connect(self, name: str, role: str = "postgres") -> asyncpg.Connection:
        return await asyncpg.connect(
            host=str(self.directory), port=self.port, user=role, password="program", database=name, timeout=10
        )

    def execute(self, name: str, *statements: str) -> None:
        async def work() -> None:
            connection = await self.connect(name)
            try:
                for statement in statements:
                    await connection.execute(statement)
            finally:
                await connection.close()

        run_in_thread(work)

    def make(self, name: str, template: str = "", *, place: str = "pg_default") -> None:
        """Make a database, empty or as another one is, in a tablespace."""
        copy = f"TEMPLATE {template} STRATEGY FILE_COPY" if template else "TEMPLATE template0"
        self.execute("postgres", f"CREATE DATABASE {name} OWNER {OWNER} {copy} TABLESPACE {place}")
        if not template:
            self.execute(name, f"ALTER SCHEMA public OWNER TO {OWNER}")


@functools.cache
def cluster() -> Cluster:
    """The cluster of this run, started when the first test needs it."""
    return Cluster()


@dataclass(frozen=True)
class Store:
    """The database of a server, or of a test: what the program gets to know of it, and a way in beside the program.

    That way sees and changes everything: on PostgreSQL it is a superuser's.
    """

    directory: Path

    @property
    def path(self) -> Path:
        """The file of SQLite."""
        return self.directory / "mutirao.sqlite"

    @property
    def name(self) -> str:
        """The database's name on PostgreSQL."""
        return LENT.get(self.directory) or "t" + hashlib.sha256(str(self.directory).encode()).hexdigest()[:20]

    @property
    def url(self) -> str:
        return cluster().url(self.name) if KIND == "postgresql" else f"sqlite+aiosqlite:///{self.path}"

    @property
    def owner_url(self) -> str:
        return cluster().url(self.name, OWNER) if KIND == "postgresql" else ""

    @property
    def superuser_url(self) -> str:
        return cluster().url(self.name, "postgres") if KIND == "postgresql" else self.url

    @property
    def environment(self) -> dict[str, str]:
        """The settings that name it; none for SQLite, whose file is in its usual place."""
        if KIND == "sqlite":
            return {}
        self.ensure()
        return {"DATABASE_URL": self.url, "DATABASE_OWNER_URL": self.owner_url}

    def ensure(self) -> None:
        """Make it, empty, where the database does not come by itself."""
        if KIND == "postgresql" and self.directory not in LENT and self.name not in MADE:
            cluster().make(self.name)
            MADE.add(self.name)

    def migrate(self) -> None:
        self.ensure()
        migrate_database(self.url, self.owner_url)

    def copy_to(self, directory: Path, *, place: str = "pg_default") -> Store:
        """A copy of it, which nothing is connected to; on PostgreSQL in some tablespace."""
        copy = Store(directory)
        if KIND == "sqlite":
            shutil.copy(self.path, copy.path)
        elif place == "pg_default":
            LENT[directory] = find_copy(self.name)
        else:
            cluster().make(copy.name, self.name, place=place)
            MADE.add(copy.name)
        return copy

    def drop(self) -> None:
        """Take it away; files go with their directory, and a copy is kept for who wants the next one."""
        if self.directory in LENT:
            RETURNED.append(LENT.pop(self.directory))
        elif self.name in MADE:
            cluster().execute("postgres", f"DROP DATABASE {self.name} WITH (FORCE)")
            MADE.discard(self.name)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement with `?` for values, moments in UTC, and keep what it does."""
        return self.rows_of((statement, *values))[0]

    def rows_of(self, *statements: tuple[Any, ...]) -> list[list[tuple[Any, ...]]]:
        """Run statements, each with its values, over one connection; the rows of each."""
        if KIND == "sqlite":
            with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
                connection.execute("PRAGMA busy_timeout = 10000")
                return [connection.execute(text, adapt(values)).fetchall() for text, *values in statements]

        async def work(connection: asyncpg.Connection) -> list[list[tuple[Any, ...]]]:
            return [
                [tuple(row) for row in await connection.fetch(number_places(text), *values)]
                for text, *values in statements
            ]

        return run_in_thread(lambda: over_connection(self.name, work))

    def dump_tables(self) -> dict[str, list[str]]:
        """Every table, with its columns."""
        if KIND == "sqlite":
            names = [name for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: [row[1] for row in self.rows(f'PRAGMA table_info("{name}")')] for name in names}
        found: dict[str, list[str]] = {}
        for table, column in self.rows(
            "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'public'"
            " ORDER BY ordinal_position"
        ):
            found.setdefault(table, []).append(column)
        return found

    def read_lease_clock(self) -> int:
        """The clock that leases run by."""
        return int(self.rows("SELECT lease_clock()")[0][0]) if KIND == "postgresql" else read_monotonic_clock()

    def set_lease_clock(self, moment: int) -> None:
        """Stop PostgreSQL's clock at a moment; SQLite's is this process's own."""
        if KIND == "postgresql":
            body = f"LANGUAGE sql AS $$ SELECT {moment}::bigint $$"
            self.rows(f"CREATE OR REPLACE FUNCTION lease_clock() RETURNS bigint {body}")

    @contextmanager
    def keep_writers_out(self) -> Iterator[None]:
        """As long as it lasts, nobody else can write."""
        statement = "BEGIN IMMEDIATE" if KIND == "sqlite" else "BEGIN; LOCK TABLE tenant IN EXCLUSIVE MODE"
        with self.keep(statement):
            yield

    @contextmanager
    def keep(self, statement: str) -> Iterator[None]:
        """Hold a transaction open, in a process of its own where the driver is asynchronous."""
        if KIND == "sqlite":
            with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
                connection.execute(statement)
                yield
                connection.execute("ROLLBACK")
            return
        script = (
            "import asyncio, asyncpg, sys\n"
            "async def main():\n"
            f"    c = await asyncpg.connect(host='127.0.0.1', port={cluster().port}, user='postgres',"
            f" database='{self.name}')\n"
            f"    await c.execute({statement!r}); print('held', flush=True); sys.stdin.read(); await c.close()\n"
            "asyncio.run(main())"
        )
        holder = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert holder.stdin is not None and holder.stdout is not None  # noqa: PT018
        assert holder.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            holder.stdin.close()
            holder.wait(20)
            holder.stdout.close()


MADE: set[str] = set()
# The databases on PostgreSQL that are copies, by whose they are now; and those that may be put back and lent again.
LENT: dict[Path, str] = {}
RETURNED: list[str] = []
ORIGINALS: dict[str, Original] = {}
KEPT: dict[str, asyncpg.Connection] = {}
BUSY: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)


def find_copy(template: str) -> str:
    """A copy of a database, by the name of either: one that was a test's, and is put back, or a new one."""
    while RETURNED:
        name = RETURNED.pop()
        if run_in_thread(partial(over_connection, name, ORIGINALS[name].put_back)):
            return name
        cluster().execute("postgres", f"DROP DATABASE {name} WITH (FORCE)")
    name = f"copy_{os.getpid()}_{len(ORIGINALS)}"
    cluster().make(name, template)
    ORIGINALS[name] = Original()
    run_in_thread(lambda: over_connection(name, ORIGINALS[name].read))
    return name


async def over_connection(name: str, work: Callable[[asyncpg.Connection], Coroutine[Any, Any, Result]]) -> Result:
    """Do something over a superuser's connection to a database: to a copy one that is kept, as it comes with nothing
    that the database has to look up at first."""
    if name not in ORIGINALS:
        connection = await cluster().connect(name)
        try:
            return await work(connection)
        finally:
            await connection.close()
    async with BUSY[name]:
        if name not in KEPT or KEPT[name].is_closed():
            KEPT[name] = await cluster().connect(name)
        return await work(KEPT[name])


def adapt(values: list[Any]) -> list[Any]:
    """Values as SQLite stores them."""
    return [f"{value:%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value for value in values]


def number_places(statement: str) -> str:
    """A statement with `$1`, `$2` in the places of `?`."""
    numbers = itertools.count(1)
    return re.sub(r"\?", lambda _: f"${next(numbers)}", statement)


async def make_seed(directory: Path) -> Store:
    """The database that others are copies of: migrated, with the demo in it.

    What comes round has been done, and is due tomorrow, so that not each server of a test begins with doing it.
    """
    store = Store(directory)
    store.migrate()
    database = open_database(store.url)
    await seed_demo(database)
    runner = Runner(database, read_settings({"DATA_DIR": str(directory), "BASE_URL": "http://hero.localhost"}))
    while await runner.step():
        pass
    async with database.write() as transaction:
        await transaction.execute(update(Job).values(due_at=now() + timedelta(days=1)))
    await database.close()
    if KIND == "postgresql":  # a template must have nobody connected, and a connection takes a moment to end
        deadline = time.monotonic() + 20
        while store.rows("SELECT 1 FROM pg_stat_activity WHERE datname = ? AND pid <> pg_backend_pid()", store.name):
            assert time.monotonic() < deadline
    return store
