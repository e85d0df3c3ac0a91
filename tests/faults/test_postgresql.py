"""PostgreSQL restarted, killed and cut off under traffic: what was acknowledged is there, and all goes on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator

import pytest

from tests.conftest import Server
from tests.databases import Cluster, cluster
from tests.faults.extent import FULL, times
from tests.faults.traffic import Page, Traffic, traffic_on
from tests.waiting import until

pytestmark = pytest.mark.postgresql


@pytest.fixture
def running() -> Iterator[Cluster]:
    """The cluster, which a test stops; it runs again afterwards."""
    yield cluster()
    cluster().start_again()


async def is_ready(server: Server) -> bool:
    """Whether the server says so; it lives all the time."""
    async with server.client("") as client:
        assert (await client.get("/healthz")).status_code == 200
        return (await client.get("/readyz")).status_code == 200


async def is_unready(server: Server) -> bool:
    """Whether the server says that it can't reach its database."""
    return not await is_ready(server)


async def be_away(running: Cluster, traffic: Traffic, mode: str) -> None:
    """Stop it and start it again. Meanwhile a page comes in vain, and writers are told that it can't be done now."""
    server = traffic.servers[0]
    await asyncio.to_thread(running.stop, mode)
    await traffic.more_refusals(5)
    assert await is_unready(server)
    page = traffic.open(Page(server, *traffic.seen))
    await until(lambda: page.hellos > 1)
    await asyncio.to_thread(running.start_again)


async def restart(running: Cluster, traffic: Traffic) -> None:
    await be_away(running, traffic, "fast")


async def crash(running: Cluster, traffic: Traffic) -> None:
    await be_away(running, traffic, "immediate")


async def kill_one(running: Cluster, traffic: Traffic) -> None:
    """Kill one process, as a system does that has no memory left: the others are ended, and what was lost is mended."""
    ((process,),) = traffic.servers[0].store.rows(
        "SELECT min(pid) FROM pg_stat_activity WHERE datname = ? AND pid <> pg_backend_pid()",
        traffic.servers[0].store.name,
    )
    os.kill(process, signal.SIGKILL)
    await traffic.more(10)


async def cut_connections(running: Cluster, traffic: Traffic) -> None:
    store = traffic.servers[0].store
    for _ in range(3):
        store.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ? AND pid <> pg_backend_pid()",
            store.name,
        )
        await traffic.more(3)


async def pause(running: Cluster, traffic: Traffic, *, refusals: int = 0) -> None:
    """Stop its processes, as happens to a machine that is moved; everybody waits, and at last is refused."""
    running.signal(signal.SIGSTOP)
    try:
        await until(lambda: is_unready(traffic.servers[0]))
        await traffic.more_refusals(refusals)
    finally:
        running.signal(signal.SIGCONT)


TROUBLES: list[Callable[[Cluster, Traffic], Awaitable[None]]] = [restart, crash, kill_one, cut_connections, pause]


async def test_nothing_is_lost_whatever_happens_to_postgresql(server: Server, running: Cluster) -> None:
    rounds = times(1, 10)
    async with traffic_on(server) as traffic:
        for _ in range(rounds):
            for trouble in TROUBLES:
                await traffic.more(10)
                await trouble(running, traffic)
                await until(lambda: is_ready(server))
        if FULL:
            await pause(running, traffic, refusals=3)
        await traffic.more(10)
    messages = traffic.check()
    print(
        f"{rounds} times {len(TROUBLES)} troubles; {messages} messages, {traffic.refused} times refused and sent again;"
    )
    print(f"a page was cut {traffic.longest_cut():.1f} s at most")
