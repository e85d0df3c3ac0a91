"""Promise 2: whatever happens in between, an open page ends up with every change once."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from contextlib import AsyncExitStack, aclosing

import httpx
import pytest
import websockets
from websockets.exceptions import ConnectionClosed

from tests.conftest import Server


class OpenPage:
    """A list of books that is open in a browser: it keeps its cursor, and dials again after each close."""

    def __init__(self, server: Server, client: httpx.AsyncClient, channels: str, cursor: int) -> None:
        self.server = server
        self.client = client
        self.channels = channels
        self.cursor = cursor
        self.hellos = 0
        self.created: list[int] = []

    async def live(self) -> None:
        """Follow the server through its deaths, until cancelled."""
        while True:
            try:
                async with self.server.connect("acme", self.client) as socket:
                    await self.follow(socket)
            except (OSError, ConnectionClosed, websockets.exceptions.InvalidHandshake):
                await asyncio.sleep(0.05)  # the server is being started again

    async def follow(self, socket: websockets.ClientConnection) -> None:
        self.hellos += 1
        await socket.send(json.dumps({"sub": self.channels, "last": self.cursor, "n": self.hellos}))
        answered = False
        async for message in socket:
            frame = str(message)
            if frame.startswith("<!--@"):
                assert "refresh" not in frame
                answered = True
            mark = re.match(r"<!--(\d+)-->", frame)
            if answered and mark and int(mark[1]) > self.cursor:
                self.cursor = int(mark[1])
                rows = re.findall(r'data-number="(\d+)" data-what="created"', frame)
                self.created += map(int, rows)


async def open_page(server: Server, client: httpx.AsyncClient) -> OpenPage:
    page = await client.get("/c/books")
    found = re.search(r'data-channels="([^"]+)" data-cursor="(\d+)"', page.text)
    assert found
    return OpenPage(server, client, found[1], int(found[2]))


async def until_level(server: Server, page: OpenPage) -> None:
    """Wait until a page has all that it follows."""
    async with asyncio.timeout(30):
        while True:
            if page.cursor >= find_newest(server, page.channels):
                return
            await asyncio.sleep(0.02)


def find_newest(server: Server, channels: str) -> int:
    """The cursor of acme's newest event that a page gets. (The workspace's own it only learns after some seconds.)"""
    names = channels.split()
    places = ", ".join("?" * len(names))
    statement = (
        f"SELECT coalesce(max(cursor), 0) FROM event WHERE tenant_id = 1 AND body <> '' AND channel IN ({places})"
    )
    return int(server.store.rows(statement, *names)[0][0])


def read(server: Server, statement: str) -> list[int]:
    """A column of numbers from the database."""
    return [row[0] for row in server.store.rows(statement)]


def list_new_books(server: Server) -> list[int]:
    """The numbers of the books that the demo did not come with."""
    return read(server, "SELECT number FROM record WHERE tenant_id = 1 AND number > 42 ORDER BY number")


@pytest.mark.parametrize("written_before_the_kill", [1, 8, 20])
async def test_a_server_that_is_killed_while_writes_go_on_loses_nothing(
    server: Server, written_before_the_kill: int
) -> None:
    async with AsyncExitStack() as stack:
        ana, bruno, carla = [
            await stack.enter_async_context(aclosing(await server.sign_in("acme", f"{name}@acme.test")))
            for name in ("ana", "bruno", "carla")
        ]
        page = await open_page(server, carla)
        living = asyncio.create_task(page.live())
        acknowledged: list[int] = []
        enough = asyncio.Event()

        async def write(client: httpx.AsyncClient) -> None:
            """Add books until the server is gone."""
            while True:
                try:
                    answer = await client.post("/c/books/new", data={"title": "Written before the kill"})
                except httpx.TransportError:
                    return
                acknowledged.append(int(answer.headers["location"].rpartition("/")[2]))
                if len(acknowledged) >= written_before_the_kill:
                    enough.set()

        async with asyncio.TaskGroup() as group, asyncio.timeout(60):
            for client in (ana, bruno):
                group.create_task(write(client))
            await enough.wait()
            await asyncio.to_thread(server.stop, signal.SIGKILL)
        await asyncio.to_thread(server.start)
        after = await ana.post("/c/books/new", data={"title": "Written after the kill"})
        acknowledged.append(int(after.headers["location"].rpartition("/")[2]))
        await until_level(server, page)
        living.cancel()

    committed = list_new_books(server)
    assert set(acknowledged) <= set(committed)
    assert page.created == committed


async def test_a_page_that_was_away_while_the_server_was_killed_twice_has_all_once(server: Server) -> None:
    async with AsyncExitStack() as stack:
        ana, carla = [
            await stack.enter_async_context(aclosing(await server.sign_in("acme", f"{name}@acme.test")))
            for name in ("ana", "carla")
        ]
        page = await open_page(server, carla)
        for _ in range(2):
            for _ in range(5):
                assert (await ana.post("/c/books/new", data={"title": "Unseen"})).status_code == 303
            await asyncio.to_thread(server.stop, signal.SIGKILL)
            added = await asyncio.to_thread(
                server.run, "record", "add", "acme", "books", "title=Added with nobody there", "--as", "bruno@acme.test"
            )
            assert added.returncode == 0, added.stderr
            await asyncio.to_thread(server.start)
        living = asyncio.create_task(page.live())
        await until_level(server, page)
        living.cancel()
    assert page.created == list_new_books(server)
    assert len(page.created) == 12


async def test_a_server_that_stops_in_order_sends_its_pages_to_the_next_one(server: Server) -> None:
    async with AsyncExitStack() as stack:
        ana, carla = [
            await stack.enter_async_context(aclosing(await server.sign_in("acme", f"{name}@acme.test")))
            for name in ("ana", "carla")
        ]
        page = await open_page(server, carla)
        async with server.connect("acme", carla) as socket:
            await socket.send(json.dumps({"sub": page.channels, "last": page.cursor, "n": 1}))
            await socket.recv()
            await asyncio.to_thread(server.stop)
            async with asyncio.timeout(20):
                await socket.wait_closed()
            assert socket.close_code == 1012
        await asyncio.to_thread(server.start)
        await ana.post("/c/books/new", data={"title": "After the restart"})
        living = asyncio.create_task(page.live())
        await until_level(server, page)
        living.cancel()
    assert page.created == list_new_books(server) == [43]


async def test_what_the_command_line_adds_reaches_open_pages(server: Server) -> None:
    async with aclosing(await server.sign_in("acme", "carla@acme.test")) as carla:
        page = await open_page(server, carla)
        living = asyncio.create_task(page.live())
        for title in ("First by command", "Second by command"):
            added = await asyncio.to_thread(
                server.run, "record", "add", "acme", "books", f"title={title}", "--as", "ana@acme.test"
            )
            assert added.returncode == 0, added.stderr
        await until_level(server, page)
        assert page.created == [43, 44]
        assert (await carla.post("/c/books/new", data={"title": "By a page"})).status_code == 303
        await until_level(server, page)
        living.cancel()
    assert page.created == [43, 44, 45]
