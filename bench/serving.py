"""The real server for measurements, on a port of its own, and how long it takes to answer."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parent.parent
WARM_UPS, REQUESTS = 3, 30


@contextmanager
def serve(data_dir: Path, *options: str, **environment: str) -> Iterator[tuple[int, int]]:
    """Run the server on a directory's database while the block does; its port and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(data_dir),
        "BASE_URL": f"http://hero.localhost:{port}",
        **environment,
    }
    with (data_dir / "server.log").open("wb") as log:
        command = [sys.executable, "-m", "app", "serve", "--port", str(port), *options]
        server = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=log)
    try:
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{port}/readyz").raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield port, server.pid
    finally:
        server.terminate()
        server.wait(20)


async def sign_in(port: int, email: str = "ana@acme.test") -> httpx.AsyncClient:
    """A client that is signed in to acme, as Ana if not told otherwise."""
    host = f"acme.hero.localhost:{port}"
    client = httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers={"host": host, "origin": f"http://{host}"}, timeout=60
    )
    answer = await client.post("/login", data={"email": email, "password": "mutirao-demo"})
    client.headers["cookie"] = answer.headers["set-cookie"].partition(";")[0]
    return client


async def measure(client: httpx.AsyncClient, path: str) -> tuple[float, float]:
    """Median and worst of 30 answers, in milliseconds."""
    for _ in range(WARM_UPS):
        await client.get(path)
    times = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        answer = await client.get(path)
        times.append((time.perf_counter() - started) * 1000)
        assert answer.status_code == 200, path
    return statistics.median(times), max(times)
