"""Many writers at once: chat messages posted to the room of a workspace, or of several, on SQLite or PostgreSQL.

    TEST_DATABASE=postgresql python bench/posts.py WRITERS SECONDS [WORKSPACES [WORKERS]]

prints what the load generator has found; of several workspaces, which share the writers, how many posts a second they
had together. Several workers are joined by Redis. PostgreSQL is a cluster of its own that writes as durably as by
default.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from bench.fanout import run_room  # noqa: E402
from bench.peers import run_redis  # noqa: E402
from bench.serving import serve  # noqa: E402
from bench.workspace import Crowd, fill, fill_workspaces  # noqa: E402
from tests.databases import Cluster, Store  # noqa: E402


def post(crowd: Crowd, port: int, pid: int, writers: int, seconds: float) -> dict[str, Any]:
    """Post to the room of one workspace until the time is over."""
    return run_room(crowd, port, pid, "-w", writers, "-k", 20_000, "--max-time", seconds, sockets=1)


def measure_one(store: Store, writers: int, seconds: float) -> dict[str, Any]:
    """What the load generator finds where all write to one room."""
    crowd = asyncio.run(fill(store.url, store.directory, members=1000, owner_url=store.owner_url))
    with serve(store.directory, **store.environment) as (port, pid):
        return post(crowd, port, pid, writers, seconds)


def measure_several(store: Store, writers: int, seconds: float, workspaces: int, workers: int) -> dict[str, Any]:
    """Posts a second of several workspaces together."""
    crowds = asyncio.run(
        fill_workspaces(store.url, store.directory, workspaces=workspaces, members=100, owner_url=store.owner_url)
    )
    with ExitStack() as stack:
        environment = store.environment
        if workers > 1:
            redis_port, _ = stack.enter_context(run_redis())
            environment |= {"REDIS_URL": f"redis://127.0.0.1:{redis_port}", "WORKERS": str(workers)}
        port, pid = stack.enter_context(serve(store.directory, **environment))
        beside = stack.enter_context(ThreadPoolExecutor(workspaces))
        shares = [writers // workspaces + (number < writers % workspaces) for number in range(workspaces)]
        running = [
            beside.submit(post, crowd, port, pid, share, seconds) for crowd, share in zip(crowds, shares, strict=True)
        ]
        found = [each.result() for each in running]
    return {
        "rate": sum(each["msgs"] / each["seconds"] for each in found),
        "least": min(each["msgs"] / each["seconds"] for each in found),
        "errors": sum(each["http_errors"] + each["lost"] for each in found),
    }


def main(writers: int, seconds: float, workspaces: int = 1, workers: int = 1) -> None:
    """Measure, and print JSON."""
    Cluster.SPEED = ""
    with tempfile.TemporaryDirectory() as directory:
        store = Store(Path(directory))
        store.ensure()
        if workspaces == workers == 1:
            print(json.dumps(measure_one(store, writers, seconds)))
        else:
            print(json.dumps(measure_several(store, writers, seconds, workspaces, workers)))
        store.drop()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), *map(int, sys.argv[3:5]))
