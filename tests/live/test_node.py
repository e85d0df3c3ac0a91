"""A node that reads the log while its sockets come and go."""

from __future__ import annotations

from typing import Any

import pytest

from app.database import Database
from app.features import open_database
from app.live import node as nodes
from app.live.connection import Connection
from app.live.log import Event
from app.live.node import Node
from tests.live.test_replay import write_events


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
