"""Pages in a process of their own, which can be stopped, or put behind a link that fails.

Run as a program, it is that process: pages that live, and that say what they show when a line comes in.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, Server
from tests.faults.traffic import Page, Traffic
from tests.waiting import until


class FarPages:
    """Some pages of a server, in another process; `command` is what that is started by."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.hellos = 0

    async def look(self) -> list[dict[str, Any]]:
        """What each page shows now: `shown`, `cursor`, `hellos` and whether it is `connected`."""

        return list(json.loads(await asyncio.to_thread(self.tell, "look")))

    async def redial(self) -> None:
        """Let each page dial anew, as a browser's does that hears that it is online again."""
        await asyncio.to_thread(self.tell, "redial")

    def tell(self, word: str) -> str:
        """Say something to the process; its answer."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    async def are_connected(self) -> bool:
        """Whether all of them follow the server."""
        return all(page["connected"] for page in await self.look())

    async def until_back(self) -> None:
        """Wait until all of them have come back, once more than they had the last time."""
        hellos = self.hellos

        async def are_back() -> bool:
            seen = await self.look()
            self.hellos = min(page["hellos"] for page in seen)
            return self.hellos > hellos and all(page["connected"] for page in seen)

        await until(are_back)

    async def until_level(self, traffic: Traffic) -> None:
        """Wait until all of them show what is there now."""
        cursor = traffic.cursor

        async def are_level() -> bool:
            return all(page["cursor"] >= cursor for page in await self.look())

        await until(are_level)

    async def finish(self, traffic: Traffic) -> None:
        """End the writing, wait until the pages show everything, and give what they show to the check."""
        traffic.over.set()
        await until(lambda: not traffic.writing)
        await self.until_level(traffic)
        traffic.shown_elsewhere += [page["shown"] for page in await self.look()]


@contextmanager
def far_pages(traffic: Traffic, count: int, *, command: Sequence[str] = ()) -> Iterator[FarPages]:
    """So many pages as long as the block lasts; they show what was written since the traffic began."""
    server = traffic.servers[0]
    told = {"port": server.port, "address": server.address, "count": count, "seen": traffic.seen}
    with subprocess.Popen(
        [*command, sys.executable, "-m", "tests.faults.far", json.dumps(told)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield FarPages(process)
        finally:
            process.kill()


async def live(told: dict[str, Any]) -> None:
    """Be the pages, until the one who asks is gone."""
    server = Server(Path(), told["port"], address=told["address"])
    pages = [Page(server, *told["seen"], ping_interval=None) for _ in range(told["count"])]
    living = [asyncio.create_task(page.live()) for page in pages]
    while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
        for page in pages if word == "redial" else ():
            if page.socket:
                page.socket.transport.abort()
        seen = [
            {
                "shown": page.shown,
                "cursor": page.cursor,
                "hellos": page.hellos,
                "connected": page.hellos > 0 and page.cut_at is None,
            }
            for page in pages
        ]
        print(json.dumps(seen), flush=True)
    for task in living:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(live(json.loads(sys.argv[1])))
