"""How long pages take with 100,000 books: `make bench`.

Starts the real server on a database of its own, asks for each page one after the other, and prints a table of
milliseconds as the client sees them and of the server's CPU time.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).parent.parent
BOOKS = int(os.environ.get("BOOKS", "100000"))
WARM_UPS, REQUESTS = 3, 30
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
    "a record's form": "/c/books/500/edit",
}


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(port: int, pid: int) -> None:
    host = f"acme.hero.localhost:{port}"
    headers = {"host": host, "origin": f"http://{host}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
        answer = await client.post("/login", data={"email": "ana@acme.test", "password": "mutirao-demo"})
        client.headers["cookie"] = answer.headers["set-cookie"].partition(";")[0]
        print(f"| page, {BOOKS:,} books | median ms | worst ms | server CPU ms |\n|---|---|---|---|")
        for name, path in PAGES.items():
            for _ in range(WARM_UPS):
                await client.get(path)
            times = []
            used = cpu_seconds(pid)
            for _ in range(REQUESTS):
                started = time.perf_counter()
                answer = await client.get(path)
                times.append((time.perf_counter() - started) * 1000)
                assert answer.status_code == 200, path
            used = (cpu_seconds(pid) - used) * 1000 / REQUESTS
            print(f"| {name} | {statistics.median(times):.0f} | {max(times):.0f} | {used:.0f} |")
        times = []
        for number in range(REQUESTS):
            started = time.perf_counter()
            answer = await client.post("/c/books/new", data={"title": f"Measured {number}"})
            times.append((time.perf_counter() - started) * 1000)
            assert answer.status_code == 303
        print(f"| add a book | {statistics.median(times):.0f} | {max(times):.0f} | |")


def main() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as data_dir:
        base = f"http://hero.localhost:{port}"
        environment = {"PATH": os.environ["PATH"], "DATA_DIR": data_dir, "BASE_URL": base}
        command = [sys.executable, "-m", "app"]
        subprocess.run(
            [*command, "demo", "--books", str(BOOKS)], env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL
        )
        with (Path(data_dir) / "server.log").open("wb") as log:
            server = subprocess.Popen([*command, "serve", "--port", str(port)], env=environment, cwd=ROOT, stderr=log)
        try:
            while True:
                try:
                    httpx.get(f"http://127.0.0.1:{port}/readyz").raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.1)
            asyncio.run(measure(port, server.pid))
        finally:
            server.terminate()
            server.wait(20)


if __name__ == "__main__":
    main()
