"""A socket on which nothing is said keeps no task, and misses nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import websockets

from app.database.fairness import FOR_WORKSPACE
from app.live.connection import EXTENSION
from tests.live.test_outlet import served
from tests.waiting import until


class QuietApplication:
    """Echoes what comes, and rests when nothing does."""

    def __init__(self) -> None:
        self.protocol: Any = None
        self.send: Any = None
        self.heard: list[Any] = []
        self.requested_by: list[str | None] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        self.protocol, self.send = scope["extensions"][EXTENSION], send
        await self.listen(receive)

    async def listen(self, receive: Any) -> None:
        """Echo until nothing more has come."""
        self.requested_by.append(FOR_WORKSPACE.get())
        while not self.protocol.rest(self.listen):
            message = await receive()
            self.heard.append(message)
            if message["type"] == "websocket.disconnect":
                return
            await self.send({"type": "websocket.send", "text": message["text"], "bytes": None})


async def test_a_quiet_socket_has_no_task_and_loses_nothing_that_comes() -> None:
    application = QuietApplication()
    async with served(application) as port, asyncio.timeout(20):
        async with websockets.connect(f"ws://127.0.0.1:{port}") as client:
            for number in range(3):
                for text in (f"{number} a", f"{number} b"):
                    await client.send(text)
                assert [await client.recv(), await client.recv()] == [f"{number} a", f"{number} b"]
                await until(lambda: not application.protocol.tasks)
        await until(lambda: application.heard[-1]["type"] == "websocket.disconnect")
    assert len(application.heard) == 7


async def test_who_wakes_a_quiet_socket_is_not_whom_it_works_for() -> None:
    application = QuietApplication()
    async with served(application) as port, asyncio.timeout(20), websockets.connect(f"ws://127.0.0.1:{port}"):
        await until(lambda: application.protocol is not None and not application.protocol.tasks)
        FOR_WORKSPACE.set("globex")
        application.protocol.go_on()
        application.protocol.go_on()
        await until(lambda: not application.protocol.tasks)
    assert application.requested_by == [None] * 3  # as it came, as it was woken once, and as it went
