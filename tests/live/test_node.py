"""A node that reads the log while its sockets come and go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from app.accounts.members import Member
from app.chat.posting import post_message
from app.chat.rooms import Room
from app.database import Database, now
from app.features import open_database
from app.live import log
from app.live import node as nodes
from app.live.connection import Connection
from app.live.log import Event
from app.live.node import Node
from tests.live.test_replay import write_events
from tests.statements import noting_statements


async def test_who_came_while_the_log_was_read_gets_what_lies_before_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All pages left while the node caught up, and one came back that had seen less than they."""
    node = Node(database)
    start = await write_events(database, "seen")
    between = await write_events(database, "between")
    first, late = (Connection({}, 1, lambda: None) for _ in range(2))
    node.hub.add(first)
    node.hub.follow(first, ["tenant"], between)
    read_after = nodes.read_after

    async def read_while_pages_change(*arguments: Any) -> list[Event]:
        found = await read_after(*arguments)
        monkeypatch.undo()
        node.hub.remove(first)
        node.hub.add(late)
        node.hub.follow(late, ["tenant"], start)
        return found

    monkeypatch.setattr(nodes, "read_after", read_while_pages_change)
    # Another process commits: this one finds it in the log.
    other = open_database(database.url)
    last = await write_events(other, "new")
    await other.close()
    await node.look()
    assert late.queue is not None
    assert await late.queue.get() == f"<!--{last}-->betweennew"


@pytest.fixture
async def other(database: Database) -> AsyncIterator[Database]:
    """Another process, of which this one hears nothing but by the log."""
    opened = open_database(database.url)
    yield opened
    await opened.close()


def follow(node: Node, cursor: int) -> Connection:
    """A page of acme that shows what there was at a cursor."""
    page = Connection({}, 1, lambda: None)
    node.hub.add(page)
    node.hub.follow(page, ["tenant"], cursor)
    return page


async def read_all(page: Connection) -> list[str]:
    """The frames that a page was sent."""
    assert page.queue is not None
    return [await page.queue.get() for _ in range(page.queue.qsize())]


async def test_a_look_asks_as_little_of_ten_thousand_workspaces_as_of_one(database: Database, other: Database) -> None:
    """It asks which logs have grown lately, and not how far each is."""
    node = Node(database)
    page = follow(node, await write_events(database, "seen"))
    node.hub.cursors.update(dict.fromkeys(range(100, 10_100), 0))
    await node.look()
    last = await write_events(other, "new")
    with noting_statements() as asked:
        await node.look()
    assert await read_all(page) == [f"<!--{last}-->new"]
    looked = [words for words, parameters in asked if "FROM tenant" in words and "logged_at >" in words]
    assert len(looked) == 1
    assert max(len(parameters or ()) for _, parameters in asked) < 10


async def test_a_look_finds_what_was_logged_before_the_last_one_and_committed_after_it(
    database: Database, other: Database
) -> None:
    node = Node(database)
    page = follow(node, await write_events(database, "seen"))
    await node.look()
    last = await write_events(other, "late")
    node.looked_at = now() + nodes.LOOK_BACK - timedelta(seconds=5)
    await node.look()
    assert await read_all(page) == [f"<!--{last}-->late"]


async def test_now_and_then_all_are_looked_at_whatever_the_clocks_say(database: Database, other: Database) -> None:
    node = Node(database)
    page = follow(node, await write_events(database, "seen"))
    await node.look()
    last = await write_events(other, "by a slow clock")
    node.looked_at = now() + timedelta(hours=1)
    await node.look()
    assert await read_all(page) == []
    node.look_at_all_at = 0.0
    await node.look()
    assert await read_all(page) == [f"<!--{last}-->by a slow clock"]


async def test_what_is_logged_within_two_seconds_leaves_the_index_of_times_alone(database: Database) -> None:
    await write_events(database, "first")
    with noting_statements() as asked:
        await write_events(database, "second")
    changes = [words for words, _ in asked if "UPDATE tenant SET" in words]
    assert len(changes) == 1
    assert "logged_at" not in changes[0].split("WHERE")[0]


async def test_nothing_is_kept_of_a_workspace_whose_last_page_has_gone(database: Database, other: Database) -> None:
    node = Node(database)
    page = follow(node, await write_events(database, "seen"))
    last = await write_events(other, "new")
    await node.look()
    assert list(node.hub.cursors.values()) == [last]
    node.hub.remove(page)
    assert not any((node.catching_up, node.hub.cursors, node.hub.names, node.hub.connections, node.hub.followers))


async def test_facts_are_written_for_programs_where_one_listens(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages get what shows them, and most processes have nobody else."""
    written: list[str] = []
    heard: list[Event] = []
    monkeypatch.setattr(log, "write_fact", lambda *about: written.append(about[2]) or "{}")
    node = Node(database)
    follow(node, await write_events(database, "level"))

    async def post(key: str) -> None:
        async with database.write(1) as transaction:
            general, ana = await transaction.get_one(Room, 1), await transaction.get_one(Member, 1)
            await post_message(transaction, general, ana, key=key, text="Good morning")

    await post("one")
    assert written == []
    node.hub.listeners[1] = lambda _, event: heard.append(event)
    await post("two")
    assert written == ["message.posted"]
    assert [event.kind for event in heard if event.kind] == ["message.posted"]
