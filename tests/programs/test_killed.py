"""A server that is killed in the middle: what is sent again with its key has been done once, or is done now."""

from __future__ import annotations

import asyncio
import signal
from contextlib import aclosing

import httpx

from tests.conftest import Server
from tests.programs.conftest import API, add_token, call_with

COUNT, KILLED_AFTER = 60, 15


async def test_what_is_sent_again_after_a_kill_is_done_once(server: Server) -> None:
    _, secret = add_token(server, "acme", "ana@acme.test")
    answered: dict[int, bytes] = {}
    enough = asyncio.Event()

    async def add(client: httpx.AsyncClient, number: int) -> None:
        record = {"values": {"title": f"Killed {number}", "author": "A"}}
        path, body = (
            ("/rooms/general/messages", {"text": f"Killed {number}"})
            if number % 2
            else ("/collections/books/records", record)
        )
        answer = await client.post(f"{API}{path}", json=body, headers={"idempotency-key": f"killed-{number}"})
        assert answer.status_code == 201, answer.text
        assert answered.setdefault(number, answer.content) == answer.content, "the first answer again"
        if len(answered) >= KILLED_AFTER:
            enough.set()

    async with aclosing(call_with(server, "acme", secret)) as client:
        tasks = [asyncio.create_task(add(client, number)) for number in range(COUNT)]
        await enough.wait()
        server.stop(signal.SIGKILL)
        await asyncio.gather(*tasks, return_exceptions=True)
    assert len(answered) >= KILLED_AFTER
    server.start()
    async with aclosing(call_with(server, "acme", secret)) as client:
        for number in range(COUNT):
            await add(client, number)
    ((records,),) = server.store.rows("SELECT count(*) FROM record WHERE search LIKE '%killed %'")
    ((messages,),) = server.store.rows("SELECT count(*) FROM message WHERE text LIKE 'Killed %'")
    assert (records, messages) == (COUNT / 2, COUNT / 2)
