"""A member's tabs wait in one place, which none of them loses by another's leaving; and who is lost keeps the lease."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Any

import pytest
from sqlalchemy import func, select

from app.accounts.members import find_member
from app.accounts.sessions import Session
from app.database import Database
from app.gateway.connection import GatewayConnection
from app.gateway.grants import ChannelGrant
from app.gateway.site import Gateway
from app.live.cutoff import start_session
from app.live.node import Node
from app.web.outgoing import Outgoing
from tests.conftest import Server
from tests.databases import Store
from tests.gateway.conftest import Client, Dial, add_app, add_token
from tests.gateway.test_races_for_locks import is_free_again
from tests.gateway.test_workspace_channels import ask
from tests.test_isolation import SETTINGS

CHANNEL = "presence-editing.books.1"
SUCCEEDED = "pusher_internal:subscription_succeeded"


class Desk:
    """A record, and those who want to edit it."""

    def __init__(self, server: Server, dial: Dial, number: int) -> None:
        self.server, self.dial, self.number = server, dial, number
        self.channel = f"presence-editing.books.{number}"
        self.key = add_app(server)["key"]
        self.tokens = {name: add_token(server, f"{name}@acme.test") for name in ("ana", "bruno", "carla")}

    async def open(self, name: str, **said: Any) -> tuple[Client, dict[str, Any]]:
        """A tab of somebody's, and what it is told when it follows the channel."""
        tab = await self.dial(self.server, self.key)
        granted = await ask(self.server, tab, self.channel, self.tokens[name], **said)
        if granted.status_code != 200:
            return tab, {"status": granted.status_code, **granted.json()}
        return tab, await tab.follow(self.channel, **granted.json())

    async def hold(self, name: str) -> Client:
        tab, answer = await self.open(name)
        assert answer["data"]["lock"], answer
        return tab

    async def wait(self, name: str) -> Client:
        tab, answer = await self.open(name, wait="1")
        assert answer["event"] == SUCCEEDED, answer
        assert "lock" not in answer["data"]
        return tab

    async def leave(self, tab: Client) -> None:
        await tab.say("pusher:unsubscribe", {"channel": self.channel})
        await tab.say("pusher:ping")
        await tab.hear_of("pusher:pong")

    async def gets_it(self, tab: Client) -> str:
        """The lock that a tab gets, which hears of no error meanwhile."""
        async with asyncio.timeout(20):
            while (message := await tab.hear())["event"] != SUCCEEDED or "lock" not in message["data"]:
                assert "error" not in message["event"], message
        return str(message["data"]["lock"])

    def queue(self) -> list[tuple[str, int]]:
        """Who waits, and with how many pages."""
        return [
            (name, pages)
            for name, pages in self.server.store.rows(
                "SELECT waiting.name, waiting.page FROM waiting JOIN record ON record.id = waiting.row_id"
                " WHERE waiting.tenant_id = 1 AND record.number = ? AND waiting.kind = 'record'"
                " AND record.collection_id = (SELECT id FROM collection WHERE tenant_id = 1 AND slug = 'books')"
                " ORDER BY waiting.id",
                self.number,
            )
        ]


async def test_a_second_tab_that_waits_keeps_the_place_when_the_first_one_leaves(workers: Server, dial: Dial) -> None:
    desk = Desk(workers, dial, 20)
    holder = await desk.hold("bruno")
    tabs = [await desk.wait("ana") for _ in range(4)]  # over both workers
    await desk.wait("carla")
    assert desk.queue() == [("Ana", 1), ("Carla", 1)], "all tabs of hers are one place"
    for tab in tabs[:3]:
        await desk.leave(tab)
        assert desk.queue() == [("Ana", 1), ("Carla", 1)]
    await desk.leave(holder)
    await desk.gets_it(tabs[3])
    assert desk.queue() == [("Carla", 1)]


async def test_the_last_tab_that_leaves_leaves_the_line(workers: Server, dial: Dial) -> None:
    desk = Desk(workers, dial, 21)
    holder = await desk.hold("bruno")
    tabs = [await desk.wait("ana") for _ in range(3)]
    await asyncio.gather(*(desk.leave(tab) for tab in tabs))
    assert desk.queue() == []
    await desk.leave(holder)
    await is_free_again(workers, desk.tokens["bruno"], 21)


async def test_a_tab_that_waits_goes_on_waiting_while_another_of_its_member_edits_and_when_that_one_leaves(
    workers: Server, dial: Dial
) -> None:
    desk = Desk(workers, dial, 22)
    holder = await desk.hold("bruno")
    first, second = await desk.wait("ana"), await desk.wait("ana")
    await desk.leave(holder)
    getting = {asyncio.ensure_future(desk.gets_it(tab)): tab for tab in (first, second)}
    ready, waiting = await asyncio.wait(getting, return_when=asyncio.FIRST_COMPLETED)
    (has_it,), (waits,) = ready, waiting
    has_it.result()
    await desk.leave(getting[has_it])
    await waits
    await desk.leave(getting[waits])
    await is_free_again(workers, desk.tokens["bruno"], 22)


async def test_a_tab_that_is_lost_leaves_the_place_to_the_other_and_to_itself_when_it_is_back(
    workers: Server, dial: Dial
) -> None:
    desk = Desk(workers, dial, 23)
    holder = await desk.hold("bruno")
    lost, other = await desk.wait("ana"), await desk.wait("ana")
    await desk.wait("carla")
    await lost.socket.close()
    back = await desk.wait("ana")
    assert desk.queue() == [("Ana", 1), ("Carla", 1)]
    await desk.leave(other)
    assert desk.queue() == [("Ana", 1), ("Carla", 1)]
    await desk.leave(holder)
    await desk.gets_it(back)


async def test_a_page_that_waits_keeps_the_place_when_a_tab_of_the_gateway_leaves_and_so_does_that_one(
    workers: Server, dial: Dial
) -> None:
    desk = Desk(workers, dial, 24)
    await desk.hold("bruno")
    async with aclosing(workers.let_in("acme", "ana@acme.test")) as page:
        assert (await page.get("/c/books/24/edit")).status_code == 200
        assert desk.queue() == [("Ana", 1)]
        first, second = await by_session(desk, page), await by_session(desk, page)
        assert desk.queue() == [("Ana", 2)], "the page, and what follows by the gateway"
        await desk.leave(first)
        await desk.leave(second)
        assert desk.queue() == [("Ana", 1)], "the page"
        third = await by_session(desk, page)
        assert (await page.post("/c/books/24/queue/leave")).status_code < 400
        assert desk.queue() == [("Ana", 1)], "the tab"
        await desk.leave(third)
        assert desk.queue() == []


async def by_session(desk: Desk, page: Any) -> Client:
    """A tab of the workspace's own site, which waits."""
    tab: Client = await desk.dial(desk.server, desk.key)
    asked = {"socket_id": tab.socket_id, "channel_name": desk.channel, "wait": "1"}
    granted = await page.post("/broadcasting/auth", data=asked)
    assert granted.status_code == 200, granted.text
    assert (await tab.follow(desk.channel, **granted.json()))["event"] == SUCCEEDED
    return tab


async def test_a_second_tab_is_refused_like_anybody_unless_it_waits(workers: Server, dial: Dial) -> None:
    desk = Desk(workers, dial, 25)
    await desk.hold("ana")
    for name in ("ana", "bruno"):
        _, answer = await desk.open(name)
        assert answer["status"] == 423
        assert answer["holder"]["name"] == "Ana"


@pytest.mark.parametrize("leaves", [False, True])
async def test_a_turn_that_comes_as_the_connection_is_lost_keeps_its_lease_and_as_the_tab_leaves_is_the_next_ones(
    database: Database, store: Store, leaves: bool
) -> None:
    gateway = Gateway(SETTINGS, database, Node(database), Outgoing(SETTINGS))
    ana, bruno = [await begin(database, gateway, name) for name in ("ana", "bruno")]
    await gateway.editing.subscribe(*ana)
    await gateway.editing.subscribe(*bruno)
    take = gateway.editing.take
    going: list[Any] = []

    async def take_and_go(*what: Any, **how: Any) -> Any:
        if (proof := await take(*what, **how)) is not None and leaves:
            going.append(asyncio.ensure_future(gateway.editing.unsubscribe(bruno[0], CHANNEL)))
            await asyncio.sleep(0)
        elif proof is not None:
            gateway.remove(bruno[0])
        return proof

    gateway.editing.take = take_and_go  # type: ignore[method-assign]
    await gateway.editing.unsubscribe(ana[0], CHANNEL)
    while gateway.node.tasks:
        await asyncio.wait(gateway.node.tasks)
    await asyncio.gather(*going)
    held = store.rows("SELECT lock_name, lock_offered FROM record WHERE id = 1")
    assert held == [(None if leaves else "Bruno", False)]
    assert store.rows("SELECT name FROM waiting") == []


async def begin(database: Database, gateway: Gateway, name: str) -> tuple[GatewayConnection, str, ChannelGrant]:
    """A socket of somebody's, and what they may do with it."""
    connection = GatewayConnection({"extensions": {}}, 1, lambda: None)
    connection.app_id = 7
    gateway.add(connection, 0)
    async with database.write(1) as transaction:
        member = await find_member(transaction, f"{name}@acme.test")
        assert member
        await start_session(transaction, member, address="", agent="")
        session_id = await transaction.scalar(select(func.max(Session.id)))
        return (
            connection,
            CHANNEL,
            ChannelGrant(
                1, connection.socket_id, CHANNEL, member.id, session_id, None, int(time.time()) + 60, waits=True
            ),
        )
