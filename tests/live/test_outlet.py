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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.live.connection import Connection
from app.live.frames import encode
from app.live.hub import Hub
from app.live.protocol import LiveProtocol


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
async def served(application: Application) -> AsyncIterator[int]:
    """A server with our protocol on a port of its own."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    config = uvicorn.Config(application, ws=LiveProtocol, lifespan="off", log_level="warning")
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
    Hub().write_to_all([application.connection], "first")
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
            assert connection.descriptor == application.protocol.outlet.descriptor >= 0
            application.protocol.write_frame = None  # not needed any more
            Hub().write_to_all([connection], "second")
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
                hub.write_to_all([connection], text)
            assert connection.descriptor == -1
            assert await page.recv() == "first"
            assert [await page.recv() for _ in texts] == texts
            while connection.descriptor == -1:  # nothing waits any more
                hub.write_to_all([connection], "and on")
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
            Hub().write_to_all([connection], "after it")
            assert [await page.recv() for _ in range(3)] == ["first", much, "after it"]

    run(test())


def test_the_descriptor_is_let_go_before_it_can_be_another_connections(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event loop closes it after `connection_lost`; then its number is the next connection's."""
    seen = []
    lost = LiveProtocol.connection_lost

    def look(self: LiveProtocol, exc: Exception | None) -> None:
        number = self.transport.get_extra_info("socket").fileno()
        before = os.fstat(number).st_mode
        lost(self, exc)
        holder = self.outlet.holder
        seen.append((before == os.fstat(number).st_mode, holder and holder.descriptor))

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
                    Hub().write_to_all([connection], "late")
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
        Hub().write_to_all([connection], "to nobody")
        assert connection.descriptor == -1
        assert await connection.queue.get() == "to nobody"

    run(test())


ENDS = ("ping", "pong", "close", "shutdown", "refused")


def cause(protocol: Any, act: str) -> None:
    """Let the server write by itself what it writes without being asked."""
    if act == "ping":
        protocol.send_keepalive_ping()
    elif act == "pong":
        protocol.data_received(b"\x89\x80\0\0\0\0")
    elif act == "close":
        protocol.data_received(b"\x88\x82\0\0\0\0\x03\xe8")
    elif act == "shutdown":
        protocol.shutdown()
    elif act == "refused":
        protocol.fail(1008, "enough")
    else:
        protocol.transport.write(encode(act))


class Reader:
    """Reads a socket by hand, as slowly as a test wants."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setblocking(False)
        self.port = port
        self.got = bytearray()

    async def connect(self) -> None:
        """Shake hands."""
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self.socket, ("127.0.0.1", self.port))
        await loop.sock_sendall(
            self.socket,
            b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )
        while b"\r\n\r\n" not in self.got:
            self.got += await loop.sock_recv(self.socket, 1)
        self.got.clear()

    async def read(self, size: int) -> bool:
        """Read some; False when there is no more."""
        try:
            piece = await asyncio.get_running_loop().sock_recv(self.socket, size)
        except ConnectionError:
            return False
        self.got += piece
        return bool(piece)

    def frames(self) -> list[tuple[int, bytes]]:
        """What has come, which must be whole frames and nothing else, but for one that is still on its way."""
        found, data = [], memoryview(bytes(self.got))
        while len(data) >= 2:
            assert data[0] in (0x81, 0x88, 0x89, 0x8A), bytes(data[:20])
            assert data[1] < 128
            start, length = 2, data[1]
            if length >= 126:
                wide = 2 if length == 126 else 8
                start, length = 2 + wide, int.from_bytes(data[2 : 2 + wide])
            if len(data) < start + length:
                break
            found.append((data[0] & 15, bytes(data[start : start + length])))
            data = data[start + length :]
        return found


async def play(steps: list[tuple[str, int]]) -> None:
    """Take steps, then read everything: what was written must come whole and in order, up to the close."""
    application = Application()
    async with served(application) as port:
        reader = Reader(port)
        await reader.connect()
        await application.accepted.wait()
        protocol, connection = application.protocol, application.connection
        assert connection is not None
        kernel = protocol.transport.get_extra_info("socket")
        kernel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        hub, written, ended = Hub(), ["first"], False
        hub.write_to_all([connection], "first")
        for number, (act, size) in enumerate(steps):
            text = f"{number}:" + "x" * size
            if act == "read":
                await asyncio.wait_for(reader.read(size + 1), 5) if protocol.transport.get_write_buffer_size() else None
            elif act == "fill":
                while connection.descriptor >= 0:
                    written.append(text)
                    hub.write_to_all([connection], text)
            elif act == "brim":
                # To the last byte: one-byte frames of nothing, until not even these are taken.
                while connection.descriptor >= 0:
                    written.append("")
                    hub.write_to_all([connection], "")
            elif act == "hub":
                hub.write_to_all([connection], text)
                written += [] if ended else [text]
            elif act == "transport":
                if not ended:
                    cause(protocol, text)
                    written.append(text)
            elif not protocol.transport.is_closing():
                cause(protocol, act)
                ended = ended or act in ("close", "shutdown", "refused")
        if not ended:
            cause(protocol, "shutdown")
        while await asyncio.wait_for(reader.read(65536), 10):
            pass
        frames = reader.frames()
        reader.socket.close()
        texts = [payload.decode() for code, payload in frames if code == 1]
        assert texts == written
        assert [code for code, _ in frames].index(8) == len(frames) - 1


@pytest.mark.parametrize("act", ENDS)
@pytest.mark.parametrize("level", ["nothing", "fill", "brim", "fill and read"])
def test_what_the_server_writes_by_itself_never_lands_inside_a_frame(run: Any, act: str, level: str) -> None:
    steps = {
        "nothing": [],
        "fill": [("fill", 100)],
        "brim": [("brim", 0)],
        "fill and read": [("fill", 1000), ("read", 3000)],
    }[level]
    run(play([*steps, (act, 0), ("read", 2000), ("hub", 500_000), ("hub", 3)]))


def test_a_ping_that_the_kernel_does_not_take_is_not_overtaken(run: Any) -> None:
    """To the last byte: the ping waits in the transport, and the next frame must wait behind it."""

    async def test() -> None:
        application = Application()
        async with served(application) as port:
            reader = Reader(port)
            await reader.connect()
            await application.accepted.wait()
            protocol, connection = application.protocol, application.connection
            hub = Hub()
            hub.write_to_all([connection], "first")
            assert connection.descriptor >= 0
            # Fill as the hub would, but leave the descriptor with it: the last frame fits exactly.
            filler, filled = encode("y" * 100), 0
            try:
                while True:
                    filled += os.write(connection.descriptor, filler)
            except BlockingIOError:
                pass
            protocol.send_keepalive_ping()
            assert connection.descriptor == -1
            while len(reader.got) < 20_000:
                await reader.read(4096)
            hub.write_to_all([connection], "z" * 500_000)
            rest = len(filler) - filled % len(filler)
            while len(reader.got) < 7 + filled + 6 + 500_010:
                await reader.read(65536)
            reader.socket.close()
            after = bytes(reader.got)[7 + filled :]
            assert rest
            assert after[:2] == b"\x89\x04"
            assert after[6:] == encode("z" * 500_000)

    run(test())


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["hub", "hub", "fill", "transport", "ping", "pong", "read", "read", "close", "refused"]),
            st.sampled_from([0, 1, 125, 3000, 70_000]),
        ),
        max_size=12,
    )
)
def test_whatever_is_written_in_whatever_order_comes_as_whole_frames(run: Any, steps: list[tuple[str, int]]) -> None:
    run(play(steps))
