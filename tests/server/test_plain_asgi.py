"""`/live` needs nothing of the server beyond ASGI: events also arrive where our own protocol is missing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
import uvicorn

from app.server.asgi import create_app
from app.settings import read_settings
from tests.conftest import Server, free_port
from tests.databases import Store
from tests.live.test_socket import open_page


@pytest.fixture
async def plain_server(seeded: Store, tmp_path: Path) -> AsyncIterator[Server]:
    """The application on uvicorn as it comes."""
    seeded.copy_to(tmp_path)
    described = Server(tmp_path, free_port())
    application = create_app(read_settings(described.settings()))
    config = uvicorn.Config(
        application,
        port=described.port,
        ws="websockets-sansio",
        log_config=None,
        timeout_graceful_shutdown=5,
    )
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    async with asyncio.timeout(20):
        while True:
            if running.started:
                break
            await asyncio.sleep(0.02)
    yield described
    running.should_exit = True
    await task
    described.store.drop()


async def test_events_and_cut_offs_arrive_on_a_plain_asgi_server(plain_server: Server) -> None:
    async with (
        aclosing(await plain_server.sign_in("acme", "ana@acme.test")) as ana,
        aclosing(await plain_server.sign_in("acme", "carla@acme.test")) as carla,
        plain_server.connect("acme", carla) as socket,
        asyncio.timeout(20),
    ):
        _, cursor = await open_page(carla)
        await socket.send(json.dumps({"sub": "tenant collection.1", "last": cursor, "n": 1}))
        assert await socket.recv() == "<!--@1-->"
        for number in range(3):
            title = f"On a plain server, {number}"
            assert (await ana.post("/c/books/new", data={"title": title})).status_code == 303
            while title not in str(await socket.recv()):
                pass
        await carla.post("/logout")
        await socket.wait_closed()
        assert (socket.close_code, socket.close_reason) == (4401, "ended")
