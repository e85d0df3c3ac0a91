"""Who takes nothing of an answer is dropped while the process goes on; who has nothing to take is not."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
import uvicorn

from app.server import serving
from app.server.http_protocol import BoundedProtocol
from app.server.serving import Server
from app.server.workers import open_listener
from tests.waiting import until

ASK = b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n"


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
