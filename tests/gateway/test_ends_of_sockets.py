"""A socket that is gone is gone everywhere, and the gateway goes on, whatever fails meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from app.database import Database
from app.editing.pushes import push_standings
from app.gateway.connection import GatewayConnection, Subscribed
from app.gateway.editors import find_standing_record
from app.gateway.exchange import ALL_SOCKETS, Exchange
from app.gateway.holdings import SocketLock
from app.gateway.site import Gateway
from app.live.log import Event, read_event
from app.live.node import Node
from app.records.records import Record
from app.web.outgoing import Outgoing
from tests.databases import Store
from tests.test_isolation import SETTINGS


class NoDatabase:
    """As much of a database as a node needs that reads nothing."""

    def __init__(self) -> None:
        self.on_commit: list[Any] = []
        self.on_due: list[Any] = []


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """The gateway of a process of its own, of which nothing goes on in the tests after it."""
    database = cast(Any, NoDatabase())
    made = Gateway(cast(Any, None), database, Node(database), Outgoing(SETTINGS))
    yield made
    if made.exchange.occupancy.planned is not None:
        made.exchange.occupancy.planned.cancel()
    for putting in made.hooks.putting.values():
        putting.cancel()


def connect(gateway: Gateway) -> GatewayConnection:
    """A socket."""
    connection = GatewayConnection({"extensions": {}}, 1, lambda: None)
    connection.app_id = 7
    gateway.add(connection, 0)
    return connection


async def test_a_socket_is_taken_out_of_everything_though_others_can_not_be_told(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange, connection, other = gateway.exchange, connect(gateway), connect(gateway)
    for channel in ("presence-a", "presence-b"):
        exchange.subscribe(connection, channel, "ana")
        exchange.subscribe(other, channel, "bruno")
    exchange.sign_in(connection, "ana")

    def fail(exchange: Exchange, spot: Any, user: str) -> None:
        raise UnicodeError(user)

    monkeypatch.setattr(Exchange, "tell_removed", fail)
    with pytest.raises(UnicodeError):
        gateway.remove(connection)
    assert list(exchange.sockets.values()) == [other]
    assert exchange.roster.count_at((7, ALL_SOCKETS)) == 1
    for channel in ("presence-a", "presence-b"):
        assert exchange.roster.count_at((7, channel)) == 1
        assert exchange.roster.list_people_at((7, channel)) == {"bruno": "null"}
        assert exchange.followers[7, channel] == {other}
    assert not exchange.users
    assert gateway.node.hub.connections[1] == {other}
    assert 1 in gateway.node.hub.listeners
    monkeypatch.undo()
    gateway.remove(other)
    assert not exchange.followers
    assert not gateway.node.hub.connections.get(1)
    assert not gateway.node.hub.listeners


async def test_beats_go_on_while_locks_can_not_be_renewed_and_whatever_fails(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.gateway.site.GATEWAY_BEAT", 0)
    renewing, beaten = asyncio.Event(), asyncio.Event()
    beats: list[int] = []

    async def renew() -> None:
        renewing.set()
        await asyncio.Event().wait()  # for a database that somebody else writes to

    def beat() -> None:
        beats.append(1)
        if renewing.is_set() and len(beats) > 3:
            beaten.set()
        raise OSError

    monkeypatch.setattr(gateway.editing, "renew", renew)
    monkeypatch.setattr(gateway.exchange, "beat", beat)
    async with asyncio.timeout(10), gateway.running():
        await beaten.wait()


async def test_that_somebody_edits_no_more_is_told_once(gateway: Gateway) -> None:
    connection = connect(gateway)
    spot = (-1, "presence-editing.books.1")
    holding = SocketLock(connection, spot[1], "record.1", frozenset(), 1, None, 1, None, 0, spot)
    gateway.editing.holdings[spot] = {holding}
    connection.subscribed[spot[1]] = Subscribed()
    gateway.workspace.end(holding, "not allowed")
    gateway.editing.end(holding, "the lock is lost", 423)
    assert connection.queue is not None
    told = json.loads(connection.queue.get_nowait())
    assert (told["event"], told["channel"]) == ("pusher:subscription_error", spot[1])
    assert connection.queue.empty()
    assert not gateway.editing.holdings


async def test_who_waits_is_known_by_what_pages_are_shown_of_it(database: Database, store: Store) -> None:
    async with database.write(1) as transaction:
        record = await transaction.get_one(Record, 1)
        push_standings(transaction, record, 3)
    rows = store.rows("SELECT cursor, channel, body FROM event WHERE kind IS NULL ORDER BY cursor DESC LIMIT 1")
    (event,) = [read_event(*row) for row in rows]
    assert event.channel == "user.3"
    assert find_standing_record(event) == 1
    assert find_standing_record(Event(1, "tenant", event.body)) == 0
