"""What exporting 100,000 books costs: the server's time of the processor, its memory, and what others notice of it.

Starts the real server on a database of its own with a link on each book, exports in each format, and prints a table:
how long until the first piece and the last, how much of the processor it took, and the most memory of its own that the
process had (without the pages of the database that it maps), for a workbook twice, as something may stay. Then, for
one of each, how long a list took that somebody else asked for meanwhile. `BOOKS` sets how many.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from bench.serving import measure, serve, sign_in  # noqa: E402

BOOKS = int(os.environ.get("BOOKS", "100000"))
ASKED = ("csv", "json", "xlsx", "xlsx", "csv?q=machado&sort=title", "xlsx?sort=-title")


def own_megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) / 1024


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def export(client: httpx.AsyncClient, path: str) -> tuple[float, float, int]:
    """Seconds to the first piece and to the last, and how many bytes it was."""
    started, first, size = time.perf_counter(), 0.0, 0
    async with client.stream("GET", path) as answer:
        assert answer.status_code == 200
        async for piece in answer.aiter_raw():
            first = first or time.perf_counter() - started
            size += len(piece)
    return first, time.perf_counter() - started, size


async def repeat(what: Callable[[], Awaitable[float]], found: list[float]) -> None:
    while True:
        found.append(await what())
        await asyncio.sleep(0.02)


@asynccontextmanager
async def meanwhile(what: Callable[[], Awaitable[float]]) -> AsyncIterator[list[float]]:
    """Do something again and again as long as the block lasts, and keep what it gives."""
    found: list[float] = []
    task = asyncio.create_task(repeat(what, found))
    yield found
    task.cancel()


async def measure_all(port: int, pid: int) -> None:
    async with aclosing(await sign_in(port)) as client, aclosing(await sign_in(port)) as other:
        client.timeout = httpx.Timeout(600)

        async def look() -> float:
            return own_megabytes(pid)

        async def ask() -> float:
            started = time.perf_counter()
            await other.get("/c/books")
            return (time.perf_counter() - started) * 1000

        alone, _ = await measure(other, "/c/books")
        print(f"before: {own_megabytes(pid):.0f} MB of its own; a list takes {alone:.0f} ms\n")
        print("| export | first s | whole s | processor s | size MB | most memory MB |\n|---|---|---|---|---|---|")
        for asked in ASKED:
            used = cpu_seconds(pid)
            async with meanwhile(look) as memory:
                first, whole, size = await export(client, f"/c/books/export.{asked}")
            used = cpu_seconds(pid) - used
            print(f"| {asked} | {first:.1f} | {whole:.1f} | {used:.1f} | {size / 1e6:.1f} | {max(memory):.0f} |")
        print("\n| a list while there is an export | median ms | worst ms |\n|---|---|---|")
        for asked in ASKED[:3]:
            async with meanwhile(ask) as times:
                await export(client, f"/c/books/export.{asked}")
            print(f"| {asked} | {statistics.median(times):.0f} | {max(times):.0f} |")


def add_links(data_dir: Path) -> None:
    """Give each book a link of its own."""
    with sqlite3.connect(data_dir / "mutirao.sqlite") as connection:
        connection.execute(
            'INSERT INTO field (tenant_id, collection_id, key, label, kind_name, required, "unique", help, "default",'
            " choices, position) SELECT tenant_id, id, 'site', 'Site', 'link', 0, 0, '', '', '[]', 99 FROM collection"
        )
        connection.execute(
            'UPDATE record SET "values" = json_set("values", '
            "(SELECT '$.f' || id FROM field WHERE key = 'site' AND collection_id = record.collection_id),"
            " 'https://books.example.org/shelf?number=' || number)"
        )


def main() -> None:
    with tempfile.TemporaryDirectory() as data_dir:
        environment = {"PATH": os.environ["PATH"], "DATA_DIR": data_dir}
        command = [sys.executable, "-m", "app", "demo", "--books", str(BOOKS)]
        subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        add_links(Path(data_dir))
        with serve(Path(data_dir)) as (port, pid):
            asyncio.run(measure_all(port, pid))


if __name__ == "__main__":
    main()
