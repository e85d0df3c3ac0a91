"""How long pages take with 100,000 books: `make bench`.

Starts the real server on a database of its own, asks for each page one after the other, and prints a table of
milliseconds as the client sees them and of the server's CPU time.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from bench.serving import REQUESTS, WARM_UPS, measure, serve, sign_in  # noqa: E402

BOOKS = int(os.environ.get("BOOKS", "100000"))
PAGES = {
    "list": "/c/books",
    "list, page 1000": "/c/books?page=1000",
    "search, a word that many have": "/c/books?q=machado",
    "search, two words": "/c/books?q=casmurro+machado",
    "search, no hit": "/c/books?q=nowhere",
    "sort by title": "/c/books?sort=title",
    "sort by title, page 1000": "/c/books?sort=title&page=1000",
    "sort by year, search": "/c/books?sort=-year&q=casmurro",
    "a record": "/c/books/500",
    "an empty form": "/c/books/new",
}
# A search is somebody else's each time: nobody searches lists more than 60 times a minute.
SEARCHERS = [f"{name}@acme.test" for name in ("ana", "bruno", "carla", "davi")]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure_all(port: int, pid: int) -> None:
    people = iter(SEARCHERS)
    async with aclosing(await sign_in(port)) as client:
        print(f"| page, {BOOKS:,} books | median ms | worst ms | server CPU ms |\n|---|---|---|---|")
        for name, path in PAGES.items():
            asking = await sign_in(port, next(people)) if "q=" in path else client
            used = cpu_seconds(pid)
            median, worst = await measure(asking, path)
            used = (cpu_seconds(pid) - used) * 1000 / (WARM_UPS + REQUESTS)
            print(f"| {name} | {median:.0f} | {worst:.0f} | {used:.0f} |")
        times = []
        for number in range(REQUESTS):
            started = time.perf_counter()
            answer = await client.post("/c/books/new", data={"title": f"Measured {number}"})
            times.append((time.perf_counter() - started) * 1000)
            assert answer.status_code == 303
        print(f"| add a book | {statistics.median(times):.0f} | {max(times):.0f} | |")


def main() -> None:
    with tempfile.TemporaryDirectory() as data_dir:
        environment = {"PATH": os.environ["PATH"], "DATA_DIR": data_dir}
        command = [sys.executable, "-m", "app", "demo", "--books", str(BOOKS)]
        subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        with serve(Path(data_dir)) as (port, pid):
            asyncio.run(measure_all(port, pid))


if __name__ == "__main__":
    main()
