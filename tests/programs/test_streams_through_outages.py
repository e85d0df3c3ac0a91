"""Whatever happens in between, what a program got by its stream is what the log has: everything, once, in order."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

import httpx

from app.features import open_database
from app.live.replay import SHARED_LIMIT
from app.programs.following import READ_TOGETHER
from app.records.record_facts import RecordsAdded
from tests.conftest import RedisServer, Server
from tests.programs.conftest import ACME, API, add_token, call_with
from tests.programs.following import Consumer, list_logged
from tests.programs.test_streams import BOOKS, channel_of, room_channels
from tests.server.test_workers import list_workers
from tests.waiting import until


class Writers:
    """Programs that add books and say something, whatever becomes of the server, until they are stopped."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.written = 0
        self.over = False

    async def write(self, path: str, body: dict[str, object]) -> None:
        while not self.over:
            with suppress(httpx.HTTPError):
                answer = await self.client.post(path, json=body)
                self.written += answer.status_code == 201
            await asyncio.sleep(0.005)

    async def until(self, more: int) -> None:
        wanted = self.written + more
        async with asyncio.timeout(40):
            while True:
                if self.written >= wanted:
                    return
                await asyncio.sleep(0.01)


@asynccontextmanager
async def following(server: Server) -> AsyncIterator[tuple[Consumer, Writers]]:
    """A consumer of books and of the general room, while programs write; it has everything at the end."""
    _, reading = add_token(server, "acme", "carla@acme.test")
    _, writing = add_token(server, "acme", "ana@acme.test")
    async with (
        aclosing(call_with(server, "acme", reading)) as carla,
        aclosing(call_with(server, "acme", writing)) as ana,
    ):
        channels = f"{await channel_of(ana)},{(await room_channels(ana))['general']}"
        begin = (await carla.get(f"{API}/events")).json()["next"]
        consumer, writers = Consumer(carla, channels, cursor=begin), Writers(ana)
        consumer.start()
        book = {"values": {"title": "Written meanwhile", "author": "Someone"}}
        writing_tasks = [
            asyncio.create_task(writers.write(f"{BOOKS}/records", book)),
            asyncio.create_task(writers.write(f"{API}/rooms/general/messages", {"text": "Said meanwhile"})),
        ]
        await writers.until(10)
        yield consumer, writers
        await writers.until(10)
        writers.over = True  # what was sent last has been answered, and is in the log
        await asyncio.gather(*writing_tasks)
        with suppress(TimeoutError):
            await until(lambda: consumer.got == list_logged(server, channels, begin))
        await consumer.stop()
        assert consumer.got == list_logged(server, channels, begin)
        assert consumer.gaps == 0
        assert len(consumer.got) >= writers.written


async def test_a_server_that_is_killed_while_programs_write(server: Server) -> None:
    async with following(server) as (consumer, writers):
        for _ in range(2):
            await asyncio.to_thread(server.stop, signal.SIGKILL)
            await asyncio.to_thread(server.start)
            await writers.until(10)
        await until(lambda: consumer.begins >= 2)


async def test_a_server_that_restarts_in_order_says_so(server: Server) -> None:
    async with following(server) as (consumer, writers):
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        await writers.until(5)
        await until(lambda: consumer.begins >= 2)
        assert "restart" in consumer.ends


async def test_a_consumer_that_is_stopped_while_much_is_written(server: Server) -> None:
    """It misses more than is read from the log at once for all that come back together."""
    async with following(server) as (consumer, writers):
        await consumer.stop()
        database = open_database(server.store.url)
        async with database.write(ACME) as transaction:
            books = int(consumer.channels.split(",")[0].partition(".")[2])
            for count in range(SHARED_LIMIT + READ_TOGETHER):
                transaction.note(RecordsAdded(by=transaction.actor, collection_id=books, count=count))
        await database.close()
        await writers.until(10)
        consumer.start()


async def test_two_workers_one_of_them_killed_and_redis_flushed_and_gone(
    several: Server, redis_server: RedisServer
) -> None:
    async with following(several) as (consumer, writers):
        redis_server.command("FLUSHALL")
        await writers.until(10)
        redis_server.stop()
        await writers.until(10)
        redis_server.start()
        await writers.until(10)
        redis_server.signal(signal.SIGSTOP)
        await writers.until(10)
        redis_server.signal(signal.SIGCONT)
        for victim in list_workers(several):
            os.kill(victim, signal.SIGKILL)
            await until(lambda victim=victim: victim not in list_workers(several) and len(list_workers(several)) == 2)
            await writers.until(10)
        await until(lambda: consumer.begins >= 2)
