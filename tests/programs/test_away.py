"""A consumer that was stopped for a day has missed nothing. One that was away for longer than the log is kept is told
so, by a stream, by a call and by the client in Python, and gets all that there is still."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select

from app.database import Database, now
from app.features import open_database
from app.jobs.sweeps import sweep_one
from app.live.log import LoggedEvent
from app.live.node import Node
from app.live.replay import Replay
from app.programs.following import Listener, read_log_part
from mutirao_client import Event, Gap
from tests.clients.test_python_client import connect_to
from tests.conftest import Server
from tests.programs.conftest import ACME, add_token, call_with
from tests.programs.following import EVENTS, Consumer, Poller, list_logged, read_log_cursor, streaming
from tests.programs.test_streams import add_book, channel_of
from tests.test_isolation import SETTINGS


@pytest.fixture
def ana_token(server: Server) -> str:
    return add_token(server, "acme", "ana@acme.test")[1]


@pytest.fixture
async def ana(server: Server, ana_token: str) -> AsyncIterator[httpx.AsyncClient]:
    async with aclosing(call_with(server, "acme", ana_token)) as client:
        yield client


async def pass_time(database: Database, passed: timedelta) -> None:
    """All that is in the log was done so much earlier; then the program deletes what has been kept for its time."""
    async with database.write(ACME) as transaction:
        for event in (await transaction.scalars(select(LoggedEvent))).all():
            event.created_at -= passed
    await sweep_one(database, SETTINGS, ACME)


async def age(server: Server, passed: timedelta) -> None:
    database = open_database(server.store.url)
    await pass_time(database, passed)
    await database.close()


def follow_with_client(server: Server, secret: str, after: int, channel: str, last: int) -> list[Event | Gap]:
    """What the client in Python gives after a cursor, up to another."""
    got = []
    with connect_to(server, secret) as team:
        for each in team.follow(after=after, channels=[channel]):
            got.append(each)
            if isinstance(each, Event) and each.cursor >= last:
                break
    return got


async def test_a_consumer_that_was_stopped_for_a_day_has_missed_nothing(
    server: Server, ana: httpx.AsyncClient, ana_token: str
) -> None:
    books, begin = await channel_of(ana), read_log_cursor(server)
    consumers = [Consumer(ana, books, cursor=begin), Poller(ana, books, cursor=begin)]
    for each in consumers:
        each.start()
    await add_book(ana, "Seen")
    for each in consumers:
        await each.until_at(list_logged(server, books)[-1][0])
        await each.stop()
    for hours in (9, 9, 6):
        for number in range(3):
            await add_book(ana, f"While nobody listens {number}")
        await age(server, timedelta(hours=hours))
    assert server.store.rows("SELECT count(*) FROM event WHERE tenant_id = 1 AND created_at < ?", now()) != [(0,)]
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
    await add_book(ana, "At last")
    logged = list_logged(server, books, begin)
    for each in consumers:
        each.start()
    for each in consumers:
        await each.until_at(logged[-1][0])
        await each.stop()
        assert each.got == logged
        assert each.gaps == 0
    told = await asyncio.to_thread(follow_with_client, server, ana_token, begin, books, logged[-1][0])
    assert [(each.cursor, each.kind) for each in told if isinstance(each, Event)] == logged
    assert len(told) == len(logged) >= 11


async def test_a_consumer_that_was_away_for_longer_than_the_log_is_kept_is_told_so(
    server: Server, ana: httpx.AsyncClient, ana_token: str
) -> None:
    books = await channel_of(ana)
    await add_book(ana, "Seen")
    begin = read_log_cursor(server)
    for number in range(3):
        await add_book(ana, f"Missed {number}")
    missed = list_logged(server, books, begin)
    await age(server, timedelta(days=6))
    await add_book(ana, "Of two days ago")
    await age(server, timedelta(days=2))
    await add_book(ana, "Of now")
    kept = list_logged(server, books, begin)
    assert len(missed) == 3
    assert len(kept) == 2
    async with streaming(ana, last=begin, channels=books) as stream:
        assert (await stream.next()).name == "begin"
        gap = await stream.next()
        assert (gap.name, gap.data["after"]) == ("gap", begin)
        assert missed[-1][0] < gap.data["before"] <= kept[0][0]
        assert [(each.cursor, each.data["kind"]) for each in [await stream.next() for _ in kept]] == kept
    part = (await ana.get(EVENTS, params={"channels": books, "after": begin})).json()
    assert (part["gap"], part["items"]) == (gap.data, [])
    rest = (await ana.get(EVENTS, params={"channels": books, "after": part["next"]})).json()
    assert [(each["cursor"], each["kind"]) for each in rest["items"]] == kept
    assert rest["gap"] is None
    told = await asyncio.to_thread(follow_with_client, server, ana_token, begin, books, kept[-1][0])
    assert told[0] == Gap(**gap.data)
    assert [(each.cursor, each.kind) for each in told[1:] if isinstance(each, Event)] == kept


async def test_what_is_deleted_between_two_looks_at_the_log_is_a_gap_too(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.read(ACME) as transaction:
        cursor = transaction.tenant.cursor
    node = Node(database)
    listener = Listener(ACME, "en", cursor, 1, 1, None, ["tenant"], [], frozenset({"facts tenant"}))

    async def read(tenant_id: int, last: int, *, least: int) -> Replay:
        """There was too much to be read for all, before it was deleted."""
        await pass_time(database, timedelta(days=8))
        return Replay(cursor, 0, None)

    monkeypatch.setattr(node.fact_replays, "read", read)
    part = await read_log_part(node, listener, 0)
    assert (part.missed, part.facts) == (0, [])
    assert part.upto == cursor
