"""What the end of a write costs while the writer is held: of a message, a save and a lock, on SQLite or PostgreSQL.

    TEST_DATABASE=postgresql python bench/endings.py

prints, for each, the statements of the whole write and of its end, and the least milliseconds of the processor that
its end takes, without the commit itself.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from app.accounts.members import Member  # noqa: E402
from app.accounts.sessions import Session  # noqa: E402
from app.chat.posting import post_message  # noqa: E402
from app.chat.rooms import Room  # noqa: E402
from app.database import Actor, Database, Transaction  # noqa: E402
from app.editing.locks import take_lock  # noqa: E402
from app.features import open_database  # noqa: E402
from app.live.cutoff import start_session  # noqa: E402
from app.records.changes import change_record  # noqa: E402
from app.records.collections import get_collection  # noqa: E402
from app.records.records import Record, get_record  # noqa: E402
from tests.databases import make_seed  # noqa: E402
from tests.fields import typed_of  # noqa: E402
from tests.statements import noting_statements  # noqa: E402

ACME = 1
TIMES = 60


class Watched:
    """What writes take."""

    def __init__(self) -> None:
        self.statements = ExitStack().enter_context(noting_statements())
        self.ending: list[tuple[int, int, float]] = []
        complete, commit = Transaction.complete, Transaction.commit

        async def time_complete(transaction: Transaction) -> None:
            before, started = len(self.statements), time.process_time()
            self.committing = 0.0
            await complete(transaction)
            took = time.process_time() - started - self.committing
            self.ending.append((len(self.statements), len(self.statements) - before, took * 1000))

        async def time_commit(transaction: Transaction) -> None:
            started = time.process_time()
            await commit(transaction)
            self.committing = time.process_time() - started

        Transaction.complete = time_complete  # type: ignore[method-assign]
        Transaction.commit = time_commit  # type: ignore[method-assign]


async def post(transaction: Transaction, ana: Member, number: int) -> None:
    """A plain message."""
    room = (await transaction.scalars(select(Room).where(Room.slug == "general"))).one()
    await post_message(transaction, room, ana, key=f"key{number}", text="A plain message", origin="http://acme.test")


async def open_book(transaction: Transaction, number: int) -> tuple[Any, Record]:
    """One book after another, so that none has a long history."""
    collection = await get_collection(transaction, "books")
    return collection, await get_record(transaction, collection, number % 30 + 1)


async def save(transaction: Transaction, ana: Member, number: int) -> None:
    """A record that nobody holds."""
    collection, record = await open_book(transaction, number)
    typed = typed_of(record, notes=f"Typed {number}")
    assert await change_record(transaction, collection, record, typed, ana, version=record.version)


async def lock(transaction: Transaction, ana: Member, number: int) -> None:
    """The lock of a record, of a page that is moved."""
    _, record = await open_book(transaction, number)
    assert await take_lock(transaction, record, ana, lease=30, moving=record.lock_token)


async def begin_session(database: Database) -> int:
    """A session of the member who acts, as a lock belongs to one."""
    async with database.write(ACME) as transaction:
        await start_session(transaction, await transaction.get_one(Member, 1), address="192.0.2.1", agent="")
    async with database.read(ACME) as transaction:
        return await transaction.scalar(select(func.max(Session.id))) or 0


async def main() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as directory:
        seed = await make_seed(Path(directory))
        database, watched = open_database(seed.url), Watched()
        acts: dict[str, Callable[[Transaction, Member, int], Awaitable[None]]] = {
            "message": post,
            "save": save,
            "lock": lock,
        }
        session_id = await begin_session(database)
        for name, act in acts.items():
            for number in range(TIMES):
                watched.statements.clear()
                async with database.write(ACME) as transaction:
                    transaction.actor = Actor("page", member_id=1, session_id=session_id)
                    await act(transaction, await transaction.get_one(Member, 1), number)
            whole, ending, _ = watched.ending[-1]
            milliseconds = min(each[2] for each in watched.ending[-TIMES:])
            print(f"{name:8} {whole:3} statements, {ending:3} at the end, {milliseconds:.2f} ms")
        await database.close()
        seed.drop()


if __name__ == "__main__":
    asyncio.run(main())
