"""What a socket of which nothing is heard keeps: they are many."""

from __future__ import annotations

import asyncio

from uvicorn import Config
from uvicorn.server import ServerState

from app.server.websocket_protocol import LiveProtocol, Writable


async def test_a_socket_has_no_dictionary() -> None:
    """Where another version of uvicorn keeps something more, its name belongs into the slots, too."""
    config = Config(app=lambda *_: None, log_config=None)
    config.load()
    opened: asyncio.Future[LiveProtocol] = asyncio.get_running_loop().create_future()

    class Opened(LiveProtocol):
        __slots__ = ()

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            opened.set_result(self)

    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: Opened(config, ServerState(), {}), "127.0.0.1", 0) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert vars(await opened) == {}
        writer.close()


async def test_who_sends_waits_while_the_transport_takes_no_more() -> None:
    writable = Writable()
    await asyncio.wait_for(writable.wait(), 1)
    writable.clear()
    writable.clear()
    waiting = [asyncio.create_task(writable.wait()) for _ in range(2)]
    for _ in range(3):
        await asyncio.sleep(0)
    assert not any(each.done() for each in waiting)
    writable.set()
    await asyncio.wait_for(asyncio.gather(*waiting), 1)
    writable.set()
    await asyncio.wait_for(writable.wait(), 1)
