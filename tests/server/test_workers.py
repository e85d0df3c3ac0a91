"""Workers and the end of a process: nothing is lost when they die, are restarted, or are told to stop."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, aclosing
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
import websockets

import app
from app.database import Database
from app.features import open_database
from app.live.connection import Connection
from app.live.log import publish
from app.live.node import Node
from app.server import workers
from app.server.processes import COMMAND, find_program
from tests.conftest import RedisServer, Server, start_workers
from tests.databases import Store
from tests.live.test_nothing_lost import OpenPage, list_new_books, open_page, until_level
from tests.waiting import until


def list_workers(server: Server) -> list[int]:
    """The processes that the supervisor has started and that live, by number."""
    assert server.process is not None
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return sorted(int(child) for child in children if is_worker(Path("/proc", child)))


def is_worker(process: Path) -> bool:
    """Whether a process is one, by its command or, where it was forked, by its name."""
    return b"worker" in (process / "cmdline").read_bytes() or (process / "comm").read_text() == "worker\n"


def is_replaced(server: Server, worker: int) -> bool:
    """Whether another worker is in the place of one of two."""
    return worker not in list_workers(server) and len(list_workers(server)) == 2


def test_workers_are_this_program_and_not_another_one_in_the_folder_that_one_is_in(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("")
    python, *options = COMMAND[: COMMAND.index("-m")]
    program = [python, *options, "-c", "import app; print(app.__file__)"]
    done = subprocess.run(program, cwd=tmp_path, env=find_program(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == app.__file__


async def test_a_file_of_the_program_that_changes_restarts_the_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app" / "templates").mkdir(parents=True)
    page = tmp_path / "app" / "templates" / "page.html"
    page.write_text("before")
    monkeypatch.setattr(workers, "HOME", str(tmp_path))
    monkeypatch.setattr(workers, "FILES_POLL_SECONDS", 0.01)
    looked, restarted = asyncio.Semaphore(0), asyncio.Semaphore(0)
    real = workers.list_program_files

    def look(home: Path) -> set[tuple[str, int]]:
        loop.call_soon_threadsafe(looked.release)
        return real(home)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(workers, "list_program_files", look)
    with socket.socket() as listener:
        supervisor = workers.Supervisor(listener, 1, debug=False, reload=True)
        monkeypatch.setattr(supervisor, "restart", restarted.release)
        following = asyncio.create_task(supervisor.follow_files())
        async with asyncio.timeout(20):
            for _ in range(3):
                await looked.acquire()
            assert restarted.locked(), "nothing has changed yet"
            page.write_text("after")
            os.utime(page, ns=(1, 1))
            await restarted.acquire()
            (tmp_path / "app" / "templates" / "another.html").write_text("new")
            await restarted.acquire()
        following.cancel()
        supervisor.counts.cleanup()


class Traffic:
    """People who write one thing after another, each on a connection that is kept open, and pages that follow."""

    def __init__(self) -> None:
        self.acknowledged: list[int] = []
        self.failed: list[str] = []
        self.over = asyncio.Event()

    async def write(self, client: httpx.AsyncClient) -> None:
        """Add books until it is over."""
        while not self.over.is_set():
            await asyncio.sleep(0.05)  # however long something takes, it is no more work
            try:
                answer = await client.post("/c/books/new", data={"title": "In traffic"})
            except httpx.TransportError as error:
                self.failed.append(repr(error))
                continue
            if answer.status_code == 303:
                self.acknowledged.append(int(answer.headers["location"].rpartition("/")[2]))
            else:
                self.failed.append(answer.text)

    async def more(self, count: int = 10) -> None:
        """Wait until some more was written."""
        before = len(self.acknowledged)
        await until(lambda: len(self.acknowledged) > before + count)


async def sign_in_all(stack: AsyncExitStack, server: Server) -> list[httpx.AsyncClient]:
    return [
        await stack.enter_async_context(aclosing(await server.sign_in("acme", f"{name}@acme.test")))
        for name in ("ana", "bruno", "carla")
    ]


async def check_pages(server: Server, pages: list[OpenPage]) -> list[int]:
    """Every page has every book that was committed, once; their numbers."""
    for page in pages:
        await until_level(server, page)
    committed = list_new_books(server)
    assert all(page.created == committed for page in pages)
    return committed


async def test_workers_share_a_port_and_their_counters(several: Server) -> None:
    assert len(list_workers(several)) == 2
    async with AsyncExitStack() as stack:
        ana, bruno, carla = await sign_in_all(stack, several)
        pages = [await open_page(several, client) for client in (ana, bruno, carla) for _ in range(4)]
        following = [asyncio.create_task(page.live()) for page in pages]
        await until(lambda: all(page.hellos for page in pages))
        async with several.client("") as client:

            async def count_sockets() -> bool:
                return "mutirao_sockets 12.0" in (await client.get("/metrics")).text

            await until(count_sockets)
        for client in (ana, bruno):
            assert (await client.post("/c/books/new", data={"title": "For all"})).status_code == 303
        assert await check_pages(several, pages) == [43, 44]
        for task in following:
            task.cancel()


async def test_a_worker_that_is_killed_is_replaced_and_no_page_misses_anything(several: Server) -> None:
    traffic = Traffic()
    async with AsyncExitStack() as stack:
        ana, bruno, carla = await sign_in_all(stack, several)
        pages = [await open_page(several, carla) for _ in range(6)]
        following = [asyncio.create_task(page.live()) for page in pages]
        async with asyncio.TaskGroup() as group, asyncio.timeout(60):
            for client in (ana, bruno):
                group.create_task(traffic.write(client))
            await traffic.more()
            for victim in list_workers(several):
                os.kill(victim, signal.SIGKILL)
                await traffic.more()
                await until(
                    lambda victim=victim: victim not in list_workers(several) and len(list_workers(several)) == 2
                )
            await traffic.more()
            traffic.over.set()
        committed = await check_pages(several, pages)
        for task in following:
            task.cancel()
    assert set(traffic.acknowledged) <= set(committed)
    assert several.log.count("a worker ended, and is started again") == 2


async def test_a_rolling_restart_loses_nothing_and_fails_no_request(several: Server) -> None:
    traffic = Traffic()
    before = list_workers(several)
    async with AsyncExitStack() as stack:
        ana, bruno, carla = await sign_in_all(stack, several)
        pages = [await open_page(several, carla) for _ in range(6)]
        following = [asyncio.create_task(page.live()) for page in pages]
        async with asyncio.TaskGroup() as group, asyncio.timeout(90):
            for client in (ana, bruno):
                group.create_task(traffic.write(client))
            await traffic.more()
            assert several.process is not None
            several.process.send_signal(signal.SIGHUP)
            await until(lambda: several.log.count("a worker was replaced") == 2, seconds=90)
            await traffic.more()
            traffic.over.set()
        committed = await check_pages(several, pages)
        for task in following:
            task.cancel()
    assert traffic.failed == []
    assert sorted(traffic.acknowledged) == committed
    after = list_workers(several)
    assert len(after) == 2
    assert not set(before) & set(after)
    assert all(page.hellos > 1 for page in pages)


@pytest.fixture
def as_installed(seeded: Store, tmp_path: Path, redis_server: RedisServer) -> Iterator[Server]:
    """A server of two workers, each of whose processes begins as Python does."""
    with start_workers(seeded, tmp_path, redis_server, forked=False) as made:
        yield made


async def test_stopping_the_supervisor_stops_its_workers(as_installed: Server) -> None:
    workers = list_workers(as_installed)
    assert len(workers) == 2
    assert as_installed.process is not None
    await asyncio.to_thread(as_installed.stop)
    assert as_installed.process.returncode == 0
    assert not any(is_running(worker) for worker in workers)


async def test_workers_end_when_their_supervisor_is_killed(several: Server) -> None:
    workers = list_workers(several)
    await asyncio.to_thread(several.stop, signal.SIGKILL)
    await until(lambda: not any(is_running(worker) for worker in workers))


def is_running(process: int) -> bool:
    """Whether a process lives; one that has ended may still be waited for by its new parent."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


CLIENT = """
import socket, sys
host, port, cookie = sys.argv[1:]
dialed = socket.socket()
dialed.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
dialed.connect(("127.0.0.1", int(port)))
dialed.sendall((
    f"GET /live HTTP/1.1\\r\\nHost: {host}\\r\\nOrigin: http://{host}\\r\\nCookie: {cookie}\\r\\n"
    "Upgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\\r\\n\\r\\n"
).encode())
assert b" 101 " in dialed.recv(65536)
hello = b'{"sub": "tenant", "last": 0, "n": 1}'
dialed.sendall(bytes((0x81, 0x80 | len(hello), 0, 0, 0, 0)) + hello)
dialed.recv(65536)
print("following", flush=True)
while dialed.recv(65536):
    pass
"""


@pytest.fixture
def stopped_clients(server: Server) -> Iterator[Callable[[str], None]]:
    """Start clients that follow a workspace and are then stopped, so that they read nothing more."""
    with ExitStack() as stack:

        def start(cookie: str) -> None:
            command = [sys.executable, "-c", CLIENT, server.host("acme"), str(server.port), cookie]
            client = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            stack.callback(client.kill)
            assert client.stdout
            assert client.stdout.readline() == "following\n"
            client.send_signal(signal.SIGSTOP)

        yield start


@pytest.mark.parametrize("unread", [0, 3])
async def test_a_server_with_clients_that_do_not_read_ends_within_15_seconds(
    server: Server, stopped_clients: Callable[[str], None], unread: int
) -> None:
    assert server.process is not None
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        page = await open_page(server, ana)
        for _ in range(3):
            await asyncio.to_thread(stopped_clients, ana.headers["cookie"])
        async with server.connect("acme", ana, max_size=None) as reading:
            await reading.send(json.dumps({"sub": page.channels, "last": page.cursor, "n": 1}))
            await reading.recv()
            await fill(server, reading, unread)
            server.process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(reading.wait_closed(), 10)
            assert (reading.close_code, reading.close_reason) == (1012, "restart")
        await asyncio.to_thread(server.process.wait, 15)


async def test_an_answer_that_nobody_reads_does_not_hold_up_the_end(server: Server) -> None:
    """One of which some waits to be written, and more that were asked for in the same packet."""
    assert server.process is not None
    ask = f"GET /api/v1/openapi.json HTTP/1.1\r\nHost: {server.host('acme')}\r\n\r\n".encode()
    with socket.socket() as dialed:
        dialed.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        dialed.connect((server.address, server.port))
        dialed.sendall(ask * 30)
        assert dialed.recv(100).startswith(b"HTTP/1.1 200 ")
        server.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(server.process.wait, 15)


async def fill(server: Server, reading: websockets.ClientConnection, events: int) -> None:
    """Publish events that are larger than what a connection takes unread, and wait until they are out."""
    database = open_database(server.store.url)
    for number in range(events):
        async with database.write(1) as transaction:
            publish(transaction, "tenant", f"{number}{'x' * 300_000}")
    await database.close()
    received = 0
    async with asyncio.timeout(20):
        while received < events * 300_000:
            received += len(await reading.recv())


async def test_a_server_that_is_told_to_stop_says_so_and_finishes_what_it_has_begun(server: Server) -> None:
    assert server.process is not None
    async with (
        aclosing(await server.sign_in("acme", "ana@acme.test")) as ana,
        server.connect("acme", ana) as page,
    ):
        await page.send(json.dumps({"sub": "tenant", "last": 0, "n": 1}))
        body = b"title=Begun+before+the+end"
        request = (
            f"POST /c/books/new HTTP/1.1\r\nHost: {server.host('acme')}\r\nOrigin: http://{server.host('acme')}\r\n"
            f"Cookie: {ana.headers['cookie']}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request + body[:5])
        asking, told = await asyncio.open_connection("127.0.0.1", server.port)
        told.write(f"GET /readyz HTTP/1.1\r\nHost: {server.host('acme')}\r\n\r\n".encode())
        assert b" 200 " in await asking.readuntil(b"}")
        server.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(page.wait_closed(), 10)
        told.write(f"GET /readyz HTTP/1.1\r\nHost: {server.host('acme')}\r\n\r\n".encode())
        answer = await asking.readuntil(b"}")
        assert b" 503 " in answer
        assert b"connection: close" in answer
        assert b'"serving":"draining"' in answer
        with socket.socket() as dialing:
            assert dialing.connect_ex(("127.0.0.1", server.port)) != 0
        writer.write(body[5:])
        assert re.match(rb"HTTP/1.1 303 ", await reader.readuntil(b"\r\n"))
        for each in (writer, told):
            each.close()
    await asyncio.to_thread(server.process.wait, 15)
    assert list_new_books(server) == [43]


@pytest.mark.parametrize(("pages", "batches"), [(25, [10, 10, 5]), (2000, [40] * 50)])
async def test_pages_are_sent_away_in_batches(
    database: Database, monkeypatch: pytest.MonkeyPatch, pages: int, batches: list[int]
) -> None:
    node = Node(database)
    for _ in range(pages):
        node.hub.add(Connection({"extensions": {}}, 1, lambda: None))
    left = [pages]

    async def note(seconds: float) -> None:
        """Note how many are left, in the place of the pause between two batches."""
        left.append(len(node.list_connections()))

    monkeypatch.setattr("app.live.node.asyncio.sleep", note)
    await node.drain()
    left.append(len(node.list_connections()))
    assert [before - after for before, after in pairwise(left)] == batches
    assert node.draining
