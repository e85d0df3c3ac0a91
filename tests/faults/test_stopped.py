"""Clients that stop to read, as a laptop that is closed does: they cost the others nothing, and come back level."""

from __future__ import annotations

import asyncio
import json
import signal
import time

from app.features import open_database
from app.live.log import publish
from tests.conftest import Server
from tests.faults.extent import times
from tests.faults.far import FarPages, far_pages
from tests.faults.traffic import Traffic, traffic_on
from tests.faults.wire import dial_live, read_memory, read_metric, text
from tests.waiting import until

NEAR, FAR = 5, 20
LARGE, MANY = "x" * 300_000, 8  # events, together beyond what is kept for a slow reader


async def publish_much(traffic: Traffic) -> None:
    """Add to the traffic what no buffer holds, no faster than others read it."""
    database = open_database(traffic.servers[0].store.url)
    for _ in range(MANY):
        async with database.write(1) as transaction:
            publish(transaction, "tenant", LARGE)
        cursor = traffic.cursor
        await until(lambda cursor=cursor: all(page.cursor >= cursor for page in traffic.pages))
    await database.close()


async def stop_until_dropped(traffic: Traffic, far: FarPages, *, much: bool) -> float:
    """Stop clients until the server holds none of their sockets any more; how long it did, in seconds."""
    far.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    if much:
        await publish_much(traffic)

    async def are_gone() -> bool:
        return await read_metric(traffic.servers[0], "mutirao_sockets") <= NEAR

    await until(are_gone)
    return time.monotonic() - began


async def test_clients_that_are_stopped_under_load_are_dropped_and_come_back_level(server: Server) -> None:
    """By turns under much load, which drops them as slow readers, and under little: then they answer no ping."""
    rounds, longest = times(1, 10), {True: 0.0, False: 0.0}
    async with traffic_on(server, pages=NEAR) as traffic:
        with far_pages(traffic, FAR) as far:
            await far.until_back()
            before = most = read_memory(server)
            for number in range(rounds):
                much = number % 2 == 0
                held = asyncio.create_task(stop_until_dropped(traffic, far, much=much))
                while not held.done():
                    await traffic.more(1)
                    most = max(most, read_memory(server))
                longest[much] = max(longest[much], held.result())
                far.process.send_signal(signal.SIGCONT)
                await far.until_back()
            await far.finish(traffic)
    messages = traffic.check()
    assert all(page.hellos == 1 for page in traffic.pages), "the others were cut off"
    slow = await read_metric(server, "mutirao_slow_closes_total")
    assert slow >= FAR
    print(f"{rounds} times {FAR} of {FAR + NEAR} clients stopped; {messages} messages, at most", end=" ")
    print(f"{traffic.longest_delay():.2f} s late for the others; dropped after {longest[True]:.1f} s at most as slow")
    print(f"readers ({slow:.0f}), after {longest[False]:.1f} s without a pong; {(most - before) / 1024:.1f} MiB more")


async def test_a_page_on_a_slow_link_catches_up_with_much_while_others_write(server: Server) -> None:
    """It is no slow reader for what it has missed while it was away, or it would be dropped and begin again."""
    async with traffic_on(server) as traffic:
        cookie, channels, cursor = traffic.seen
        await publish_much(traffic)
        reached = traffic.cursor
        async with dial_live(server, "acme", cookie, buffer=16 * 1024) as wire:
            await wire.send(text(json.dumps({"sub": channels, "last": cursor, "n": 1}).encode()))
            assert (await wire.read_frame())[1] == b"<!--@1-->"
            await traffic.more(times(15, 30))
            frames = [await wire.read_frame()]
            while not frames[-1][1].startswith(b"<!--%d-->" % traffic.cursor):
                frames.append(await wire.read_frame())
    assert int(frames[0][1][4:].partition(b"-->")[0]) >= reached
    assert frames[0][1].count(b"x" * 300_000) == MANY
    traffic.check()
