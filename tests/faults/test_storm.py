"""Everybody comes back at once."""

from __future__ import annotations

import time

from tests.conftest import Server
from tests.faults.extent import times
from tests.faults.test_killed import kill_server
from tests.faults.traffic import traffic_on
from tests.waiting import until


async def test_pages_that_all_come_back_at_once_are_level_while_others_write(server: Server) -> None:
    """They dial every 50 ms until they are in, which is worse than pages do: those wait for half a second and more."""
    pages = times(100, 2000)
    async with traffic_on(server, pages=pages) as traffic:
        await until(lambda: all(page.hellos for page in traffic.pages))
        await traffic.more(times(10, 20))
        hellos = sum(page.hellos for page in traffic.pages)
        await kill_server(server)
        began = time.monotonic()
        await until(lambda: not traffic.list_cut())
        took = time.monotonic() - began
        again = sum(page.hellos for page in traffic.pages) - hellos
    messages = traffic.check()
    print(f"{pages} pages back after {took:.1f} s, with {again} hellos; {messages} messages")
