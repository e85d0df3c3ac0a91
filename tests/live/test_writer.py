"""Whatever is written to a socket, by the hub or by the server, arrives whole and in order, however full it is."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from app.live.frames import encode
from app.live.hub import Hub
from app.server.websocket_protocol import LiveProtocol
from tests.live.test_outlet import Application, connection_of, run  # noqa: F401 (a fixture)

PING = Frame(Opcode.PING, b"are you there").serialize(mask=True, extensions=[])


class Peer:
    """A client that reads when it is told to, and parses what it reads as frames."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setblocking(False)
        self.port = port
        self.buffer = bytearray()
        self.frames: list[tuple[Opcode, bytes]] = []

    async def connect(self) -> None:
        """Shake hands."""
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self.socket, ("127.0.0.1", self.port))
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET / HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        )
        await loop.sock_sendall(self.socket, f"{request}Sec-WebSocket-Version: 13\r\n\r\n".encode())
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += await loop.sock_recv(self.socket, 4096)
        del self.buffer[: self.buffer.index(b"\r\n\r\n") + 4]

    async def read(self, enough: Callable[[], bool]) -> None:
        """Read until there is enough, or the server has hung up."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(20):
            while not enough():
                data = await loop.sock_recv(self.socket, 65536)
                if not data:
                    return
                self.buffer += data
                self.parse()

    async def read_some(self, size: int) -> None:
        """Read what is there, so many bytes at most."""
        try:
            self.buffer += self.socket.recv(size)
        except BlockingIOError:
            return
        self.parse()

    def parse(self) -> None:
        """Take whole frames out of what was read. A server's frames are not masked, and ours not in fragments."""
        while len(self.buffer) >= 2:
            first, second = self.buffer[:2]
            assert first in {0x81, 0x88, 0x89, 0x8A}, f"{first:#x} begins no frame, after {len(self.frames)}"
            length, head = second, 2
            if second > 125:
                head = {126: 4, 127: 10}[second]
                length = int.from_bytes(self.buffer[2:head])
            if len(self.buffer) < head + length:
                return
            self.frames.append((Opcode(first & 0x0F), bytes(self.buffer[head : head + length])))
            del self.buffer[: head + length]

    @property
    def texts(self) -> list[str]:
        return [data.decode() for opcode, data in self.frames if opcode is Opcode.TEXT]

    def count(self, opcode: Opcode) -> int:
        return sum(each is opcode for each, _ in self.frames)


@asynccontextmanager
async def joined(application: Application) -> AsyncIterator[tuple[Any, Peer]]:
    """A server that pings by itself as the program does, the hub's connection, and the peer that it is for."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    config = uvicorn.Config(
        application, ws=LiveProtocol, lifespan="off", log_level="warning", ws_ping_interval=12, ws_ping_timeout=8
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve([listener]))
    peer = Peer(listener.getsockname()[1])
    try:
        await peer.connect()
        yield await connection_of(application), peer
    finally:
        peer.socket.close()
        server.should_exit = True
        await task


def fill(descriptor: int, *, odd: bool) -> int:
    """Write whole frames until the kernel takes not a byte more; how many of no letter. 0 if it took a part of one.

    They are of two bytes; where it has an odd number of bytes left, one of three has to come first.
    """
    assert os.write(descriptor, encode("x" * odd)) == 2 + odd
    frame, count = encode(""), 0
    while True:
        try:
            written = os.write(descriptor, frame)
        except BlockingIOError:
            return count
        if written < len(frame):
            return 0
        count += 1


@asynccontextmanager
async def filled() -> AsyncIterator[tuple[Application, Any, Peer, list[str]]]:
    """A connection whose kernel takes not a byte more, and what was written to it."""
    for odd in [False, True] * 10:
        application = Application()
        async with joined(application) as (connection, peer):
            assert connection.descriptor >= 0
            if count := fill(connection.descriptor, odd=odd):
                yield application, connection, peer, ["first", "x" * odd, *[""] * count]
                return
    raise AssertionError("the kernel took a part of a frame each time")


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something holds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (there is no event to wait for)
            await asyncio.sleep(0)


async def turn() -> None:
    """Let the loop do what is due."""
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.mark.parametrize("control", ["ping", "pong", "close", "shutdown"])
def test_a_control_frame_lands_between_frames_also_when_the_kernel_takes_not_a_byte_more(
    run: Any,  # noqa: F811
    control: str,
) -> None:
    async def test() -> None:
        async with filled() as (application, connection, peer, written):
            protocol = application.protocol
            if control == "ping":
                protocol.send_keepalive_ping()
            elif control == "pong":
                protocol.data_received(PING)  # sent, it would bring news of room along
            elif control == "close":
                application.close.set()
                await until(lambda: protocol.close_sent)
            else:
                protocol.shutdown()
            hub, texts = Hub(), [f"{number}" * 50_000 for number in range(10)]
            for text in texts:
                await peer.read_some(3000)
                hub.write_to_all([connection], text, encode(text))
                await turn()
            follows = control in {"ping", "pong"}
            await peer.read(lambda: peer.count(Opcode.CLOSE) > 0 or peer.texts[-1:] == texts[-1:])
            assert peer.texts == [*written, *(texts if follows else [])]
            assert peer.count({"ping": Opcode.PING, "pong": Opcode.PONG}.get(control, Opcode.CLOSE)) == 1

    run(test())


ACTS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from([0, 1, 120, 130, 4000, 70_000])),
    st.tuples(st.just("fill"), st.just(0)),
    st.tuples(st.just("server's ping"), st.just(0)),
    st.tuples(st.just("peer's ping"), st.just(0)),
    st.tuples(st.just("read"), st.sampled_from([1, 5, 1000, 65_536])),
    st.tuples(st.just("turn"), st.just(0)),
)


@given(acts=st.lists(ACTS, max_size=30), end=st.sampled_from(["nothing", "close", "shutdown"]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_comes_in_whatever_order_frames_arrive_whole_and_in_order(
    run: Any,  # noqa: F811
    acts: list[tuple[str, int]],
    end: str,
) -> None:
    async def test() -> None:
        application = Application()
        async with joined(application) as (connection, peer):
            hub, texts, pings = Hub(), ["first"], 0
            for act, size in acts:
                if act == "write":
                    texts.append(f"{len(texts)} " * (size // 2))
                    hub.write_to_all([connection], texts[-1], encode(texts[-1]))
                elif act == "fill":
                    while connection.descriptor >= 0:
                        texts.append(f"{len(texts)}")
                        hub.write_to_all([connection], texts[-1], encode(texts[-1]))
                elif act == "server's ping":
                    application.protocol.send_keepalive_ping()
                    pings += 1
                elif act == "peer's ping":
                    await asyncio.get_running_loop().sock_sendall(peer.socket, PING)
                elif act == "read":
                    await peer.read_some(size)
                else:
                    await turn()
            if end == "close":
                application.close.set()
            elif end == "shutdown":
                application.protocol.shutdown()
            else:
                texts.append("last")
                hub.write_to_all([connection], texts[-1], encode(texts[-1]))
            try:
                await peer.read(lambda: peer.texts[-1:] == ["last"] or peer.count(Opcode.CLOSE) > 0)
            except ConnectionResetError:  # uvicorn's shutdown closes with something unread: the peer may miss the end
                assert end == "shutdown"
                assert peer.texts == texts[: len(peer.texts)]
            else:
                assert peer.texts == texts
                assert peer.count(Opcode.PING) == pings
                assert peer.count(Opcode.CLOSE) == (end != "nothing")

    run(test())
