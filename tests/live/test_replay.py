"""Pages that come back together: the log is read once for all of them, and each gets what it may see."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack, aclosing
from typing import Any

import pytest

from app.database import Database
from app.features import open_database
from app.live import replay
from app.live.log import Event, publish
from app.live.replay import Replays
from tests.conftest import Server
from tests.statements import noting_statements


async def write_events(database: Database, *bodies: str) -> int:
    """Publish events to everybody in acme; the last one's cursor."""
    async with database.write(1) as transaction:
        for body in bodies:
            publish(transaction, "tenant", body)
    return int(transaction.batch.upto)


class Readings:
    """How often events were read."""

    def __init__(self, asked: list[tuple[str, Any]]) -> None:
        self.asked = asked

    def __len__(self) -> int:
        return sum("event.body" in statement and statement.startswith("SELECT") for statement, _ in self.asked)


@pytest.fixture
def readings() -> Iterator[Readings]:
    with noting_statements() as asked:
        yield Readings(asked)


async def test_who_comes_back_at_the_same_cursor_shares_one_query(database: Database, readings: Readings) -> None:
    start = await write_events(database, "seen")
    last = await write_events(database, "first", "second")
    replays = Replays(database)
    found = await asyncio.gather(*(replays.read(1, start, least=last) for _ in range(200)))
    assert all([each.body for each in one.events or ()] == ["first", "second"] for one in found)
    assert all(one.cursor == last and one.reaches(start) for one in found)
    assert len(readings) == 1
    assert [each.body for each in (await replays.read(1, last - 1, least=last)).events or ()] == ["second"]
    assert len(readings) == 2


async def test_what_is_remembered_is_read_anew_when_the_hub_has_gone_on(database: Database, readings: Readings) -> None:
    start = await write_events(database, "seen")
    replays = Replays(database)
    assert (await replays.read(1, start, least=start)).events == []
    last = await write_events(database, "new")
    assert [each.body for each in (await replays.read(1, start, least=last)).events or ()] == ["new"]
    assert len(readings) == 2


async def test_a_reading_that_began_too_early_is_not_enough_for_who_has_to_reach_further(
    database: Database, readings: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages came back while others wrote: one that had seen a later cursor took a replay that ended before it."""
    start = await write_events(database, "seen")
    began, go_on = asyncio.Event(), asyncio.Event()
    read_after = replay.read_after

    async def read_slowly(*arguments: Any, **options: Any) -> list[Event]:
        found = await read_after(*arguments, **options)
        began.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(replay, "read_after", read_slowly)
    replays = Replays(database)
    early = asyncio.create_task(replays.read(1, start, least=start))
    await began.wait()
    last = await write_events(database, "new")

    async def release() -> None:
        go_on.set()

    *late, _ = await asyncio.gather(*(replays.read(1, start, least=last) for _ in range(20)), release())
    assert (await early).events == []
    assert all(one and [each.body for each in one.events or ()] == ["new"] for one in late)
    assert len(readings) == 2


async def test_what_is_too_long_is_not_shared(
    database: Database, readings: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "SHARED_LIMIT", 3)
    start = await write_events(database, "seen")
    last = await write_events(database, *"abcd")
    found = await Replays(database).read(1, start, least=last)
    assert found.events is None
    assert found.reaches(start)


async def test_a_page_out_of_the_log_s_reach_is_not_remembered(database: Database) -> None:
    last = await write_events(database, "seen")
    replays = Replays(database)
    assert not (await replays.read(1, last + 1, least=last)).reaches(last + 1)
    await write_events(database, "new")
    assert (await replays.read(1, last + 1, least=last)).reaches(last + 1)


async def test_one_that_fails_does_not_stay_failed(database: Database) -> None:
    last = await write_events(database, "seen")
    replays = Replays(database)
    for _ in range(2):
        with pytest.raises(LookupError):
            await replays.read(99, 0, least=0)
    assert (await replays.read(1, last, least=last)).events == []
    assert (99, 0) not in replays.reading


async def test_pages_that_share_a_replay_get_only_what_each_may_see(server: Server) -> None:
    async with AsyncExitStack() as stack:
        ana, carla = [
            await stack.enter_async_context(aclosing(await server.sign_in("acme", f"{name}@acme.test")))
            for name in ("ana", "carla")
        ]
        found = re.search(r'data-channels="([^"]+)" data-cursor="(\d+)"', (await ana.get("/c/books")).text)
        assert found
        database = open_database(server.store.url)
        async with database.write(1) as transaction:
            publish(transaction, "admins", "for admins alone")
            publish(transaction, "user.1", "for Ana alone")
            publish(transaction, "tenant", "for everybody")
        await database.close()
        frames = await asyncio.gather(
            *(replayed(server, client, found[1], int(found[2])) for client in (ana, carla) for _ in range(10))
        )
    for text in frames[:10]:
        assert "for admins alonefor Ana alonefor everybody" in text
    for text in frames[10:]:
        assert "for everybody" in text
        assert "alone" not in text


async def replayed(server: Server, client: object, channels: str, cursor: int) -> str:
    """What a page gets when it comes back."""
    text = ""
    async with server.connect("acme", client) as socket, asyncio.timeout(20):  # type: ignore[arg-type]
        await socket.send(json.dumps({"sub": channels, "last": cursor, "n": 1}))
        while "for everybody" not in text:
            text += str(await socket.recv())
    return text
