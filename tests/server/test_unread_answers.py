"""Who takes nothing of an answer is dropped while the process goes on; who has nothing to take is not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from app.server import serving
from app.server.http_protocol import BoundedProtocol
from app.server.serving import SLOWEST_READER, UNREAD, UNREAD_EVERY, Server, Unread
from app.server.workers import open_listener
from tests.waiting import until

ASK = b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n"


class Answering:
    """The end of a connection that always has more to write than its client takes."""

    def __init__(self, raw: socket.socket) -> None:
        raw.setblocking(False)
        self.raw = raw

    def get_write_buffer_size(self) -> int:
        return 2**20

    def get_extra_info(self, name: str) -> socket.socket:
        assert name == "socket"
        return self.raw

    def write(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                self.raw.send(b"x" * 2**16)


@contextlib.contextmanager
def answering(held: int) -> Iterator[tuple[socket.socket, Answering]]:
    """A client whose kernel holds so much for it, 0: as much as it likes; and who answers it."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        if held:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, held)
        client.connect(listener.getsockname())
        raw, _ = listener.accept()
        with raw:
            yield client, Answering(raw)


class QuietGate:
    """A gate that has nobody to send away."""

    async def drain(self) -> None: ...


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Answer with more than a kernel holds, or with little."""
    size = 16 * 2**20 if scope["path"] == "/large" else 10
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(size).encode())]})
    for _ in range(max(size // 2**20, 1)):
        await send({"type": "http.response.body", "body": b"x" * min(size, 2**20), "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.mark.sqlite
async def test_who_reads_nothing_is_dropped_and_who_waits_or_reads_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "UNREAD", 1.0)
    monkeypatch.setattr(serving, "UNREAD_EVERY", 0.05)
    monkeypatch.setattr(serving, "SLOWEST_READER", 2**20)
    config = uvicorn.Config(answer, http=BoundedProtocol, lifespan="off", log_config=None)
    gate: Any = QuietGate()
    server, listener = Server(config, gate), open_listener("127.0.0.1", 0)
    serves = asyncio.create_task(server.serve([listener]))
    await until(lambda: server.started)
    host, port = listener.getsockname()
    idle, writing = await asyncio.open_connection(host, port)
    writing.write(ASK.replace(b"large", b"small"))
    await idle.readuntil(b"x" * 10)
    with socket.socket() as stuck:
        stuck.connect((host, port))
        stuck.sendall(ASK)
        await until(lambda: len(server.server_state.connections) == 2)
        await until(lambda: len(server.server_state.connections) == 1)
    writing.write(ASK)
    assert (await idle.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200 ")
    await idle.readuntil(b"\r\n\r\n")
    assert len(await idle.readexactly(16 * 2**20)) == 16 * 2**20, "who reads gets all"
    writing.close()
    await writing.wait_closed()
    server.should_exit = True
    await serves


@pytest.mark.sqlite
@pytest.mark.parametrize("held", [0, 65536, 262144])
def test_who_reads_slowly_is_not_dropped_and_who_reads_nothing_is(held: int) -> None:
    unread, moment = Unread(UNREAD, SLOWEST_READER), 0.0
    with answering(held) as (client, answers):
        while moment < 1500:
            answers.write()
            assert unread.look([answers], moment) == [], "nobody who reads 1 KiB a second"
            moment += UNREAD_EVERY
            assert client.recv(int(SLOWEST_READER * UNREAD_EVERY), socket.MSG_WAITALL)
        stops = moment
        while not unread.look([answers], moment):
            answers.write()
            moment += UNREAD_EVERY
            assert moment < stops + 660
    with answering(held) as (_, answers):
        moment = 0.0
        while not unread.look([answers], moment):
            answers.write()
            moment += UNREAD_EVERY
        assert UNREAD <= moment < 660


@pytest.mark.sqlite
def test_at_the_end_of_the_process_nobody_has_longer() -> None:
    unread = Unread(4.0)
    with answering(0) as (_, answers):
        answers.write()
        assert [unread.look([answers], moment) for moment in (0.0, 3.5, 4.0)] == [[], [], [answers]]
