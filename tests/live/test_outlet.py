"""The hub writes to a socket's descriptor itself, as long as that is the socket's and nothing waits for it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
import uvloop
import websockets

from app.live.connection import Connection
from app.live.frames import encode
from app.live.hub import Hub
from app.server.websocket_protocol import LiveProtocol


class Application:
    """Accepts a socket, and knows the connection that the hub would have."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.protocol: Any = None
        self.accepted = asyncio.Event()
        self.ended = asyncio.Event()
        self.close = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
        self.connection = Connection(scope, 1, lambda: None)
        self.protocol = self.connection.protocol
        self.accepted.set()
        waiting = asyncio.ensure_future(self.close.wait())
        gone = asyncio.ensure_future(receive())
        await asyncio.wait((waiting, gone), return_when=asyncio.FIRST_COMPLETED)
        if self.close.is_set():
            await send({"type": "websocket.close", "code": 1000, "reason": "enough"})
        waiting.cancel()
        gone.cancel()
        self.ended.set()


@asynccontextmanager
async def served(application: Any) -> AsyncIterator[int]:
    """A server with our protocol on a port of its own."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    config = uvicorn.Config(application, ws=LiveProtocol, lifespan="off", log_level="warning", ws_ping_interval=None)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve([listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def connection_of(application: Application) -> Connection:
    """Its connection, after a first frame has gone the long way."""
    await application.accepted.wait()
    assert application.connection is not None
    Hub().write_to_all([application.connection], "first", encode("first"))
    return application.connection


@pytest.fixture(params=["uvloop", "asyncio"])
def run(request: pytest.FixtureRequest) -> Any:
    """Runs a test on an event loop."""
    return uvloop.run if request.param == "uvloop" else asyncio.run


def test_after_the_first_frame_the_next_ones_go_straight_to_the_descriptor(run: Any) -> None:
    async def test() -> None:
        application = Application()
        async with served(application) as port, websockets.connect(f"ws://127.0.0.1:{port}") as page:
            connection = await connection_of(application)
            assert connection.descriptor == application.protocol.writer.descriptor >= 0
            application.protocol.write_frame = None  # not needed any more
            Hub().write_to_all([connection], "second", encode("second"))
            assert [await page.recv(), await page.recv()] == ["first", "second"]

    run(test())


def test_what_the_kernel_does_not_take_goes_on_in_order_through_the_transport(run: Any) -> None:
    async def test() -> None:
        application = Application()
        texts = [f"{number}" * 100_000 for number in range(10)]
        async with (
            served(application) as port,
            websockets.connect(f"ws://127.0.0.1:{port}", max_size=None, max_queue=1) as page,
        ):
            connection = await connection_of(application)
            hub = Hub()
            for text in texts:
                hub.write_to_all([connection], text, encode(text))
            assert connection.descriptor == -1
            assert await page.recv() == "first"
            assert [await page.recv() for _ in texts] == texts
            while connection.descriptor == -1:  # nothing waits any more
                hub.write_to_all([connection], "and on", encode("and on"))
                assert await page.recv() == "and on"

    run(test())


def test_nothing_overtakes_what_was_written_another_way_and_waits(run: Any) -> None:
    async def test() -> None:
        application = Application()
        async with (
            served(application) as port,
            websockets.connect(f"ws://127.0.0.1:{port}", max_size=None, max_queue=1) as page,
        ):
            connection = await connection_of(application)
            much = "x" * 8_000_000
            connection.write(much)
            assert connection.descriptor == -1
            Hub().write_to_all([connection], "after it", encode("after it"))
            assert [await page.recv() for _ in range(3)] == ["first", much, "after it"]

    run(test())


def test_the_descriptor_is_let_go_before_it_can_be_another_connections(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event loop closes it after `connection_lost`; then its number is the next connection's."""
    seen = []
    lost = LiveProtocol.connection_lost

    def look(self: LiveProtocol, exc: Exception | None) -> None:
        descriptor, outlet = self.writer.descriptor, self.writer.outlet
        before = os.fstat(descriptor).st_mode
        lost(self, exc)
        seen.append((before == os.fstat(descriptor).st_mode, outlet and outlet.descriptor))

    monkeypatch.setattr(LiveProtocol, "connection_lost", look)

    async def test() -> None:
        for how in ("closed by the page", "reset by the page", "closed by us", "dropped by us"):
            application = Application()
            async with served(application) as port:
                page = await websockets.connect(f"ws://127.0.0.1:{port}")
                connection = await connection_of(application)
                assert connection.descriptor >= 0
                if how == "closed by the page":
                    await page.close()
                elif how == "reset by the page":
                    page.transport.abort()
                elif how == "closed by us":
                    application.close.set()
                    await application.ended.wait()
                    assert connection.descriptor == -1  # not a frame follows the close
                    Hub().write_to_all([connection], "late", encode("late"))
                    with pytest.raises(websockets.ConnectionClosedOK):
                        assert [await page.recv(), await page.recv()] == ["first"]
                else:
                    connection.abort()
                    assert connection.descriptor == -1
                await application.ended.wait()
                await page.close()
        assert seen == [(True, -1)] * 4

    run(test())


def test_a_frame_for_a_descriptor_that_is_gone_is_nobodys(run: Any) -> None:
    async def test() -> None:
        connection = Connection({}, 1, lambda: None)
        connection.queue = asyncio.Queue()
        reading, writing = os.pipe()
        os.close(reading)
        os.close(writing)
        connection.descriptor = writing
        Hub().write_to_all([connection], "to nobody", encode("to nobody"))
        assert connection.descriptor == -1
        assert await connection.queue.get() == "to nobody"

    run(test())
