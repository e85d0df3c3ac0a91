"""Links that fail without a word, as in a tunnel, or behind a router that was switched off: both ends stay open."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.conftest import Server, free_port
from tests.databases import KIND, Store, cluster
from tests.faults.extent import times
from tests.faults.far import far_pages
from tests.faults.network import NETWORKS, SERVER, Network, network
from tests.faults.traffic import traffic_on
from tests.faults.wire import read_metric
from tests.waiting import until

NEAR, FAR = 5, 20


@pytest.fixture
def cables() -> Iterator[Network]:
    """A network that can be cut."""
    with network() as made:
        yield made


@pytest.fixture
async def server_behind(cables: Network, seeded: Store, tmp_path: Path) -> AsyncIterator[Server]:
    """A server of two workers that is reached through the network, and by this thread, which is where it is."""
    seeded.copy_to(tmp_path)
    server = Server(tmp_path, free_port(), {"METRICS_NETWORKS": NETWORKS}, address=SERVER, workers=2)
    if KIND == "postgresql":
        server.environment["DATABASE_URL"] = cluster().local_url(server.store.name)
        server.environment["DATABASE_OWNER_URL"] = ""
    async with cables.at_the_server():
        server.start()
        yield server
        server.stop()
    server.store.drop()


async def test_who_was_in_another_network_is_back_in_this_one_with_all_threads(cables: Network) -> None:
    def namespace() -> str:
        return str(Path("/proc/thread-self/ns/net").readlink())

    here = namespace()
    async with cables.at_the_server():
        both = threading.Barrier(2)  # two threads are started
        await asyncio.gather(*(asyncio.to_thread(both.wait) for _ in range(2)))
        assert await asyncio.to_thread(namespace) != here
    assert namespace() == here
    assert {await asyncio.to_thread(namespace) for _ in range(4)} == {here}


async def test_links_that_fail_without_a_word_lose_nothing(cables: Network, server_behind: Server) -> None:
    """For a moment, which nobody notices; and until the server has given up, while the clients still wait."""
    moments, cuts, longest = times(1, 5), times(0, 5), 0.0
    async with traffic_on(server_behind, pages=NEAR) as traffic:
        with far_pages(traffic, FAR, command=cables.at_the_client) as far:
            await far.until_back()

            async def are_given_up() -> bool:
                return await read_metric(server_behind, "mutirao_sockets") <= NEAR

            for _ in range(moments):
                cables.cut()
                await traffic.more(times(10, 20))
                cables.mend()
                await far.until_level(traffic)
            assert max(page["hellos"] for page in await far.look()) == 1
            for _ in range(cuts):
                cables.cut()
                began = time.monotonic()
                await until(are_given_up, seconds=60)
                longest = max(longest, time.monotonic() - began)
                assert await far.are_connected(), "a client has noticed"
                await traffic.more(10)
                cables.mend()
                await far.redial()
                await far.until_back()
            await far.finish(traffic)
    messages = traffic.check()
    assert all(page.hellos == 1 for page in traffic.pages), "the others were cut off"
    print(f"{FAR} links cut {moments} times for a moment, {cuts} times until given up, after {longest:.1f} s at most;")
    print(f"{messages} messages, for the others at most {traffic.longest_delay():.2f} s late")
