"""Between the question for a stream and its beginning, the process may begin to end, or others may come first; and no
reader who does not read holds the process up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from app.database import Database
from app.live.node import Node
from app.programs import streams
from app.programs.following import Listener, LogPart, Subscription
from app.programs.streams import EventStream

ALL = Subscription("acme", "", None)


class Reader:
    """What stands between a stream and its reader, who takes so many parts of it and no more."""

    def __init__(self, takes: int | None = None) -> None:
        self.takes = takes
        self.got: list[Any] = []
        self.stuck = asyncio.Event()

    async def send(self, message: Any) -> None:
        if len(self.got) == self.takes:
            self.stuck.set()
            await asyncio.Event().wait()
        self.got.append(message)

    async def receive(self) -> Any:
        await asyncio.Event().wait()


def open_stream(node: Node) -> EventStream:
    listener = Listener(1, "en", 7, 1, 1, None, ["tenant"], [], frozenset({"tenant"}))
    return EventStream({"state": {}}, node, ALL, listener, LogPart([], 7))


async def test_one_that_was_asked_for_before_the_process_ends_is_sent_away(database: Database) -> None:
    node, reader = Node(database), Reader()
    stream = open_stream(node)
    await node.drain()
    async with asyncio.timeout(10):
        await stream.serve({}, reader.receive, reader.send)
    assert b'event: end\ndata: {"reason":"restart","retry":true}' in reader.got[-1]["body"]
    assert not reader.got[-1]["more_body"]
    assert not node.hub.streams


async def test_one_whose_reader_does_not_read_what_it_has_missed_is_dropped(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LAST_WORDS", 0.01)
    node, reader = Node(database), Reader(takes=2)
    stream = open_stream(node)
    stream.part = LogPart([], 9, missed=7)
    serving = asyncio.create_task(stream.serve({}, reader.receive, reader.send))
    await reader.stuck.wait()
    await node.drain()
    async with asyncio.timeout(10):
        await serving
    assert not node.hub.streams


async def test_of_those_that_were_asked_for_at_once_no_more_go_on_than_a_token_may_have(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_STREAMS", 1)
    node, first, second = Node(database), Reader(takes=2), Reader()
    held = open_stream(node)
    held.part = LogPart([], 9, missed=7)
    serving = asyncio.create_task(held.serve({}, first.receive, first.send))
    await first.stuck.wait()
    async with asyncio.timeout(10):
        await open_stream(node).serve({}, second.receive, second.send)
    assert b'event: end\ndata: {"reason":"try again later","retry":true}' in second.got[-1]["body"]
    assert len(node.hub.streams[1]) == 1
    serving.cancel()
