"""A server that is killed while it sends, a Redis that forgets everything, several workers: what came is the log."""

from __future__ import annotations

import asyncio
import signal
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from tests.conftest import RedisServer, Server, end_server, free_port
from tests.databases import Store
from tests.receiver import OK, Received, receiving
from tests.waiting import until

COUNT, KILLED_AFTER = 30, 8


async def say(client: httpx.AsyncClient, numbers: range) -> None:
    for number in numbers:
        said = await client.post("/chat/general", data={"text": f"Said {number}", "key": f"said {number}"})
        assert said.status_code == 303, said.text


def logged(server: Server) -> list[int]:
    """The cursors of what was said."""
    found = server.store.rows(
        "SELECT cursor FROM event WHERE kind = 'message.posted' AND tenant_id = 1 ORDER BY cursor"
    )
    return [cursor for (cursor,) in found]


@pytest.mark.parametrize(("workers", "ended_by"), [(1, signal.SIGKILL), (2, signal.SIGTERM)])
async def test_what_came_is_what_the_log_has_whatever_happened_in_between(
    seeded: Store, tmp_path: Path, redis_server: RedisServer, workers: int, ended_by: signal.Signals
) -> None:
    environment = {"OUTGOING_HTTP": "1", "OUTGOING_NETWORKS": "127.0.0.1/32", "REDIS_URL": redis_server.url}
    seeded.copy_to(tmp_path)
    server = Server(tmp_path, free_port(), environment, workers=workers)
    server.start()
    enough = asyncio.Event()
    killing = True

    def answer(_: Received) -> bytes | None:
        """Nothing is said to what the server dies of."""
        if killing and len(receiver.requests) >= KILLED_AFTER:
            enough.set()
            return None
        return OK

    try:
        async with receiving(answer) as receiver:
            made = server.run("webhook", "add", "acme", "ana@acme.test", receiver.url, "--kind", "message.posted")
            assert made.stdout.startswith("whsec_"), made.stderr
            begun = logged(server)
            async with aclosing(server.let_in("acme", "ana@acme.test")) as client:
                await say(client, range(COUNT // 2))
                await enough.wait()
                server.stop(ended_by)
            killing = False
            redis_server.command("FLUSHALL")
            if ended_by == signal.SIGKILL:  # the time of its lease is over; who ends in order has let it go
                server.store.rows("UPDATE webhook_turn SET leased_until = NULL")
            server.start()
            async with aclosing(server.let_in("acme", "ana@acme.test")) as client:
                await say(client, range(COUNT // 2, COUNT))
            redis_server.command("FLUSHALL")
            wanted = logged(server)[len(begun) :]
            assert len(wanted) == COUNT

            def came() -> list[int]:
                return list(dict.fromkeys(each.told["cursor"] for each in receiver.requests))

            await until(lambda: len(came()) >= COUNT)
            assert came() == wanted
            assert len(receiver.requests) == COUNT + 1, "what was on its way comes again, and nothing else"
            assert len({each.headers["webhook-id"] for each in receiver.requests}) == COUNT
    finally:
        end_server(server)
