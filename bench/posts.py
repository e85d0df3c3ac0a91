"""Many writers at once: chat messages posted to one room of one workspace, on SQLite or PostgreSQL.

    TEST_DATABASE=postgresql python bench/posts.py WRITERS SECONDS

prints what the load generator has found. PostgreSQL is a cluster of its own that writes as durably as by default.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from bench.fanout import run_room  # noqa: E402
from bench.serving import serve  # noqa: E402
from bench.workspace import fill  # noqa: E402
from tests.databases import Cluster, Store  # noqa: E402


def main(writers: int, seconds: float) -> None:
    """Measure, and print JSON."""
    Cluster.SPEED = ""
    with tempfile.TemporaryDirectory() as directory:
        data_dir = Path(directory)
        store = Store(data_dir)
        store.ensure()
        crowd = asyncio.run(fill(store.url, data_dir, members=1000, owner_url=store.owner_url))
        with serve(data_dir, **store.environment) as (port, pid):
            options = ("-w", writers, "-k", 20_000, "--max-time", seconds)
            print(json.dumps(run_room(crowd, port, pid, *options, sockets=1)))
        store.drop()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
