"""Redis loses all that it has, again and again, while it is in use: nobody but the limits has anything there, and of
those each process keeps its own count."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing, suppress

import httpx

from tests.conftest import RedisServer, Server
from tests.programs.conftest import add_token, call_with, problem_of
from tests.programs.following import Consumer, Poller, list_logged, read_log_cursor
from tests.programs.test_streams import BOOKS, channel_of
from tests.waiting import until

# More than one search too many at each of two workers.
SEARCHES = 60
WRITERS, WRITTEN = 3, 12


class Held:
    """A record that somebody edits, and renews the lock of."""

    def __init__(self, client: httpx.AsyncClient, path: str, proof: str) -> None:
        self.client = client
        self.path = path
        self.proof = proof
        self.versions = 1

    async def change(self) -> None:
        """Renew the lock, and change the record under it."""
        renewed = await self.client.patch(f"{self.path}/lock", headers={"lock": self.proof})
        assert renewed.status_code == 200, renewed.text
        self.proof = renewed.json()["lock"]
        said = {"lock": self.proof, "if-match": f'"{self.versions}"'}
        changed = await self.client.patch(self.path, json={"values": {"notes": f"{self.versions}"}}, headers=said)
        assert changed.status_code == 200, changed.text
        self.versions += 1


async def test_streams_polls_locks_and_limits_go_on_while_redis_is_flushed(
    several: Server, redis_server: RedisServer
) -> None:
    over = asyncio.Event()

    async def flush() -> None:
        while not over.is_set():
            await asyncio.to_thread(redis_server.command, "FLUSHALL")
            await asyncio.to_thread(redis_server.command, "SCRIPT", "FLUSH")
            await asyncio.sleep(0)

    async with AsyncExitStack() as stack:

        async def enter(name: str) -> httpx.AsyncClient:
            client = call_with(several, "acme", add_token(several, "acme", f"{name}@acme.test")[1])
            return await stack.enter_async_context(aclosing(client))

        ana, bruno, davi = [await enter(name) for name in ("ana", "bruno", "davi")]
        books, begin = await channel_of(ana), read_log_cursor(several)
        followers = [kind(await enter("carla"), books, cursor=begin) for kind in (Consumer, Poller) for _ in range(3)]
        for each in followers:
            each.start()
        flushing = asyncio.create_task(flush())
        made = await ana.post(f"{BOOKS}/records", json={"values": {"title": "Held", "author": "A"}})
        path = f"{BOOKS}/records/{made.json()['number']}"
        held = Held(ana, path, (await ana.post(f"{path}/lock")).json()["lock"])

        async def add(client: httpx.AsyncClient) -> None:
            for _ in range(WRITTEN):
                answer = await client.post(f"{BOOKS}/records", json={"values": {"title": "Meanwhile", "author": "A"}})
                assert answer.status_code == 201, answer.text

        async def hold() -> None:
            for _ in range(WRITTEN):
                await held.change()
                assert problem_of(await bruno.post(f"{path}/lock")) == (423, "locked")

        async def search() -> int:
            """How many searches were answered until one was too many."""
            for answered in range(2 * SEARCHES + 1):
                answer = await davi.get(f"{BOOKS}/records", params={"q": "casmurro", "limit": "1"})
                if answer.status_code != 200:
                    assert problem_of(answer) == (429, "too-many-requests")
                    return answered
            raise AssertionError("a limit holds no more")

        writers = [await enter("bruno") for _ in range(WRITERS)]
        found = await asyncio.gather(search(), hold(), *map(add, writers))
        assert SEARCHES <= found[0] <= 2 * SEARCHES
        over.set()
        await flushing
        assert (await ana.delete(f"{path}/lock", headers={"lock": held.proof})).status_code == 204
        assert (await bruno.post(f"{path}/lock")).status_code == 201
        logged = list_logged(several, books, begin)
        assert len(logged) > WRITERS * WRITTEN + WRITTEN
        with suppress(TimeoutError):
            await until(lambda: all(each.got == logged for each in followers))
        for each in followers:
            await each.stop()
            assert each.got == logged
            assert each.gaps == 0
    assert "Traceback" not in several.log
