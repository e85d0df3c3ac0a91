"""What is about to be committed is waited for, for a moment, and leaves in one frame with what is due."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from app.live.connection import Connection
from app.live.hub import Hub
from app.live.log import Event


def follow(hub: Hub) -> Connection:
    connection = Connection({"extensions": {}}, 1, lambda: None)
    hub.add(connection)
    hub.follow(connection, ["tenant"], 0)
    return connection


async def test_what_comes_while_others_write_leaves_in_one_frame() -> None:
    hub = Hub()
    hub.flush_took = 1.0
    connection = follow(hub)
    assert connection.queue is not None
    hub.writers = SimpleNamespace(writing=1)
    hub.deliver(1, [Event(1, "tenant", "a")])
    assert connection.queue.empty()
    hub.writers = SimpleNamespace(writing=0)
    hub.deliver(1, [Event(2, "tenant", "b")])
    assert connection.queue.get_nowait() == "<!--2-->ab"
    assert hub.flush_planned is None


async def test_it_is_not_waited_for_long() -> None:
    hub = Hub()
    hub.flush_took = 1.0
    connection = follow(hub)
    assert connection.queue is not None
    hub.writers = SimpleNamespace(writing=1)
    hub.deliver(1, [Event(1, "tenant", "a")])
    async with asyncio.timeout(20):
        assert await connection.queue.get() == "<!--1-->a"


async def test_what_comes_alone_leaves_at_once() -> None:
    hub = Hub()
    hub.flush_took = 1.0
    connection = follow(hub)
    assert connection.queue is not None
    hub.deliver(1, [Event(1, "tenant", "a")])
    assert connection.queue.get_nowait() == "<!--1-->a"
