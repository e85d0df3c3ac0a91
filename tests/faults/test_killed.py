"""Processes that die in mid-broadcast, again and again: nothing is lost, and nothing comes twice."""

from __future__ import annotations

import asyncio
import os
import signal
from random import Random

from tests.conftest import Server
from tests.faults.extent import times
from tests.faults.traffic import Traffic, traffic_on
from tests.server.test_workers import is_replaced, list_workers
from tests.waiting import until


async def kill_server(server: Server) -> None:
    await asyncio.to_thread(server.stop, signal.SIGKILL)
    await asyncio.to_thread(server.start)


async def kill_worker(server: Server, dice: Random) -> None:
    worker = dice.choice(list_workers(server))
    os.kill(worker, signal.SIGKILL)
    await until(lambda: is_replaced(server, worker))


def tell(traffic: Traffic, kills: int, messages: int) -> None:
    print(f"{kills} kills, {messages} messages, {traffic.retries} sent again;", end=" ")
    print(f"a page was cut {traffic.longest_cut():.1f} s at most, and {traffic.longest_delay():.1f} s late")


async def test_a_process_that_is_killed_in_mid_broadcast_loses_nothing(server: Server) -> None:
    kills = times(3, 30)
    async with traffic_on(server) as traffic:
        for _ in range(kills):
            await traffic.more(times(10, 20))
            await kill_server(server)
    tell(traffic, kills, traffic.check())


async def test_a_worker_that_is_killed_in_mid_broadcast_loses_nothing(several: Server) -> None:
    kills, dice = times(3, 30), Random(0)
    async with traffic_on(several) as traffic:
        for _ in range(kills):
            await traffic.more(times(10, 20))
            await kill_worker(several, dice)
    tell(traffic, kills, traffic.check())
