"""Races of two editors for one record, with pauses longer than the lease: no update is lost, and nobody saves with a
lock that is another's.

    .venv/bin/python bench/races.py [--races 10000] [--processes 1|2] [--control] [--url … --watch-url …]

Each editor opens the record, at once or a little later than the other, reads a counter, sometimes pauses for longer
than its lease lasts, and saves the counter plus one. `--control` leaves lock and version out of the saving statement:
it has to lose updates.

What happens to the row is written down by a trigger of the database, whatever the program believes it does: who held it
until when, and what it became.
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

from app.accounts.members import Member, find_member  # noqa: E402
from app.accounts.sessions import Session, add_session  # noqa: E402
from app.database import Actor, Database, Transaction  # noqa: E402
from app.demo import seed_demo  # noqa: E402
from app.editing.locks import release_lock, take_lock  # noqa: E402
from app.editing.rows import Held  # noqa: E402
from app.features import open_database  # noqa: E402
from app.migration import migrate_database  # noqa: E402
from app.records.changes import Changed, change_record  # noqa: E402
from app.records.collections import get_collection  # noqa: E402
from app.records.records import Record, get_record  # noqa: E402
from app.records.revisions import Revision  # noqa: E402
from tests.fields import NOTES, typed_of  # noqa: E402

ACME, NUMBER = 1, 40
LEASE: Any = 0.02  # seconds; the program's own are whole
PAUSES = (0.0, 0.06)
# How much later than the other an editor may come, in seconds: at once, within the other's lease, or after its end.
DELAYS = (0.0, 0.04)

WATCHED = """
    CREATE TABLE watched (
        at BIGINT, holder BIGINT, until BIGINT, token BIGINT, version BIGINT,
        new_holder BIGINT, new_token BIGINT, new_version BIGINT
    )
"""
NOTE = """
    INSERT INTO watched VALUES (
        lease_clock(), old.lock_member_id, old.lock_until, old.lock_token, old.version,
        new.lock_member_id, new.lock_token, new.version
    );
"""
WATCHED_BOOK = f"WHEN (old.tenant_id = {ACME} AND old.number = {NUMBER})"
WATCH = {
    "sqlite": (WATCHED, f"CREATE TRIGGER watch AFTER UPDATE ON record {WATCHED_BOOK} BEGIN {NOTE} END"),
    "postgresql": (
        WATCHED,
        f"""
        CREATE FUNCTION watch_record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        AS $$ BEGIN {NOTE} RETURN NULL; END $$
        """,
        f"CREATE TRIGGER watch AFTER UPDATE ON record FOR EACH ROW {WATCHED_BOOK} EXECUTE FUNCTION watch_record()",
    ),
}
# A lease that was running when somebody else got the lock, or saved. The statement looked at the clock before this.
FINDINGS = {
    "second holders": "SELECT count(*) FROM watched WHERE new_token <> token AND holder IS NOT NULL AND until > at",
    "saves without the lock": """
        SELECT count(*) FROM watched JOIN revision ON revision.version = watched.new_version
        JOIN record ON record.id = revision.record_id AND record.tenant_id = revision.tenant_id
        WHERE new_version <> watched.version AND holder IS NOT NULL AND until > at AND revision.member_id <> holder
    """
    f" AND record.tenant_id = {ACME} AND record.number = {NUMBER}",
    "skipped versions": "SELECT count(*) FROM watched WHERE new_version NOT IN (version, version + 1)",
    "acquisitions": "SELECT count(*) FROM watched WHERE new_token <> token",
}


async def find_book(transaction: Transaction) -> Record:
    """The record that all race for."""
    return await get_record(transaction, await get_collection(transaction, "books"), NUMBER)


async def edit_once(database: Database, name: str, *, control: bool) -> str:
    """Open, at once or a little later, read, perhaps pause, save: what came of it."""
    await asyncio.sleep(random.choice(DELAYS))
    async with database.write(ACME) as transaction:
        record = await find_book(transaction)
        member = await find_member(transaction, f"{name}@acme.test")
        assert member is not None
        session_id = await transaction.scalar(select(func.min(Session.id)).where(Session.member_id == member.id))
        actor = transaction.actor = Actor("page", member_id=member.id, session_id=session_id)
        proof = await take_lock(transaction, record, member, lease=LEASE)
        if proof is None and not control:
            return "waits"
        version, values, typed = record.version, dict(record.values), typed_of(record)
    pause = random.choice(PAUSES)
    if pause:
        await asyncio.sleep(pause)
    values[NOTES] = typed[NOTES] = str(int(values[NOTES]) + 1)
    async with database.write(ACME) as transaction:
        record = await find_book(transaction)
        transaction.actor = actor
        if control:
            statement = update(Record).where(Record.id == record.id).values(values=values)
            await transaction.execute(statement.execution_options(synchronize_session=False))
            return "saved"
        try:
            books = await get_collection(transaction, "books")
            await change_record(transaction, books, record, typed, member, version=version, proof=proof)
        except (Changed, Held) as refusal:
            await release_lock(transaction, record, member, proof)
            return type(refusal).__name__.lower()
        return "saved"


async def race(url: str, names: list[str], races: int, *, control: bool) -> Counter[str]:
    """Let editors race in this process: what came of each try."""
    database = open_database(url)
    outcomes: Counter[str] = Counter()
    for _ in range(races):
        outcomes.update(await asyncio.gather(*(edit_once(database, name, control=control) for name in names)))
    await database.close()
    return outcomes


async def prepare(url: str, watch_url: str) -> None:
    """A demo whose book counts from 0, and is watched."""
    database = open_database(url)
    async with database.write(ACME) as transaction:
        record = await find_book(transaction)
        member = await find_member(transaction, "ana@acme.test")
        assert member is not None
        books = await get_collection(transaction, "books")
        await change_record(transaction, books, record, typed_of(record, notes="0"), member, version=record.version)
        for each in (await transaction.scalars(select(Member))).all():
            await add_session(transaction, each, address="127.0.0.1", agent="bench")
    await database.close()
    database = open_database(watch_url)
    async with database.write() as transaction:
        connection = await transaction.connection()
        for statement in WATCH[connection.dialect.name]:
            await connection.exec_driver_sql(statement)
    await database.close()


async def read_findings(url: str) -> dict[str, int]:
    """What the trigger saw."""
    database = open_database(url)
    async with database.read() as transaction:
        connection = await transaction.connection()
        found = {what: (await connection.exec_driver_sql(query)).scalar_one() for what, query in FINDINGS.items()}
    await database.close()
    return found


async def read_result(url: str) -> tuple[int, int, int]:
    """Counter, version, and number of revisions."""
    database = open_database(url)
    async with database.read(ACME) as transaction:
        record = await find_book(transaction)
        revisions = await transaction.scalar(select(func.count()).where(Revision.record_id == record.id))
    await database.close()
    return int(record.values[NOTES]), record.version, revisions or 0


async def run(races: int, processes: int, *, control: bool, url: str = "", watch_url: str = "") -> dict[str, Any]:
    """Run the races, in one process or in two; what they came to."""
    with tempfile.TemporaryDirectory() as directory:
        if not url:
            url = f"sqlite+aiosqlite:///{directory}/mutirao.sqlite"
            migrate_database(url)
            database = open_database(url)
            await seed_demo(database)
            await database.close()
        watch_url = watch_url or url
        await prepare(url, watch_url)
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
        findings = await read_findings(watch_url)
    outcomes: Counter[str] = sum(results, Counter())
    return {
        "races": races,
        "processes": processes,
        "outcomes": dict(outcomes),
        "lost": outcomes["saved"] - after[0],
        "versions": after[1] - before[1],
        "revisions": after[2] - before[2],
        **findings,
        "seconds": round(seconds, 1),
    }


async def race_elsewhere(url: str, name: str, races: int, *, control: bool) -> Counter[str]:
    """Let one editor race in a process of its own."""
    arguments = [sys.executable, __file__, "--races", str(races), "--editor", name, "--url", url]
    process = await asyncio.create_subprocess_exec(
        *arguments, *(["--control"] if control else []), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the editor {name} failed")
    return Counter(json.loads(output))


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=1, choices=(1, 2))
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--editor", help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help="a database with the demo in it, to race on")
    parser.add_argument("--watch-url", default="", help="the same database, by a superuser")
    chosen = parser.parse_args()
    if chosen.editor:
        print(json.dumps(await race(chosen.url, [chosen.editor], chosen.races, control=chosen.control)))
    else:
        results = await run(
            chosen.races, chosen.processes, control=chosen.control, url=chosen.url, watch_url=chosen.watch_url
        )
        print(json.dumps(results))


if __name__ == "__main__":
    asyncio.run(main())
