"""People who write in a room without a pause, and pages that show it, whatever happens to the servers."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from itertools import count
from typing import Any

import httpx
import websockets
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.conftest import Server
from tests.faults.history import Violation, check_history
from tests.live.test_nothing_lost import find_newest
from tests.waiting import until

ROOM = "/chat/general"
# Libraries log what became of a connection that is lost anyway; a traceback of ours is a mistake.
THROUGH_THE_PROGRAM = re.compile(r'File "[^"]*/app/[^"]*", line \d+')
WRITERS = ("ana", "bruno", "carla")
# What says, in words, that it can't be done now.
REFUSALS = {503: "be reached. Try again", 507: "The server is out of space"}
# Codes of a close after which htmx dials no more, beside those of 4000 and above.
GIVE_UP = (1000, 1008, 1009)
KEY = re.compile(r"key-[a-z]+-\d+(?=-)")


class Page:
    """A page that shows the room: it keeps its cursor, dials again after each cut, and says how long it was cut off."""

    def __init__(self, server: Server, cookie: str, channels: str, cursor: int, **options: Any) -> None:
        self.server = server
        self.options = {"headers": {"cookie": cookie}, "max_size": None, **options}
        self.channels = channels
        self.cursor = cursor
        self.hellos = 0
        self.shown: list[str] = []
        self.shown_at: dict[str, float] = {}
        self.longest_cut = 0.0
        self.cut_at: float | None = None
        self.socket: websockets.ClientConnection | None = None

    async def live(self) -> None:
        """Follow the server through its deaths, until cancelled."""
        while True:
            try:
                async with self.server.connect("acme", **self.options) as socket:
                    self.socket = socket
                    self.hellos += 1
                    await socket.send(json.dumps({"sub": self.channels, "last": self.cursor, "n": self.hellos}))
                    answered = False
                    async for message in socket:
                        frame = str(message)
                        if frame.startswith("<!--@"):
                            assert "refresh" not in frame
                            answered = True
                            if self.cut_at is not None:
                                self.longest_cut = max(self.longest_cut, time.monotonic() - self.cut_at)
                                self.cut_at = None
                        elif answered:
                            self.show(frame)
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else 1006
                if code in GIVE_UP or code >= 4000:
                    raise Violation(f"a page was sent away for good, with {code}") from closed
            except (OSError, InvalidHandshake):
                pass
            self.cut_at = self.cut_at or time.monotonic()
            await asyncio.sleep(0.05)  # as a page does; the server is being started again

    def show(self, frame: str) -> None:
        """Show a frame, unless the page is at its cursor already."""
        mark = re.match(r"<!--(\d+)-->", frame)
        if mark and int(mark[1]) > self.cursor:
            self.cursor = int(mark[1])
            keys = KEY.findall(frame)
            self.shown += keys
            self.shown_at |= dict.fromkeys(keys, time.monotonic())


class Traffic:
    """Who writes what, and what became of it. Each text is its key, and is sent again until it is acknowledged.

    `refused` counts the answers that said 'not now', in words; what they were for is sent again too. `seen` is the
    cookie of the first writer, and what the page followed and was level with before anything was written.
    """

    def __init__(self, servers: list[Server], *, length: int = 0) -> None:
        self.servers = servers
        self.tail = "- said" + " and more" * (length // 9)
        self.tried: list[str] = []
        self.acknowledged: list[str] = []
        self.acknowledged_at: dict[str, float] = {}
        self.retries = 0
        self.refused = 0
        self.clients: list[httpx.AsyncClient] = []
        self.pages: list[Page] = []
        self.living: list[asyncio.Task[None]] = []
        self.seen: tuple[str, str, int] = ("", "", 0)
        self.shown_elsewhere: list[list[str]] = []
        self.fresh: list[str] = []
        self.over = asyncio.Event()
        self.writing = 0

    def open(self, page: Page) -> Page:
        """Let a page live until it is over."""
        self.pages.append(page)
        self.living.append(asyncio.create_task(page.live()))
        return page

    async def write(self, client: httpx.AsyncClient, name: str) -> None:
        """Post messages until it is over; the last one too is sent until it is acknowledged."""
        for number in count():
            if self.over.is_set():
                self.writing -= 1
                return
            key = f"key-{name}-{number}"
            self.tried.append(key)
            while True:
                if await self.post(client, key):
                    break
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.25)  # who writes faster than that is told, after a minute, to wait for another

    async def post(self, client: httpx.AsyncClient, key: str) -> bool:
        """Post a message; whether it was acknowledged."""
        try:
            answer = await client.post(ROOM, data={"text": key + self.tail, "key": key}, headers={"x-page": "test"})
        except httpx.TransportError:
            self.retries += 1
            return False
        if answer.status_code == 429:  # nobody may write faster for long
            return False
        if words := REFUSALS.get(answer.status_code):
            assert words in answer.text
            self.refused += 1
            return False
        assert answer.status_code == 200, (answer.status_code, answer.text)
        self.acknowledged.append(key)
        self.acknowledged_at[key] = time.monotonic()
        return True

    async def more(self, messages: int) -> None:
        """Wait until so many more messages are acknowledged, though it be for the next minute of who wrote too fast."""
        wanted = len(self.acknowledged) + messages
        await until(lambda: len(self.acknowledged) >= wanted, seconds=90)

    async def more_refusals(self, refusals: int) -> None:
        """Wait until so many more messages were refused."""
        wanted = self.refused + refusals
        await until(lambda: self.refused >= wanted, seconds=60)

    def check(self) -> int:
        """Everything is as promised; how many messages that were."""
        rows = self.servers[0].store.rows("SELECT text FROM message WHERE tenant_id = 1 ORDER BY number")
        stored = [text.removesuffix(self.tail) for (text,) in rows if text.startswith("key-")]
        for task in self.living:
            if not task.cancelled() and (error := task.exception()):
                raise error
        pages = [*(page.shown for page in self.pages), *self.shown_elsewhere]
        check_history(self.acknowledged, stored, pages, tried=self.tried)
        if not self.fresh or any(page[-len(self.fresh) :] != self.fresh for page in pages):
            raise Violation(f"a page is not what a fresh load shows: {self.fresh}")
        for server in self.servers:
            if found := THROUGH_THE_PROGRAM.search(server.log):
                around = server.log[max(0, found.start() - 2000) : found.end() + 8000]
                raise Violation(f"a traceback leads through {found[0]}:\n{around}")
        return len(stored)

    @property
    def cursor(self) -> int:
        """The cursor of the newest event that the first writer's pages get."""
        return find_newest(self.servers[0], self.seen[1])

    def list_cut(self) -> list[Page]:
        """The pages that are not connected."""
        return [page for page in self.pages if page.cut_at is not None]

    def list_behind(self) -> list[Page]:
        """The pages that don't show everything yet."""
        followed = {page.channels for page in self.pages}
        newest = {channels: find_newest(self.servers[0], channels) for channels in followed}
        return [page for page in self.pages if page.cursor < newest[page.channels]]

    def longest_delay(self) -> float:
        """From the moment a writer was told that a message is there until the last page showed it, in seconds."""
        return max(
            page.shown_at[key] - moment
            for page in self.pages
            for key, moment in self.acknowledged_at.items()
            if key in page.shown_at
        )

    def longest_cut(self) -> float:
        """How long a page was cut off at most, in seconds."""
        return max(page.longest_cut for page in self.pages)


async def open_room(client: httpx.AsyncClient) -> tuple[str, int]:
    """What a page of the room follows, and its cursor."""
    found = re.search(r'data-channels="([^"]+)" data-cursor="(\d+)"', (await client.get(ROOM)).text)
    assert found
    return found[1], int(found[2])


@asynccontextmanager
async def traffic_on(*servers: Server, pages: int = 5, length: int = 0) -> AsyncIterator[Traffic]:
    """Traffic while the block lasts, level at its end. Messages have some `length`, pages and writers all servers."""
    traffic = Traffic(list(servers), length=length)
    async with AsyncExitStack() as stack:
        for number, name in enumerate(WRITERS):
            server = servers[number % len(servers)]
            client = await stack.enter_async_context(aclosing(await server.sign_in("acme", f"{name}@acme.test")))
            client.timeout = httpx.Timeout(60)  # longer than the program makes anybody wait
            traffic.clients.append(client)
            seen = (client.headers["cookie"], *await open_room(client))
            traffic.seen = seen if number == 0 else traffic.seen
            for _ in range(number, pages, len(WRITERS)):
                traffic.open(Page(server, *seen))
        try:
            async with asyncio.TaskGroup() as group:
                traffic.writing = len(WRITERS)
                for client, name in zip(traffic.clients, WRITERS, strict=True):
                    group.create_task(traffic.write(client, name))
                yield traffic
                traffic.over.set()
            await until(lambda: not traffic.list_behind() or any(task.done() for task in traffic.living))
            traffic.fresh = KEY.findall((await traffic.clients[0].get(ROOM, params={"at": "end"})).text)
        finally:
            for task in traffic.living:
                task.cancel()
            await asyncio.gather(*traffic.living, return_exceptions=True)
