"""The log: facts for programs, and the partials that show them for pages, with one cursor."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app.accounts.members import Member
from app.chat.posting import post_message
from app.chat.rooms import Room
from app.database import Actor, Database, Fact, LogEntry, NewRows, Transaction, now
from app.database.fast.joined import WrittenPart
from app.features import open_database
from app.jobs.sweeps import sweep_one
from app.live.connection import Connection
from app.live.fact_log import read_facts_reach
from app.live.log import (
    LONGEST_DATA,
    LoggedEvent,
    publish,
    read_after,
    read_reach,
    stop_following,
)
from app.live.node import Node
from tests.test_isolation import SETTINGS

ACME = 1


class Baked(Fact, frozen=True, kw_only=True):
    """A cake is ready."""

    cake: str

    @property
    def log_entry(self) -> LogEntry:
        """What programs get."""
        return LogEntry("cake.baked", "collection.1", {"id": 4, "version": 2, "cake": self.cake})


async def bake(database: Database, *cakes: str, shown: str = "") -> int:
    """Note facts, and publish a partial; the last cursor."""
    async with database.write(ACME) as transaction:
        if shown:
            publish(transaction, "tenant", shown)
        for cake in cakes:
            transaction.note(Baked(by=Actor("page", member_id=2, address="192.0.2.1"), cake=cake))
    assert transaction.batch
    return int(transaction.batch.upto)


async def read_rows(database: Database, after: int) -> Sequence[LoggedEvent]:
    async with database.read(ACME) as transaction:
        rows = select(LoggedEvent).where(LoggedEvent.cursor > after).order_by(LoggedEvent.cursor)
        return (await transaction.scalars(rows)).all()


async def post(transaction: Transaction, slug: str, text: str) -> Room:
    """Say something in a room, as Ana."""
    room = (await transaction.scalars(select(Room).where(Room.slug == slug))).one()
    ana = await transaction.get_one(Member, 1)
    await post_message(transaction, room, ana, key=text, text=text, origin="http://acme.test")
    return room


async def test_a_fact_is_a_row_of_its_own_that_its_partials_name(database: Database) -> None:
    async with database.write(ACME) as transaction:
        room = await post(transaction, "general", "Good morning")
    fact, message, news, line = await read_rows(database, transaction.batch.after)
    assert (fact.kind, fact.channel, fact.body, fact.fact_cursor) == ("message.posted", f"room.{room.id}", "", None)
    assert json.loads(fact.data or "")["number"] == room.last_number
    assert "Good morning" not in (fact.data or ""), "the text is asked for, as it is when it is read"
    channels = (f"room.{room.id}", f"news.{room.id}", f"line.{room.id}")
    for partial, channel in zip((message, news, line), channels, strict=True):
        assert (partial.channel, partial.kind, partial.data) == (channel, None, None)
        assert partial.fact_cursor == fact.cursor


async def test_facts_and_partials_are_written_by_one_statement_and_cursors_have_no_gap(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    inserted: list[int] = []
    write_together = Transaction.write_together

    async def count_and_write(transaction: Transaction, *parts: WrittenPart) -> None:
        logged = [part for part in parts if isinstance(part, NewRows) and part.model is LoggedEvent]
        inserted.extend(len(part.rows) for part in logged)
        await write_together(transaction, *parts)

    monkeypatch.setattr(Transaction, "write_together", count_and_write)
    async with database.write(ACME) as transaction:
        publish(transaction, "tenant", "first")
        transaction.partials.append(stop_following(member=2, channels=["admins"]))
        for cake in ("apple", "plum"):
            transaction.note(Baked(by=transaction.actor, cake=cake))
    batch = transaction.batch
    rows = await read_rows(database, batch.after)
    assert inserted == [4]
    assert [row.cursor for row in rows] == list(range(batch.after + 1, batch.upto + 1))
    assert [row.kind or row.channel for row in rows] == ["!unfollow", "cake.baked", "cake.baked", "tenant"]
    assert batch.upto == transaction.tenant.cursor


async def test_a_fact_that_is_undone_is_not_in_the_log(database: Database) -> None:
    before = await bake(database, "apple")
    with pytest.raises(ZeroDivisionError):
        async with database.write(ACME) as transaction:
            transaction.note(Baked(by=transaction.actor, cake="burnt"))
            raise ZeroDivisionError
    assert await read_rows(database, before) == []


async def test_of_a_fact_that_is_too_long_programs_get_what_it_is_about(database: Database) -> None:
    longest = "é" * (LONGEST_DATA // 2 - 60)
    before = await bake(database, "seen")
    await bake(database, longest, "é" * (LONGEST_DATA // 2))
    whole, short = [json.loads(row.data or "") for row in await read_rows(database, before)]
    assert whole == {"id": 4, "version": 2, "cake": longest, "by": 2}
    assert short == {"id": 4, "version": 2, "truncated": True}


async def test_pages_get_nothing_of_facts_but_know_that_they_have_missed_nothing(database: Database) -> None:
    node = Node(database)
    page = Connection({}, ACME, lambda: None)
    start = await bake(database, "seen")
    node.hub.add(page)
    node.hub.follow(page, ["tenant", "collection.1"], start)
    assert page.queue is not None
    alone = await bake(database, "apple", "plum")
    assert node.hub.cursors[ACME] == alone
    assert page.queue.empty(), "not a frame"
    both = await bake(database, "pear", shown="<i>pear</i>")
    assert await page.queue.get() == f"<!--{both}--><i>pear</i>"
    other = open_database(database.url)
    for shown in ("", "<i>fig</i>"):
        last = await bake(other, "fig", shown=shown)
        await node.look()
        assert node.hub.cursors[ACME] == last
        assert (await page.queue.get() if shown else page.queue.empty()) == (f"<!--{last}-->{shown}" if shown else True)
    await other.close()
    async with database.read(ACME) as transaction:
        assert [event.body for event in await read_after(transaction, start)] == ["<i>pear</i>", "<i>fig</i>"]


async def grow_old(database: Database, upto: int, hours: int) -> None:
    async with database.write(ACME) as transaction:
        old = update(LoggedEvent).where(LoggedEvent.cursor <= upto).values(created_at=now() - timedelta(hours=hours))
        await transaction.execute(old.execution_options(synchronize_session=False))


async def read_reaches(database: Database) -> tuple[int, int]:
    """After which cursors the log is complete, for pages and for programs."""
    async with database.read(ACME) as transaction:
        return await read_reach(transaction), await read_facts_reach(transaction)


async def test_facts_are_kept_longer_than_partials_and_each_says_how_far_it_reaches(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.live.log.KEPT_AT_LEAST", 0)
    oldest = await bake(database, "apple", shown="<i>apple</i>")
    old = await bake(database, "plum", shown="<i>plum</i>")
    new = await bake(database, "pear", shown="<i>pear</i>")
    await bake(database, "fig")
    await grow_old(database, oldest, hours=8 * 24)
    await sweep_one(database, SETTINGS, ACME)
    assert await read_reaches(database) == (oldest, oldest)
    await grow_old(database, old, hours=25)
    await sweep_one(database, SETTINGS, ACME)
    assert await read_reaches(database) == (old, oldest), "a page that shows the last one needs none of the others"
    assert [row.kind for row in await read_rows(database, 0)] == ["cake.baked", "cake.baked", None, "cake.baked"]
    await grow_old(database, new, hours=25)
    await sweep_one(database, replace(SETTINGS, partials_hours=26), ACME)
    assert (await read_reaches(database))[0] == old, "as long as the setting says"
    await sweep_one(database, replace(SETTINGS, facts_days=1), ACME)
    async with database.read(ACME) as transaction:
        assert await read_reaches(database) == (transaction.tenant.cursor, new)
