"""What is done with many records at once, or with a long text, is bounded work: rows and calls are counted."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import event, func, select, update

import app.server.asgi  # noqa: F401  (which knows all tables and channels)
from app.accounts.choosing import MOST_CHOSEN
from app.accounts.members import Member
from app.accounts.typed_names import KnownNames, split_typed
from app.database import Database, Transaction, now
from app.database.fast.rows import TableInfo, table_info_of
from app.live.log import LoggedEvent
from app.records.adding import create_record
from app.records.channels import MOST_HISTORIES
from app.records.collections import get_collection
from app.records.definitions import add_field
from app.records.deleting import empty_bin
from app.records.record_facts import note_record_changed
from app.records.records import Record
from app.records.revisions import Revision
from app.web.markdown import long_texts
from tests.fields import make_field

ACME = 1
REVISIONS = 30


@contextmanager
def counted(model: type[Any]) -> Iterator[list[int]]:
    """How many rows of a model are read, by the session or by prepared selects."""
    seen: list[int] = []
    load = TableInfo.load

    def count(instance: Any, context: Any) -> None:
        seen.append(1)

    def count_and_load(info: TableInfo, *arguments: Any, **options: Any) -> Any:
        if info is table_info_of(model):
            seen.append(1)
        return load(info, *arguments, **options)

    event.listen(model, "load", count)
    with mock.patch.object(TableInfo, "load", count_and_load):
        yield seen
    event.remove(model, "load", count)


async def take_records(transaction: Transaction, count: int) -> list[Record]:
    """Some records of acme, with a long history each."""
    records = list(await transaction.scalars(select(Record).order_by(Record.id).limit(count)))
    for record in records:
        for version in range(record.version + 1, record.version + REVISIONS):
            transaction.add(Revision(record_id=record.id, version=version, member_id=1, what="changed", values={}))
        record.version += REVISIONS - 1
    await transaction.flush()
    return records


@pytest.mark.parametrize(("changed", "read"), [(3, 3 * REVISIONS), (MOST_HISTORIES + 5, 0)])
async def test_histories_are_read_of_a_few_changed_records_and_of_many_the_open_pages_fetch_themselves(
    database: Database, changed: int, read: int
) -> None:
    async with database.write(ACME) as transaction:
        records = await take_records(transaction, changed)
        cursor = transaction.tenant.cursor
    with counted(Revision) as rows:
        async with database.write(ACME) as transaction:
            collection, ana = await get_collection(transaction, "books"), await transaction.get_one(Member, 1)
            for record in await transaction.scalars(select(Record).where(Record.id.in_([one.id for one in records]))):
                note_record_changed(transaction, collection, [], record, ana, "changed", record.values)
    assert len(rows) == read
    async with database.read(ACME) as transaction:
        logged = select(LoggedEvent.body).where(
            LoggedEvent.cursor > cursor, LoggedEvent.channel.in_([f"record.{record.id}" for record in records])
        )
        bodies = list(await transaction.scalars(logged))
    assert len(bodies) == changed
    assert all(("data-refresh" in body) == (read == 0) for body in bodies)


async def test_what_leaves_the_bin_is_counted_with_its_revisions_and_not_read(database: Database) -> None:
    async with database.write(ACME) as transaction:
        records = await take_records(transaction, 5)
        ids = [record.id for record in records]
        old = update(Record).where(Record.id.in_(ids)).values(deleted_at=now() - timedelta(days=400))
        await transaction.execute(old.execution_options(synchronize_session=False))
    limit, parts = 2 * REVISIONS + 5, []
    with counted(Record) as rows:
        while True:
            async with database.write(ACME) as transaction:
                deleted = await empty_bin(transaction, limit)
                left = select(func.count(Record.id)).where(Record.id.in_(ids))
                parts.append((deleted, await transaction.scalar(left)))
            if deleted < limit:
                break
    assert parts == [(limit, 3), (limit, 1), (1, 0)]
    assert not rows
    async with database.write(ACME) as transaction:
        await take_records(transaction, 1)
        old = update(Record).values(deleted_at=now() - timedelta(days=400))
        await transaction.execute(old.execution_options(synchronize_session=False))
    async with database.write(ACME) as transaction:
        assert await empty_bin(transaction, 2) == 2, "one that is more than a part is a part of its own"


async def test_the_long_texts_of_what_is_written_are_rendered_in_a_thread(database: Database) -> None:
    rendered: list[bool] = []

    def render(text: str, env: Any) -> str:
        rendered.append(threading.current_thread() is threading.main_thread())
        return text

    async with database.write(ACME) as transaction:
        collection = await get_collection(transaction, "books")
        description = await add_field(transaction, collection, label="Description", kind_name="long_text")
    with mock.patch.object(long_texts.LONG_TEXTS, "render", render):
        async with database.write(ACME) as transaction:
            collection, ana = await get_collection(transaction, "books"), await transaction.get_one(Member, 1)
            typed = {"f1": "T", "f6": "#1", description.ref: f"*so* {'long ' * 1000}"}
            await create_record(transaction, collection, typed, ana)
    assert rendered == [False]


@contextmanager
def counted_calls() -> Iterator[list[int]]:
    """How many functions are called, also those of Python itself."""
    counts = [0]

    def count(frame: Any, event: str, argument: Any) -> None:
        counts[0] += event in ("call", "c_call")

    sys.setprofile(count)
    yield counts
    sys.setprofile(None)


@pytest.mark.parametrize("part", ["A,", "A, B, ", "z,", "A, z,", ",", ";,", "#1,", "A, B\n"])
def test_names_with_commas_are_looked_for_in_bounded_work_however_many_are_typed(part: str) -> None:
    names = {"a", "b", "a, b", "b, a", ", ".join(["a"] * 12), ",;," * 10}
    costs = []
    for times in (2_000, 20_000):
        text = "".join(part.replace("z", f"z{number}") for number in range(times))
        with counted_calls() as calls:
            parts = split_typed([text], KnownNames(names), MOST_CHOSEN)
        costs.append(calls[0])
        assert sum(len(each.may_be) for each in parts) <= 100
    assert costs[1] <= costs[0] * 1.1
    assert costs[0] <= 50_000


@pytest.mark.parametrize(
    ("kind", "part"),
    [
        *(("whole_number", part) for part in ("1", "1,", "1 ", ".")),
        *(("decimal", part) for part in ("1", "1,", "0.")),
        *(("choice", part) for part in ("z", "z;", "#1;", "z\n")),
        *(("choices", part) for part in ("z;", "#9;", "z\n", "x;y\n", "é;\n")),
        *(("person", part) for part in ("z", "Bruno;", "z,", "Silva, Ana; ", "z\n", "#1\n", "1,", ",", "z, ;")),
    ],
)
def test_what_is_typed_costs_no_more_the_longer_it_is(kind: str, part: str) -> None:
    costs = []
    for times in (2_000, 20_000):
        field = make_field(kind, choices=[f"Choice {number}" for number in range(100)], several=True)
        text = "".join(part.replace("z", f"z{number}") for number in range(times))
        with counted_calls() as calls:
            for work in (field.read, field.describe_typed, lambda given, field=field: field.kind.join([given], field)):
                with suppress(ValueError):
                    work(text)
        costs.append(calls[0])
    assert costs[1] <= costs[0] * 1.1
