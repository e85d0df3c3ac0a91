"""What several workers on one SQLite database do: writes, spread of sockets, delay with and without Redis, a storm.

python bench/workers.py [writes] [WORKERS …]

measures writes alone, or all.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import websockets

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from app.demo import seed_demo  # noqa: E402
from app.features import open_database  # noqa: E402
from app.migration import migrate_database  # noqa: E402
from bench.serving import serve, sign_in  # noqa: E402

WRITERS, SECONDS, PAGES, STORM = 20, 8.0, 200, 500


async def fill(data_dir: Path) -> None:
    """The demo."""
    url = f"sqlite+aiosqlite:///{data_dir}/mutirao.sqlite"
    migrate_database(url)
    database = open_database(url)
    await seed_demo(database)
    await database.close()


def start_redis(directory: str) -> tuple[subprocess.Popen[bytes], int]:
    """A Redis of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    redis = subprocess.Popen(
        ["redis-server", "--port", str(port), "--save", "", "--dir", directory], stdout=subprocess.DEVNULL
    )
    return redis, port


async def write(client: httpx.AsyncClient, until: float, took: list[float], failed: list[int]) -> None:
    """Add books one after the other."""
    while time.monotonic() < until:
        started = time.perf_counter()
        answer = await client.post("/c/books/new", data={"title": "Measured"})
        took.append((time.perf_counter() - started) * 1000)
        if answer.status_code != 303:
            failed.append(answer.status_code)


async def measure_writes(port: int) -> str:
    """Writes per second of many at once, and how long one takes."""
    took: list[float] = []
    failed: list[int] = []
    people = [await sign_in(port, f"{name}@acme.test") for name in ("ana", "bruno", "carla", "davi")]
    started = time.monotonic()
    await asyncio.gather(*(write(people[each % 4], started + SECONDS, took, failed) for each in range(WRITERS)))
    for client in people:
        await client.aclose()
    took.sort()
    rate = len(took) / (time.monotonic() - started)
    median, late = took[len(took) // 2], took[len(took) * 99 // 100]
    return f"{rate:.0f}/s, median {median:.0f} ms, p99 {late:.0f} ms, worst {took[-1]:.0f} ms, failed {len(failed)}"


class Page:
    """A page that follows books and notes when it hears of one."""

    def __init__(self, port: int, client: httpx.AsyncClient) -> None:
        self.port = port
        self.client = client
        self.heard: dict[str, float] = {}
        self.ready = asyncio.Event()

    async def live(self, channels: str, cursor: int) -> None:
        host = f"acme.hero.localhost:{self.port}"
        async with websockets.connect(
            f"ws://{host}/live",
            host="127.0.0.1",
            port=self.port,
            origin=f"http://{host}",  # type: ignore[arg-type]
            additional_headers={"cookie": self.client.headers["cookie"]},
            compression=None,
            proxy=None,
            ping_interval=None,
            open_timeout=60,
        ) as dialed:
            await dialed.send(json.dumps({"sub": channels, "last": cursor, "n": 1}))
            async for message in dialed:
                if str(message).startswith("<!--@"):
                    self.ready.set()
                for title in re.findall(r"Delay \d+", str(message)):
                    self.heard.setdefault(title, time.perf_counter())


async def open_pages(port: int, count: int) -> tuple[list[Page], list[asyncio.Task[None]], float]:
    """Open pages at once; how many seconds it takes until all follow."""
    client = await sign_in(port)
    found = re.search(r'data-channels="([^"]+)" data-cursor="(\d+)"', (await client.get("/c/books")).text)
    assert found
    pages = [Page(port, client) for _ in range(count)]
    started = time.perf_counter()
    tasks = [asyncio.create_task(page.live(found[1], int(found[2]))) for page in pages]
    await asyncio.gather(*(page.ready.wait() for page in pages))
    return pages, tasks, time.perf_counter() - started


async def measure_delay(port: int, pages: list[Page], first: int) -> str:
    """From the answer to a writer until the last page has heard of it."""
    client = await sign_in(port)
    delays = []
    for number in range(first, first + 20):
        title = f"Delay {number}"
        assert (await client.post("/c/books/new", data={"title": title})).status_code == 303
        written = time.perf_counter()
        while not all(title in page.heard for page in pages):  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        delays.append((max(page.heard[title] for page in pages) - written) * 1000)
    delays.sort()
    return f"median {statistics.median(delays):.0f} ms, worst {delays[-1]:.0f} ms"


def count_sockets(server: int, port: int) -> list[int]:
    """How many connections each worker has."""
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split() or [str(server)]
    counts = []
    for child in children:
        names = []
        for descriptor in Path(f"/proc/{child}/fd").iterdir():
            with suppress(OSError):
                names.append(str(descriptor.readlink()))
        counts.append(sum(name.startswith("socket:") for name in names))
    return counts


async def measure_all(workers: int, seed: Path, *, writes_alone: bool) -> dict[str, Any]:
    """All measurements for a number of workers."""
    found: dict[str, Any] = {"workers": workers}
    with tempfile.TemporaryDirectory() as directory:
        data_dir = Path(directory)
        shutil.copy(seed / "mutirao.sqlite", data_dir)
        redis, redis_port = start_redis(directory)
        try:
            url = f"redis://127.0.0.1:{redis_port}"
            with serve(data_dir, "--workers", str(workers), REDIS_URL=url) as (port, server):
                found["writes"] = await measure_writes(port)
                if writes_alone:
                    return found
                pages, tasks, seconds = await open_pages(port, PAGES)
                found[f"{PAGES} pages at once"] = f"{seconds:.2f} s, per worker {count_sockets(server, port)}"
                found["delay"] = await measure_delay(port, pages, 0)
                redis.send_signal(signal.SIGSTOP)
                found["delay, Redis just paused"] = await measure_delay(port, pages, 100)
                found["delay, Redis paused for longer"] = await measure_delay(port, pages, 200)
                redis.send_signal(signal.SIGCONT)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                pages, tasks, seconds = await open_pages(port, STORM)
                found[f"storm of {STORM} pages"] = f"{seconds:.2f} s, per worker {count_sockets(server, port)}"
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            redis.kill()
            redis.wait()
    return found


async def main(counts: list[int], *, writes_alone: bool) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as directory:
        await fill(Path(directory))
        for workers in counts:
            for what, value in (await measure_all(workers, Path(directory), writes_alone=writes_alone)).items():
                print(f"{what}: {value}", flush=True)


if __name__ == "__main__":
    counts = [int(each) for each in sys.argv[1:] if each.isdigit()]
    asyncio.run(main(counts or [1, 2, 4], writes_alone="writes" in sys.argv))
