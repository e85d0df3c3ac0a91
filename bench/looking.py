"""What a process does beside requests: the twice-a-second look at many followed workspaces, and who comes and goes.

    python bench/looking.py [WORKSPACES] [PEOPLE]

prints JSON: the milliseconds of the processor of a look when nothing has happened, and of the one a minute that asks of
each workspace; and the seconds that it takes when so many people come to a workspace within five seconds, each of whom
is shown to all who are there. Nobody's sockets are written to: that is what `live.py` measures.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from app.live.connection import Connection
from app.live.node import Node
from app.live.presence import Person
from bench import in_process

WITHIN = 5.0
LOOKS = 40
TENANT_CHANNEL = "tenant"


def add_workspaces(file: Path, count: int) -> dict[int, int]:
    """Add workspaces like the first one, which were quiet for an hour; the cursors of all."""
    with closing(sqlite3.connect(file)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(tenant)")]
        copied = ", ".join(name for name in columns if name not in ("id", "slug", "logged_at"))
        connection.executemany(
            f"INSERT INTO tenant (id, slug, logged_at, {copied})"
            f" SELECT ?, ?, datetime('now', '-1 hour'), {copied} FROM tenant WHERE id = 1",
            [(number, f"w{number}") for number in range(1_000, 1_000 + count)],
        )
        connection.commit()
        return dict(connection.execute("SELECT id, cursor FROM tenant").fetchall())


async def measure_look(node: Node, *, at_all: bool) -> float:
    """The median milliseconds of the processor that a look takes."""
    times = []
    for _ in range(LOOKS):
        node.look_at_all_at = 0.0 if at_all else asyncio.get_running_loop().time() + 60
        began = time.process_time()
        await node.look()
        times.append((time.process_time() - began) * 1000)
    return statistics.median(times)


async def measure_joins(node: Node, tenant_id: int, people: int) -> float:
    """The seconds of the processor when so many come one after the other, less those of as long a rest."""
    began = time.process_time()
    await asyncio.sleep(WITHIN)
    rest = time.process_time() - began
    began = time.process_time()
    for number in range(people):
        page = Connection({}, tenant_id, lambda: None)
        node.hub.add(page)
        node.hub.follow(page, [TENANT_CHANNEL], 0)
        node.presence.join(tenant_id, "en", TENANT_CHANNEL, Person(number, f"Person {number}"))
        node.presence.bring_up_to_date(page, TENANT_CHANNEL)
        await asyncio.sleep(WITHIN / people)
    return time.process_time() - began - rest


async def main(workspaces: int, people: int) -> None:
    """Measure, and print JSON."""
    with tempfile.TemporaryDirectory() as directory:
        program = await in_process.start(Path(directory))
        node: Node = program.gate.sites.workspace.state.node
        node.hub.cursors.update(add_workspaces(Path(directory) / "mutirao.sqlite", workspaces))
        found = {"look": await measure_look(node, at_all=False), "look_at_all": await measure_look(node, at_all=True)}
        found["joins"] = await measure_joins(node, 1_000, people)
        print(json.dumps({name: round(value, 3) for name, value in found.items()}))


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:] or ("10000", "1000"))))
