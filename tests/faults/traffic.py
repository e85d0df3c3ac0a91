"""People who write in a room without a pause, and pages that show it, whatever happens to the server."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from itertools import count

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.conftest import Server
from tests.faults.history import check_history
from tests.live.test_bus import until

ROOM = "/chat/general"


class Page:
    """A page that shows the room: it keeps its cursor, dials again after each cut, and says how long it was cut off."""

    def __init__(self, server: Server, client: httpx.AsyncClient, channels: str, cursor: int) -> None:
        self.server = server
        self.client = client
        self.channels = channels
        self.cursor = cursor
        self.hellos = 0
        self.shown: list[str] = []
        self.longest_cut = 0.0
        self.cut_at: float | None = None

    async def live(self) -> None:
        """Follow the server through its deaths, until cancelled."""
        while True:
            try:
                async with self.server.connect("acme", self.client) as socket:
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
            except (OSError, ConnectionClosed, InvalidHandshake):
                pass
            self.cut_at = self.cut_at or time.monotonic()
            await asyncio.sleep(0.05)  # as a page does; the server is being started again

    def show(self, frame: str) -> None:
        """Show a frame, unless the page is at its cursor already."""
        mark = re.match(r"<!--(\d+)-->", frame)
        if mark and int(mark[1]) > self.cursor:
            self.cursor = int(mark[1])
            self.shown += re.findall(r"key-[a-z]+-\d+(?=-)", frame)


class Traffic:
    """Who writes what, and what became of it. Each text is its key, and is sent again until it is acknowledged."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.tried: list[str] = []
        self.acknowledged: list[str] = []
        self.retries = 0
        self.pages: list[Page] = []
        self.over = asyncio.Event()

    async def write(self, client: httpx.AsyncClient, name: str) -> None:
        """Post messages until it is over; the last one too is sent until it is acknowledged."""
        for number in count():
            if self.over.is_set():
                return
            key = f"key-{name}-{number}"
            self.tried.append(key)
            while True:
                try:
                    answer = await client.post(
                        ROOM, data={"text": f"{key}- said", "key": key}, headers={"x-page": "test"}
                    )
                except httpx.TransportError:
                    self.retries += 1
                    await asyncio.sleep(0.05)
                    continue
                assert answer.status_code == 200, answer.text
                self.acknowledged.append(key)
                break

    async def more(self, messages: int) -> None:
        """Wait until so many more messages are acknowledged."""
        wanted = len(self.acknowledged) + messages
        await until(lambda: len(self.acknowledged) >= wanted)

    def check(self) -> int:
        """Everything is as promised; how many messages that were."""
        rows = self.server.store.rows("SELECT text FROM message WHERE tenant_id = 1 ORDER BY number")
        stored = [text.removesuffix("- said") for (text,) in rows if text.startswith("key-")]
        check_history(self.acknowledged, stored, [page.shown for page in self.pages], tried=self.tried)
        return len(stored)

    def list_cut(self) -> list[Page]:
        """The pages that are not connected."""
        return [page for page in self.pages if page.cut_at is not None]

    def list_behind(self) -> list[Page]:
        """The pages that don't show everything yet."""
        ((cursor,),) = self.server.store.rows("SELECT cursor FROM tenant WHERE id = 1")
        return [page for page in self.pages if page.cursor < cursor]


@asynccontextmanager
async def traffic_on(server: Server, *, pages: int = 5) -> AsyncIterator[Traffic]:
    """Traffic while the block lasts, level at its end."""
    traffic = Traffic(server)
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(aclosing(await server.sign_in("acme", f"{name}@acme.test")))
            for name in ("ana", "bruno", "carla")
        ]
        for number, client in enumerate(clients):
            found = re.search(r'data-channels="([^"]+)" data-cursor="(\d+)"', (await client.get(ROOM)).text)
            assert found
            traffic.pages += [Page(server, client, found[1], int(found[2])) for _ in range(number, pages, 3)]
        living = [asyncio.create_task(page.live()) for page in traffic.pages]
        try:
            async with asyncio.TaskGroup() as group:
                for client, name in zip(clients, ("ana", "bruno", "carla"), strict=True):
                    group.create_task(traffic.write(client, name))
                yield traffic
                traffic.over.set()
            await until(lambda: not traffic.list_behind())
        finally:
            for task in living:
                task.cancel()
            await asyncio.gather(*living, return_exceptions=True)
