"""Races of two editors for one record, with pauses longer than the lease: no update is lost, and nobody saves with a
lock that is another's.

    .venv/bin/python bench/races.py [--races 10000] [--processes 1|2] [--control] [--url …]

Each editor opens the record, reads a counter, sometimes pauses for longer than its lease lasts, and saves the counter
plus one. `--control` leaves lock and version out of the saving statement: it has to lose updates.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from sqlalchemy import func, select, update  # noqa: E402

from app.accounts.members import find_member  # noqa: E402
from app.database import Database, Transaction  # noqa: E402
from app.demo import seed_demo  # noqa: E402
from app.editing.locks import release_lock, take_lock  # noqa: E402
from app.editing.rows import Held  # noqa: E402
from app.migration import migrate_database  # noqa: E402
from app.records.changes import Changed, change_record  # noqa: E402
from app.records.collections import get_collection  # noqa: E402
from app.records.records import Record, get_record  # noqa: E402
from app.records.revisions import Revision  # noqa: E402

ACME, NUMBER = 1, 40
LEASE: Any = 0.02  # seconds; the program's own are whole
PAUSES = (0.0, 0.0, 0.0, 0.03)


async def find_book(transaction: Transaction) -> Record:
    """The record that all race for."""
    return await get_record(transaction, await get_collection(transaction, "books"), NUMBER)


async def edit_once(database: Database, name: str, *, control: bool) -> tuple[str, int]:
    """Open, read, perhaps pause, save: what came of it, and the token."""
    async with database.write(ACME) as transaction:
        record = await find_book(transaction)
        member = await find_member(transaction, f"{name}@acme.test")
        assert member is not None
        token = await take_lock(transaction, record, member, lease=LEASE)
        if token is None and not control:
            return "waits", 0
        version, values = record.version, dict(record.values)
    pause = random.choice(PAUSES)
    if pause:
        await asyncio.sleep(pause)
    values["notes"] = str(int(values["notes"]) + 1)
    async with database.write(ACME) as transaction:
        record = await find_book(transaction)
        if control:
            statement = update(Record).where(Record.id == record.id).values(values=values)
            await transaction.execute(statement.execution_options(synchronize_session=False))
            return "saved", 0
        before = record.lock_token
        try:
            books = await get_collection(transaction, "books")
            await change_record(transaction, books, record, values, member, version=version, token=token or 0)
        except (Changed, Held) as refusal:
            await release_lock(transaction, record, member, token or 0)
            return type(refusal).__name__.lower(), token or 0
        # Somebody else has had the lock since, and so may have had the record open for editing: with the version
        # unchanged the save may still be right, but only when that lock is free again.
        return ("saved" if before == token else "saved over a free lock"), token or 0


async def race(url: str, names: list[str], races: int, *, control: bool) -> tuple[Counter[str], list[int]]:
    """Let editors race in this process: what came of each try, and the tokens they got."""
    database = Database(url)
    outcomes: Counter[str] = Counter()
    tokens: list[int] = []
    for _ in range(races):
        for outcome, token in await asyncio.gather(*(edit_once(database, name, control=control) for name in names)):
            outcomes[outcome] += 1
            tokens += [token] * bool(token)
    await database.close()
    return outcomes, tokens


async def prepare(url: str) -> None:
    """A demo whose book counts from 0."""
    if url.startswith("sqlite"):
        migrate_database(url)
    database = Database(url)
    await seed_demo(database)
    async with database.write(ACME) as transaction:
        record = await find_book(transaction)
        member = await find_member(transaction, "ana@acme.test")
        assert member is not None
        books = await get_collection(transaction, "books")
        await change_record(transaction, books, record, {**record.values, "notes": "0"}, member, version=record.version)
    await database.close()


async def read_result(url: str) -> tuple[int, int, int]:
    """Counter, version, and number of revisions."""
    database = Database(url)
    async with database.read(ACME) as transaction:
        record = await find_book(transaction)
        revisions = await transaction.scalar(select(func.count()).where(Revision.record_id == record.id))
    await database.close()
    return int(record.values["notes"]), record.version, revisions or 0


async def run(races: int, processes: int, *, control: bool, url: str = "") -> dict[str, Any]:
    """Run the races, in one process or in two; what they came to."""
    with tempfile.TemporaryDirectory() as directory:
        url = url or f"sqlite+aiosqlite:///{directory}/mutirao.sqlite"
        await prepare(url)
        before = await read_result(url)
        started = time.perf_counter()
        if processes == 1:
            results = [await race(url, ["ana", "carla"], races, control=control)]
        else:
            results = await asyncio.gather(
                *(race_elsewhere(url, name, races, control=control) for name in ("ana", "carla"))
            )
        seconds = time.perf_counter() - started
        after = await read_result(url)
    outcomes = sum((result[0] for result in results), Counter())
    tokens = [token for result in results for token in result[1]]
    saves = outcomes["saved"] + outcomes["saved over a free lock"]
    return {
        "races": races,
        "processes": processes,
        "outcomes": dict(outcomes),
        "saves": saves,
        "lost": saves - after[0],
        "versions": after[1] - before[1],
        "revisions": after[2] - before[2],
        "double holders": len(tokens) - len(set(tokens)),
        "seconds": round(seconds, 1),
    }


async def race_elsewhere(url: str, name: str, races: int, *, control: bool) -> tuple[Counter[str], list[int]]:
    """Let one editor race in a process of its own."""
    arguments = [sys.executable, __file__, "--races", str(races), "--editor", name, "--url", url]
    process = await asyncio.create_subprocess_exec(
        *arguments, *(["--control"] if control else []), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the editor {name} failed")
    outcomes, tokens = json.loads(output)
    return Counter(outcomes), tokens


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=1, choices=(1, 2))
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--editor", help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help="a PostgreSQL database with its tables, to race on")
    chosen = parser.parse_args()
    if chosen.editor:
        print(json.dumps(await race(chosen.url, [chosen.editor], chosen.races, control=chosen.control)))
    else:
        print(json.dumps(await run(chosen.races, chosen.processes, control=chosen.control, url=chosen.url)))


if __name__ == "__main__":
    asyncio.run(main())
